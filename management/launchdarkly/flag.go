package launchdarkly

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// flagView is a feature flag as clients get it.
type flagView struct {
	ID               string                     `json:"_id"`
	Key              string                     `json:"key"`
	Name             string                     `json:"name"`
	Kind             string                     `json:"kind"`
	Description      string                     `json:"description,omitempty"`
	Version          int32                      `json:"_version"`
	CreationDate     int64                      `json:"creationDate"`
	Variations       []variationView            `json:"variations"`
	Temporary        bool                       `json:"temporary"`
	Tags             []string                   `json:"tags"`
	Links            map[string]link            `json:"_links"`
	Experiments      experimentInfoView         `json:"experiments"`
	CustomProperties map[string]any             `json:"customProperties"`
	Archived         bool                       `json:"archived"`
	Deprecated       bool                       `json:"deprecated"`
	Defaults         *defaultsView              `json:"defaults,omitempty"`
	Environments     map[string]environmentView `json:"environments"`
}

// variationView is a variation; its value is the merged configuration.
type variationView struct {
	ID          string                     `json:"_id"`
	Name        string                     `json:"name"`
	Description string                     `json:"description,omitempty"`
	Value       map[string]json.RawMessage `json:"value"`
}

type experimentInfoView struct {
	BaselineIdx int   `json:"baselineIdx"`
	Items       []any `json:"items"`
}

type defaultsView struct {
	OnVariation  int `json:"onVariation"`
	OffVariation int `json:"offVariation"`
}

// environmentView is what a flag does in an environment.
type environmentView struct {
	On                     bool            `json:"on"`
	Archived               bool            `json:"archived"`
	Salt                   string          `json:"salt"`
	Sel                    string          `json:"sel"`
	LastModified           int64           `json:"lastModified"`
	Version                int32           `json:"version"`
	ConfigVersion          int32           `json:"_version"`
	Targets                []any           `json:"targets,omitzero"`
	Rules                  []any           `json:"rules,omitzero"`
	Prerequisites          []any           `json:"prerequisites,omitzero"`
	Fallthrough            fallthroughView `json:"fallthrough"`
	OffVariation           int             `json:"offVariation"`
	Site                   link            `json:"_site"`
	EnvironmentName        string          `json:"_environmentName"`
	TrackEvents            bool            `json:"trackEvents"`
	TrackEventsFallthrough bool            `json:"trackEventsFallthrough"`
}

// fallthroughView is one variation, or the rollout of a running experiment.
type fallthroughView struct {
	Variation *int         `json:"variation,omitempty"`
	Rollout   *rolloutView `json:"rollout,omitempty"`
}

type rolloutView struct {
	Kind                 string                `json:"kind"`
	ContextKind          string                `json:"contextKind"`
	Variations           []weightView          `json:"variations"`
	ExperimentAllocation *allocationDetailView `json:"experimentAllocation"`
}

// weightView is a share in thousandths of a percent.
type weightView struct {
	Variation int  `json:"variation"`
	Weight    int  `json:"weight"`
	Untracked bool `json:"_untracked,omitempty"`
}

type allocationDetailView struct {
	DefaultVariation int    `json:"defaultVariation"`
	CanReshuffle     bool   `json:"canReshuffle"`
	Type             string `json:"type"`
}

func pointers[T any](list []T) []*T {
	out := make([]*T, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

func getFlag(q *request) (any, error) {
	if err := q.flagParameters(); err != nil {
		return nil, err
	}
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	flag, ok := flagOf(document, q.PathValue("flag"))
	if !ok {
		return nil, notFound("flag", q.PathValue("flag"))
	}
	return q.viewer(document, nil).flag(flag), nil
}

func (v *viewer) flagPath(key string) string { return "flags/" + v.tenant.Project() + "/" + key }

func (v *viewer) flag(flag *engine.FeatureFlag) flagView {
	key := flagKey(v.document, flag)
	out := flagView{
		ID: flag.ID, Key: key, Name: flag.Name, Kind: "multivariate", Description: flag.Description, Version: v.version(),
		CreationDate: millis(flag.CreatedAt), Variations: []variationView{}, Temporary: true, Tags: []string{},
		Links:       links("self", v.flagPath(key), "parent", "flags/"+v.tenant.Project()),
		Experiments: experimentInfoView{Items: []any{}}, CustomProperties: map[string]any{},
		Archived: flag.Status == engine.FlagArchived, Environments: map[string]environmentView{v.tenant.Environment(): v.environment(flag, key)},
	}
	for _, variation := range flag.Variations {
		out.Variations = append(out.Variations, variationView{variation.ID, variation.Name, variation.Description, merged(flag, &variation)})
	}
	if len(out.Variations) > 0 {
		baseline := baselineOf(flag)
		out.Defaults = &defaultsView{baseline, baseline}
	}
	return out
}

// version counts the changes of the document: a flag has no count of its own.
func (v *viewer) version() int32 { return int32(min(max(v.document.Revision, 1), math.MaxInt32)) }

func merged(flag *engine.FeatureFlag, variation *engine.Variation) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(flag.Parameters))
	for name, parameter := range flag.Parameters {
		out[name] = parameter.Value
		if override, there := variation.Overrides[name]; there {
			out[name] = override.Value
		}
	}
	return out
}

// baselineOf is the place of the variation that changes nothing, else of the
// first one.
func baselineOf(flag *engine.FeatureFlag) int {
	return max(slices.IndexFunc(flag.Variations, func(v engine.Variation) bool { return len(v.Overrides) == 0 }), 0)
}

func (v *viewer) environment(flag *engine.FeatureFlag, key string) environmentView {
	baseline := baselineOf(flag)
	out := environmentView{
		On: flag.Status == engine.FlagActive, Archived: flag.Status == engine.FlagArchived,
		LastModified: millis(flag.UpdatedAt), Version: v.version(), ConfigVersion: v.version(),
		Targets: []any{}, Rules: []any{}, Prerequisites: []any{}, OffVariation: baseline,
		Fallthrough: fallthroughView{Variation: &baseline}, Site: links("site", v.flagPath(key))["site"],
		EnvironmentName: v.tenant.Environment(),
	}
	for i := range v.document.Experiments {
		e := &v.document.Experiments[i]
		if e.FeatureFlagID != flag.ID || e.Strategy != engine.StrategyPercentage {
			continue
		}
		if it := running(e); it != nil {
			out.Fallthrough = fallthroughView{Rollout: v.rollout(e, flag, it)}
			out.TrackEventsFallthrough = true
			break
		}
	}
	return out
}

// rollout shows the ranges of buckets of a running experiment.
func (v *viewer) rollout(e *engine.Experiment, flag *engine.FeatureFlag, it *engine.Iteration) *rolloutView {
	place := func(id string) int {
		return max(slices.IndexFunc(flag.Variations, func(v engine.Variation) bool { return v.ID == id }), 0)
	}
	out := &rolloutView{Kind: "experiment", ContextKind: it.RandomizationUnit, Variations: []weightView{}}
	if out.ContextKind == "" {
		out.ContextKind = defaultUnit(v.document)
	}
	left := engine.WholeWeight
	for _, share := range e.Division() {
		out.Variations = append(out.Variations, weightView{place(share.VariationID), int(share.Weight), false})
		left -= share.Weight
	}
	rest := e.NotInExperiment()
	if left > 0 && rest != "" {
		out.Variations = append(out.Variations, weightView{place(rest), int(left), true})
	}
	out.ExperimentAllocation = &allocationDetailView{place(rest), reshuffles(it), "experiment"}
	return out
}
