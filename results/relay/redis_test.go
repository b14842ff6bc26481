package relay

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

func TestMain(m *testing.M) {
	redisstore.LogTo(func(string) {})
	os.Exit(m.Run())
}

type sealer struct{}

func (sealer) Seal(message []byte) (keyID, signature string) {
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write(message)
	return "key", hex.EncodeToString(mac.Sum(nil))
}

func (s sealer) Verify(keyID, signature string, message []byte) error {
	if _, right := s.Seal(message); keyID != "key" || right != signature {
		return store.ErrBadSignature
	}
	return nil
}

func newQueue(t testing.TB, options redisstore.Options) *redisstore.Queue {
	t.Helper()
	options.Sealer = sealer{}
	s, err := redisstore.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Queue()
}

// served is a server's queue.
func served(t testing.TB, server *redistest.Server) *redisstore.Queue {
	t.Helper()
	return newQueue(t, redisstore.Options{Addresses: []string{server.Address()}})
}

// TestSameAnswers compares what arrives over the relay with what was appended.
func TestSameAnswers(t *testing.T) {
	server := redistest.Start(t)
	direct, relayed := eventstest.NewModel(), eventstest.NewModel()
	e := startEdge(t, t.TempDir(), served(t, server))
	startReceiver(t, served(t, server), relayed)
	for i := range 200 {
		value := float64(i) / 3
		unit := fmt.Sprintf("unit%d", i%50)
		batch := &events.Batch{
			Outcomes: []events.Outcome{{ID: fmt.Sprint(i), Event: "s", Unit: unit, Time: events.Millis(1_700_000_000_000 + i), Value: &value}},
			Exposures: []events.Exposure{{
				ID: events.ExposureID(unit, "e", "1", "v"), Experiment: "e", Iteration: "1", Unit: unit, Variation: "v",
				Source: "bucket", Time: 1_700_000_000_000, Browser: `<"\ä>`, WeightsVersion: "w",
			}},
			Splits: []events.Split{{Experiment: "e", Iteration: "1", WeightsVersion: "w", Weights: map[string]float64{"v": 100}}},
		}
		if err := direct.Append(t.Context(), "p/e", batch); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Spool.Append("p/e", batch); err != nil {
			t.Fatal(err)
		}
	}
	within(t, 20*time.Second, "all is confirmed", func() bool { return e.pending() == 0 })
	query := events.Query{
		Tenant: "p/e", Experiment: "e", Iteration: "1", Days: true, Attributes: []string{"browser"},
		Measures: []events.Measure{{Key: "m", Event: "s", Aggregation: events.Sum}},
	}
	want, err := direct.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	got, err := relayed.Query(t.Context(), query)
	if err != nil || !reflect.DeepEqual(got, want) || len(got.Groups) != 1 || got.Groups[0].Traffic != 50 {
		t.Errorf("the answer is %+v, %v, not %+v", got, err, want)
	}
}

// TestRedisAway has Redis away with its memory lost, while events come in.
func TestRedisAway(t *testing.T) {
	away := 10 * time.Second
	if testing.Short() {
		away = 2 * time.Second
	}
	before := runtime.NumGoroutine()
	t.Run("away", func(t *testing.T) {
		server := redistest.Start(t)
		log, want := newLedger(), map[string]bool{}
		e := startEdge(t, t.TempDir(), served(t, server))
		startReceiver(t, served(t, server), log)
		i := 0
		comeIn := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); i++ {
				e.Append("t", fmt.Sprint(i))
				want[keyOf("t", fmt.Sprint(i))] = true
				time.Sleep(time.Millisecond)
			}
		}
		comeIn(time.Second)
		server.Kill()
		comeIn(away)
		if e.pending() == 0 {
			t.Error("nothing is in the spool")
		}
		server.Restart()
		back := time.Now()
		within(t, 30*time.Second, "all is confirmed", func() bool { return e.pending() == 0 })
		t.Logf("%d events, all there %s after redis was", len(want), time.Since(back).Round(time.Millisecond))
		if missing := log.misses(want); len(missing) > 0 || log.len() != len(want) {
			t.Errorf("%d of %d, missing %q", log.len(), len(want), missing)
		}
	})
	within(t, 10*time.Second, "no goroutines are left", func() bool { return runtime.NumGoroutine() <= before })
}

// TestRedisFull has so many messages of others in the queue that there is no room.
func TestRedisFull(t *testing.T) {
	server := redistest.Start(t)
	q, log := served(t, server), newLedger()
	for range redisstore.DefaultQueueLimit {
		if _, err := q.Add(t.Context(), []byte("other")); err != nil {
			t.Fatal(err)
		}
	}
	e := startEdge(t, t.TempDir(), served(t, server))
	for i := range 100 {
		e.Append("t", fmt.Sprint(i))
	}
	time.Sleep(500 * time.Millisecond)
	if e.pending() != 100 || e.Sender.Sent() != 0 {
		t.Errorf("%d are pending, %d sent", e.pending(), e.Sender.Sent())
	}
	r, _ := startReceiver(t, q, log)
	within(t, 20*time.Second, "all is confirmed", func() bool { return e.pending() == 0 })
	if r.Dropped() != redisstore.DefaultQueueLimit || log.len() != 100 {
		t.Errorf("%d dropped, %d in the log", r.Dropped(), log.len())
	}
}

// TestFailOver has a replica take over that has missed what came last.
func TestFailOver(t *testing.T) {
	sentinels := redistest.StartSentinels(t)
	options := redisstore.Options{Addresses: sentinels.Addresses(), Master: sentinels.MasterName()}
	log, want := newLedger(), map[string]bool{}
	e := startEdge(t, t.TempDir(), newQueue(t, options))
	startReceiver(t, newQueue(t, options), log)
	for i := range 300 {
		if i == 100 {
			sentinels.FailOver()
		}
		e.Append("t", fmt.Sprint(i))
		want[keyOf("t", fmt.Sprint(i))] = true
		time.Sleep(2 * time.Millisecond)
	}
	within(t, 60*time.Second, "all is confirmed", func() bool { return e.pending() == 0 })
	if missing := log.misses(want); len(missing) > 0 || log.len() != len(want) {
		t.Errorf("%d of %d, missing %q", log.len(), len(want), missing)
	}
}

func BenchmarkRelay(b *testing.B) {
	server := redistest.Start(b)
	e := startEdge(b, b.TempDir(), served(b, server))
	e.stop()
	e.Sender = &Sender{Spool: e.Spool, Queue: served(b, server)}
	const each = 1000
	batch := &events.Batch{}
	for i := range each {
		batch.Outcomes = append(batch.Outcomes, record(fmt.Sprint(i)))
	}
	for b.Loop() {
		if _, err := e.Spool.Append("t", batch); err != nil {
			b.Fatal(err)
		}
		if b.N >= 2000 { // keep the spool from becoming full
			break
		}
	}
	e.stop = run(e.Sender.Run)
	begin := time.Now()
	startReceiver(b, served(b, server), nothing{})
	within(b, 5*time.Minute, "all is confirmed", func() bool { return e.pending() == 0 })
	b.ReportMetric(float64(e.Sender.Confirmed())*each/time.Since(begin).Seconds(), "events/s")
}

// nothing is a log that forgets.
type nothing struct{ events.Log }

func (nothing) Append(context.Context, string, *events.Batch) error { return nil }

// Interface guards
var _ Queue = (*redisstore.Queue)(nil)
