package postgres

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// measured writes the columns of one measure.
type measured struct {
	*events.Measure
	s     *statement
	index int
	limit *float64 // above which values are cut
	// whole says that all its numbers are integers, and of the type bigint.
	whole bool
	// seen are the looks that its numbers are made of, by the names of
	// results.Totals.
	seen map[string]*look
	// inside and outcomes are the looks at what counts of Event, and at all of it.
	inside, outcomes *look
}

func newMeasured(s *statement, i int) *measured {
	m := &measured{Measure: &s.q.Measures[i], s: s, index: i, limit: s.out.answer.Caps[i], seen: map[string]*look{}}
	m.whole = m.isCounted() && isSmall(m.Absent) && (m.limit == nil || isSmall(*m.limit))
	return m
}

// look has the outcomes looked at that the numbers are made of.
func (m *measured) look(l *looks, numbers []string) {
	for _, name := range numbers {
		condition := map[string]func() string{
			"y": func() string { return m.within(m.Event) }, "d": func() string { return m.within(m.Denominator) },
			"x": func() string { return m.s.before(m.Event) }, "e": func() string { return m.s.before(m.Denominator) },
		}[name]()
		m.seen[name] = l.at(condition)
		m.seen[name].valued = m.seen[name].valued || !m.isCounted()
	}
	m.inside, m.outcomes = m.seen["y"], l.at(m.s.isEvent(m.Event))
	m.inside.timed = true
}

func (m *measured) isCounted() bool {
	return m.Aggregation == events.Occurrence || m.Aggregation == events.Count
}

func isSmall(x float64) bool { return x == math.Trunc(x) && math.Abs(x) < 1<<20 }

// column is the name of a column of this measure.
func (m *measured) column(name string) string { return fmt.Sprintf("%s_of%d", name, m.index) }

// within is the condition for outcomes that count.
func (m *measured) within(event string) string {
	return m.s.within(event, millis(m.Window), m.Window != 0)
}

// numbers are those of a unit that may be other than 0: value, denominator, and
// both of its past. The names are those of results.Totals.
func (m *measured) numbers() []string {
	numbers := m.present()
	if m.s.q.Covariate > 0 {
		numbers = append(numbers, map[bool][]string{false: {"x"}, true: {"x", "e"}}[m.Denominator != ""]...)
	}
	return numbers
}

// present are the numbers without those of the past.
func (m *measured) present() []string {
	if m.Denominator != "" {
		return []string{"y", "d"}
	}
	return []string{"y"}
}

// pairs are numbers, and the pairs of them.
func pairs(numbers []string) []string {
	var pairs []string
	for i, p := range numbers {
		pairs = append(pairs, p)
		for _, q := range numbers[i:] {
			pairs = append(pairs, p+q)
		}
	}
	return pairs
}

// isPresent is the condition for units that have what is aggregated.
func (m *measured) isPresent(of state) string {
	if m.isCounted() {
		return of.seen + " > 0"
	}
	return of.valued + " > 0"
}

// constant gives the SQL of a number that the measure says.
func (m *measured) constant(x float64) string {
	if m.whole {
		return fmt.Sprintf("%d::bigint", int64(x))
	}
	return m.s.number(x)
}

// number gives the SQL of a number of a unit.
func (m *measured) number(of state, absent float64) string {
	value := m.constant(1)
	switch m.Aggregation {
	case events.Count:
		value = of.seen + "::double precision"
		if m.whole {
			value = of.seen + "::bigint"
		}
	case events.Sum:
		value = of.sum
	case events.Average:
		value = fmt.Sprintf("%s / %s::double precision", of.sum, of.valued)
	}
	return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", m.isPresent(of), value, m.constant(absent))
}

// cut gives the SQL for a value that is cut.
func (m *measured) cut(value string) string {
	if m.limit == nil {
		return value
	}
	return fmt.Sprintf("least(%s, %s)", value, m.constant(*m.limit))
}

// isCountable is the condition for numbers that results.Sums does not refuse.
func (m *measured) isCountable(numbers ...string) string {
	condition := "true"
	for _, x := range numbers {
		if !m.whole {
			condition += fmt.Sprintf(" AND abs(%s) <= %s", x, m.s.number(results.LargestValue))
		}
	}
	return condition
}

// sums gives the SQL that adds up numbers, or products of them.
func (m *measured) sums(factors ...string) []string {
	x := strings.Join(factors, " * ")
	if m.whole {
		return []string{fmt.Sprintf("sum(%s)::text", x)}
	}
	if len(factors) > 1 {
		x = "(" + x + ")"
	}
	var sums []string
	for _, part := range shiftOf(len(factors)).parts(x) {
		sums = append(sums, fmt.Sprintf("sum(%s)::text", part))
	}
	return sums
}

// width is how many columns a sum has.
func (m *measured) width() int {
	if m.whole {
		return 1
	}
	return 3
}

// sum reads the columns of a sum.
func (m *measured) sum(texts []*string, factors int) (*big.Float, error) {
	if m.whole {
		return read(texts[0])
	}
	return shiftOf(factors).sum(texts)
}
