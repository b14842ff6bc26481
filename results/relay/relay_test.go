package relay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/embedded"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
)

func TestDelivers(t *testing.T) {
	q, log := newLossy(0), newLedger()
	want := map[string]bool{}
	edges := []*edge{startEdge(t, t.TempDir(), q), startEdge(t, t.TempDir(), q)}
	r, _ := startReceiver(t, q, log)
	for i := range 500 {
		tenant, id := fmt.Sprintf("t%d", i%3), fmt.Sprint(i)
		edges[i%2].Append(tenant, id)
		want[keyOf(tenant, id)] = true
	}
	for _, e := range edges {
		within(t, 10*time.Second, "all is confirmed", func() bool { return e.pending() == 0 })
		within(t, time.Second, "all is counted", func() bool { return e.Sender.Sent() == 250 && e.Sender.Confirmed() == 250 })
		if e.Sender.Resent() != 0 {
			t.Errorf("%d were sent again", e.Sender.Resent())
		}
	}
	if missing := log.misses(want); len(missing) > 0 || log.len() != len(want) {
		t.Errorf("%d of %d, missing %q", log.len(), len(want), missing)
	}
	within(t, time.Second, "all is deleted", func() bool { return q.length() == 0 })
	if r.Committed() != 500 || r.Dropped() != 0 || r.Rejected() != 0 || r.Received() == 0 {
		t.Errorf("%d committed, %d dropped, %d rejected", r.Committed(), r.Dropped(), r.Rejected())
	}
}

// TestLosesNothing has a queue lose whatever it can, edges and receivers
// restarted, and two receivers at a time.
func TestLosesNothing(t *testing.T) {
	duration := 15 * time.Second
	if testing.Short() {
		duration = 3 * time.Second
	}
	before := runtime.NumGoroutine()
	q, log := newLossy(0.05), newLedger()
	want := map[string]bool{}
	edges := []*edge{startEdge(t, t.TempDir(), q), startEdge(t, t.TempDir(), q)}
	_, stop := startReceiver(t, q, log)
	_, stopOther := startReceiver(t, q, log)
	for end, i := time.Now().Add(duration), 0; time.Now().Before(end); i++ {
		e := edges[rand.IntN(2)]
		tenant, id := fmt.Sprintf("t%d", i%3), fmt.Sprint(i)
		e.Append(tenant, id)
		want[keyOf(tenant, id)] = true
		switch rand.IntN(500) {
		case 0:
			e.Stop()
			e.start()
		case 1:
			stop()
			_, stop = startReceiver(t, q, log)
		case 2:
			stopOther()
		case 3:
			stopOther()
			_, stopOther = startReceiver(t, q, log)
		case 4:
			time.Sleep(20 * time.Millisecond)
		}
	}
	q.mu.Lock()
	q.chance = 0
	q.mu.Unlock()
	resent := uint64(0)
	for _, e := range edges {
		within(t, 60*time.Second, "all is confirmed", func() bool { return e.pending() == 0 })
		resent += e.Sender.Resent()
		e.Stop()
	}
	stop()
	stopOther()
	if missing := log.misses(want); len(missing) > 0 || log.len() != len(want) {
		t.Errorf("%d of %d, missing %q", log.len(), len(want), missing)
	}
	t.Logf("%d events, the last senders have sent %d again", len(want), resent)
	within(t, 5*time.Second, "no goroutines are left", func() bool { return runtime.NumGoroutine() <= before })
}

func TestLogFails(t *testing.T) {
	q, log := newLossy(0), newLedger()
	log.fail(errors.New("no"))
	e := startEdge(t, t.TempDir(), q)
	r, _ := startReceiver(t, q, log)
	for i := range 20 {
		e.Append("t", fmt.Sprint(i))
	}
	time.Sleep(500 * time.Millisecond)
	if e.pending() != 20 || r.Committed() != 0 || q.length() == 0 {
		t.Errorf("%d pending, %d committed, %d in the queue", e.pending(), r.Committed(), q.length())
	}
	if resent := e.Sender.Resent(); resent != 0 {
		t.Errorf("%d were sent again though they are there", resent)
	}
	log.fail(nil)
	within(t, 10*time.Second, "all is confirmed", func() bool { return e.pending() == 0 })
}

func TestForeignMessages(t *testing.T) {
	q, log := newLossy(0), newLedger()
	for _, body := range []string{"", "x", "experiments.relay.v1 s 0 0 1", "experiments.relay.v1 s 1 0 1\n", "experiments.relay.v1 s 0 5 5\n",
		"experiments.relay.v1 s 0 0 1\nt 100\nx", "experiments.relay.v1 s 0 0 1\nt -1\n", "experiments.relay.v1  0 0 1\n", "experiments.relay.v1 s 0 0 -1\n"} {
		_, _ = q.Add(t.Context(), []byte(body))
	}
	q.messages = append(q.messages, Message{ID: "bad", Err: errors.New("not signed")})
	_, _ = q.Add(t.Context(), []byte("experiments.relay.v1 s 0 0 1\nt 4\n{}7\n"))
	e := startEdge(t, t.TempDir(), q)
	e.Append("t", "a")
	r, _ := startReceiver(t, q, log)
	within(t, 10*time.Second, "all is confirmed", func() bool { return e.pending() == 0 })
	if r.Dropped() != 10 || r.Rejected() != 2 || log.len() != 1 {
		t.Errorf("%d dropped, %d rejected, %d in the log", r.Dropped(), r.Rejected(), log.len())
	}
}

