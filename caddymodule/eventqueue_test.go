package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// taker keeps what a queue delivers.
type taker struct {
	mu    sync.Mutex
	taken map[store.Tenant]*events.Batch
	err   error
	block chan struct{} // delivering waits until it is closed
}

func (k *taker) deliver(ctx context.Context, tenant store.Tenant, batch *events.Batch) error {
	if k.block != nil {
		select {
		case <-k.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	if k.taken == nil {
		k.taken = map[store.Tenant]*events.Batch{}
	}
	if k.taken[tenant] == nil {
		k.taken[tenant] = &events.Batch{}
	}
	k.taken[tenant].Merge(batch)
	return nil
}

func (k *taker) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *taker) count(tenant store.Tenant) (exposures, outcomes, splits int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if b := k.taken[tenant]; b != nil {
		return len(b.Exposures), len(b.Outcomes), len(b.Splits)
	}
	return 0, 0, 0
}

var decided = &engine.Snapshot{Splits: []engine.Split{
	{ExperimentID: "exp_1", Iteration: "itr_1", WeightsVersion: "v", Weights: map[string]engine.Weight{"var_1": engine.WholeWeight}},
}}

func exposureOf(unit string) events.Exposure {
	return events.Exposure{ID: events.ExposureID(unit, "exp_1", "itr_1", "var_1"), Experiment: "exp_1", Iteration: "itr_1", Unit: unit, Variation: "var_1", Source: "bucket", WeightsVersion: "v"}
}

func TestEventQueueDeliversOnce(t *testing.T) {
	k := &taker{}
	q := newEventQueue(k.deliver, &loggers{first: zap.NewNop()})
	var people sync.WaitGroup
	for p := range 8 {
		people.Go(func() {
			for i := range 500 {
				unit := fmt.Sprintf("u%d-%d", p, i)
				for range 3 { // the same device comes again
					q.expose("a/b", decided, exposureOf(unit))
				}
				q.conclude("c/d", events.Outcome{ID: unit, Event: "s", Unit: unit})
			}
		})
	}
	people.Wait()
	if err := q.close(); err != nil {
		t.Fatal(err)
	}
	exposures, _, splits := k.count("a/b")
	_, outcomes, _ := k.count("c/d")
	// A device whose place another one takes meanwhile is told again, which is harmless.
	if exposures < 4000 || exposures > 4100 || outcomes != 4000 || splits != 1 || q.dropped.Load() != 0 {
		t.Errorf("delivered %d exposures, %d outcomes, %d splits; %d dropped", exposures, outcomes, splits, q.dropped.Load())
	}
}

// What does not fit is dropped, counted, and no request waits for it.
func TestEventQueueNeverBlocks(t *testing.T) {
	k := &taker{block: make(chan struct{})}
	q := newEventQueue(k.deliver, &loggers{first: zap.NewNop()})
	const sent = 4 * eventQueueSize
	began := time.Now()
	for i := range sent {
		q.expose("a/b", decided, exposureOf(fmt.Sprint(i)))
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("queueing took %s", took)
	}
	dropped := q.dropped.Load()
	if dropped < sent-eventQueueSize-2*eventBatch {
		t.Errorf("%d of %d were dropped", dropped, sent)
	}
	close(k.block)
	if err := q.close(); err != nil {
		t.Fatal(err)
	}
	if exposures, _, _ := k.count("a/b"); uint64(exposures)+dropped != sent {
		t.Errorf("%d delivered and %d dropped of %d", exposures, dropped, sent)
	}
}

// A dropped exposure is told when the device comes again.
func TestEventQueueForgetsWhatItDrops(t *testing.T) {
	k := &taker{block: make(chan struct{})}
	q := newEventQueue(k.deliver, &loggers{first: zap.NewNop()})
	for i := 0; q.dropped.Load() == 0; i++ {
		q.expose("a/b", decided, exposureOf(fmt.Sprint(i)))
	}
	q.expose("a/b", decided, exposureOf("late"))
	if q.dropped.Load() != 2 {
		t.Fatalf("%d were dropped", q.dropped.Load())
	}
	close(k.block)
	for deadline := time.Now().Add(5 * time.Second); len(q.waiting) > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	q.expose("a/b", decided, exposureOf("late"))
	if err := q.close(); err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if last := k.taken["a/b"].Exposures[len(k.taken["a/b"].Exposures)-1]; last.Unit != "late" {
		t.Errorf("the last exposure is %s", last.Unit)
	}
}

// Events wait for a log that fails for a while, and the end does not wait for one
// that fails for ever.
func TestEventQueueInsists(t *testing.T) {
	k := &taker{err: errors.New("full")}
	q := newEventQueue(k.deliver, &loggers{first: zap.NewNop()})
	q.conclude("a/b", events.Outcome{ID: "1", Event: "s", Unit: "u"})
	time.Sleep(300 * time.Millisecond)
	k.fail(nil)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, outcomes, _ := k.count("a/b"); outcomes == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the outcome did not arrive")
		}
	}
	k.fail(errors.New("full again"))
	q.conclude("a/b", events.Outcome{ID: "2", Event: "s", Unit: "u"})
	began := time.Now()
	if err := q.close(); err != nil || time.Since(began) > 3*closingTime {
		t.Errorf("closing took %s: %v", time.Since(began), err)
	}
	if q.dropped.Load() != 1 {
		t.Errorf("%d were dropped", q.dropped.Load())
	}
}

