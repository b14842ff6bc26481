package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// question is what is asked of a log, with what the answer is judged by.
type question struct {
	Options
	document   *engine.Document
	experiment *engine.Experiment
	iteration  engine.Iteration
	variations []Variation
	metrics    []measured
	missing    []string // keys of metrics that the iteration names and that are gone
	query      events.Query
}

// measured is a metric with where its numbers are found in an answer.
type measured struct {
	Metric
	// cell is its place among the measures, chain and Step that among the funnels;
	// one of them is -1.
	cell, chain int
}

// ask puts a question together.
func ask(tenant string, document *engine.Document, experimentID string, o Options) (*question, error) {
	q := &question{Options: o, document: document}
	at := slices.IndexFunc(document.Experiments, func(e engine.Experiment) bool { return e.ID == experimentID })
	if at < 0 {
		return nil, fmt.Errorf("finding experiment %q: %w", experimentID, ErrNoExperiment)
	}
	q.experiment = &document.Experiments[at]
	if err := q.findIteration(); err != nil {
		return nil, err
	}
	q.findVariations()
	for _, attribute := range o.Attributes {
		if !slices.Contains(Attributes, attribute) {
			return nil, fmt.Errorf("slicing by %q: %w; those recorded are device_type, browser, country and region", attribute, ErrNoAttribute)
		}
	}
	q.query = events.Query{
		Tenant: tenant, Experiment: experimentID, Iteration: q.iteration.ID,
		From: bound(o.From), Until: q.until(), Skew: events.DefaultSkew,
		Attributes: o.Attributes, Days: true, Covariate: o.Covariate,
	}
	if o.Matured {
		q.query.MaturedBy = events.MillisOf(o.Now)
	}
	return q, q.findMetrics()
}

// Attributes are those of a unit's exposure that results can be sliced by.
var Attributes = []string{"device_type", "browser", "country", "region"}

// until is the end of the iteration, or the earlier one that was asked for.
func (q *question) until() events.Millis {
	end := bound(q.Until)
	if q.iteration.EndedAt != nil {
		if ended := events.MillisOf(*q.iteration.EndedAt); end == 0 || ended < end {
			return ended
		}
	}
	return end
}

func bound(t time.Time) events.Millis {
	if t.IsZero() {
		return 0
	}
	return events.MillisOf(t)
}

// findIteration takes the iteration that is named, or the current one. An
// experiment that has none recorded is in its first.
func (q *question) findIteration() error {
	e := q.experiment
	first := engine.FirstIterationID(e.ID)
	if q.Iteration == "" {
		if current := e.CurrentIteration(); current != nil {
			q.iteration = *current
			return nil
		}
	} else if at := slices.IndexFunc(e.Iterations, func(i engine.Iteration) bool { return i.ID == q.Iteration }); at >= 0 {
		q.iteration = e.Iterations[at]
		return nil
	} else if q.Iteration != first {
		return fmt.Errorf("finding iteration %q of experiment %q: %w", q.Iteration, e.ID, ErrNoIteration)
	}
	q.iteration = engine.Iteration{ID: first, Status: engine.IterationNotStarted, StartedAt: e.StartedAt, EndedAt: e.EndedAt}
	switch e.Status {
	case engine.ExperimentActive, engine.ExperimentPaused:
		q.iteration.Status = engine.IterationRunning
	case engine.ExperimentCompleted:
		q.iteration.Status = engine.IterationStopped
	}
	return nil
}

// findVariations takes the arms that the iteration started with. While it runs,
// allocations can be changed, and those of now say who is the control and what is
// planned.
func (q *question) findVariations() {
	running := q.iteration.Status != engine.IterationStopped || len(q.iteration.Treatments) == 0
	if allocated := running && q.iteration.Flag == nil; !allocated {
		for i := range q.iteration.Treatments {
			t := &q.iteration.Treatments[i]
			q.addVariation(t.VariationID, t.Name, t.Baseline, &t.Weight)
		}
		return
	}
	for _, a := range q.experiment.Allocations {
		q.addVariation(a.VariationID, "", a.IsControl, a.Weight)
	}
	for _, t := range q.iteration.Treatments {
		q.addFormer(t.VariationID, t.Name)
	}
}

