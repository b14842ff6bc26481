package embedded

import (
	"sort"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// window gives those of a unit's outcomes that are from low to before high.
func window(outcomes []occurrence, low, high events.Millis) []occurrence {
	if len(outcomes) == 0 || outcomes[0].t >= low && outcomes[len(outcomes)-1].t < high {
		return outcomes
	}
	at := func(t events.Millis) int {
		return sort.Search(len(outcomes), func(i int) bool { return outcomes[i].t >= t })
	}
	from := at(low)
	return outcomes[from:max(from, at(high))]
}

// aggregate makes one number of outcomes; it is not present without any that
// the aggregation sees.
func aggregate(a events.Aggregation, outcomes []occurrence) (value float64, present bool) {
	n := len(outcomes)
	switch a {
	case events.Occurrence:
		return float64(min(1, n)), n > 0
	case events.Count:
		return float64(n), n > 0
	}
	sum, n := total(outcomes)
	if a == events.Average && n > 1 {
		sum /= float64(n)
	}
	return sum, n > 0
}

// total is the exact sum of the values, rounded once.
func total(outcomes []occurrence) (sum float64, n int) {
	var exact results.Total
	for _, o := range outcomes {
		if !o.hasValue {
			continue
		}
		switch n++; n {
		case 1, 2: // a sum of two is rounded once as it is
			if n == 2 {
				exact.Add(sum)
				exact.Add(o.value)
			}
			sum += o.value
		default:
			exact.Add(o.value)
		}
	}
	if n > 2 {
		return exact.Float64(), n
	}
	return sum, n
}

// number is a unit's, as a measure sees it.
type number struct {
	results.Unit
	// all are the outcomes of the measure's event, counted those that count.
	all, counted []occurrence
	// sees is whether the measure looks at the unit, ok whether the unit is in
	// its sums.
	sees, ok bool
}

// number computes one, and cuts it.
func (p *plan) number(m *measure, u *unit) (n number) {
	if !p.matured(m.Window != 0, m.window, u.t0) {
		return n
	}
	n.sees = true
	low, high := u.t0-p.skew, p.end(u.t0, m.window)
	n.all = u.outcomes[m.event]
	n.counted = window(n.all, low, high)
	var present bool
	if n.Value, present = aggregate(m.Aggregation, n.counted); !present {
		n.Value = m.Absent
	}
	if m.limit != nil {
		n.Value = min(n.Value, *m.limit)
	}
	n.ok = present || !m.OnlyPresent
	if m.denominator != none {
		n.Denominator, _ = aggregate(m.Aggregation, window(u.outcomes[m.denominator], low, high))
	}
	if p.covariate > 0 {
		p.past(m, u, &n.Unit)
	}
	return n
}

// past computes the covariate.
func (p *plan) past(m *measure, u *unit, n *results.Unit) {
	high := u.t0 - p.skew
	low := high - p.covariate
	var present bool
	if n.Covariate, present = aggregate(m.Aggregation, window(u.outcomes[m.event], low, high)); !present {
		n.Covariate = m.Absent
	}
	if m.denominator != none {
		n.CovariateDenominator, _ = aggregate(m.Aggregation, window(u.outcomes[m.denominator], low, high))
	}
}

// steps is how far a unit came in a chain; below 0 if the chain does not look at
// it.
func (p *plan) steps(c *chain, u *unit) int {
	if !p.matured(c.bounded, c.window, u.t0) {
		return -1
	}
	low, high := u.t0-p.skew, p.end(u.t0, c.window)
	for k, event := range c.events {
		counted := window(u.outcomes[event], low, high)
		if len(counted) == 0 {
			return k
		}
		low = counted[0].t
	}
	return len(c.events)
}