func TestLoginEnd(t *testing.T) {
	for location, want := range map[string]string{
		"https://app.example/cb?code=1&state=2":                                  "s",
		"https://app.example/cb?state=2&error=access_denied":                     "f",
		"https://app.example/cb#access_token=1":                                  "s",
		"https://app.example/cb#id_token=1&state=2":                              "s",
		"https://app.example/cb#error=server_error":                              "f",
		"com.example.app:/cb?code=1":                                             "s",
		"http://127.0.0.1:4000/cb?code=1":                                        "s",
		"//app.example/cb?code=1":                                                "s",
		"https://app.example/cb?error=login_required":                            "",
		"https://app.example/cb?error=interaction_required":                      "",
		"https://app.example/cb?code=":                                           "",
		"https://app.example/cb?session_code=1":                                  "",
		"https://social.example/authorize?response_type=code":                    "",
		"https://auth.example/next?code=1":                                       "",
		"https://AUTH.example/next?code=1":                                       "",
		"/next?code=1":                                                           "",
		"?code=1":                                                                "",
		"":                                                                       "",
		"https://app.example/%zz?code=1":                                         "",
		"https://app.example/cb?code=%zz&x=1":                                    "",
		"https://app.example/cb?x=1;code=1":                                      "",
		"https://app.example/cb?code=1&" + string(make([]byte, longestLocation)): "",
	} {
		if got := loginEnd(location, "auth.example"); got != want {
			t.Errorf("%.80q: got %q, want %q", location, got, want)
		}
	}
}

// A redirect of the provider to itself is no end of a login, however it writes
// its own name.
func TestLoginEndIsElsewhere(t *testing.T) {
	tests := []struct {
		location, host string
		itself         bool
	}{
		{"https://auth.example/n?code=1", "auth.example", true},
		{"http://auth.example/n?code=1", "auth.example", true},
		{"https://auth.example:443/n?code=1", "auth.example", true},
		{"http://auth.example:80/n?code=1", "auth.example", true},
		{"https://auth.example/n?code=1", "auth.example:443", true},
		{"http://auth.example/n?code=1", "auth.example:80", true},
		{"https://auth.example:/n?code=1", "auth.example", true},
		{"HTTPS://Auth.Example.:443/n?code=1", "aUTH.example", true},
		{"https://auth.example/n?code=1", "auth.example.", true},
		{"//auth.example/n?code=1", "auth.example:443", true},
		{"//auth.example:80/n?code=1", "auth.example", true},
		{"https://auth.example:8443/n?code=1", "auth.example:8443", true},
		{"https://[2001:db8::1]:443/n?code=1", "[2001:DB8::1]", true},
		{"https://[2001:db8::1]/n?code=1", "[2001:db8::1]:443", true},
		{"https://user@auth.example:443/n?code=1", "auth.example", true},

		{"https://auth.example:8443/n?code=1", "auth.example", false},
		{"https://auth.example/n?code=1", "auth.example:8443", false},
		{"https://auth.example:80/n?code=1", "auth.example", false},
		{"http://auth.example:443/n?code=1", "auth.example", false},
		{"http://localhost:3000/cb?code=1", "localhost:8080", false},
		{"https://auth.example.evil/n?code=1", "auth.example", false},
		{"https://example/n?code=1", "auth.example", false},
		{"https://[2001:db8::2]/n?code=1", "[2001:db8::1]", false},
		{"com.example.app://auth.example/ios/callback?code=1", "auth.example", false},
	}
	for _, test := range tests {
		if got := loginEnd(test.location, test.host) == ""; got != test.itself {
			t.Errorf("at %s, %s leads back: %t, want %t", test.host, test.location, got, test.itself)
		}
	}
}

func FuzzLoginEnd(f *testing.F) {
	f.Add("https://app.example/cb?code=1#error=x", "auth.example")
	f.Add("https://Auth.example.:443/cb?code=1", "auth.example:443")
	f.Add("//[::1]:?code=1", "[::1]:")
	f.Fuzz(func(t *testing.T, location, host string) {
		if event := loginEnd(location, host); event != "" && event != eventLogin && event != eventFailedLogin {
			t.Errorf("got %q", event)
		}
	})
}
