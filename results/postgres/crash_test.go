package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/results/postgres"
	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
)

// records counts what is exported, and fails for what is there twice.
func records(t *testing.T, log events.Log) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	err := log.Export(context.Background(), tenant, func(b *events.Batch) error {
		for _, o := range b.Outcomes {
			if seen[o.ID] {
				t.Errorf("the outcome %s is there twice", o.ID)
			}
			seen[o.ID] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestCrash(t *testing.T) {
	t.Parallel()
	s := postgrestest.StartServer(t)
	log := open(t, s.DSN(), postgres.Options{})
	const writers, batches, each = 3, 40, 200
	batch := func(writer, n int) *events.Batch {
		b := &events.Batch{}
		for i := range each {
			id := strings.Repeat("x", 20) + string(rune('a'+writer)) + "-" + time.Duration(n*each+i).String()
			b.Outcomes = append(b.Outcomes, events.Outcome{ID: id, Event: "login", Unit: id[:22], Time: start})
		}
		return b
	}
	var acknowledged atomic.Int64
	var mu sync.Mutex
	var kept []*events.Batch
	var running sync.WaitGroup
	for writer := range writers {
		running.Go(func() {
			for n := range batches {
				b := batch(writer, n)
				if log.Append(context.Background(), tenant, b) != nil {
					return
				}
				acknowledged.Add(1)
				mu.Lock()
				kept = append(kept, b)
				mu.Unlock()
			}
		})
	}
	for acknowledged.Load() < 15 {
		time.Sleep(time.Millisecond)
	}
	s.Kill()
	running.Wait()
	if len(kept) == writers*batches {
		t.Fatal("all was written before the server was killed")
	}
	err := log.Append(context.Background(), tenant, batch(0, 0))
	if !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("appending without a server: %v", err)
	}

	s.Restart()
	seen := records(t, log)
	for _, b := range kept {
		for _, o := range b.Outcomes {
			if !seen[o.ID] {
				t.Fatalf("the acknowledged outcome %s is gone", o.ID)
			}
		}
	}
	t.Logf("%d batches were acknowledged, %d outcomes are there", len(kept), len(seen))
	for writer := range writers {
		for n := range batches {
			if err := log.Append(context.Background(), tenant, batch(writer, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if seen := records(t, log); len(seen) != writers*batches*each {
		t.Errorf("%d outcomes are there", len(seen))
	}
}

// TestRecovery has all of a log's connections broken at once.
func TestRecovery(t *testing.T) {
	t.Parallel()
	s := postgrestest.StartServer(t)
	log := open(t, s.DSN(), postgres.Options{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = log.Query(context.Background(), simple()) }) // fills the pool
	}
	all.Wait()
	s.Kill()
	for name, call := range map[string]func(context.Context) error{
		"append":  func(ctx context.Context) error { return log.Append(ctx, tenant, stream(1, false)[0]) },
		"query":   func(ctx context.Context) error { _, err := log.Query(ctx, simple()); return err },
		"tenants": func(ctx context.Context) error { _, err := log.Tenants(ctx); return err },
		"prune":   func(ctx context.Context) error { return log.Prune(ctx, 1) },
		"export": func(ctx context.Context) error {
			return log.Export(ctx, tenant, func(*events.Batch) error { return nil })
		},
	} {
		if err := call(context.Background()); !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("%s without a server: %v", name, err)
		}
	}
	s.Restart()
	feed(t, log, stream(10, true))
	eventstest.Ask(t, log, full())
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	s := postgrestest.StartServer(t)
	log := open(t, s.DSN(), postgres.Options{})
	s.Pause()
	defer s.Continue()
	for name, call := range map[string]func(context.Context) error{
		"append": func(ctx context.Context) error { return log.Append(ctx, tenant, stream(1, false)[0]) },
		"query":  func(ctx context.Context) error { _, err := log.Query(ctx, simple()); return err },
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		before := time.Now()
		err := call(ctx)
		cancel()
		if took := time.Since(before); took > time.Second {
			t.Errorf("%s took %s", name, took)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	before := time.Now()
	if _, err := postgres.Open(context.Background(), s.DSN(), postgres.Options{}); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("opening: %v", err)
	}
	if took := time.Since(before); took > 6*time.Second {
		t.Errorf("opening took %s", took)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := postgrestest.StartServer(t)
	var told strings.Builder
	options := postgres.Options{Log: slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	refused := func(name, dsn, says string, unavailable bool) {
		t.Helper()
		log, err := postgres.Open(context.Background(), dsn, options)
		if err == nil {
			_ = log.Close()
			t.Errorf("%s: opened", name)
			return
		}
		t.Logf("%s: %v", name, err)
		if !strings.Contains(err.Error(), says) || errors.Is(err, events.ErrUnavailable) != unavailable {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(err.Error()+told.String(), "secret") {
			t.Errorf("%s: the password is in the error", name)
		}
	}
	refused("bad password", s.DSNOf("postgres", "secret1"), "password authentication failed", true)
	refused("no DSN", "postgres://u:secret@h:port/db", "the DSN is neither", false)
	refused("no DSN at all", "secret", "the DSN is neither", false)
	refused("closed port", "postgres://u:secret@127.0.0.1:1/db", "connection refused", true)
	refused("unreachable", "postgres://u:secret@192.0.2.1:5432/db", "out of reach", true)
	refused("unknown host", "postgres://u:secret@nowhere.invalid/db", "out of reach", true)

	s.Exec("CREATE ROLE reader LOGIN PASSWORD 'readersecret'")
	reader := s.DSNOf("reader", "readersecret")
	refused("user without rights", reader, "permission denied", true)
	open(t, s.DSN(), options)
	s.Exec(`GRANT USAGE ON SCHEMA experiments TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA experiments TO reader`)
	log := open(t, reader, options)
	eventstest.Ask(t, log, full())
	err := log.Append(context.Background(), tenant, stream(1, false)[0])
	if err == nil || !strings.Contains(err.Error(), "permission denied") || !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("appending as a reader: %v", err)
	}

	s.Exec("UPDATE experiments.version SET version = 99")
	refused("newer", s.DSN(), "version 99, newer than 1", false)
}

func TestTwoLogs(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.Start(t)
	batches := stream(4_000, true)
	model := eventstest.NewModel()
	feed(t, model, batches)
	logs := make([]*postgres.Log, 2)
	var opened, running sync.WaitGroup
	for i := range logs {
		opened.Go(func() { logs[i] = open(t, dsn, postgres.Options{}) })
	}
	opened.Wait()
	for _, log := range logs {
		running.Go(func() { feed(t, log, batches) })
		running.Go(func() { feed(t, log, batches) })
	}
	running.Wait()
	want := eventstest.Ask(t, model, full())
	for _, log := range logs {
		if d := eventstest.Difference(eventstest.Ask(t, log, full()), want, tolerance); d != "" {
			t.Error(d)
		}
	}
}
