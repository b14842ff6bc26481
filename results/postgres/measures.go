package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// together is how many measures are computed by one statement.
const together = 10

// measures computes what is asked for the measures from first to before end.
func (r *reading) measures(first, end int) error {
	if err := r.caps(first, end); err != nil {
		return err
	}
	if err := r.cells(first, end); err != nil {
		return err
	}
	if err := r.histograms(first, end); err != nil {
		return err
	}
	for i := first; i < end; i++ {
		if r.q.Days && !r.q.Measures[i].Histogram {
			if err := r.days(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// measuring is a statement about measures.
type measuring struct {
	*statement
	all []*measured
}

// measuring begins a statement about those of the measures that are wanted.
func (r *reading) measuring(first, end int, wanted func(*events.Measure) bool) *measuring {
	s := &measuring{statement: newStatement(r)}
	var happenings []string
	added := false
	for i := first; i < end; i++ {
		if wanted(&r.q.Measures[i]) {
			m := newMeasured(s.statement, i)
			s.all = append(s.all, m)
			happenings = append(happenings, m.Event, m.denominator())
			added = added || !m.isCounted()
		}
	}
	s.units()
	s.done(added, happenings...)
	return s
}

// valued gives all units with their numbers of each measure.
func (s *measuring) valued() {
	var aggregates, numbers []string
	for _, m := range s.all {
		aggregates = append(aggregates, m.perUnit()...)
		numbers = append(numbers, m.valued()...)
	}
	s.with("acts", "SELECT unit, %s FROM done GROUP BY unit", strings.Join(aggregates, ", "))
	s.withKept("valued", `SELECT weights_version, variation%s, %s
		FROM units LEFT JOIN acts ON acts.unit = units.unit WHERE NOT crossed`, s.columns(""), strings.Join(numbers, ", "))
}

// cells adds up the numbers of each group.
func (r *reading) cells(first, end int) error {
	s := r.measuring(first, end, func(*events.Measure) bool { return true })
	s.valued()
	var scaled, selected []string
	for _, m := range s.all {
		scaled = append(scaled, m.scaled()...)
		selected = append(selected, m.sums()...)
	}
	s.withKept("scaled", "SELECT weights_version, variation%s, %s FROM valued", s.columns(""), strings.Join(scaled, ", "))
	s.slices(strings.Join(selected, ", ") + " FROM scaled")
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
			cell, err := cells[i].cell(m)
			if err != nil {
				return err
			}
			r.out.cell(k, m.index, cell)
		}
		return nil
	})
}

// rawCell is a cell as the database gives it.
type rawCell struct {
	events.Cell
	outcomes int64
	totals   results.Totals
	texts    []*string // of the sums
}

// targets are where the columns of measured.sums go.
func (c *rawCell) targets(m *measured) []any {
	targets := []any{&c.Outcomes, &c.outcomes, &c.First, &c.Last, &c.totals.Units, &c.totals.Events}
	c.texts = make([]*string, len(m.pairs()))
	for i := range c.texts {
		targets = append(targets, &c.texts[i])
	}
	return targets
}

func (c *rawCell) cell(m *measured) (events.Cell, error) {
	c.Outside = c.outcomes - c.Outcomes
	t := &c.totals
	fields := map[string]*float64{
		"y": &t.Y, "d": &t.D, "x": &t.X, "e": &t.E, "yy": &t.YY, "dd": &t.DD, "xx": &t.XX, "ee": &t.EE,
		"yd": &t.YD, "yx": &t.YX, "ye": &t.YE, "dx": &t.DX, "de": &t.DE, "xe": &t.XE,
	}
	for i, pair := range m.pairs() {
		sum, err := m.scale.sum(c.texts[i], len(pair))
		if err != nil {
			return c.Cell, err
		}
		*fields[pair], _ = sum.Float64()
	}
	var err error
	c.Sums, err = t.Sums()
	return c.Cell, err
}

// caps finds where values are cut. The buckets are those of results.Histogram,
// which only that package knows: the database counts equal values.
func (r *reading) caps(first, end int) error {
	capped := func(m *events.Measure) bool { return m.Cap != 0 }
	if !slices.ContainsFunc(r.q.Measures[first:end], func(m events.Measure) bool { return capped(&m) }) {
		return nil
	}
	s := r.measuring(first, end, capped)
	s.valued()
	for i, m := range s.all {
		if i > 0 {
			s.add("\nUNION ALL ")
		}
		s.add(fmt.Sprintf("SELECT %d, abs(%s), count(*) FROM valued WHERE %s AND %[2]s <> 0 GROUP BY abs(%[2]s)",
			m.index, m.column("y"), m.column("present")))
	}
	found := map[int]*results.Histogram{}
	err := r.each(s.statement, func(rows pgx.Rows) error {
		var measure int
		var value float64
		var count int64
		if err := rows.Scan(&measure, &value, &count); err != nil {
			return err
		}
		if found[measure] == nil {
			found[measure] = &results.Histogram{}
		}
		addTimes(found[measure], value, count)
		return nil
	})
	for i, h := range found {
		if limit, state := h.Quantile(r.q.Measures[i].Cap); state == results.OK {
			r.out.answer.Caps[i] = &limit
		}
	}
	return err
}

// histograms counts the values of each group.
func (r *reading) histograms(first, end int) error {
	wanted := func(m *events.Measure) bool { return m.Histogram }
	if !slices.ContainsFunc(r.q.Measures[first:end], func(m events.Measure) bool { return wanted(&m) }) {
		return nil
	}
	s := r.measuring(first, end, wanted)
	s.valued()
	for i, m := range s.all {
		if i > 0 {
			s.add("\nUNION ALL ")
		}
		s.slices(fmt.Sprintf("%d AS measure, %s AS y, count(*) FROM valued WHERE %s",
			m.index, m.column("y"), m.column("present")), m.column("y"))
	}
	return r.each(s.statement, func(rows pgx.Rows) error {
		var k key
		var measure int
		var value float64
		var count int64
		if err := rows.Scan(&k.slice, &k.value, &k.weightsVersion, &k.variation, &measure, &value, &count); err != nil {
			return err
		}
		addTimes(r.out.histogram(k, measure), value, count)
		return nil
	})
}

// addTimes adds a value many times.
func addTimes(h *results.Histogram, value float64, count int64) {
	var one results.Histogram
	if !one.Add(value) {
		return
	}
	one.N, one.Zero = one.N*count, one.Zero*count
	for b := range one.Above {
		one.Above[b] = count
	}
	for b := range one.Below {
		one.Below[b] = count
	}
	h.Merge(one)
}
