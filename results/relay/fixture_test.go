package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
)

// lossy is a queue in memory that behaves as badly as one may.
type lossy struct {
	mu        sync.Mutex
	next      int
	messages  []Message
	confirmed map[string]uint64
	// chance of something bad, at each command.
	chance float64
	away   bool
}

func newLossy(chance float64) *lossy { return &lossy{confirmed: map[string]uint64{}, chance: chance} }

var errAway = errors.New("away")

// happens loses something now and then. An error after the command says that its
// answer was lost.
func (q *lossy) happens() (before, after error) {
	if q.away {
		return errAway, nil
	}
	if rand.Float64() > q.chance {
		return nil, nil
	}
	switch rand.IntN(6) {
	case 0: // it begins anew
		q.messages, q.confirmed = nil, map[string]uint64{}
	case 1: // what came last is gone
		if n := len(q.messages); n > 0 {
			q.messages = q.messages[:rand.IntN(n)]
		}
	case 2:
		q.confirmed = map[string]uint64{}
	case 3: // somebody has deleted one
		if n := len(q.messages); n > 0 {
			i := rand.IntN(n)
			q.messages = append(q.messages[:i:i], q.messages[i+1:]...)
		}
	case 4:
		return errAway, nil
	case 5:
		return nil, errAway
	}
	return nil, nil
}

func (q *lossy) do(command func()) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	before, after := q.happens()
	if before == nil {
		command()
	}
	return errors.Join(before, after)
}

func (q *lossy) Add(_ context.Context, messages ...[]byte) (ids []string, err error) {
	err = q.do(func() {
		for _, body := range messages {
			q.next++
			ids = append(ids, fmt.Sprint(q.next))
			q.messages = append(q.messages, Message{ID: ids[len(ids)-1], Body: body})
		}
	})
	return ids, err
}

func (q *lossy) Missing(_ context.Context, ids ...string) (n int, err error) {
	err = q.do(func() {
		there := map[string]bool{}
		for _, m := range q.messages {
			there[m.ID] = true
		}
		for _, id := range ids {
			if !there[id] {
				n++
			}
		}
	})
	return n, err
}

func (q *lossy) Read(ctx context.Context, limit int, _ time.Duration) (messages []Message, err error) {
	err = q.do(func() { messages = append(messages, q.messages[:min(limit, len(q.messages))]...) })
	return messages, errors.Join(err, ctx.Err())
}

func (q *lossy) Delete(_ context.Context, ids ...string) error {
	return q.do(func() {
		var left []Message
		gone := " " + strings.Join(ids, " ") + " "
		for _, m := range q.messages {
			if !strings.Contains(gone, " "+m.ID+" ") {
				left = append(left, m)
			}
		}
		q.messages = left
	})
}

func (q *lossy) Confirm(_ context.Context, sender string, seq uint64) error {
	return q.do(func() { q.confirmed[sender] = max(q.confirmed[sender], seq) })
}

func (q *lossy) Confirmed(_ context.Context, sender string) (seq uint64, ok bool, err error) {
	err = q.do(func() { seq, ok = q.confirmed[sender] })
	return seq, ok, err
}

func (q *lossy) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages)
}

// ledger is a log that counts.
type ledger struct {
	events.Log // what is not used
	mu         sync.Mutex
	records    map[string]int // by tenant and JSON
	fails      error
}

func newLedger() *ledger { return &ledger{records: map[string]int{}} }

func (l *ledger) Append(_ context.Context, tenant string, batch *events.Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range batch.Outcomes {
		text, _ := json.Marshal(o)
		l.records[tenant+" "+string(text)]++
	}
	return l.fails
}

func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fails = err
}

// misses gives what is wanted and not there.
func (l *ledger) misses(want map[string]bool) (missing []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range want {
		if l.records[key] == 0 {
			missing = append(missing, key)
		}
	}
	return missing
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.records)
}

func record(id string) events.Outcome {
	return events.Outcome{ID: id, Event: "s", Unit: "u", Time: 1_700_000_000_000}
}

func keyOf(tenant, id string) string {
	text, _ := json.Marshal(record(id))
	return tenant + " " + string(text)
}

// edge is a spool with its sender.
type edge struct {
	t      testing.TB
	dir    string
	queue  Queue
	Spool  *spool.Spool
	Sender *Sender
	stop   func()
}

func startEdge(t testing.TB, dir string, queue Queue) *edge {
	t.Helper()
	e := &edge{t: t, dir: dir, queue: queue}
	e.start()
	t.Cleanup(func() { e.Stop() })
	return e
}

func (e *edge) start() {
	e.t.Helper()
	var err error
	if e.Spool, err = spool.Open(e.dir, spool.Options{SegmentBytes: 20_000}); err != nil {
		e.t.Fatal(err)
	}
	e.Sender = &Sender{Spool: e.Spool, Queue: e.queue, Window: 8, MessageBytes: 2000, Patience: 50 * time.Millisecond}
	e.stop = run(e.Sender.Run)
}

func (e *edge) Stop() {
	e.stop()
	_ = e.Spool.Close()
}

// Append adds a batch of one record.
func (e *edge) Append(tenant, id string) {
	e.t.Helper()
	if _, err := e.Spool.Append(tenant, &events.Batch{Outcomes: []events.Outcome{record(id)}}); err != nil {
		e.t.Fatal(err)
	}
}

// run runs something until stop is called.
func run(what func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		what(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func startReceiver(t testing.TB, queue Queue, log events.Log) (*Receiver, func()) {
	t.Helper()
	r := &Receiver{Queue: queue, Log: log}
	stop := run(r.Run)
	t.Cleanup(stop)
	return r, stop
}

func within(t testing.TB, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	for begin := time.Now(); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > limit {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

func (e *edge) pending() int {
	entries, _ := e.Sender.Pending()
	return entries
}
