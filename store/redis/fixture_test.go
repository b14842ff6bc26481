package redis_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
)

const tenant = store.DefaultTenant

func TestMain(m *testing.M) {
	redisstore.LogTo(func(string) {})
	os.Exit(m.Run())
}

// sealer signs with a key that is also its id.
type sealer string

func (s sealer) Seal(message []byte) (keyID, signature string) {
	mac := hmac.New(sha256.New, []byte(s))
	mac.Write(message)
	return string(s), hex.EncodeToString(mac.Sum(nil))
}

func (s sealer) Verify(keyID, signature string, message []byte) error {
	if keyID != string(s) {
		return store.ErrUnknownKey
	}
	if _, right := s.Seal(message); !hmac.Equal([]byte(right), []byte(signature)) {
		return store.ErrBadSignature
	}
	return nil
}

// edge is a store with a Live that follows it, as a Caddy process has them.
type edge struct {
	t       testing.TB
	options redisstore.Options
	Store   *redisstore.Store
	Live    *store.Live

	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	events []timed
}

type timed struct {
	store.Event
	at time.Time
}

func newStore(t testing.TB, options redisstore.Options) *redisstore.Store {
	t.Helper()
	if options.Sealer == nil {
		options.Sealer = sealer("key")
	}
	s, err := redisstore.New(options)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(child) != "" {
		s.WriteWithoutPause() // so that it is killed while it does
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// startEdge starts an edge. It ends with the test or by Stop.
func startEdge(t testing.TB, options redisstore.Options) *edge {
	t.Helper()
	e := &edge{t: t, options: options, Store: newStore(t, options), done: make(chan struct{})}
	e.Live = store.NewLive(e.Store, engine.Settings{}, func(event store.Event) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.events = append(e.events, timed{event, time.Now()})
	})
	loading, cancel := context.WithTimeout(t.Context(), time.Second)
	e.Live.Feed(loading, tenant)
	cancel()
	var ctx context.Context
	ctx, e.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(e.done)
		e.Live.Run(ctx)
	}()
	t.Cleanup(e.Stop)
	return e
}

// Stop ends the edge as the end of its process does, but for what it is writing.
func (e *edge) Stop() {
	e.cancel()
	<-e.done
	_ = e.Store.Close()
}

// Revision is what is in force, 0 for nothing.
func (e *edge) Revision() uint64 {
	if applied := e.Live.Feed(e.t.Context(), tenant).Current(); applied != nil {
		return applied.Revision
	}
	return 0
}

func (e *edge) Name() string {
	if applied := e.Live.Feed(e.t.Context(), tenant).Current(); applied != nil {
		return applied.Document.Experiments[0].Name
	}
	return ""
}

func (e *edge) Status() store.Status { return e.Live.Statuses()[0] }

// Events are those that a condition holds for.
func (e *edge) Events(holds func(store.Event) bool) []timed {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []timed
	for _, event := range e.events {
		if holds(event.Event) {
			found = append(found, event)
		}
	}
	return found
}

func (e *edge) Notices(notice store.Notice) []timed {
	return e.Events(func(event store.Event) bool { return event.Notice == notice })
}

// Commit puts a document in place over another process's store.
func (e *edge) Commit(name string) uint64 {
	e.t.Helper()
	revision, err := e.Store.Commit(e.t.Context(), tenant, named(name), e.Revision())
	if err != nil {
		e.t.Fatal(err)
	}
	e.Live.Refresh(e.t.Context(), tenant)
	return revision
}

// within waits for a condition and gives how long that took.
func within(t testing.TB, limit time.Duration, what string, condition func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	for !condition() {
		if time.Since(begin) > limit {
			t.Fatalf("not within %s: %s", limit, what)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(begin)
}

// named is a document with one experiment that one can tell by its name.
func named(name string) *engine.Document {
	document, err := engine.Decode(fmt.Appendf(nil, `{"feature_flags":[{"id":"flg_1","name":"f","status":"active","parameters":{"p":{"type":"string","value":%q}},
		"variations":[{"id":"var_1","name":"v","overrides":{}},{"id":"var_2","name":"w","overrides":{}}]}],
		"segments":[],
		"experiments":[{"id":"exp_1","name":%q,"feature_flag_id":"flg_1","allocation_strategy":"percentage","status":"active",
		"allocations":[{"variation_id":"var_1","weight":100,"is_control":true}]}]}`, name, name))
	if err != nil {
		panic(err)
	}
	return document
}

// keptFile is where the edge keeps the tenant's document.
func (e *edge) keptFile() string {
	return filepath.Join(e.options.LastKnownGood, "default", "production.lkg")
}
