package postgres_test

import (
	"math/rand/v2"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/results/postgres"
	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
)

// TestReaders asks as users who may not make temporary tables.
func TestReaders(t *testing.T) {
	t.Parallel()
	s := postgrestest.StartServer(t)
	writer, model := open(t, s.DSN(), postgres.Options{}), eventstest.NewModel()
	r := rand.New(rand.NewPCG(13, 14))
	batches := []*events.Batch{eventstest.Batch(r, 150), eventstest.Batch(r, 150)}
	feed(t, writer, batches)
	feed(t, model, batches)
	s.Exec(`CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT USAGE ON SCHEMA experiments TO reader;
		GRANT SELECT ON ALL TABLES IN SCHEMA experiments TO reader; REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC`)
	for name, dsn := range map[string]string{
		"user": s.DSNOf("reader", "reader"), "transaction": s.DSN() + "&default_transaction_read_only=on",
	} {
		log := open(t, dsn, postgres.Options{})
		for range 25 {
			q := eventstest.AnyQuery(r, tenant)
			if d := eventstest.Difference(eventstest.Ask(t, log, q), eventstest.Ask(t, model, q), tolerance); d != "" {
				t.Fatalf("%s: of %+v\n%s", name, q, d)
			}
		}
	}
}
