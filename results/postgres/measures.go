package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// together is how many measures are computed by one statement.
const together = 10

// measures computes what is asked for the measures from first to before end.
func (r *reading) measures(first, end int) error {
	for _, step := range []func(first, end int) error{r.caps, r.growths, r.cells, r.histograms} {
		if err := step(first, end); err != nil {
			return err
		}
	}
	return nil
}

// choose gives those of the measures that are wanted.
func (r *reading) choose(first, end int, wanted func(*events.Measure) bool) []int {
	var chosen []int
	for i := first; i < end; i++ {
		if wanted(&r.q.Measures[i]) {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// measuring is a statement about measures.
type measuring struct {
	*statement
	looks
	all []*measured
}

// measuring begins a statement about some of the measures, with all units and
// their numbers of each.
func (r *reading) measuring(chosen []int) *measuring {
	s := &measuring{statement: newStatement(r)}
	s.units()
	s.done()
	var numbers, aggregates []string
	for _, i := range chosen {
		m := newMeasured(s.statement, i)
		m.look(&s.looks, m.numbers())
		s.all = append(s.all, m)
		numbers = append(numbers, m.valued()...)
	}
	for _, k := range s.looks.all {
		aggregates = append(aggregates, k.aggregates()...)
	}
	s.with("acts", "SELECT n, %s FROM done GROUP BY n", strings.Join(aggregates, ", "))
	s.apart("valued", `SELECT weights_version, variation%s, %s
		FROM units LEFT JOIN acts ON acts.n = units.n WHERE NOT crossed`, s.columns(""), strings.Join(numbers, ", "))
	return s
}

// valued gives the columns of a unit's numbers. What is counted is nothing for
// units that have not matured.
func (m *measured) valued() []string {
	matured := m.s.matured(m.Window)
	var columns []string
	for _, c := range []struct{ name, of string }{
		{"inside", m.inside.column("seen")}, {"outcomes", m.outcomes.column("seen")},
		{"earliest", m.inside.column("earliest")}, {"latest", m.inside.column("latest")},
	} {
		columns = append(columns, fmt.Sprintf("CASE WHEN %s THEN %s END AS %s", matured, c.of, m.column(c.name)))
	}
	present := matured
	if m.OnlyPresent {
		present += fmt.Sprintf(" AND coalesce(%s, false)", m.isPresent(m.seen["y"].own()))
	}
	columns = append(columns, present+" AS "+m.column("present"))
	for _, name := range m.numbers() {
		absent := 0.0
		if name == "y" || name == "x" {
			absent = m.Absent
		}
		number := m.number(m.seen[name].own(), absent)
		if name == "y" {
			number = m.cut(number)
		}
		columns = append(columns, number+" AS "+m.column(name))
	}
	return columns
}

// counted gives the columns of the numbers that are added up. Those of units that
// results.Sums refuses are none.
func (m *measured) counted() []string {
	var numbers []string
	for _, name := range m.numbers() {
		numbers = append(numbers, m.column(name))
	}
	counted := fmt.Sprintf("%s AND %s", m.column("present"), m.isCountable(numbers...))
	columns := []string{counted + " AS " + m.column("counted")}
	for _, name := range []string{"inside", "outcomes", "earliest", "latest"} {
		columns = append(columns, m.column(name))
	}
	for _, number := range numbers {
		columns = append(columns, fmt.Sprintf("CASE WHEN %s THEN %s END AS %[2]s", counted, number))
	}
	return columns
}

// added gives what is selected of a group; see rawCell.
func (m *measured) added() []string {
	sums := []string{
		fmt.Sprintf("coalesce(sum(%s), 0)::bigint", m.column("inside")),
		fmt.Sprintf("coalesce(sum(%s), 0)::bigint", m.column("outcomes")),
		fmt.Sprintf("coalesce(min(%s), 0)", m.column("earliest")),
		fmt.Sprintf("coalesce(max(%s), 0)", m.column("latest")),
		fmt.Sprintf("count(*) FILTER (WHERE %s)", m.column("counted")),
		fmt.Sprintf("count(*) FILTER (WHERE %s <> 0)", m.column("y")),
	}
	for _, pair := range pairs(m.numbers()) {
		var factors []string
		for _, name := range strings.Split(pair, "") {
			factors = append(factors, m.column(name))
		}
		sums = append(sums, m.sums(factors...)...)
	}
	return sums
}

// cells adds up the numbers of each group, where the growths have not done so.
func (r *reading) cells(first, end int) error {
	chosen := r.choose(first, end, r.isNotGrown)
	if len(chosen) == 0 {
		return nil
	}
	s := r.measuring(chosen)
	var counted, selected []string
	for _, m := range s.all {
		counted = append(counted, m.counted()...)
		selected = append(selected, m.added()...)
	}
	s.apart("counted", "SELECT weights_version, variation%s, %s FROM valued", s.columns(""), strings.Join(counted, ", "))
	s.slices(strings.Join(selected, ", ") + " FROM counted")
	return r.each(s.statement, func(rows pgx.Rows) error {
		var k key
		targets := []any{&k.slice, &k.value, &k.weightsVersion, &k.variation}
		cells := make([]rawCell, len(s.all))
		for i, m := range s.all {
			targets = append(targets, cells[i].targets(m)...)
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for i, m := range s.all {
			if err := cells[i].read(m); err != nil {
				return err
			}
			cell, err := cells[i].cell()
			if err != nil {
				return err
			}
			r.out.cell(k, m.index, cell)
		}
		return nil
	})
}
