package caddymodule

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/results/embedded"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/postgres"
	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not happen", what)
		}
	}
}

// kept counts the outcomes in a log by tenant and id.
func kept(t *testing.T, log events.Log) map[string]int {
	t.Helper()
	counts := map[string]int{}
	tenants, err := log.Tenants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range tenants {
		err := log.Export(t.Context(), tenant, func(b *events.Batch) error {
			for _, o := range b.Outcomes {
				counts[tenant+" "+o.ID]++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return counts
}

// poisons are outcomes that the embedded log never keeps.
func poisons() []events.Outcome {
	nan, infinite, long := math.NaN(), math.Inf(1), strings.Repeat("x", 5000)
	return []events.Outcome{
		{ID: "nobody's", Event: "s", Time: 1},
		{ID: "nan", Event: "s", Unit: "u", Value: &nan, Time: 1},
		{ID: "infinite", Event: "s", Unit: "u", Value: &infinite, Time: 1},
		{ID: long, Event: "s", Unit: "u", Time: 1},
		{ID: "long event", Event: long, Unit: "u", Time: 1},
		{ID: "long unit", Event: "s", Unit: long, Time: 1},
		{ID: "long user", Event: "s", UserID: long, Time: 1},
	}
}

// TestPoisonedQueue has events among others that the log never keeps, and a tenant
// that has no others.
func TestPoisonedQueue(t *testing.T) {
	log, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	q := newEventQueue(func(ctx context.Context, tenant store.Tenant, b *events.Batch) error {
		return log.Append(ctx, string(tenant), b)
	}, &loggers{first: zap.NewNop()})
	defer q.close() //nolint:errcheck // the test has ended
	const each = 200
	bad := uint64(0)
	for i := range each {
		for tenant := range 3 {
			q.conclude(fmt.Sprint("good/", tenant), events.Outcome{ID: fmt.Sprint(i), Event: "s", Unit: "u", Time: 1})
		}
		if i%20 == 0 {
			for _, o := range poisons() {
				q.conclude("good/1", o)
				q.conclude("all/bad", o)
				bad += 2
			}
		}
	}
	until(t, "that all are delivered or dropped", func() bool { return len(kept(t, log)) >= 3*each && q.dropped.Load() >= bad })
	counts := kept(t, log)
	if len(counts) != 3*each || q.dropped.Load() != bad {
		t.Errorf("%d are kept and %d dropped, want %d and %d", len(counts), q.dropped.Load(), 3*each, bad)
	}
	for id, n := range counts {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
}

// TestPoisonedSpool has events in the spool among others that the database never
// takes, and some that cannot be read.
func TestPoisonedSpool(t *testing.T) {
	dsn := postgrestest.Start(t)
	log, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	connection, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(context.Background())
	if _, err := connection.Exec(t.Context(), "ALTER TABLE experiments.outcomes ADD CHECK (event <> 'forbidden')"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s, err := spool.Open(dir, spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const each = 300
	bad := uint64(0)
	for i := range each {
		tenant := fmt.Sprint("good/", i%3)
		batch := &events.Batch{Outcomes: []events.Outcome{{ID: fmt.Sprint(i), Event: "s", Unit: "u", Time: 1}}}
		switch i % 30 {
		case 10:
			batch.Outcomes = append(batch.Outcomes, events.Outcome{ID: "x", Event: "forbidden", Unit: fmt.Sprint("u", i), Time: 1})
			bad++
		case 20:
			for _, o := range poisons() { // which cannot be read again
				if o.Value == nil { // those lose their value on the way
					batch.Outcomes = append(batch.Outcomes, o)
					bad++
				}
			}
		case 25:
			all := &events.Batch{Outcomes: []events.Outcome{{ID: "x", Event: "forbidden", Unit: fmt.Sprint("u", i), Time: 1}}}
			if _, err := s.Append("all/bad", all); err != nil {
				t.Fatal(err)
			}
			bad++
		}
		if _, err := s.Append(tenant, batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	k := newEventKeeping(eventParts{
		log: newSharedLog(func(ctx context.Context) (events.Log, error) {
			return postgres.Open(ctx, dsn, postgres.Options{})
		}),
		spool: newSharedSpool(dir),
	}, zap.NewNop())
	k.start(zap.NewNop())
	t.Cleanup(func() {
		for _, end := range []func() error{k.Destruct, k.log.Destruct, k.spool.Destruct} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
	})
	until(t, "that the spool is empty", func() bool { waiting, _ := k.spool.pending(); return waiting == 0 && len(kept(t, log)) >= each })
	until(t, "that what is refused is counted", func() bool { return k.queue.dropped.Load() >= bad })
	counts := kept(t, log)
	if len(counts) != each || k.queue.dropped.Load() != bad {
		t.Errorf("%d are kept and %d dropped, want %d and %d", len(counts), k.queue.dropped.Load(), each, bad)
	}
	if err := k.trouble(); err != nil {
		t.Errorf("the trouble is %v", err)
	}
	// What is refused at once is not put into the spool first.
	err = k.append(t.Context(), "good/1", &events.Batch{Outcomes: []events.Outcome{{ID: "y", Event: "forbidden", Unit: "u", Time: 1}}})
	if waiting, _ := k.spool.pending(); err == nil || waiting != 0 || k.trouble() != nil {
		t.Errorf("it is answered with %v, %d wait, the trouble is %v", err, waiting, k.trouble())
	}
}
