package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/embedded"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// choosy is a log that refuses outcomes whose id begins with "bad", and does not
// work for some tenants.
type choosy struct {
	events.Log
	broken atomic.Pointer[string] // the beginning of the tenants' names; nil: none
}

func (l *choosy) Append(ctx context.Context, tenant string, b *events.Batch) error {
	if broken := l.broken.Load(); broken != nil && strings.HasPrefix(tenant, *broken) {
		return errors.New("a block is damaged")
	}
	for _, o := range b.Outcomes {
		if strings.HasPrefix(o.ID, "bad") {
			return fmt.Errorf("%w: %s", events.ErrRefused, o.ID)
		}
	}
	return l.Log.Append(ctx, tenant, b)
}

func (l *choosy) breakFor(tenant string) { l.broken.Store(&tenant) }

// keep opens a log of the real kind.
func keep(t testing.TB) *choosy {
	t.Helper()
	log, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return &choosy{Log: log}
}

// outcomes returns how often each outcome of a tenant is in a log.
func outcomes(t *testing.T, log events.Log, tenant string) map[string]int {
	t.Helper()
	found := map[string]int{}
	if err := log.Export(context.Background(), tenant, func(b *events.Batch) error {
		for _, o := range b.Outcomes {
			found[o.ID]++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestPoison sends messages of every bad kind over a real Redis, between good ones.
// All good records arrive once, the others are counted, and nothing stays behind.
func TestPoison(t *testing.T) {
	server := redistest.Start(t)
	q, log := served(t, server), keep(t)
	e := startEdge(t, t.TempDir(), served(t, server))
	e.stop()
	var told bytes.Buffer
	r := &Receiver{Queue: served(t, server), Log: log, Logger: slog.New(slog.NewTextHandler(&told, nil))}
	var want, dropped, rejected int
	spoil := func(body string) {
		if _, err := q.Add(t.Context(), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	good := func() {
		e.Append("t", fmt.Sprint("good", want))
		want++
	}
	good()
	for name, bad := range eventstest.Poison() {
		if _, err := e.Spool.Append("t", bad); err == nil {
			rejected++ // by the receiver or its log
		} else if !errors.Is(err, events.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		good()
	}
	mixed := eventstest.Good("bad1", "good-mixed", "bad2", "good-mixed2")
	mixed.Merge(&events.Batch{Outcomes: []events.Outcome{{ID: "long" + strings.Repeat("x", events.MaxText), Event: "s", Unit: "u", Time: 1}}})
	if _, err := e.Spool.Append("t", mixed); err != nil {
		t.Fatal(err)
	}
	want, rejected = want+2, rejected+3
	e.stop = run(e.Sender.Run)
	for i, body := range []string{
		"", "x", "experiments.relay.v2 s 0 0 1\n", "experiments.relay.v1 s 0 0 1\nt 5\n{}", "experiments.relay.v1 s 5 4 6\n",
		"experiments.relay.v1 s 0 0 1\n" + strings.Repeat("t 0\n", maxSections+1),
		"experiments.relay.v1 s 0 0 1\nt " + fmt.Sprint(maxMessage) + "\n" + strings.Repeat("\n", maxMessage),
	} {
		spoil(body)
		dropped++
		good()
		lines := []string{"{}", "[", "[]", "[1]", "null", "{\"a\":", strings.Repeat("{\"a\":", 1000), "\xff\xfe", `{"event":"s","unit":"u","t":-1}`}[i:]
		for _, line := range lines {
			spoil(fmt.Sprintf("experiments.relay.v1 other%d 0 0 1\nt %d\n%s\n", i, len(line)+1, line))
			if line != "[]" {
				rejected++
			}
		}
	}
	t.Cleanup(run(r.Run))
	within(t, time.Minute, "all is confirmed", func() bool { return e.pending() == 0 })
	within(t, time.Minute, "all is deleted", func() bool {
		messages, err := q.Read(t.Context(), 10, 0)
		return err == nil && len(messages) == 0
	})
	found := 0
	for id, times := range outcomes(t, log, "t") {
		if strings.HasPrefix(id, "good") {
			found++
		} else if strings.HasPrefix(id, "bad") {
			t.Errorf("there is %.20q", id)
		}
		if times != 1 {
			t.Errorf("%q is there %d times", id, times)
		}
	}
	if found != want || int(r.Dropped()) != dropped || int(r.Rejected()) != rejected {
		t.Errorf("%d of %d are there; %d of %d dropped, %d of %d rejected", found, want, r.Dropped(), dropped, r.Rejected(), rejected)
	}
	if since, err := r.Trouble(); err != nil {
		t.Errorf("trouble since %s: %v", since, err)
	}
	if lines := strings.Count(told.String(), "\n"); lines == 0 || lines > 4 {
		t.Errorf("%d lines were logged:\n%s", lines, told.String())
	}
}

// TestStuckTenant has a log that works for one tenant only. What is of the other one
// stays in the queue, and arrives when the log works again.
func TestStuckTenant(t *testing.T) {
	server := redistest.Start(t)
	log := keep(t)
	log.breakFor("a")
	edges := []*edge{startEdge(t, t.TempDir(), served(t, server)), startEdge(t, t.TempDir(), served(t, server))}
	r, _ := startReceiver(t, served(t, server), log)
	for i := range 100 {
		edges[0].Append("a", fmt.Sprint("a", i))
		edges[1].Append("b", fmt.Sprint("b", i))
	}
	within(t, time.Minute, "the other tenant's are there", func() bool { return len(outcomes(t, log, "b")) == 100 && edges[1].pending() == 0 })
	within(t, time.Minute, "trouble is told of", func() bool { _, err := r.Trouble(); return err != nil })
	if edges[0].pending() != 100 || r.Rejected() != 0 {
		t.Errorf("%d are pending, %d rejected", edges[0].pending(), r.Rejected())
	}
	log.breakFor("none")
	within(t, time.Minute, "all is there", func() bool { return len(outcomes(t, log, "a")) == 100 && edges[0].pending() == 0 })
	within(t, time.Minute, "the trouble is over", func() bool { _, err := r.Trouble(); return err == nil })
}

// TestGiveUp has such a log for longer than a receiver waits, and one spool for both
// tenants.
func TestGiveUp(t *testing.T) {
	server := redistest.Start(t)
	log := keep(t)
	log.breakFor("a")
	e := startEdge(t, t.TempDir(), served(t, server))
	for i := range 200 {
		e.Append("b", fmt.Sprint("b", i))
		e.Append("a", fmt.Sprint("a", i))
	}
	r := &Receiver{Queue: served(t, server), Log: log, GiveUp: time.Millisecond}
	t.Cleanup(run(r.Run))
	// That the log takes what is of others is known as long as there is something.
	more := 0
	within(t, time.Minute, "all of the tenant is given up", func() bool {
		e.Append("b", fmt.Sprint("more", more))
		more++
		time.Sleep(10 * time.Millisecond)
		return r.Rejected() >= 200
	})
	within(t, time.Minute, "all is confirmed", func() bool { return e.pending() == 0 })
	if found := len(outcomes(t, log, "b")); found != 200+more || r.Rejected() != 200 {
		t.Errorf("%d of %d are there, %d were rejected", found, 200+more, r.Rejected())
	}
}

// TestNothingIsGivenUp has a log that takes nothing at all: that is no fault of the
// records.
func TestNothingIsGivenUp(t *testing.T) {
	server := redistest.Start(t)
	log := keep(t)
	log.breakFor("")
	e := startEdge(t, t.TempDir(), served(t, server))
	r := &Receiver{Queue: served(t, server), Log: log, GiveUp: time.Millisecond}
	t.Cleanup(run(r.Run))
	e.Append("b", "late")
	e.Append("a", "late")
	within(t, time.Minute, "trouble is told of", func() bool { _, err := r.Trouble(); return err != nil })
	time.Sleep(300 * time.Millisecond)
	if e.pending() != 2 || r.Rejected() != 0 {
		t.Errorf("%d are pending, %d rejected", e.pending(), r.Rejected())
	}
	log.breakFor("none")
	within(t, time.Minute, "all is there", func() bool { return e.pending() == 0 && outcomes(t, log, "a")["late"] == 1 })
}

// TestTooLarge has an entry in the spool that fits into no message.
func TestTooLarge(t *testing.T) {
	q, log := newLossy(0), newLedger()
	e := startEdge(t, t.TempDir(), q)
	startReceiver(t, q, log)
	e.Append("t", "a")
	within(t, time.Minute, "the first is confirmed", func() bool { return e.pending() == 0 })
	e.stop()
	before, after := e.Spool.Sender(), log.len()
	s := &Sender{Spool: e.Spool, Queue: q}
	s.complete()
	m, _ := bundle([]spool.Entry{{Seq: 1 << 20, Tenant: "t", Lines: bytes.Repeat([]byte("x"), maxMessage)}}, 1)
	if err := s.send(t.Context(), m, 1); err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "it is confirmed", func() bool { return q.length() == 0 })
	if s.Dropped() != 1 || log.len() != after || e.Spool.Sender() != before {
		t.Errorf("%d dropped, %d in the log", s.Dropped(), log.len())
	}
}
