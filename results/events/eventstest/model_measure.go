package eventstest

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

func millis(d time.Duration) events.Millis { return events.Millis(d.Milliseconds()) }

func counts(q *events.Query, t0 events.Millis, window time.Duration, t events.Millis) bool {
	return t >= t0-millis(q.Skew) && (window == 0 || t < t0+millis(window)) && (q.Until == 0 || t < q.Until)
}

func isPast(q *events.Query, t0, t events.Millis) bool {
	end := t0 - millis(q.Skew)
	return t >= end-millis(q.Covariate) && t < end
}

// matured reports whether a measure or chain with a window looks at a unit.
func matured(q *events.Query, window time.Duration, u *unit) bool {
	return q.MaturedBy == 0 || window == 0 || u.first.Time+millis(window) <= q.MaturedBy
}

// during gives the outcomes of an event that count, or those of the past.
func (u *unit) during(q *events.Query, m events.Measure, event string, past bool) []events.Outcome {
	var found []events.Outcome
	for _, o := range u.outcomes[event] {
		if past && isPast(q, u.first.Time, o.Time) || !past && counts(q, u.first.Time, m.Window, o.Time) {
			found = append(found, o)
		}
	}
	return found
}

// aggregate makes one number of outcomes; it is not present without any that
// the aggregation sees.
func aggregate(a events.Aggregation, outcomes []events.Outcome) (value float64, present bool) {
	switch a {
	case events.Occurrence:
		return float64(min(1, len(outcomes))), len(outcomes) > 0
	case events.Count:
		return float64(len(outcomes)), len(outcomes) > 0
	}
	var total results.Total
	n := 0
	for _, o := range outcomes {
		if o.Value != nil {
			total.Add(*o.Value)
			n++
		}
	}
	if a == events.Average && n > 0 {
		return total.Float64() / float64(n), true
	}
	return total.Float64(), n > 0
}

// numbers are a unit's, before anything is cut. It is not ok for a unit that the
// measure leaves out.
func (u *unit) numbers(q *events.Query, m events.Measure) (numbers results.Unit, ok bool) {
	value, present := aggregate(m.Aggregation, u.during(q, m, m.Event, false))
	if !present {
		value = m.Absent
	}
	numbers.Value = value
	if m.Denominator != "" {
		numbers.Denominator, _ = aggregate(m.Aggregation, u.during(q, m, m.Denominator, false))
	}
	if q.Covariate > 0 {
		if numbers.Covariate, ok = aggregate(m.Aggregation, u.during(q, m, m.Event, true)); !ok {
			numbers.Covariate = m.Absent
		}
		if m.Denominator != "" {
			numbers.CovariateDenominator, _ = aggregate(m.Aggregation, u.during(q, m, m.Denominator, true))
		}
	}
	return numbers, matured(q, m.Window, u) && (present || !m.OnlyPresent)
}

func capsOf(q *events.Query, units []*unit) []*float64 {
	caps := make([]*float64, len(q.Measures))
	for i, m := range q.Measures {
		if m.Cap == 0 {
			continue
		}
		var h results.Histogram
		for _, u := range units {
			if numbers, ok := u.numbers(q, m); ok && numbers.Value != 0 {
				h.Add(math.Abs(numbers.Value))
			}
		}
		if limit, state := h.Quantile(m.Cap); state == results.OK {
			caps[i] = &limit
		}
	}
	return caps
}

func cut(value float64, limit *float64) float64 {
	if limit != nil {
		return min(value, *limit)
	}
	return value
}

func cellOf(q *events.Query, m events.Measure, units []*unit, limit *float64) events.Cell {
	var cell events.Cell
	if m.Histogram {
		cell.Histogram = &results.Histogram{}
	}
	for _, u := range units {
		if !matured(q, m.Window, u) {
			continue
		}
		for _, o := range u.outcomes[m.Event] {
			if !counts(q, u.first.Time, m.Window, o.Time) {
				cell.Outside++
				continue
			}
			if cell.Outcomes == 0 || o.Time < cell.First {
				cell.First = o.Time
			}
			if cell.Outcomes == 0 || o.Time > cell.Last {
				cell.Last = o.Time
			}
			cell.Outcomes++
		}
		if numbers, ok := u.numbers(q, m); ok {
			numbers.Value = cut(numbers.Value, limit)
			cell.Sums.Add(numbers)
			if m.Histogram {
				cell.Histogram.Add(numbers.Value)
			}
		}
	}
	return cell
}

