package embedded

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

const day = events.Millis(24 * time.Hour / time.Millisecond)

// midnight is the start of a time's day.
func midnight(t events.Millis) events.Millis {
	if rest := t % day; rest < 0 {
		return t - rest - day
	} else {
		return t - rest
	}
}

// days are what grew, by the day's start.
type days map[events.Millis]map[part]*dayGroup

// dayGroup is events.DayGroup while it grows.
type dayGroup struct {
	traffic int64
	growths []growth
}

// growth is events.Growth while it grows.
type growth struct {
	events.Growth
	// ones counts how often a value of 1, without a denominator, came.
	ones int64
}

func (d days) get(p *plan, start events.Millis, of part) *dayGroup {
	groups := d[start]
	if groups == nil {
		groups = map[part]*dayGroup{}
		d[start] = groups
	}
	group := groups[of]
	if group == nil {
		group = &dayGroup{growths: make([]growth, len(p.measures))}
		groups[of] = group
	}
	return group
}

// add adds a unit.
func (d days) add(p *plan, of part, u *unit) {
	today := d.get(p, midnight(u.t0), of)
	today.traffic++
	for i := range p.measures {
		m := &p.measures[i]
		if m.Histogram || !p.matured(m.Window != 0, m.window, u.t0) {
			continue
		}
		d.measure(p, i, of, u, today)
	}
}

// measure adds how a unit's number grew, from one day on which something
// happened to the next.
func (d days) measure(p *plan, i int, of part, u *unit, today *dayGroup) {
	m := &p.measures[i]
	low, high := u.t0-p.skew, p.end(u.t0, m.window)
	outcomes := window(u.outcomes[m.event], low, high)
	var denominators []occurrence
	if m.denominator != none {
		denominators = window(u.outcomes[m.denominator], low, high)
	}
	var before state
	start := midnight(u.t0)
	for {
		// What happened before t0's day is of that day.
		seen, divided := until(outcomes, start+day), until(denominators, start+day)
		now := stateOf(m, outcomes[:seen], denominators[:divided])
		if now != before {
			if today == nil {
				today = d.get(p, start, of)
			}
			g := &today.growths[i]
			now.add(1, g)
			before.add(-1, g)
		}
		before, today = now, nil
		next := events.Millis(math.MaxInt64)
		if seen < len(outcomes) {
			next = outcomes[seen].t
		}
		if divided < len(denominators) {
			next = min(next, denominators[divided].t)
		}
		if next == math.MaxInt64 {
			return
		}
		start = midnight(next)
	}
}

// until counts the outcomes before a time.
func until(outcomes []occurrence, t events.Millis) int {
	if len(outcomes) == 0 || outcomes[len(outcomes)-1].t < t {
		return len(outcomes)
	}
	return len(window(outcomes, math.MinInt64, t))
}

// state is what a unit is at the end of a day.
type state struct {
	counted bool
	y, d    float64
}

func stateOf(m *measure, outcomes, denominators []occurrence) (s state) {
	y, present := aggregate(m.Aggregation, outcomes)
	if m.limit != nil {
		y = min(y, *m.limit)
	}
	s.y = y
	s.d, _ = aggregate(m.Aggregation, denominators)
	s.counted = (present || !m.OnlyPresent) &&
		math.Abs(s.y) <= results.LargestValue && math.Abs(s.d) <= results.LargestValue
	return s
}

func (s state) add(sign int64, g *growth) {
	if !s.counted {
		return
	}
	g.Units += sign
	if s.y != 0 {
		g.Events += sign
	}
	if s.y == 1 && s.d == 0 {
		g.ones += sign
		return
	}
	addProduct(&g.Y, float64(sign), s.y)
	addProduct(&g.D, float64(sign), s.d)
	addProduct(&g.YY, float64(sign)*s.y, s.y)
	addProduct(&g.DD, float64(sign)*s.d, s.d)
	addProduct(&g.YD, float64(sign)*s.y, s.d)
}

// addProduct adds x*y exactly: the rounded product and what rounding lost.
func addProduct(t *results.Total, x, y float64) {
	product := x * y
	if product == 0 {
		return
	}
	t.Add(product)
	if rest := math.FMA(x, y, -product); rest != 0 {
		t.Add(rest)
	}
}

func (d days) merge(other days) {
	for start, groups := range other {
		for of, theirs := range groups {
			if d[start] == nil {
				d[start] = map[part]*dayGroup{}
			}
			ours := d[start][of]
			if ours == nil {
				d[start][of] = theirs
				continue
			}
			ours.traffic += theirs.traffic
			for i := range ours.growths {
				ours.growths[i].merge(&theirs.growths[i])
			}
		}
	}
}

func (g *growth) merge(other *growth) {
	g.Units += other.Units
	g.Events += other.Events
	g.ones += other.ones
	g.Y.Merge(other.Y)
	g.YY.Merge(other.YY)
	g.D.Merge(other.D)
	g.DD.Merge(other.DD)
	g.YD.Merge(other.YD)
}

// finish gives a growth; it is still when nothing grew.
func (g *growth) finish() (done *events.Growth, still bool) {
	g.Y.Add(float64(g.ones))
	g.YY.Add(float64(g.ones))
	still = g.Units == 0 && g.Events == 0
	for _, t := range [...]results.Total{g.Y, g.YY, g.D, g.DD, g.YD} {
		still = still && t.Float64() == 0
	}
	return &g.Growth, still
}

func (d days) finish(p *plan) []events.Day {
	var out []events.Day
	for _, start := range slices.Sorted(maps.Keys(d)) {
		done := events.Day{Start: start}
		for _, of := range slices.SortedFunc(maps.Keys(d[start]), compareParts) {
			if group, still := d[start][of].finish(p, of); !still {
				done.Groups = append(done.Groups, group)
			}
		}
		if len(done.Groups) > 0 {
			out = append(out, done)
		}
	}
	return out
}

func (g *dayGroup) finish(p *plan, of part) (events.DayGroup, bool) {
	done := events.DayGroup{WeightsVersion: of.weightsVersion, Variation: of.variation, Traffic: g.traffic}
	still := g.traffic == 0
	for i := range g.growths {
		if p.measures[i].Histogram {
			done.Growths = append(done.Growths, nil)
			continue
		}
		grown, same := g.growths[i].finish()
		done.Growths = append(done.Growths, grown)
		still = still && same
	}
	return done, still
}