// TestWindow has nobody receive.
func TestWindow(t *testing.T) {
	q := newLossy(0)
	e := startEdge(t, t.TempDir(), q)
	for i := range 2000 {
		e.Append("t", fmt.Sprint(i))
	}
	time.Sleep(300 * time.Millisecond)
	if n := q.length(); n > 8 || n == 0 {
		t.Errorf("%d messages are in the queue", n)
	}
}

// TestCopiedSpool uses a directory again as it was before.
func TestCopiedSpool(t *testing.T) {
	q, log := newLossy(0), newLedger()
	_, _ = startReceiver(t, q, log)
	dir, old := filepath.Join(t.TempDir(), "spool"), filepath.Join(t.TempDir(), "copy")
	e := startEdge(t, dir, q)
	e.Append("t", "a")
	within(t, 10*time.Second, "it is confirmed", func() bool { return e.pending() == 0 })
	e.Stop()
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	e.start()
	e.Append("t", "b")
	within(t, 10*time.Second, "it is confirmed", func() bool { return e.pending() == 0 })
	sender := e.Spool.Sender()
	e.Stop()

	again := startEdge(t, old, q)
	again.Append("t", "c")
	within(t, 10*time.Second, "it is confirmed", func() bool { return again.pending() == 0 })
	if again.Spool.Sender() == sender || log.records[keyOf("t", "c")] == 0 {
		t.Errorf("%s has %v", again.Spool.Sender(), log.records)
	}
}

// TestSenderAfterSender has one follow another on a spool that stays open, as
// when a configuration is loaded again; at last two of them run at once.
func TestSenderAfterSender(t *testing.T) {
	q, log := newLossy(0), newLedger()
	_, _ = startReceiver(t, q, log)
	e := startEdge(t, t.TempDir(), q)
	name := e.Spool.Sender()
	for i := range 5 {
		e.Append("t", fmt.Sprint(i))
		within(t, 10*time.Second, "it is confirmed", func() bool { return e.pending() == 0 })
		if i < 4 {
			e.stop()
		}
		e.Sender = &Sender{Spool: e.Spool, Queue: q, Patience: 50 * time.Millisecond}
		stop := run(e.Sender.Run)
		t.Cleanup(stop)
		e.stop = stop
	}
	for i := range 300 {
		e.Append("t", fmt.Sprint(5+i))
	}
	within(t, 10*time.Second, "all is confirmed", func() bool { return e.pending() == 0 })
	if e.Spool.Sender() != name || log.len() != 305 {
		t.Errorf("%d are in the log; the sender is %s, no longer %s", log.len(), e.Spool.Sender(), name)
	}
}

func TestProgress(t *testing.T) {
	for _, test := range []struct {
		messages string // base prev last
		want     uint64
		gap      bool
	}{
		{"0-0-5", 5, false},
		{"0-0-5 0-5-9 0-9-12", 12, false},
		{"0-9-12 0-5-9 0-0-5", 12, false},
		{"0-0-5 0-9-12", 5, true},
		{"0-0-5 0-9-12 0-9-12", 5, true},
		{"0-0-5 0-9-12 9-12-13", 13, false},
		{"7-7-8", 8, false},
		{"7-8-9", 7, true},
		{"0-0-5 0-0-3 0-3-9", 9, false},
		{"0-5-9 0-0-7", 9, false},
	} {
		p := &progress{}
		for _, text := range strings.Fields(test.messages) {
			var m message
			if _, err := fmt.Sscanf(text, "%d-%d-%d", &m.base, &m.prev, &m.last); err != nil {
				t.Fatal(err)
			}
			p.commit(&m)
		}
		if p.upTo != test.want || p.hasGap() != test.gap {
			t.Errorf("%s is without a gap up to %d (%t)", test.messages, p.upTo, p.hasGap())
		}
	}
	p := &progress{}
	for i := range uint64(5000) {
		p.commit(&message{prev: 10 + 2*i, last: 11 + 2*i})
	}
	if len(p.ahead) > maxAhead {
		t.Errorf("%d are remembered", len(p.ahead))
	}
}

// FuzzMessage reads messages, and commits those that can be read into a log of the
// real kind. None is an error for good: whatever is in them, they are confirmed.
func FuzzMessage(f *testing.F) {
	m, _ := bundle([]spool.Entry{{Seq: 3, Tenant: "a", Lines: []byte("{}\n")}, {Seq: 5, Tenant: "a", Lines: []byte("{}\n")}, {Seq: 6, Tenant: "b"}}, 100)
	m.sender, m.base, m.prev = "s", 1, 2
	f.Add(m.encode())
	f.Add([]byte("experiments.relay.v1 s 0 0 1\nt 100\nx"))
	f.Add([]byte("experiments.relay.v1 s 0 0 1\nt 1\n[t 2\n[]t 3\n[1]"))
	for _, bad := range eventstest.Poison() {
		lines := bad.AppendNDJSON(nil)
		if len(lines) < 10_000 {
			f.Add(message{sender: "s", last: 1, sections: []section{{"t", lines}}}.encode())
		}
	}
	log, err := embedded.Open(f.TempDir(), embedded.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = log.Close() })
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseMessage(text)
		if err != nil {
			return
		}
		again, err := parseMessage(m.encode())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(m) {
			t.Errorf("%v, %v\nwant %v", again, err, m)
		}
		q := newLossy(0)
		r := &Receiver{Queue: q, Log: log}
		r.complete()
		messages := []Message{{ID: "1", Body: text}}
		q.messages = messages
		if err := r.take(t.Context(), messages); err != nil {
			t.Fatalf("taking it: %v", err)
		}
		if q.length() != 0 || r.stuck != 0 || r.Received() != 1 {
			t.Errorf("%d are in the queue, %d stuck, %d received", q.length(), r.stuck, r.Received())
		}
	})
}
