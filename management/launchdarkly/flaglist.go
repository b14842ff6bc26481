package launchdarkly

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

func listFlags(q *request) (any, error) {
	if err := q.flagParameters(); err != nil {
		return nil, err
	}
	summary, err := q.boolean("summary", true)
	if err != nil {
		return nil, err
	}
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	found, err := q.flags(document)
	if err != nil {
		return nil, err
	}
	v := q.viewer(document, nil)
	return collected(q, found, func(flag *engine.FeatureFlag) flagView {
		out := v.flag(flag)
		if summary {
			for key, environment := range out.Environments {
				environment.Targets, environment.Rules, environment.Prerequisites = nil, nil, nil
				out.Environments[key] = environment
			}
		}
		return out
	})
}

// flagParameters reads what one flag and lists of them have alike. There are no
// migration flags, so nothing is added where those are expanded.
func (q *request) flagParameters() error {
	if err := q.environments("env"); err != nil {
		return err
	}
	_, err := q.words("expand", "migrationSettings")
	return err
}

// flags are those that a request asks for. Without a word about archived ones they
// are those that are not.
func (q *request) flags(document *engine.Document) ([]*engine.FeatureFlag, error) {
	compare, err := q.boolean("compare", false)
	if err != nil {
		return nil, err
	}
	if compare {
		return nil, invalid("compare", "must not be true: there is one environment, which differs from no other")
	}
	archived, err := q.boolean("archived", false)
	if err != nil {
		return nil, err
	}
	terms, err := pairs(q.query["filter"])
	if err != nil {
		return nil, err
	}
	filtered := slices.ContainsFunc(terms, func(t term) bool { return t.field == "archived" || t.field == "state" })
	either := filtered && !q.query.Has("archived")
	if err := q.sortedByTarget(); err != nil {
		return nil, err
	}
	tagged := len(q.listed("tag")) > 0 // which no flag is
	all := kept(pointers(document.FeatureFlags), func(f *engine.FeatureFlag) bool {
		return (either || (f.Status == engine.FlagArchived) == archived) && !tagged
	})
	return listing[*engine.FeatureFlag]{pairs, q.flagFields(document), flagOrders(document)}.of(q, all)
}

// sortedByTarget refuses to sort by when an environment's rules were changed without
// an environment, or beside something else.
func (q *request) sortedByTarget() error {
	sorts := q.listed("sort")
	for _, name := range sorts {
		if strings.TrimPrefix(name, "-") == "targetingModifiedDate" && (len(sorts) > 1 || len(q.listed("env")) == 0) {
			return invalid("sort", "targetingModifiedDate must be alone and needs env")
		}
	}
	return nil
}

func flagOrders(document *engine.Document) map[string]order[*engine.FeatureFlag] {
	type flag = *engine.FeatureFlag
	return map[string]order[flag]{
		"creationDate":          func(a, b flag) int { return cmp.Compare(millis(a.CreatedAt), millis(b.CreatedAt)) },
		"targetingModifiedDate": func(a, b flag) int { return cmp.Compare(millis(a.UpdatedAt), millis(b.UpdatedAt)) },
		"key":                   func(a, b flag) int { return cmp.Compare(flagKey(document, a), flagKey(document, b)) },
		"name":                  func(a, b flag) int { return cmp.Compare(a.Name, b.Name) },
		"maintainerId":          same[flag],
		"tags":                  same[flag],
		"type":                  same[flag],
	}
}

// flagFields are what flags are filtered by. All are temporary, for servers only and
// without tags and maintainers.
func (q *request) flagFields(document *engine.Document) map[string]field[*engine.FeatureFlag] {
	type flag = *engine.FeatureFlag
	type test = func(flag) bool
	constant := func(words map[string]bool) field[flag] {
		return func(t term) (test, error) {
			word, err := t.word(slices.Sorted(maps.Keys(words))...)
			return func(flag) bool { return words[word] }, err
		}
	}
	return map[string]field[flag]{
		"query": func(t term) (test, error) {
			return func(f flag) bool { return t.spells(flagKey(document, f), f.Name) }, nil
		},
		"tags": none[flag], "maintainerId": none[flag], "maintainerTeamKey": none[flag],
		"state": func(t term) (test, error) {
			state, err := t.word("live", "deprecated", "archived")
			return func(f flag) bool {
				return state == "archived" && f.Status == engine.FlagArchived || state == "live" && f.Status != engine.FlagArchived
			}, err
		},
		"archived": func(t term) (test, error) {
			archived, err := t.boolean()
			return func(f flag) bool { return (f.Status == engine.FlagArchived) == archived }, err
		},
		"type":            constant(map[string]bool{"temporary": true, "permanent": false}),
		"sdkAvailability": constant(map[string]bool{"server": true, "client": false, "mobile": false, "anyClient": false}),
		"hasExperiment": func(t term) (test, error) {
			wanted, err := t.boolean()
			return func(f flag) bool { return tested(document, f) == wanted }, err
		},
		"creationDate": func(t term) (test, error) {
			var bound struct{ Before *int64 }
			decoder := json.NewDecoder(strings.NewReader(t.values[0]))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&bound); err != nil || bound.Before == nil || decoder.More() {
				return nil, t.refuse(`must be of the form {"before":1690527600000}, in milliseconds`)
			}
			return func(f flag) bool { return millis(f.CreatedAt) < *bound.Before }, nil
		},
		"filterEnv": func(t term) (test, error) {
			_, err := t.word(q.session.Tenant().Environment())
			return func(flag) bool { return true }, err
		},
	}
}

// tested reports whether an experiment has a flag.
func tested(document *engine.Document, f *engine.FeatureFlag) bool {
	for i := range document.Experiments {
		if document.Experiments[i].FeatureFlagID == f.ID {
			return true
		}
	}
	return false
}
