package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-experiments/caddy-experiments/results"
)

// chain counts how far the units came in a chain: step by step the earliest
// outcome that is not before the step before it.
func (r *reading) chain(i int) error {
	c := &r.q.Chains[i]
	s := newStatement(r)
	s.units()
	s.done()
	columns, joins := "", ""
	for k, event := range c.Events {
		condition := s.within(event, millis(c.Window), c.Window != 0)
		if k == 0 {
			s.with("step0", "SELECT n, min(t) AS reached FROM done WHERE %s GROUP BY n", condition)
		} else {
			s.with(fmt.Sprintf("step%d", k), `SELECT done.n, min(t) AS reached FROM done
				JOIN step%d AS before ON before.n = done.n AND t >= before.reached WHERE %s GROUP BY done.n`, k-1, condition)
		}
		columns += fmt.Sprintf(", step%d.reached AS reached%[1]d", k)
		joins += fmt.Sprintf(" LEFT JOIN step%d ON step%[1]d.n = units.n", k)
	}
	s.with("came", "SELECT weights_version, variation%s%s FROM units%s WHERE NOT crossed AND %s",
		s.columns(""), columns, joins, s.matured(c.Window))
	selected := []string{"count(*)"}
	for k := range c.Events {
		selected = append(selected, fmt.Sprintf("count(reached%d)", k))
	}
	s.slices(strings.Join(selected, ", ") + " FROM came")
	return r.each(s, func(rows pgx.Rows) error {
		var k key
		reached := make([]int64, len(c.Events))
		var funnel results.Funnel
		targets := []any{&k.slice, &k.value, &k.weightsVersion, &k.variation, &funnel.Exposed}
		for i := range reached {
			targets = append(targets, &reached[i])
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for _, n := range reached {
			if n > 0 {
				funnel.Reached = append(funnel.Reached, n)
			}
		}
		r.out.funnel(k, i, funnel)
		return nil
	})
}
