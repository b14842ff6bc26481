package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

func hasCap(m *events.Measure) bool       { return m.Cap != 0 }
func hasHistogram(m *events.Measure) bool { return m.Histogram }

// caps finds where values are cut. The buckets are those of results.Histogram,
// which only that package knows: the database counts equal values.
func (r *reading) caps(first, end int) error {
	chosen := r.choose(first, end, hasCap)
	if len(chosen) == 0 {
		return nil
	}
	s := r.measuring(chosen)
	for i, m := range s.all {
		if i > 0 {
			s.add("\nUNION ALL ")
		}
		s.add(fmt.Sprintf("SELECT %d, abs(%s)::double precision, count(*) FROM valued WHERE %s AND %[2]s <> 0 GROUP BY abs(%[2]s)",
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
	chosen := r.choose(first, end, hasHistogram)
	if len(chosen) == 0 {
		return nil
	}
	s := r.measuring(chosen)
	for i, m := range s.all {
		if i > 0 {
			s.add("\nUNION ALL ")
		}
		s.slices(fmt.Sprintf("%d AS measure, %s::double precision AS y, count(*) FROM valued WHERE %s",
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
