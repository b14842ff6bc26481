package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// attributes are the columns that an answer may be sliced by.
var attributes = []string{"device_type", "browser", "country", "region"}

// Query implements events.Log. All of its statements see the same state of the
// tables.
func (l *Log) Query(ctx context.Context, q events.Query) (*events.Answer, error) {
	for _, attribute := range q.Attributes {
		if !slices.Contains(attributes, attribute) {
			return nil, fmt.Errorf("querying events: attribute %q is not kept", attribute)
		}
	}
	var answer *events.Answer
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead} // read only ones refuse temporary tables
	err := pgx.BeginTxFunc(ctx, l.pool, options, func(tx pgx.Tx) (err error) {
		answer, err = (&reading{ctx: ctx, tx: tx, tables: l.tables, q: &q, kept: map[string]bool{}}).answer()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("querying events: %w", l.explain(ctx, err))
	}
	return answer, nil
}

// reading is the work on one query.
type reading struct {
	ctx    context.Context
	tx     pgx.Tx
	tables tables
	q      *events.Query
	// indirect says that there are outcomes that do not name their unit.
	indirect bool
	out      *assembly
	// happenings are the events that are asked for.
	happenings []string
	// keeps says that temporary tables may be made, kept which of them there are.
	keeps bool
	kept  map[string]bool
}

func (r *reading) answer() (*events.Answer, error) {
	r.out = newAssembly(r.q)
	r.happenings = r.wanted()
	steps := []func() error{r.keepUnits, r.traffic, r.apart, r.splits, r.lookForIndirect, r.keepDone}
	if r.q.Days {
		steps = append(steps, r.growingTraffic)
	}
	for first := 0; first < len(r.q.Measures); first += together {
		steps = append(steps, func() error { return r.measures(first, min(first+together, len(r.q.Measures))) })
	}
	for i := range r.q.Chains {
		steps = append(steps, func() error { return r.chain(i) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.out.finish()
}

// each has the rows of a statement scanned.
func (r *reading) each(s *statement, scan func(pgx.Rows) error) error {
	rows, err := r.tx.Query(r.ctx, s.String(), s.arguments...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// traffic counts the units.
func (r *reading) traffic() error {
	s := newStatement(r)
	s.units()
	s.slices("crossed, count(*), min(t0), max(t0) FROM units", "crossed")

	return r.each(s, func(rows pgx.Rows) error {
		var key key
		var crossed bool
		var units, first, last int64
		if err := rows.Scan(&key.slice, &key.value, &key.weightsVersion, &key.variation, &crossed, &units, &first, &last); err != nil {
			return err
		}
		r.out.traffic(key, crossed, units, events.Millis(first), events.Millis(last))
		return nil
	})
}

// apart counts what is never analysed.
func (r *reading) apart() error {
	s := newStatement(r)
	s.add(`SELECT variation, sum(bot)::bigint, sum(forced)::bigint FROM (
		SELECT unit, variation, max(bot) AS bot, max(forced) AS forced FROM `, r.tables.exposures, s.bounds(),
		` AND bot + forced > 0 GROUP BY unit, variation) AS seen GROUP BY variation ORDER BY variation`)
	return r.each(s, func(rows pgx.Rows) error {
		var a events.Apart
		err := rows.Scan(&a.Variation, &a.Bots, &a.Forced)
		a.Variation = plain(a.Variation)
		r.out.answer.Apart = append(r.out.answer.Apart, a)
		return err
	})
}

func (r *reading) splits() error {
	s := newStatement(r)
	s.add("SELECT weights_version, weights FROM ", r.tables.splits, " WHERE tenant = ", s.text(r.q.Tenant),
		" AND experiment = ", s.text(r.q.Experiment), " AND iteration = ", s.text(r.q.Iteration), " ORDER BY weights_version")
	return r.each(s, func(rows pgx.Rows) error {
		split := events.Split{Experiment: r.q.Experiment, Iteration: r.q.Iteration}
		var weights string
		if err := rows.Scan(&split.WeightsVersion, &weights); err != nil {
			return err
		}
		split.WeightsVersion = plain(split.WeightsVersion)
		r.out.answer.Splits = append(r.out.answer.Splits, split)
		return json.Unmarshal([]byte(plain(weights)), &r.out.answer.Splits[len(r.out.answer.Splits)-1].Weights)
	})
}

// lookForIndirect finds out whether outcomes need to be given to units: where
// none do, statements are simpler.
func (r *reading) lookForIndirect() error {
	s := newStatement(r)
	s.add("SELECT EXISTS (SELECT 1 FROM ", r.tables.outcomes, " WHERE tenant = ", s.text(r.q.Tenant),
		" AND event IN (", s.texts(r.happenings), ") AND unit = '')")
	return r.tx.QueryRow(r.ctx, s.String(), s.arguments...).Scan(&r.indirect)
}

func millis(d time.Duration) int64 { return d.Milliseconds() }
