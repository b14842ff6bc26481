package launchdarkly

import (
	"cmp"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// experimentView is an experiment as clients get it.
type experimentView struct {
	ID                 string          `json:"_id"`
	Key                string          `json:"key"`
	Name               string          `json:"name"`
	Description        string          `json:"description,omitempty"`
	MaintainerID       string          `json:"_maintainerId"`
	CreationDate       int64           `json:"_creationDate"`
	EnvironmentKey     string          `json:"environmentKey"`
	ArchivedDate       int64           `json:"archivedDate,omitempty"`
	HoldoutID          string          `json:"holdoutId,omitempty"`
	Tags               []string        `json:"tags,omitempty"`
	Type               string          `json:"type"`
	Methodology        string          `json:"methodology"`
	DataSource         string          `json:"dataSource"`
	Links              map[string]link `json:"_links"`
	CurrentIteration   *iterationView  `json:"currentIteration,omitempty"`
	DraftIteration     *iterationView  `json:"draftIteration,omitempty"`
	PreviousIterations []iterationView `json:"previousIterations,omitempty"`
}

// What later clients call that experiments are ones, and how results are computed.
const (
	experimentType = "experiment"
	methodology    = "bayesian"
)

// iterationView is an iteration as clients get it.
type iterationView struct {
	ID                  string                  `json:"_id"`
	Hypothesis          string                  `json:"hypothesis"`
	Status              engine.IterationStatus  `json:"status"`
	CreatedAt           int64                   `json:"createdAt"`
	StartedAt           int64                   `json:"startedAt,omitempty"`
	EndedAt             int64                   `json:"endedAt,omitempty"`
	WinningTreatmentID  string                  `json:"winningTreatmentId,omitempty"`
	WinningReason       string                  `json:"winningReason,omitempty"`
	CanReshuffleTraffic bool                    `json:"canReshuffleTraffic"`
	Flags               map[string]flagRuleView `json:"flags"`
	PrimaryMetric       *metricOrGroupView      `json:"primaryMetric,omitempty"`
	PrimarySingleMetric *usedMetricView         `json:"primarySingleMetric,omitempty"`
	PrimaryFunnel       *usedGroupView          `json:"primaryFunnel,omitempty"`
	RandomizationUnit   string                  `json:"randomizationUnit"`
	Attributes          []string                `json:"attributes,omitempty"`
	Treatments          []treatmentView         `json:"treatments,omitempty"`
	SecondaryMetrics    []usedMetricView        `json:"secondaryMetrics,omitempty"`
	Metrics             []metricOrGroupView     `json:"metrics,omitempty"`
}

type flagRuleView struct {
	TargetingRule              string          `json:"targetingRule"`
	TargetingRuleDescription   string          `json:"targetingRuleDescription,omitempty"`
	TargetingRuleClauses       []any           `json:"targetingRuleClauses"`
	FlagConfigVersion          int64           `json:"flagConfigVersion"`
	NotInExperimentVariationID string          `json:"notInExperimentVariationId,omitempty"`
	Links                      map[string]link `json:"_links"`
}

type treatmentView struct {
	ID                string          `json:"_id"`
	Name              string          `json:"name"`
	AllocationPercent string          `json:"allocationPercent"`
	Baseline          bool            `json:"baseline"`
	Parameters        []parameterView `json:"parameters"`
}

type parameterView struct {
	VariationID string `json:"variationId"`
	FlagKey     string `json:"flagKey"`
}

// viewer shows what a document has.
type viewer struct {
	document *engine.Document
	tenant   store.Tenant
	expand   []string
}

// everything shows all there is, as after a change.
var everything = []string{"previousIterations", "draftIteration", "secondaryMetrics", "treatments"}

// expandable is what clients may ask for of experiments.
var expandable = append([]string{"metrics"}, everything...)

func (q *request) viewer(document *engine.Document, expand []string) *viewer {
	return &viewer{document, q.session.Tenant(), expand}
}

func (v *viewer) expands(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(v.expand, name) })
}

