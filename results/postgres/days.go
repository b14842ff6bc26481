package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

const day = 24 * 60 * 60 * 1000 // milliseconds

// daySQL is the start of a time's day.
func daySQL(t string) string {
	return fmt.Sprintf("(%s - ((%[1]s %% %[2]d) + %[2]d) %% %[2]d)", t, day)
}

// isGrown reports whether a measure's cells are what the days add up to.
func (r *reading) isGrown(m *events.Measure) bool {
	return r.q.Days && len(r.q.Attributes) == 0 && r.q.Covariate == 0 && !m.Histogram && (m.Absent == 0 || m.OnlyPresent)
}

func (r *reading) isNotGrown(m *events.Measure) bool { return !r.isGrown(m) }

// isGrowing reports whether a measure is followed by day.
func (r *reading) isGrowing(m *events.Measure) bool { return r.q.Days && !m.Histogram }

// growingTraffic counts the units by the day of t0. For measures they are there
// with the value 0 from then on, unless those leave out who did nothing.
func (r *reading) growingTraffic() error {
	s := newStatement(r)
	s.units()
	s.add("SELECT ", daySQL("t0"), " AS day, weights_version, variation, count(*)")
	for i := range r.q.Measures {
		s.add(", count(*) FILTER (WHERE ", s.matured(r.q.Measures[i].Window), ")")
	}
	s.add(" FROM units WHERE NOT crossed GROUP BY 1, 2, 3")
	return r.each(s, func(rows pgx.Rows) error {
		var k dayKey
		var units int64
		matured := make([]int64, len(r.q.Measures))
		targets := []any{&k.start, &k.weightsVersion, &k.variation, &units}
		for i := range matured {
			targets = append(targets, &matured[i])
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		day := r.out.dayGroup(k)
		day.Traffic = units
		for i := range r.q.Measures {
			m := &r.q.Measures[i]
			if m.Histogram || m.OnlyPresent {
				continue
			}
			day.Growths[i].Units = matured[i]
			if r.isGrown(m) {
				r.out.grow(k, i, &grown{rawCell: rawCell{units: matured[i]}})
			}
		}
		return nil
	})
}

// growths computes how the sums of measures grew.
func (r *reading) growths(first, end int) error {
	chosen := r.choose(first, end, r.isGrowing)
	if len(chosen) == 0 {
		return nil
	}
	s := r.growing(chosen)
	return r.each(s.statement, func(rows pgx.Rows) error {
		var group int64
		targets := []any{&group}
		days := make([]grown, len(s.all))
		for i, m := range s.all {
			targets = append(targets, days[i].targets(m)...)
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		k := r.out.dayOf(group)
		for i, m := range s.all {
			if err := days[i].read(m); err != nil {
				return err
			}
			r.out.growth(k, m.index, &days[i])
			if r.isGrown(m.Measure) {
				r.out.grow(k, m.index, &days[i])
			}
		}
		return nil
	})
}

// dayOf reads the sum of a day and a part.
func (a *assembly) dayOf(group int64) dayKey {
	part := (group%day + day) % day
	return dayKey{group - part, a.parts[part].weightsVersion, a.parts[part].variation}
}

// growing writes the statement.
func (r *reading) growing(chosen []int) *measuring {
	s := &measuring{statement: newStatement(r)}
	s.done()
	var running, states, compared, selected []string
	for _, i := range chosen {
		m := newMeasured(s.statement, i)
		m.look(&s.looks, m.present())
		s.all = append(s.all, m)
		states = append(states, m.states()...)
		compared = append(compared, m.compared()...)
		selected = append(selected, m.grown()...)
	}
	changes := ""
	for i, part := range ofSingle.parts("value") {
		changes += fmt.Sprintf(", %s AS %s", part, partNames[i])
	}
	for _, k := range s.looks.all {
		changes += ", " + k.hit()
		running = append(running, k.running()...)
	}
	s.apart("changes", "SELECT n, %s AS day, t, t0, part, value%s FROM done", daySQL("greatest(t, t0)"), changes)
	s.apart("running", "SELECT *, %s FROM changes WINDOW so_far AS (PARTITION BY n ORDER BY day ROWS UNBOUNDED PRECEDING)",
		strings.Join(running, ", "))
	s.apart("states", "SELECT *, %s FROM running", strings.Join(states, ", "))
	s.apart("compared", "SELECT *, %s FROM states", strings.Join(compared, ", "))
	// One number is the key: of several, planners expect too many groups to hash.
	s.add("SELECT day + part, ", strings.Join(selected, ", "), " FROM compared GROUP BY day + part")
	return s
}