// addFormer adds a variation that the experiment had, unless it still has it.
func (q *question) addFormer(id, name string) {
	if q.place(id) < 0 {
		q.addVariation(id, name, false, nil)
	}
}

// place is where a variation stands among the arms; below 0 if it is none.
func (q *question) place(variationID string) int {
	return slices.IndexFunc(q.variations, func(v Variation) bool { return v.ID == variationID })
}

func (q *question) addVariation(id, name string, control bool, weight *engine.Weight) {
	at := q.place(id)
	if at < 0 {
		at = len(q.variations)
		q.variations = append(q.variations, Variation{ID: id, Name: cmp.Or(name, q.nameOf(id), id)})
	}
	v := &q.variations[at]
	v.IsControl = v.IsControl || control
	if weight != nil && q.random() {
		share := float64(*weight) / float64(engine.WholeWeight) * 100
		if v.Weight != nil {
			share += *v.Weight
		}
		v.Weight = &share
	}
}

func (q *question) nameOf(variationID string) string {
	for i := range q.document.FeatureFlags {
		for _, v := range q.document.FeatureFlags[i].Variations {
			if v.ID == variationID {
				return v.Name
			}
		}
	}
	return ""
}

// random reports whether chance decides, and not a segment.
func (q *question) random() bool { return q.experiment.Strategy == engine.StrategyPercentage }

// findMetrics takes the metrics that are named, or those of the iteration, or all
// there are.
func (q *question) findMetrics() error {
	switch {
	case q.Group != "":
		return q.addGroup(q.Group, results.Primary)
	case len(q.Metrics) > MaxMetrics:
		return ErrTooMany
	case len(q.Metrics) > 0:
		for _, key := range q.Metrics {
			if err := q.addMetric(key, q.role(key)); err != nil {
				return err
			}
		}
		return nil
	case len(q.iteration.Metrics) > 0 || q.iteration.PrimaryMetric != "" || q.iteration.PrimaryGroup != "":
		return q.addOfIteration()
	}
	all := append(engine.BuiltInMetrics(), q.document.Metrics...)
	for _, m := range all[:min(len(all), MaxMetrics)] {
		if err := q.addMetric(m.Key, q.role(m.Key)); err != nil {
			return err
		}
	}
	return nil
}

// addOfIteration adds the metrics of the iteration, the primary one first.
func (q *question) addOfIteration() error {
	ofIteration := slices.Clone(q.iteration.Metrics)
	primary := engine.IterationMetric{Key: q.iteration.PrimaryMetric}
	if q.iteration.PrimaryGroup != "" {
		primary = engine.IterationMetric{Key: q.iteration.PrimaryGroup, IsGroup: true}
	}
	if primary.Key != "" {
		ofIteration = slices.DeleteFunc(ofIteration, func(m engine.IterationMetric) bool { return m == primary })
		ofIteration = slices.Insert(ofIteration, 0, primary)
	}
	for i, m := range ofIteration {
		role := results.Secondary
		if i == 0 {
			role = results.Primary
		}
		add := q.addMetric
		if m.IsGroup {
			add = q.addGroup
		}
		if err := add(m.Key, role); err != nil {
			// An iteration is history: what it names may be gone.
			q.missing = append(q.missing, m.Key)
		}
	}
	return nil
}

// role is what a metric is for: the iteration's primary one, else login, decides.
func (q *question) role(key string) results.Role {
	primary := cmp.Or(q.iteration.PrimaryMetric, DefaultPrimary)
	switch {
	case key == primary || len(q.metrics) == 0 && len(q.Metrics) == 1:
		return results.Primary
	case key == "failed_login" || key == "login_ms":
		return results.Guardrail
	}
	return results.Secondary
}

// DefaultPrimary is the metric that decides where an experiment names none.
const DefaultPrimary = "login"
