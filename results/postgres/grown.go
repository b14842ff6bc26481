package postgres

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// grown is what a day brought for a measure and a group.
type grown struct {
	rawCell
	unitsThen, eventsThen int64
}

// targets are where the columns of measured.grown go.
func (g *grown) targets(m *measured) []any {
	targets := []any{&g.Outcomes, &g.outcomes, &g.First, &g.Last, &g.units, &g.unitsThen, &g.events, &g.eventsThen}
	g.texts = make([]*string, 2*len(pairs(m.present()))*m.width())
	for i := range g.texts {
		targets = append(targets, &g.texts[i])
	}
	return targets
}

// read reads the sums and takes from what was then what was before.
func (g *grown) read(m *measured) error {
	g.units -= g.unitsThen
	g.events -= g.eventsThen
	g.sums = map[string]*big.Float{}
	for i, pair := range pairs(m.present()) {
		now, err := m.sum(g.texts[2*i*m.width():], len(pair))
		if err != nil {
			return err
		}
		then, err := m.sum(g.texts[(2*i+1)*m.width():], len(pair))
		if err != nil {
			return err
		}
		g.sums[pair] = new(big.Float).SetPrec(precision).Sub(now, then)
	}
	return nil
}

func (g *grown) isNothing() bool {
	for _, sum := range g.sums {
		if sum.Sign() != 0 {
			return false
		}
	}
	return g.units == 0 && g.events == 0
}

// addTo adds to a growth that has no sums yet.
func (g *grown) addTo(to *events.Growth) {
	to.Units += g.units
	to.Events += g.events
	for name, field := range map[string]*results.Total{"y": &to.Y, "yy": &to.YY, "d": &to.D, "dd": &to.DD, "yd": &to.YD} {
		if sum := g.sums[name]; sum != nil {
			*field = total(sum)
		}
	}
}

// hit is the condition for outcomes that may change a measure.
func (m *measured) hit() string {
	condition := m.s.matured(m.Window)
	var hits []string
	for _, name := range m.present() {
		hits = append(hits, m.seen[name].column("hit"))
	}
	return condition + " AND (" + strings.Join(hits, " OR ") + ")"
}

// states gives a unit's numbers after an outcome and before it. Nothing is absent
// in them.
func (m *measured) states() []string {
	var columns []string
	for _, name := range m.present() {
		now, then := m.number(m.seen[name].now(), 0), m.number(m.seen[name].then(), 0)
		if name == "y" {
			now, then = m.cut(now), m.cut(then)
		}
		for suffix, number := range map[string]string{"_is": now, "_was": then} {
			columns = append(columns, fmt.Sprintf("CASE WHEN %s THEN %s END AS %s", m.hit(), number, m.column(name+suffix)))
		}
	}
	return columns
}

// compared gives the same of those that are counted, and nothing else.
func (m *measured) compared() []string {
	var columns []string
	for _, when := range []struct {
		is, name string
		state    state
	}{{"_is", "_now", m.seen["y"].now()}, {"_was", "_then", m.seen["y"].then()}} {
		var numbers []string
		for _, name := range m.present() {
			numbers = append(numbers, m.column(name+when.is))
		}
		counted := fmt.Sprintf("%s AND %s", m.hit(), m.isCountable(numbers...))
		if m.OnlyPresent {
			counted += " AND " + m.isPresent(when.state)
		}
		columns = append(columns, counted+" AS "+m.column("counted"+when.name))
		for _, name := range m.present() {
			columns = append(columns, fmt.Sprintf("CASE WHEN %s AND %s <> 0 THEN %[2]s END AS %s",
				counted, m.column(name+when.is), m.column(name+when.name)))
		}
	}
	return columns
}

// grown gives what is selected of a group on a day.
func (m *measured) grown() []string {
	matured := m.s.matured(m.Window)
	inside := fmt.Sprintf("FILTER (WHERE %s AND %s)", m.inside.column("hit"), matured)
	columns := []string{
		"count(*) " + inside, fmt.Sprintf("count(*) FILTER (WHERE %s AND %s)", m.outcomes.column("hit"), matured),
		fmt.Sprintf("coalesce(min(t) %s, 0)", inside), fmt.Sprintf("coalesce(max(t) %s, 0)", inside),
	}
	for _, count := range []string{"count(*) FILTER (WHERE %s)", "count(%s)"} {
		name := map[bool]string{true: "counted", false: "y"}[strings.Contains(count, "*")]
		columns = append(columns, fmt.Sprintf(count, m.column(name+"_now")), fmt.Sprintf(count, m.column(name+"_then")))
	}
	for _, pair := range pairs(m.present()) {
		for _, suffix := range []string{"_now", "_then"} {
			var factors []string
			for _, name := range strings.Split(pair, "") {
				factors = append(factors, m.column(name+suffix))
			}
			columns = append(columns, m.sums(factors...)...)
		}
	}
	return columns
}