const day = events.Millis(24 * time.Hour / time.Millisecond)

// midnight is the start of a time's day.
func midnight(t events.Millis) events.Millis {
	return events.Millis(math.Floor(float64(t)/float64(day))) * day
}

func daysOf(q *events.Query, units []*unit, caps []*float64) []events.Day {
	grown := map[events.Millis]map[part]*events.DayGroup{}
	at := func(start events.Millis, u *unit) *events.DayGroup {
		if grown[start] == nil {
			grown[start] = map[part]*events.DayGroup{}
		}
		p := partOf(u)
		if grown[start][p] == nil {
			group := &events.DayGroup{WeightsVersion: p.weightsVersion, Variation: p.variation}
			for _, m := range q.Measures {
				var growth *events.Growth
				if !m.Histogram {
					growth = &events.Growth{}
				}
				group.Growths = append(group.Growths, growth)
			}
			grown[start][p] = group
		}
		return grown[start][p]
	}
	for _, u := range units {
		at(midnight(u.first.Time), u).Traffic++
		for i, m := range q.Measures {
			if m.Histogram || !matured(q, m.Window, u) {
				continue
			}
			before := state{}
			for _, start := range u.days(q, m) {
				now := u.stateOn(q, m, start, caps[i])
				now.minus(before, at(start, u).Growths[i])
				before = now
			}
		}
	}
	var days []events.Day
	for _, start := range slices.Sorted(maps.Keys(grown)) {
		d := events.Day{Start: start}
		for _, p := range slices.SortedFunc(maps.Keys(grown[start]), compareParts) {
			if group := grown[start][p]; !isStill(group) {
				d.Groups = append(d.Groups, *group)
			}
		}
		if len(d.Groups) > 0 {
			days = append(days, d)
		}
	}
	return days
}

// isStill reports whether nothing grew.
func isStill(group *events.DayGroup) bool {
	return group.Traffic == 0 && !slices.ContainsFunc(group.Growths, func(g *events.Growth) bool {
		return g != nil && text(g) != text(&events.Growth{})
	})
}

// dayOf is the day on which something counts for a unit.
func (u *unit) dayOf(t events.Millis) events.Millis { return midnight(max(t, u.first.Time)) }

// days are those on which a unit's number may change.
func (u *unit) days(q *events.Query, m events.Measure) []events.Millis {
	days := map[events.Millis]bool{u.dayOf(u.first.Time): true}
	for _, event := range []string{m.Event, m.Denominator} {
		for _, o := range u.during(q, m, event, false) {
			days[u.dayOf(o.Time)] = true
		}
	}
	return slices.Sorted(maps.Keys(days))
}

// state is what a unit is at the end of a day.
type state struct {
	counted bool
	y, d    float64
}

func (u *unit) stateOn(q *events.Query, m events.Measure, start events.Millis, limit *float64) state {
	var s state
	until := func(event string) []events.Outcome {
		return slices.DeleteFunc(u.during(q, m, event, false), func(o events.Outcome) bool {
			return u.dayOf(o.Time) > start
		})
	}
	y, present := aggregate(m.Aggregation, until(m.Event))
	if m.Denominator != "" {
		s.d, _ = aggregate(m.Aggregation, until(m.Denominator))
	}
	s.y = cut(y, limit)
	s.counted = (present || !m.OnlyPresent) &&
		math.Abs(s.y) <= results.LargestValue && math.Abs(s.d) <= results.LargestValue
	return s
}

// minus adds what s is more than before to a growth.
func (s state) minus(before state, g *events.Growth) {
	s.add(1, g)
	before.add(-1, g)
}

func (s state) add(sign float64, g *events.Growth) {
	if !s.counted {
		return
	}
	g.Units += int64(sign)
	if s.y != 0 {
		g.Events += int64(sign)
	}
	g.Y.Add(sign * s.y)
	g.D.Add(sign * s.d)
	addProduct(&g.YY, sign*s.y, s.y)
	addProduct(&g.DD, sign*s.d, s.d)
	addProduct(&g.YD, sign*s.y, s.d)
}

// addProduct adds x*y exactly.
func addProduct(t *results.Total, x, y float64) {
	product := x * y
	t.Add(product)
	t.Add(math.FMA(x, y, -product))
}
