package report

import (
	"math"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// series is how the metrics stood at the end of each day.
type series struct {
	days []Day
	// looks are what all these days have shown.
	looks map[seriesKey]*results.Looks
}

// seriesKey names a variation of a metric, which may stand in several groups.
type seriesKey struct {
	metric, group string
	step          int
	variation     string
}

// standing is a metric as it stands: the totals by variation and version.
type standing struct {
	measured
	totals [][]exactTotals
}

// exactTotals are sums that days add to, exactly.
type exactTotals struct {
	units, events    int64
	y, yy, d, dd, yd results.Total
}

func (t *exactTotals) add(g *events.Growth) {
	t.units += g.Units
	t.events += g.Events
	for _, sum := range []struct{ to, from *results.Total }{{&t.y, &g.Y}, {&t.yy, &g.YY}, {&t.d, &g.D}, {&t.dd, &g.DD}, {&t.yd, &g.YD}} {
		sum.to.Merge(*sum.from)
	}
}

func (t *exactTotals) sums() results.Sums {
	s, err := results.Totals{
		Units: t.units, Events: t.events,
		Y: t.y.Float64(), YY: t.yy.Float64(), D: t.d.Float64(), DD: t.dd.Float64(), YD: t.yd.Float64(),
	}.Sums()
	if err != nil {
		return results.Sums{} // a day on which nothing counted yet
	}
	return s
}

// series follows the days of an answer.
func (q *question) series(answer *events.Answer) *series {
	out := &series{looks: map[seriesKey]*results.Looks{}}
	versions := q.arms(answer.Groups).versions
	var followed []*standing
	for _, m := range q.metrics {
		if m.cell < 0 || q.query.Measures[m.cell].Histogram || q.query.Measures[m.cell].Absent != 0 {
			continue // what does not add up by day: funnels, percentiles, units that begin with a value
		}
		s := &standing{measured: m}
		for range q.variations {
			s.totals = append(s.totals, make([]exactTotals, len(versions)))
		}
		followed = append(followed, s)
	}
	for _, day := range answer.Days {
		entry := Day{Date: day.Start.Time().Format(time.DateOnly)}
		for _, s := range followed {
			entry.Metrics = append(entry.Metrics, q.advance(out, s, day, versions))
		}
		out.days = append(out.days, entry)
	}
	return out
}

// advance adds a day to a metric and looks at it.
func (q *question) advance(out *series, s *standing, day events.Day, versions []string) DayMetric {
	metric := DayMetric{Key: s.Key}
	for _, v := range q.variations {
		metric.Variations = append(metric.Variations, DayVariation{ID: v.ID})
	}
	for i := range day.Groups {
		g := &day.Groups[i]
		version := slices.Index(versions, g.WeightsVersion)
		at := q.place(g.Variation)
		growth := g.Growths[s.cell]
		if at < 0 || version < 0 || growth == nil {
			continue
		}
		s.totals[at][version].add(growth)
		v := &metric.Variations[at]
		v.NewUnits += growth.Units
		v.NewEvents += growth.Events
		v.NewValue += growth.Y.Float64()
	}
	control := slices.IndexFunc(q.variations, func(v Variation) bool { return v.IsControl })
	for i := range metric.Variations {
		estimate := q.look(&metric.Variations[i], s, i, control)
		key := seriesKey{s.Key, s.Group, s.Step, q.variations[i].ID}
		if out.looks[key] == nil {
			out.looks[key] = &results.Looks{}
		}
		out.looks[key].Add(estimate, metric.Variations[i].P)
	}
	return metric
}

// look says how a variation stands, and gives its difference from the control.
func (q *question) look(v *DayVariation, s *standing, at, control int) (estimate float64) {
	all, periods := s.sums(at)
	v.Units, v.Events = all.Units, all.Events
	arm := s.Kind.Arm(all)
	if arm.State == results.OK || arm.State == results.ZeroVariance {
		v.Mean = &arm.Mean
	}
	v.Interval = interval(s.Kind, all, arm, q.Level)
	if at == control || control < 0 {
		return 0
	}
	base, basePeriods := s.sums(control)
	relative := effect(s.Kind, base, all, basePeriods, periods, results.Relative)
	difference := &results.DifferenceFromArm{FromTreatmentID: q.variations[control].ID, State: relative.State, IntervalKind: "delta"}
	if relative.State == results.OK {
		around := results.Normal{Mu: relative.Estimate, Sigma: relative.SE}.Interval(q.Level)
		difference.Estimate, difference.Lower, difference.Upper = &relative.Estimate, &around.Lower, &around.Upper
	}
	v.RelativeDifference = difference
	absolute := effect(s.Kind, base, all, basePeriods, periods, results.Absolute)
	v.P = absolute.Sequence(0.05, results.DefaultTuningUnits, results.TwoSided).P
	return absolute.Estimate
}

func (s *standing) sums(variation int) (all results.Sums, periods []results.Sums) {
	for i := range s.totals[variation] {
		period := s.totals[variation][i].sums()
		all.Merge(period)
		periods = append(periods, period)
	}
	return all, periods
}

// effect is the difference of two arms: period by period, where weights changed.
func effect(kind results.Kind, control, treatment results.Sums, controls, treatments []results.Sums, scale results.Scale) results.Effect {
	if len(controls) < 2 {
		return results.Compare(kind.Arm(control), kind.Arm(treatment), scale)
	}
	return kind.ComparePeriods(controls, treatments, scale)
}

// interval is the credible interval of a mean under the weak prior.
func interval(kind results.Kind, sums results.Sums, arm results.Arm, level float64) *results.Interval {
	var out results.Interval
	switch {
	case kind == results.Conversion && sums.Units > 0 && sums.Events <= sums.Units:
		out = results.Beta{Alpha: 1, Beta: 1}.Update(sums.Events, sums.Units).Interval(level)
	case kind != results.Conversion && arm.State == results.OK:
		out = results.Normal{Mu: arm.Mean, Sigma: math.Sqrt(arm.Variance / float64(arm.Units))}.Interval(level)
	default:
		return nil
	}
	return &out
}
