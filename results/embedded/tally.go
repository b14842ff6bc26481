package embedded

import (
	"cmp"
	"maps"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// part names a group.
type part struct{ weightsVersion, variation string }

func compareParts(a, b part) int {
	return cmp.Or(cmp.Compare(a.weightsVersion, b.weightsVersion), cmp.Compare(a.variation, b.variation))
}

// cell is events.Cell while it grows.
type cell struct {
	events.Cell
	// zeros and ones count the units with this value and nothing else: adding
	// them one by one is most of the work, and gives the same sums.
	zeros, ones int64
}

func (c *cell) add(n *number) {
	if !n.sees {
		return
	}
	c.Outcomes += int64(len(n.counted))
	c.Outside += int64(len(n.all) - len(n.counted))
	if len(n.counted) > 0 {
		first, last := n.counted[0].t, n.counted[len(n.counted)-1].t
		c.First, c.Last = span(c.Outcomes == int64(len(n.counted)), c.First, c.Last, first, last)
	}
	if !n.ok {
		return
	}
	if c.Histogram != nil {
		c.Histogram.Add(n.Value)
	}
	switch n.Unit {
	case results.Unit{}:
		c.zeros++
	case results.Unit{Value: 1}:
		c.ones++
	default:
		c.Sums.Add(n.Unit)
	}
}

// span widens a span by another; empty is what the first one is at first.
func span(empty bool, first, last, otherFirst, otherLast events.Millis) (events.Millis, events.Millis) {
	if empty {
		return otherFirst, otherLast
	}
	return min(first, otherFirst), max(last, otherLast)
}

func (c *cell) merge(other *cell) {
	c.Sums.Merge(other.Sums)
	c.zeros += other.zeros
	c.ones += other.ones
	if c.Histogram != nil {
		c.Histogram.Merge(*other.Histogram)
	}
	if other.Outcomes > 0 {
		c.First, c.Last = span(c.Outcomes == 0, c.First, c.Last, other.First, other.Last)
	}
	c.Outcomes += other.Outcomes
	c.Outside += other.Outside
}

func (c *cell) finish() events.Cell {
	whole := results.Funnel{Exposed: c.zeros + c.ones, Reached: []int64{c.ones}}.Step(0)
	c.Sums.Merge(whole)
	return c.Cell
}

// group is events.Group while it grows.
type group struct {
	traffic int64
	cells   []cell
	funnels []results.Funnel
}

// groups are those of all units, or of a slice.
type groups struct {
	plan *plan
	of   map[part]*group
	// last is the group that was asked for last.
	lastPart part
	last     *group
}

func newGroups(p *plan) *groups { return &groups{plan: p, of: map[part]*group{}} }

func (g *groups) get(p part) *group {
	if g.last != nil && p == g.lastPart {
		return g.last
	}
	found := g.of[p]
	if found == nil {
		found = &group{cells: make([]cell, len(g.plan.measures)), funnels: make([]results.Funnel, len(g.plan.chains))}
		for i := range found.cells {
			if g.plan.measures[i].Histogram {
				found.cells[i].Histogram = &results.Histogram{}
			}
		}
		g.of[p] = found
	}
	g.lastPart, g.last = p, found
	return found
}

func (g *groups) add(p part, numbers []number, steps []int) {
	group := g.get(p)
	group.traffic++
	for i := range numbers {
		group.cells[i].add(&numbers[i])
	}
	for i, n := range steps {
		if n >= 0 {
			group.funnels[i].Add(n)
		}
	}
}

func (g *groups) merge(other *groups) {
	for p, theirs := range other.of {
		ours := g.get(p)
		ours.traffic += theirs.traffic
		for i := range ours.cells {
			ours.cells[i].merge(&theirs.cells[i])
		}
		for i := range ours.funnels {
			ours.funnels[i].Merge(theirs.funnels[i])
		}
	}
}

func (g *groups) finish() []events.Group {
	var out []events.Group
	for _, p := range slices.SortedFunc(maps.Keys(g.of), compareParts) {
		group := g.of[p]
		done := events.Group{
			WeightsVersion: p.weightsVersion, Variation: p.variation, Traffic: group.traffic, Funnels: group.funnels,
		}
		for i := range group.cells {
			done.Cells = append(done.Cells, group.cells[i].finish())
		}
		out = append(out, done)
	}
	return out
}

// tally is an answer while it grows.
type tally struct {
	plan    *plan
	groups  *groups
	slices  []map[string]*groups // by the query's attributes
	days    days
	set     map[string]*events.Apart
	units   int64
	crossed int64
	// crossedFirst are the crossed units by their earliest exposure.
	crossedFirst map[part]int64
	first, last  events.Millis

	numbers []number // scratch
	steps   []int
}

func newTally(p *plan) *tally {
	t := &tally{
		plan: p, groups: newGroups(p), crossedFirst: map[part]int64{}, days: days{}, set: map[string]*events.Apart{},
		numbers: make([]number, len(p.measures)), steps: make([]int, len(p.chains)),
	}
	for range p.attributes {
		t.slices = append(t.slices, map[string]*groups{})
	}
	return t
}

// unit implements visitor.
func (t *tally) unit(u *unit) {
	t.first, t.last = span(t.units == 0, t.first, t.last, u.t0, u.t0)
	t.units++
	if u.crossed {
		t.crossed++
		t.crossedFirst[part{u.weightsVersion, u.variation}]++
		return
	}
	for i := range t.plan.measures {
		t.numbers[i] = t.plan.number(&t.plan.measures[i], u)
	}
	for i := range t.plan.chains {
		t.steps[i] = t.plan.steps(&t.plan.chains[i], u)
	}
	p := part{u.weightsVersion, u.variation}
	t.groups.add(p, t.numbers, t.steps)
	for i, attribute := range t.plan.attributes {
		t.slice(i, u.attributes[attribute]).add(p, t.numbers, t.steps)
	}
	if t.plan.query.Days {
		t.days.add(t.plan, p, u)
	}
}

func (t *tally) slice(i int, value string) *groups {
	g := t.slices[i][value]
	if g == nil {
		g = newGroups(t.plan)
		t.slices[i][value] = g
	}
	return g
}

// apart implements visitor.
func (t *tally) apart(variation string, bot, forced bool) {
	a := t.set[variation]
	if a == nil {
		a = &events.Apart{Variation: variation}
		t.set[variation] = a
	}
	if bot {
		a.Bots++
	}
	if forced {
		a.Forced++
	}
}

// merge adds the tally of other units.
func (t *tally) merge(other *tally) {
	if other.units > 0 {
		t.first, t.last = span(t.units == 0, t.first, t.last, other.first, other.last)
	}
	t.units += other.units
	t.crossed += other.crossed
	for p, n := range other.crossedFirst {
		t.crossedFirst[p] += n
	}
	t.groups.merge(other.groups)
	for i := range other.slices {
		for value, g := range other.slices[i] {
			t.slice(i, value).merge(g)
		}
	}
	t.days.merge(other.days)
	for variation, a := range other.set {
		t.apart(variation, false, false)
		t.set[variation].Bots += a.Bots
		t.set[variation].Forced += a.Forced
	}
}

func (t *tally) finish() *events.Answer {
	answer := &events.Answer{
		Groups: t.groups.finish(), Crossed: t.crossed, FirstExposure: t.first, LastExposure: t.last,
		Days: t.days.finish(t.plan),
	}
	for i, attribute := range t.plan.attributes {
		for _, value := range slices.Sorted(maps.Keys(t.slices[i])) {
			answer.Slices = append(answer.Slices, events.Slice{
				Attribute: attributes[attribute], Value: value, Groups: t.slices[i][value].finish(),
			})
		}
	}
	for p, n := range t.crossedFirst {
		answer.CrossedFirst = append(answer.CrossedFirst, events.CrossedUnits{WeightsVersion: p.weightsVersion, Variation: p.variation, Units: n})
	}
	slices.SortFunc(answer.CrossedFirst, events.CrossedUnits.Compare)
	for _, variation := range slices.Sorted(maps.Keys(t.set)) {
		answer.Apart = append(answer.Apart, *t.set[variation])
	}
	for i := range t.plan.measures {
		answer.Caps = append(answer.Caps, t.plan.measures[i].limit)
	}
	return answer
}

// Interface guard
var _ visitor = (*tally)(nil)
