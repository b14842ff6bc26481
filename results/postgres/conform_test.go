package postgres_test

import (
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/results/postgres"
	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
)

// tolerance is how far sums may be from the exact ones, relatively.
const tolerance = 1e-12

// TestConform asks some hundred queries, with CONFORM=full some thousand: each is
// several statements that a server has to plan.
func TestConform(t *testing.T) {
	t.Parallel()
	if os.Getenv("CONFORM") != "full" {
		if err := flag.Set("test.short", "true"); err != nil { // Conform looks at it
			t.Fatal(err)
		}
	}
	dsn := postgrestest.Start(t)
	var logs atomic.Int64
	eventstest.Conform(t, tolerance, func(t *testing.T) events.Log {
		return open(t, dsn, postgres.Options{Schema: fmt.Sprintf("conform %d", logs.Add(1)), MaxConns: 2})
	})
}

func open(t testing.TB, dsn string, options postgres.Options) *postgres.Log {
	t.Helper()
	log, err := postgres.Open(t.Context(), dsn, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}
