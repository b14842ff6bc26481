package postgres

import (
	"cmp"
	"maps"
	"math/big"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// key names a group as the database gives it: slice 0 is all units, the others
// are by attribute.
type key struct {
	slice                     int
	value                     string
	weightsVersion, variation string
}

// dayKey names a group on a day.
type dayKey struct {
	start                     int64
	weightsVersion, variation string
}

// assembly puts together what the statements find.
type assembly struct {
	q      *events.Query
	answer *events.Answer
	groups map[key]*events.Group
	days   map[dayKey]*events.DayGroup
	// grown are the cells that the days add up to, by measure.
	grown map[key][]rawCell
	// parts are the groups of all units, as outcomes number them.
	parts []key
}

func newAssembly(q *events.Query) *assembly {
	return &assembly{
		q: q, answer: &events.Answer{Caps: make([]*float64, len(q.Measures))},
		groups: map[key]*events.Group{}, days: map[dayKey]*events.DayGroup{}, grown: map[key][]rawCell{},
	}
}

func (a *assembly) traffic(k key, crossed bool, units int64, first, last events.Millis) {
	if k.slice == 0 {
		if a.answer.FirstExposure == 0 || first < a.answer.FirstExposure {
			a.answer.FirstExposure = first
		}
		a.answer.LastExposure = max(a.answer.LastExposure, last)
	}
	if crossed {
		if k.slice == 0 {
			a.answer.Crossed += units
			a.answer.CrossedFirst = append(a.answer.CrossedFirst, events.CrossedUnits{
				WeightsVersion: plain(k.weightsVersion), Variation: plain(k.variation), Units: units,
			})
		}
		return
	}
	a.group(k).Traffic = units
	if k.slice == 0 {
		a.parts = append(a.parts, k)
	}
}

func (a *assembly) group(k key) *events.Group {
	if a.groups[k] == nil {
		g := &events.Group{WeightsVersion: plain(k.weightsVersion), Variation: plain(k.variation)}
		if len(a.q.Measures) > 0 {
			g.Cells = make([]events.Cell, len(a.q.Measures))
		}
		if len(a.q.Chains) > 0 {
			g.Funnels = make([]results.Funnel, len(a.q.Chains))
		}
		for i, m := range a.q.Measures {
			if m.Histogram {
				g.Cells[i].Histogram = &results.Histogram{}
			}
		}
		a.groups[k] = g
	}
	return a.groups[k]
}

func (a *assembly) cell(k key, measure int, cell events.Cell) {
	cell.Histogram = a.histogram(k, measure)
	a.group(k).Cells[measure] = cell
}

func (a *assembly) histogram(k key, measure int) *results.Histogram {
	return a.group(k).Cells[measure].Histogram
}

// growth adds what a measure grew by.
func (a *assembly) growth(k dayKey, measure int, day *grown) {
	if !day.isNothing() {
		day.addTo(a.dayGroup(k).Growths[measure])
	}
}

// grow adds a day to the cell of a measure.
func (a *assembly) grow(k dayKey, measure int, day *grown) {
	of := key{weightsVersion: k.weightsVersion, variation: k.variation}
	if a.grown[of] == nil {
		a.grown[of] = make([]rawCell, len(a.q.Measures))
	}
	c := &a.grown[of][measure]
	if c.sums == nil {
		c.sums = map[string]*big.Float{}
	}
	c.grow(day)
}

// finishGrown puts the cells that the days added up to in their places.
func (a *assembly) finishGrown() error {
	for k, cells := range a.grown {
		for i := range cells {
			if cells[i].sums == nil {
				continue
			}
			cell, err := cells[i].cell()
			if err != nil {
				return err
			}
			a.cell(k, i, cell)
		}
	}
	return nil
}

func (a *assembly) funnel(k key, chain int, funnel results.Funnel) {
	a.group(k).Funnels[chain] = funnel
}

func (a *assembly) dayGroup(k dayKey) *events.DayGroup {
	if a.days[k] == nil {
		g := &events.DayGroup{WeightsVersion: plain(k.weightsVersion), Variation: plain(k.variation)}
		for _, m := range a.q.Measures {
			var growth *events.Growth
			if !m.Histogram {
				growth = &events.Growth{}
			}
			g.Growths = append(g.Growths, growth)
		}
		a.days[k] = g
	}
	return a.days[k]
}

// finish gives the answer in its order.
func (a *assembly) finish() (*events.Answer, error) {
	if err := a.finishGrown(); err != nil {
		return nil, err
	}
	sorted := slices.SortedFunc(maps.Keys(a.groups), func(x, y key) int {
		return cmp.Or(cmp.Compare(x.slice, y.slice), cmp.Compare(plain(x.value), plain(y.value)),
			cmp.Compare(plain(x.weightsVersion), plain(y.weightsVersion)), cmp.Compare(plain(x.variation), plain(y.variation)))
	})
	for i, k := range sorted {
		group := *a.groups[k]
		if k.slice == 0 {
			a.answer.Groups = append(a.answer.Groups, group)
			continue
		}
		if before := sorted[i-1]; before.slice != k.slice || before.value != k.value {
			a.answer.Slices = append(a.answer.Slices, events.Slice{Attribute: a.q.Attributes[k.slice-1], Value: plain(k.value)})
		}
		last := &a.answer.Slices[len(a.answer.Slices)-1]
		last.Groups = append(last.Groups, group)
	}
	slices.SortFunc(a.answer.CrossedFirst, events.CrossedUnits.Compare)
	a.finishDays()
	return a.answer, nil
}

func (a *assembly) finishDays() {
	sorted := slices.SortedFunc(maps.Keys(a.days), func(x, y dayKey) int {
		return cmp.Or(cmp.Compare(x.start, y.start),
			cmp.Compare(plain(x.weightsVersion), plain(y.weightsVersion)), cmp.Compare(plain(x.variation), plain(y.variation)))
	})
	for _, k := range sorted {
		days := a.answer.Days
		if len(days) == 0 || days[len(days)-1].Start != events.Millis(k.start) {
			a.answer.Days = append(days, events.Day{Start: events.Millis(k.start)})
		}
		last := &a.answer.Days[len(a.answer.Days)-1]
		last.Groups = append(last.Groups, *a.days[k])
	}
}
