package postgres

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// daySQL is the start of a time's day.
func daySQL(t string) string {
	const day = 24 * 60 * 60 * 1000
	return fmt.Sprintf("(%s - ((%[1]s %% %[2]d) + %[2]d) %% %[2]d)", t, day)
}

// growingTraffic counts the units by the day of t0.
func (r *reading) growingTraffic() error {
	s := newStatement(r)
	s.units()
	s.add("SELECT ", daySQL("t0"), " AS day, weights_version, variation, count(*) FROM units WHERE NOT crossed GROUP BY 1, 2, 3")
	return r.each(s, func(rows pgx.Rows) error {
		var k dayKey
		var units int64
		if err := rows.Scan(&k.start, &k.weightsVersion, &k.variation, &units); err != nil {
			return err
		}
		r.out.dayGroup(k).Traffic = units
		return nil
	})
}

// days computes how the sums of a measure grew: for each unit and each day on
// which it did something, what it was at the end of that day and of the one
// before.
func (r *reading) days(i int) error {
	s := newStatement(r)
	s.units()
	m := newMeasured(s, i)
	s.done(!m.isCounted(), m.Event, m.denominator())
	m.states()
	s.add(`SELECT day, weights_version, variation, sum(counted - counted_before)::bigint, sum(event - event_before)::bigint,
		sum(y - y_before)::text, sum(y * y - y_before * y_before)::text, sum(d - d_before)::text,
		sum(d * d - d_before * d_before)::text, sum(y * d - y_before * d_before)::text
		FROM compared GROUP BY day, weights_version, variation`)
	return r.each(s, func(rows pgx.Rows) error {
		var k dayKey
		var g events.Growth
		var texts [5]*string
		err := rows.Scan(&k.start, &k.weightsVersion, &k.variation, &g.Units, &g.Events,
			&texts[0], &texts[1], &texts[2], &texts[3], &texts[4])
		if err != nil {
			return err
		}
		grew := g.Units != 0 || g.Events != 0
		for j, field := range []*results.Total{&g.Y, &g.YY, &g.D, &g.DD, &g.YD} {
			var sum *big.Float
			if sum, err = m.scale.sum(texts[j], []int{1, 2, 1, 2, 2}[j]); err != nil {
				return err
			}
			*field = total(sum)
			grew = grew || sum.Sign() != 0
		}
		if grew {
			r.out.dayGroup(k).Growths[i] = &g
		}
		return nil
	})
}

// states gives for each unit and day what it is then and what it was before.
func (m *measured) states() {
	m.changes()
	s := m.s
	y, d := m.cut(m.stateOf("y")), none
	if m.Denominator != "" {
		d = m.stateOf("d")
	}
	s.with("numbered", `SELECT unit, day, weights_version, variation, %s > 0 AS present, %s AS y, %s AS d
		FROM running WHERE place = 1`, m.column("n_y"), y, d)
	counted := fmt.Sprintf("abs(y) <= %s AND abs(d) <= %[1]s", s.number(results.LargestValue))
	if m.OnlyPresent {
		counted += " AND present"
	}
	s.with("judged", "SELECT unit, day, weights_version, variation, y, d, %s AS counted FROM numbered", counted)
	s.withKept("exact", `SELECT unit, day, weights_version, variation, counted::int AS counted, (counted AND y <> 0)::int AS event,
		CASE WHEN counted AND y <> 0 THEN %s ELSE 0 END AS y, CASE WHEN counted AND d <> 0 THEN %s ELSE 0 END AS d FROM judged`,
		m.scale.of("y"), m.scale.of("d"))
	zero := "0::numeric"
	if m.scale == whole {
		zero = "0::bigint"
	}
	s.with("compared", `SELECT day, weights_version, variation,
		counted, lag(counted, 1, 0) OVER past AS counted_before, event, lag(event, 1, 0) OVER past AS event_before,
		y, lag(y, 1, %s) OVER past AS y_before, d, lag(d, 1, %[1]s) OVER past AS d_before
		FROM exact WINDOW past AS (PARTITION BY unit ORDER BY day)`, zero)
}

// changes gives what a unit did on each day, with a row for the day of t0 in any
// case, and all that it did up to then. Rows of one day have the same sums.
func (m *measured) changes() {
	var changes, nothing, running []string
	for _, part := range []struct{ name, event string }{{"y", m.Event}, {"d", m.Denominator}} {
		if part.event == "" {
			continue
		}
		condition := m.within(part.event)
		n, sum := m.column("n_"+part.name), m.column("sum_"+part.name)
		seen, added := "count(*)", "0"
		if !m.isCounted() {
			seen, added = "count(value)", fmt.Sprintf("sum(scaled) FILTER (WHERE %s)", condition)
		}
		changes = append(changes, fmt.Sprintf("%s FILTER (WHERE %s) AS %s, coalesce(%s, 0)::numeric AS %s",
			seen, condition, n, added, sum))
		nothing = append(nothing, "0, 0::numeric")
		running = append(running, fmt.Sprintf("sum(%s) OVER so_far AS %[1]s, sum(%s) OVER so_far AS %[2]s", n, sum))
	}
	m.s.with("changes", `SELECT unit, %s AS day, %s FROM done GROUP BY unit, 2
		UNION ALL SELECT unit, %s, %s FROM units WHERE NOT crossed`,
		daySQL("greatest(t, t0)"), strings.Join(changes, ", "), daySQL("t0"), strings.Join(nothing, ", "))
	m.s.with("running", `SELECT c.unit, day, weights_version, variation, %s, row_number() OVER (PARTITION BY c.unit, day) AS place
		FROM changes AS c JOIN units AS u ON u.unit = c.unit WHERE %s
		WINDOW so_far AS (PARTITION BY c.unit ORDER BY day RANGE UNBOUNDED PRECEDING)`,
		strings.Join(running, ", "), m.s.matured(m.Measure))
}

// stateOf gives the SQL for a number of a unit on a day. Nothing is absent in it.
func (m *measured) stateOf(name string) string {
	return m.number(name, general.back(m.column("sum_"+name)), none)
}
