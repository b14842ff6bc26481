package report

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// CheckSplit looks at how the units of an experiment's current iteration were
// divided, without what a report says of outcomes. Errors are those of Make.
func CheckSplit(ctx context.Context, log events.Log, tenant string, document *engine.Document, experimentID string) (Split, error) {
	q, err := ask(tenant, document, experimentID, Options{Metrics: []string{DefaultPrimary}, Now: time.Now()})
	if err != nil {
		return Split{}, err
	}
	q.query.Days = false
	answer, err := log.Query(ctx, q.query)
	if err != nil {
		return Split{}, fmt.Errorf("reading the events of %s: %w", experimentID, err)
	}
	return q.split(ctx, log, answer, q.arrange(answer))
}

// arrange takes in variations that the experiment had earlier, and sorts the groups
// of the answer.
func (q *question) arrange(answer *events.Answer) *arms {
	for _, split := range answer.Splits {
		for _, id := range slices.Sorted(maps.Keys(split.Weights)) {
			q.addFormer(id, "")
		}
	}
	return q.arms(answer.Groups)
}

// split judges how the units were divided: in each period of constant weights by
// itself, the whole by the worst of them.
func (q *question) split(ctx context.Context, log events.Log, answer *events.Answer, arms *arms) (Split, error) {
	out := Split{SplitCheck: results.SplitCheck{Status: results.SplitUntested, ProbabilityOfMismatch: 0.5}}
	if !q.random() {
		out.Status = results.SplitNotRandom
		return out, nil
	}
	var periods []Period
	for version, name := range arms.versions {
		weights := q.weights(answer, name)
		units := make([]int64, len(q.variations))
		for i := range q.variations {
			if g := arms.groups[i][version]; g != nil {
				units[i] = g.Traffic
			}
			units[i] += crossed(answer, name, q.variations[i].ID)
		}
		period := Period{WeightsVersion: name, Weights: map[string]float64{}, SplitCheck: results.CheckSplit(units, weights, arms.unknown[version])}
		for i, v := range q.variations {
			period.Weights[v.ID] = weights[i]
		}
		periods = append(periods, period)
		if version == 0 || graver(period.SplitCheck, out.SplitCheck) {
			out.SplitCheck = period.SplitCheck
		}
	}
	if len(periods) > 1 {
		out.Periods = periods
	}
	if out.Status != results.SplitMismatched || len(periods) != 1 {
		return out, nil
	}
	var err error
	out.Slices, err = q.drillDown(ctx, log, q.weights(answer, arms.versions[0]))
	return out, err
}

// crossed counts the units that were first given a variation and later others.
// They belong to no arm, but to the split that was made.
func crossed(answer *events.Answer, version, variation string) (n int64) {
	for _, c := range answer.CrossedFirst {
		if c.WeightsVersion == version && c.Variation == variation {
			n += c.Units
		}
	}
	return n
}

// graver reports whether a says worse of a split than b does.
func graver(a, b results.SplitCheck) bool {
	order := []results.SplitStatus{results.SplitUntested, results.SplitFine, results.SplitLeaking, results.SplitMismatched}
	x, y := slices.Index(order, a.Status), slices.Index(order, b.Status)
	return x > y || x == y && a.ProbabilityOfMismatch > b.ProbabilityOfMismatch
}

// weights are the planned shares in the order of the variations: those that were
// in force, or those of the document where nobody has put them down.
func (q *question) weights(answer *events.Answer, version string) []float64 {
	out := make([]float64, len(q.variations))
	recorded := slices.IndexFunc(answer.Splits, func(s events.Split) bool { return s.WeightsVersion == version })
	for i, v := range q.variations {
		if recorded >= 0 {
			out[i] = answer.Splits[recorded].Weights[v.ID]
		} else if v.Weight != nil {
			out[i] = *v.Weight
		}
	}
	return out
}

// drillDown looks for the slice that explains a mismatch.
func (q *question) drillDown(ctx context.Context, log events.Log, weights []float64) ([]results.SliceCheck, error) {
	query := q.query
	query.Attributes, query.Measures, query.Chains, query.Days = Attributes, nil, nil, false
	answer, err := log.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("looking for the cause of a mismatch in %s: %w", q.experiment.ID, err)
	}
	var found []results.Slice
	for _, s := range answer.Slices {
		slice := results.Slice{Attribute: s.Attribute, Value: s.Value, Units: make([]int64, len(q.variations))}
		for _, g := range s.Groups {
			if at := q.place(g.Variation); at >= 0 {
				slice.Units[at] += g.Traffic
			}
		}
		found = append(found, slice)
	}
	return results.DrillDown(found, weights), nil
}