func (v *viewer) experimentPath(e *engine.Experiment) string {
	return v.environmentPath() + "/experiments/" + experimentKey(v.document, e)
}

func (v *viewer) environmentPath() string {
	return v.projectPath() + "/environments/" + v.tenant.Environment()
}

func (v *viewer) projectPath() string { return "projects/" + v.tenant.Project() }

func (v *viewer) experiment(e *engine.Experiment, flag *engine.FeatureFlag) experimentView {
	out := experimentView{
		ID: e.ID, Key: experimentKey(v.document, e), Name: e.Name, Description: e.Description, MaintainerID: e.MaintainerID,
		CreationDate: millis(e.CreatedAt), EnvironmentKey: v.tenant.Environment(), HoldoutID: e.HoldoutID,
		Tags: e.Tags, Type: experimentType, Methodology: methodology, DataSource: dataSource,
		Links: links("self", v.experimentPath(e), "parent", v.environmentPath()),
	}
	if e.Status == engine.ExperimentArchived {
		out.ArchivedDate = max(millis(e.ArchivedAt), 1) // it is what clients tell archived ones by
	}
	iterations := history(e)
	now := current(iterations)
	view := v.iteration(now, flag)
	out.CurrentIteration = &view
	if draft := last(iterations, engine.IterationNotStarted); draft != nil && v.expands("draftIteration") {
		view := v.iteration(draft, flag)
		out.DraftIteration = &view
	}
	if v.expands("previousIterations") {
		for i := len(iterations) - 1; i >= 0; i-- {
			if it := &iterations[i]; it.ID != now.ID && started(*it) {
				out.PreviousIterations = append(out.PreviousIterations, v.iteration(it, flag))
			}
		}
	}
	return out
}

func (v *viewer) iteration(it *engine.Iteration, flag *engine.FeatureFlag) iterationView {
	key := flagKey(v.document, flag)
	out := iterationView{
		ID: it.ID, Hypothesis: it.Hypothesis, Status: it.Status,
		CreatedAt: millis(it.CreatedAt), StartedAt: millis(it.StartedAt), EndedAt: millis(it.EndedAt),
		WinningTreatmentID: it.WinningVariationID, WinningReason: it.WinningReason,
		CanReshuffleTraffic: reshuffles(it), Flags: map[string]flagRuleView{key: v.flagRule(it, key)},
		RandomizationUnit: cmp.Or(it.RandomizationUnit, defaultUnit(v.document)), Attributes: it.Attributes,
	}
	v.measured(&out, it)
	if !v.expands("treatments") {
		return out
	}
	for _, t := range it.Treatments {
		name := t.Name
		if variation, ok := variationOf(flag, t.VariationID); ok && name == "" {
			name = variation.Name
		}
		out.Treatments = append(out.Treatments, treatmentView{
			ID: t.VariationID, Name: cmp.Or(name, t.VariationID), AllocationPercent: t.Weight.String(), Baseline: t.Baseline,
			Parameters: []parameterView{{t.VariationID, key}},
		})
	}
	return out
}

func (v *viewer) flagRule(it *engine.Iteration, key string) flagRuleView {
	out := flagRuleView{TargetingRule: rule(it), TargetingRuleClauses: []any{}, Links: links("self", v.flagPath(key))}
	if out.TargetingRule == fallthroughRule {
		out.TargetingRuleDescription = "Default rule"
	}
	if it.Flag != nil {
		out.FlagConfigVersion, out.NotInExperimentVariationID = it.Flag.ConfigVersion, it.Flag.NotInExperimentVariationID
	}
	return out
}

// reshuffles is whether an iteration may move subjects to other variations; they
// do if they do not say.
func reshuffles(it *engine.Iteration) bool {
	return it.CanReshuffleTraffic == nil || *it.CanReshuffleTraffic
}
