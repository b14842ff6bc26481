package postgres

import (
	"fmt"
	"math"
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
	scale scale
}

func newMeasured(s *statement, i int) *measured {
	m := &measured{Measure: &s.q.Measures[i], s: s, index: i, limit: s.out.answer.Caps[i], scale: general}
	if m.isCounted() && isSmall(m.Absent) && (m.limit == nil || isSmall(*m.limit)) {
		m.scale = whole
	}
	return m
}

func (m *measured) isCounted() bool {
	return m.Aggregation == events.Occurrence || m.Aggregation == events.Count
}

func isSmall(x float64) bool { return x == math.Trunc(x) && math.Abs(x) < 1<<20 }

// column is the name of a column of this measure.
func (m *measured) column(name string) string { return fmt.Sprintf("%s%d", name, m.index) }

// denominator is an event in any case.
func (m *measured) denominator() string {
	if m.Denominator == "" {
		return m.Event
	}
	return m.Denominator
}

// within is the condition for outcomes that count.
func (m *measured) within(event string) string {
	return m.s.within(event, millis(m.Window), m.Window != 0)
}

// numbers are those of a unit that may be other than 0: value, denominator, and
// both of its past. The names are those of results.Totals.
func (m *measured) numbers() []string {
	ratio, past := m.Denominator != "", m.s.q.Covariate > 0
	var numbers []string
	for _, n := range []struct {
		name string
		used bool
	}{{"y", true}, {"d", ratio}, {"x", past}, {"e", ratio && past}} {
		if n.used {
			numbers = append(numbers, n.name)
		}
	}
	return numbers
}

// pairs are the numbers, and the pairs of them.
func (m *measured) pairs() []string {
	numbers := m.numbers()
	var pairs []string
	for i, p := range numbers {
		pairs = append(pairs, p)
		for _, q := range numbers[i:] {
			pairs = append(pairs, p+q)
		}
	}
	return pairs
}

// perUnit gives the columns of what a unit did.
func (m *measured) perUnit() []string {
	inside := m.within(m.Event)
	columns := []string{
		fmt.Sprintf("count(*) FILTER (WHERE %s) AS %s", inside, m.column("inside")),
		fmt.Sprintf("count(*) FILTER (WHERE event = %s) AS %s", m.s.text(m.Event), m.column("outcomes")),
		fmt.Sprintf("min(t) FILTER (WHERE %s) AS %s", inside, m.column("earliest")),
		fmt.Sprintf("max(t) FILTER (WHERE %s) AS %s", inside, m.column("latest")),
	}
	for _, name := range m.numbers() {
		condition := map[string]func() string{
			"y": func() string { return inside }, "d": func() string { return m.within(m.Denominator) },
			"x": func() string { return m.s.before(m.Event) }, "e": func() string { return m.s.before(m.Denominator) },
		}[name]()
		columns = append(columns, m.aggregates(name, condition)...)
	}
	return columns
}

// aggregates gives the columns that a number is made of. One value is taken as
// it is, several are added exactly and rounded once.
func (m *measured) aggregates(name, condition string) []string {
	count := func(what string) string {
		return fmt.Sprintf("count(%s) FILTER (WHERE %s) AS %s", what, condition, m.column("n_"+name))
	}
	if m.isCounted() {
		return []string{count("*")}
	}
	return []string{
		count("value"),
		fmt.Sprintf("CASE count(value) FILTER (WHERE %s) WHEN 1 THEN min(value) FILTER (WHERE %[1]s) ELSE %s END AS %s",
			condition, general.back(fmt.Sprintf("sum(scaled) FILTER (WHERE %s)", condition)), m.column("sum_"+name)),
	}
}

// number gives the SQL for a number of a unit from its columns.
func (m *measured) number(name, sum, absent string) string {
	n := m.column("n_" + name)
	value := "1::double precision"
	switch m.Aggregation {
	case events.Count:
		value = n + "::double precision"
	case events.Sum:
		value = sum
	case events.Average:
		value = fmt.Sprintf("%s / %s::double precision", sum, n)
	}
	return fmt.Sprintf("CASE WHEN %s > 0 THEN %s ELSE %s END", n, value, absent)
}

// cut gives the SQL for a value that is cut.
func (m *measured) cut(value string) string {
	if m.limit == nil {
		return value
	}
	return fmt.Sprintf("least(%s, %s)", value, m.s.number(*m.limit))
}

const none = "0::double precision"

// valued gives the columns of a unit's numbers. What is counted is nothing for
// units that have not matured.
func (m *measured) valued() []string {
	matured := m.s.matured(m.Measure)
	var columns []string
	for _, name := range []string{"inside", "outcomes", "earliest", "latest"} {
		columns = append(columns, fmt.Sprintf("CASE WHEN %s THEN %s END AS %[2]s", matured, m.column(name)))
	}
	present := matured
	if m.OnlyPresent {
		present += fmt.Sprintf(" AND coalesce(%s, 0) > 0", m.column("n_y"))
	}
	columns = append(columns, present+" AS "+m.column("present"))
	for _, name := range m.numbers() {
		absent := none
		if name == "y" || name == "x" {
			absent = m.s.number(m.Absent)
		}
		number := m.number(name, m.column("sum_"+name), absent)
		if name == "y" {
			number = m.cut(number)
		}
		columns = append(columns, number+" AS "+m.column(name))
	}
	return columns
}

// scaled gives the columns of the numbers as they are added. Those of units that
// results.Sums refuses are none.
func (m *measured) scaled() []string {
	counted := m.column("present")
	for _, name := range m.numbers() {
		counted += fmt.Sprintf(" AND abs(%s) <= %s", m.column(name), m.s.number(results.LargestValue))
	}
	columns := []string{fmt.Sprintf("%s AS %s", counted, m.column("counted")), m.column("y")}
	for _, name := range []string{"inside", "outcomes", "earliest", "latest"} {
		columns = append(columns, m.column(name))
	}
	for _, name := range m.numbers() {
		columns = append(columns, fmt.Sprintf("CASE WHEN %s AND %s <> 0 THEN %s END AS %s",
			counted, m.column(name), m.scale.of(m.column(name)), m.column("scaled_"+name)))
	}
	return columns
}

// sums gives what is selected of a group; see rawCell.
func (m *measured) sums() []string {
	sums := []string{
		fmt.Sprintf("coalesce(sum(%s), 0)::bigint", m.column("inside")),
		fmt.Sprintf("coalesce(sum(%s), 0)::bigint", m.column("outcomes")),
		fmt.Sprintf("coalesce(min(%s), 0)", m.column("earliest")),
		fmt.Sprintf("coalesce(max(%s), 0)", m.column("latest")),
		fmt.Sprintf("count(*) FILTER (WHERE %s)", m.column("counted")),
		fmt.Sprintf("count(*) FILTER (WHERE %s AND %s <> 0)", m.column("counted"), m.column("y")),
	}
	for _, pair := range m.pairs() {
		var factors []string
		for _, name := range strings.Split(pair, "") {
			factors = append(factors, m.column("scaled_"+name))
		}
		sums = append(sums, fmt.Sprintf("sum(%s)::text", strings.Join(factors, " * ")))
	}
	return sums
}
