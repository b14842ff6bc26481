package launchdarkly

import (
	"cmp"
	"slices"
	"strconv"
	"sync"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// dependentView is an experiment or a group that has a metric.
type dependentView struct {
	Key            string          `json:"key"`
	Name           string          `json:"name"`
	Kind           string          `json:"kind,omitempty"`
	EnvironmentID  string          `json:"environmentId,omitempty"`
	EnvironmentKey string          `json:"environmentKey,omitempty"`
	CreationDate   int64           `json:"creationDate,omitempty"`
	ArchivedDate   int64           `json:"archivedDate,omitempty"`
	Links          map[string]link `json:"_links"`
}

func (v *viewer) dependentExperiment(e *engine.Experiment) dependentView {
	out := dependentView{
		Key: experimentKey(v.document, e), Name: e.Name, EnvironmentID: string(v.tenant), EnvironmentKey: v.tenant.Environment(),
		CreationDate: max(millis(e.CreatedAt), 1), Links: links("self", v.experimentPath(e), "parent", v.environmentPath()),
	}
	if e.Status == engine.ExperimentArchived {
		out.ArchivedDate = max(millis(e.ArchivedAt), 1)
	}
	return out
}

func listMetrics(q *request) (any, error) {
	expand, err := q.words("expand", "experimentCount")
	if err != nil {
		return nil, err
	}
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	listed := listing[engine.Metric]{clauses, metricFields(document), map[string]order[engine.Metric]{
		"name":      func(a, b engine.Metric) int { return cmp.Compare(a.Completed().Name, b.Completed().Name) },
		"createdAt": func(a, b engine.Metric) int { return cmp.Compare(millis(a.CreatedAt), millis(b.CreatedAt)) },
	}}
	found, err := listed.of(q, slices.Concat(document.Metrics, engine.BuiltInMetrics()))
	if err != nil {
		return nil, err
	}
	return collected(q, found, q.viewer(document, expand).fullMetric)
}

func getMetric(q *request) (any, error) {
	expand, err := q.words("expand", "experiments", "experimentCount", "metricGroups", "metricGroupCount")
	if err != nil {
		return nil, err
	}
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	m, known := document.Metric(q.PathValue("metric"))
	if !known {
		return nil, notFound("metric", q.PathValue("metric"))
	}
	if version := q.query.Get("versionId"); version != "" && version != versionID(m) {
		return nil, notFound("version of this metric in force with the id", version)
	}
	return q.viewer(document, expand).fullMetric(m), nil
}

// What metrics and groups of them have in common.
const (
	isEqual  = "equals"
	isAnyOf  = "anyOf"
	contains = "contains"
)

func metricFields(document *engine.Document) map[string]field[engine.Metric] {
	type test = func(engine.Metric) bool
	counts := sync.OnceValue(func() map[engine.IterationMetric]int { return connections(document) })
	used := func(m engine.Metric) bool { return counts()[engine.IterationMetric{Key: m.Key}] > 0 }
	return map[string]field[engine.Metric]{
		"query":               spelled(func(m engine.Metric) []string { return []string{m.Key, m.Completed().Name} }),
		"tags":                tagged(func(m engine.Metric) []string { return m.Tags }),
		"eventKind":           equal(func(m engine.Metric) string { return m.Completed().Kind }, engine.MetricCustom, engine.MetricClick, engine.MetricPageview),
		"unitAggregationType": equal(func(m engine.Metric) string { return m.Completed().UnitAggregationType }, engine.AggregationAverage, engine.AggregationSum),
		"isNumeric":           equal(func(m engine.Metric) string { return strconv.FormatBool(m.IsNumeric) }, "true", "false"),
		"hasConnections":      equal(func(m engine.Metric) string { return strconv.FormatBool(used(m)) }, "true", "false"),
		"eventKeys":           anyOf(func(m engine.Metric) string { return m.EventKey }),
		"maintainerIds":       anyOf(func(m engine.Metric) string { return m.MaintainerID }),
		"versionIds":          anyOf(func(m engine.Metric) string { return versionID(m) }),
		"maintainerTeamKey":   none[engine.Metric],
		"metricUsedIn": func(t term) (test, error) {
			if err := t.asks(isEqual); err != nil {
				return nil, err
			}
			place, err := t.word("experiments", "guarded_rollouts", "any", "none")
			return func(m engine.Metric) bool {
				return place != "guarded_rollouts" && used(m) == (place != "none")
			}, err
		},
		"dataSourceKeys": func(t term) (test, error) {
			if t.operator != isAnyOf && t.operator != "notEquals" {
				return nil, t.refuse("must be followed by anyOf or notEquals, got %q", clip(t.operator))
			}
			ours := slices.Contains(t.values, dataSource) == (t.operator == isAnyOf)
			return func(engine.Metric) bool { return ours }, nil
		},
	}
}

// connections counts the experiments with each metric and group, of which a metric
// in a group is one too.
func connections(document *engine.Document) map[engine.IterationMetric]int {
	out := map[engine.IterationMetric]int{}
	for i := range document.Experiments {
		measured := map[engine.IterationMetric]bool{}
		for _, it := range history(&document.Experiments[i]) {
			for _, m := range it.Metrics {
				if measured[m] {
					continue
				}
				measured[m] = true
				if group, known := document.MetricGroup(m.Key); m.IsGroup && known {
					for _, grouped := range group.Metrics {
						measured[engine.IterationMetric{Key: grouped.Key}] = true
					}
				}
			}
		}
		for m := range measured {
			out[m]++
		}
	}
	return out
}

// spelled looks for texts in those of an item.
func spelled[T any](texts func(T) []string) field[T] {
	return func(t term) (func(T) bool, error) {
		return func(item T) bool { return t.spells(texts(item)...) }, t.asks(isEqual)
	}
}

// tagged looks for items with all of some tags.
func tagged[T any](tags func(T) []string) field[T] {
	return func(t term) (func(T) bool, error) {
		return func(item T) bool {
			has := tags(item)
			return !slices.ContainsFunc(t.values, func(tag string) bool { return !slices.Contains(has, tag) })
		}, t.asks(contains)
	}
}

// equal looks for items of which something is one of some words.
func equal[T any](of func(T) string, words ...string) field[T] {
	return func(t term) (func(T) bool, error) {
		if err := t.asks(isEqual); err != nil {
			return nil, err
		}
		word, err := t.word(words...)
		return func(item T) bool { return of(item) == word }, err
	}
}

// anyOf looks for items of which something is one of the values.
func anyOf[T any](of func(T) string) field[T] {
	return func(t term) (func(T) bool, error) {
		return func(item T) bool { return slices.Contains(t.values, of(item)) }, t.asks(isAnyOf)
	}
}
