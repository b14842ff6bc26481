package report

import (
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// arms are the groups of an answer by variation and period of constant weights.
type arms struct {
	versions []string
	// groups are by variation of the question, then by version; nil where there
	// are no units.
	groups [][]*events.Group
	// unknown counts the units of other variations, by version.
	unknown []int64
}

func (q *question) arms(groups []events.Group) *arms {
	a := &arms{}
	for i := range groups {
		if version := groups[i].WeightsVersion; !slices.Contains(a.versions, version) {
			a.versions = append(a.versions, version)
		}
	}
	a.unknown = make([]int64, len(a.versions))
	for range q.variations {
		a.groups = append(a.groups, make([]*events.Group, len(a.versions)))
	}
	for i := range groups {
		g := &groups[i]
		version := slices.Index(a.versions, g.WeightsVersion)
		at := q.place(g.Variation)
		if at < 0 {
			a.unknown[version] += g.Traffic
			continue
		}
		a.groups[at][version] = g
	}
	return a
}

// units is the traffic of a variation.
func (a *arms) units(variation int) (n int64) {
	for _, g := range a.groups[variation] {
		if g != nil {
			n += g.Traffic
		}
	}
	return n
}

// fill puts the numbers of a metric into a variation.
func (a *arms) fill(v *results.Variation, variation int, m measured) {
	var all results.Histogram
	for _, g := range a.groups[variation] {
		sums := results.Sums{}
		switch {
		case g == nil:
		case m.cell >= 0:
			sums = g.Cells[m.cell].Sums
			if h := g.Cells[m.cell].Histogram; h != nil {
				all.Merge(*h)
			}
		default:
			sums = g.Funnels[m.chain].Step(m.Step - 1)
		}
		v.Sums.Merge(sums)
		v.Periods = append(v.Periods, sums)
	}
	if percentile := m.Definition.PercentileValue; all.N > 0 && percentile > 0 {
		arm := all.QuantileArm(float64(percentile)/100, all.N)
		v.Arm, v.Periods = &arm, nil
	}
}

// outcomes counts those of a metric.
func (a *arms) outcomes(cell int) (n int64) {
	for _, versions := range a.groups {
		for _, g := range versions {
			if g != nil {
				n += g.Cells[cell].Outcomes
			}
		}
	}
	return n
}

// seen is when a metric's outcomes came first and last.
func (a *arms) seen(cell int) (first, last *time.Time) {
	for _, versions := range a.groups {
		for _, g := range versions {
			if g == nil || g.Cells[cell].First == 0 {
				continue
			}
			from, to := g.Cells[cell].First.Time(), g.Cells[cell].Last.Time()
			if first == nil || from.Before(*first) {
				first = &from
			}
			if last == nil || to.After(*last) {
				last = &to
			}
		}
	}
	return first, last
}
