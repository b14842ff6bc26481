package report

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/pace"
)

// Make reports on an experiment of a tenant's document. It returns ErrNoExperiment,
// ErrNoIteration, ErrNoMetric or ErrNoAttribute, wrapped, for what does not exist,
// and ErrTooMany; any other error is the log's or the context's.
func Make(ctx context.Context, log events.Log, tenant string, document *engine.Document, experimentID string, o Options) (*Report, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Level == 0 {
		o.Level = 0.9
	}
	q, err := ask(tenant, document, experimentID, o)
	if err != nil {
		return nil, err
	}
	answer, err := log.Query(ctx, q.query)
	if err != nil {
		return nil, fmt.Errorf("reading the events of %s: %w", experimentID, err)
	}
	r := &Report{
		ExperimentID: q.experiment.ID, ExperimentName: q.experiment.Name, AsOf: o.Now.UTC().Truncate(time.Millisecond),
		Iteration: Iteration{ID: q.iteration.ID, Status: q.iteration.Status, StartedAt: q.iteration.StartedAt, EndedAt: q.iteration.EndedAt},
		Metrics:   []Metric{}, IntervalLevel: o.Level,
	}
	arms := q.arrange(answer)
	r.Variations = q.variations
	for i := range r.Variations {
		r.Variations[i].Units = arms.units(i)
	}
	if r.Split, err = q.split(ctx, log, answer, arms); err != nil {
		return nil, err
	}
	r.Health = q.health(answer, arms)
	trusted := r.Split
	if r.Health.Crossover == results.CrossoverBlocking {
		trusted.Status = results.SplitMismatched
	}
	// With many slices this takes longer than reading the events did. Nothing
	// below asks the log, which takes turns of its own.
	turn, err := pace.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("reporting on %s: %w", experimentID, err)
	}
	defer turn.End()
	series := q.series(answer)
	for _, m := range q.metrics {
		if err := turn.Yield(ctx); err != nil {
			return nil, fmt.Errorf("reporting on %s: %w", experimentID, err)
		}
		r.Metrics = append(r.Metrics, q.analyse(m, arms, answer.Caps, &trusted.SplitCheck, series))
	}
	adjust(r.Metrics)
	for _, slice := range answer.Slices {
		if err := turn.Yield(ctx); err != nil {
			return nil, fmt.Errorf("reporting on %s: %w", experimentID, err)
		}
		r.Slices = append(r.Slices, q.slice(slice, answer.Caps))
	}
	if o.Days {
		r.Series = series.days
	}
	r.Decision = q.decide(r)
	r.Health.Notes = q.notes(r)
	r.Verdict = verdict(r, q.random())
	return r, nil
}

// analyse computes what is said about one metric of the arms.
func (q *question) analyse(m measured, arms *arms, caps []*float64, split *results.SplitCheck, looks *series) Metric {
	out := m.Metric
	settings := results.Settings{
		Kind: m.Kind, LowerIsBetter: m.LowerIsBetter, Level: q.Level, Prior: q.Prior,
		DeltaInterval: q.DeltaInterval, CUPED: q.Covariate > 0 && m.cell >= 0, Split: split,
	}
	if m.cell >= 0 {
		seen := arms.outcomes(m.cell) > 0
		settings.Seen = &seen
	}
	variations := make([]results.Variation, len(q.variations))
	for i, v := range q.variations {
		variations[i] = results.Variation{ID: v.ID, Name: v.Name, Control: v.IsControl, Traffic: arms.units(i)}
		if v.Weight != nil {
			variations[i].Weight = *v.Weight
		}
		arms.fill(&variations[i], i, m)
		if looks != nil {
			if l := looks.looks[seriesKey{m.Key, m.Group, m.Step, v.ID}]; l != nil {
				variations[i].Earlier = *l
			}
		}
	}
	out.Analysis = results.Analyze(variations, settings)
	switch {
	case !q.random():
		out.Decision = results.Decision{Status: results.Observational}
	case looks == nil: // a slice, one of many
		out.Decision = results.Decision{Status: results.Untested}
	}
	if m.cell >= 0 {
		out.Cap = caps[m.cell]
		out.FirstSeen, out.LastSeen = arms.seen(m.cell)
	}
	out.DetectableEffect = detectable(variations, m.Kind)
	return out
}

// slice reports on the units of one value of one attribute. Its split is not
// judged: DrillDown looks at all of them together.
func (q *question) slice(s events.Slice, caps []*float64) Slice {
	out := Slice{Attribute: s.Attribute, Value: s.Value}
	arms := q.arms(s.Groups)
	untested := results.SplitCheck{Status: results.SplitUntested, ProbabilityOfMismatch: 0.5}
	for _, m := range q.metrics {
		out.Metrics = append(out.Metrics, q.analyse(m, arms, caps, &untested, nil))
	}
	return out
}

// detectable is the relative effect that, with as many units as there are, the
// next look would show with a chance of 80 %: what the sequence cannot tell from
// zero, and what chance takes away in one look of five. Of several treatments it
// is that of the least certain one.
func detectable(variations []results.Variation, kind results.Kind) *float64 {
	control := slices.IndexFunc(variations, func(v results.Variation) bool { return v.Control })
	if control < 0 {
		return nil
	}
	base := armOf(variations[control], kind)
	largest := 0.0
	for i, v := range variations {
		if i == control {
			continue
		}
		e := results.Compare(base, armOf(v, kind), results.Absolute)
		test := e.Sequence(0.05, results.DefaultTuningUnits, results.TwoSided)
		if e.State != results.OK || test.State != results.OK || test.Interval == nil || base.Mean == 0 {
			return nil
		}
		largest = max(largest, (test.Interval.Width()/2+fourOfFive*e.SE)/math.Abs(base.Mean))
	}
	if largest == 0 || math.IsInf(largest, 1) {
		return nil
	}
	return &largest
}

// fourOfFive is the standard normal quantile of 0.8.
const fourOfFive = 0.8416212335729143

func armOf(v results.Variation, kind results.Kind) results.Arm {
	if v.Arm != nil {
		return *v.Arm
	}
	return kind.Arm(v.Sums)
}

// adjust fills in the p-values that are adjusted for the number of metrics.
func adjust(metrics []Metric) {
	var findings []results.Finding
	for i := range metrics {
		for _, t := range metrics[i].TreatmentResults {
			findings = append(findings, results.Finding{Role: metrics[i].Role, P: t.SmallestP})
		}
	}
	adjusted := results.AdjustFindings(findings, false)
	for i := range metrics {
		n := len(metrics[i].TreatmentResults)
		metrics[i].AdjustedP, adjusted = adjusted[:n:n], adjusted[n:]
	}
}
