package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// few rows are read fast, whatever a planner takes them for.
const few = 1000

// keep computes a table that several statements read. It lasts as long as the
// transaction.
func (r *reading) keep(name string, write func(*statement) string) error {
	s := newStatement(r)
	s.add(write(s))
	made, err := r.tx.Exec(r.ctx, "CREATE TEMPORARY TABLE "+name+" ON COMMIT DROP AS "+s.String(), s.arguments...)
	if err != nil {
		return err
	}
	r.kept[name] = true
	if made.RowsAffected() > few {
		_, err = r.tx.Exec(r.ctx, "ANALYZE "+name)
	}
	return err
}

// keepUnits keeps the units, or finds out that the database lets nothing be kept:
// statements name what they read then, and it is computed for each of them.
func (r *reading) keepUnits() error {
	attempt := *r
	err := pgx.BeginFunc(r.ctx, r.tx, func(tx pgx.Tx) error {
		attempt.tx = tx
		return attempt.keep("units", (*statement).selectUnits)
	})
	r.keeps = err == nil
	if isRefusal(err) {
		return nil
	}
	return err
}

// keepDone keeps the outcomes if several statements read them.
func (r *reading) keepDone() error {
	if !r.keeps || r.readers() < 2 {
		return nil
	}
	return r.keep("done", (*statement).selectDone)
}

// readers counts the statements that read outcomes.
func (r *reading) readers() int {
	readers := len(r.q.Chains)
	for first := 0; first < len(r.q.Measures); first += together {
		for _, wanted := range []func(*events.Measure) bool{hasCap, hasHistogram, r.isGrowing, r.isNotGrown} {
			if len(r.choose(first, min(first+together, len(r.q.Measures)), wanted)) > 0 {
				readers++
			}
		}
	}
	return readers
}

// isRefusal reports whether a temporary table may not be made: by this user, in
// a transaction or a server that only reads, or in this kind of database.
func isRefusal(err error) bool {
	var reply *pgconn.PgError
	return errors.As(err, &reply) && (reply.Code == "42501" || reply.Code == "25006" || reply.Code == "0A000")
}

// from has a statement read units or outcomes, wherever they are.
func (s *statement) from(name string, write func(*statement) string) {
	if s.kept[name] || s.has[name] {
		return
	}
	s.has[name] = true
	s.with(name, "%s", write(s))
}

func (s *statement) units() { s.from("units", (*statement).selectUnits) }

// done are the outcomes that the query asks for.
func (s *statement) done() { s.from("done", (*statement).selectDone) }
