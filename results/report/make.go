package report

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// Make reports on an experiment of a tenant's document. It returns ErrNoExperiment,
// ErrNoIteration, ErrNoMetric or ErrNoAttribute, wrapped, for what does not exist;
// any other error is the log's.
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
	arms := q.arms(answer.Groups)
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
	series := q.series(answer)
	for _, m := range q.metrics {
		r.Metrics = append(r.Metrics, q.analyse(m, arms, answer.Caps, &trusted.SplitCheck, series))
	}
	adjust(r.Metrics)
	for _, slice := range answer.Slices {
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
	variations := make([]results.Variation, len(q.variations))
	for i, v := range q.variations {
		variations[i] = results.Variation{ID: v.ID, Name: v.Name, Control: v.IsControl, Traffic: arms.units(i)}
		if v.Weight != nil {
			variations[i].Weight = *v.Weight
		}
		arms.fill(&variations[i], i, m)
		if looks != nil {
			variations[i].SmallestP = looks.smallest[seriesKey{m.Key, m.Group, m.Step, v.ID}]
		}
	}
	out.Analysis = results.Analyze(variations, settings)
	if !q.random() {
		out.Decision = results.Decision{Status: results.Observational}
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

// detectable is the relative effect that as many units would show with a chance
// of 80 %.
func detectable(variations []results.Variation, kind results.Kind) *float64 {
	control := slices.IndexFunc(variations, func(v results.Variation) bool { return v.Control })
	if control < 0 || len(variations) < 2 {
		return nil
	}
	arm := kind.Arm(variations[control].Sums)
	if variations[control].Arm != nil {
		arm = *variations[control].Arm
	}
	units := variations[control].Sums.Units
	for _, v := range variations {
		units = min(units, v.Sums.Units)
	}
	if arm.State != results.OK || units < 2 || arm.Mean == 0 {
		return nil
	}
	plan := results.Plan{Mean: arm.Mean, Variance: arm.Variance, UnitsPerArm: float64(units), Alpha: 0.05, Scale: results.Relative}
	effect, state := plan.MDE(0.8)
	if state != results.OK {
		return nil
	}
	return &effect
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
