package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

func TestCommitReachesEveryEdge(t *testing.T) {
	server := redistest.Start(t)
	options := redisstore.Options{Addresses: []string{server.Address()}}
	first, second := startEdge(t, options), startEdge(t, options)
	if state := first.Status().State; state != store.StateEmpty {
		t.Errorf("before there is anything the state is %s", state)
	}
	for i := range 20 {
		name := fmt.Sprint("version ", i)
		if revision := first.Commit(name); revision != uint64(i+1) {
			t.Fatalf("commit %d made revision %d", i, revision)
		}
		within(t, time.Second, "the other edge has it", func() bool { return second.Name() == name })
	}
	if refusals := second.Events(func(e store.Event) bool { return e.Err != nil && !errors.Is(e.Err, store.ErrNotFound) }); len(refusals) > 0 {
		t.Errorf("%d events tell of errors, the first: %v", len(refusals), refusals[0].Err)
	}
}

func TestStoreContract(t *testing.T) {
	server := redistest.Start(t)
	s := newStore(t, redisstore.Options{Addresses: []string{server.Address()}, MaxDocumentSize: 4096})
	if _, err := s.Load(t.Context(), tenant); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("loading nothing: %v", err)
	}
	if _, err := s.Commit(t.Context(), tenant, named("a"), 1); !errors.Is(err, store.ErrConflict) {
		t.Errorf("committing over nothing with an expectation: %v", err)
	}
	if revision, err := s.Commit(t.Context(), tenant, named("a"), 0); err != nil || revision != 1 {
		t.Fatalf("the first commit: %d, %v", revision, err)
	}
	for _, wrong := range []uint64{0, 2, 7} {
		if _, err := s.Commit(t.Context(), tenant, named("b"), wrong); !errors.Is(err, store.ErrConflict) {
			t.Errorf("expecting revision %d: %v", wrong, err)
		}
	}
	if _, err := s.Commit(t.Context(), tenant, named(strings.Repeat("x", 4096)), 1); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("committing too much: %v", err)
	}
	version, err := s.Load(t.Context(), tenant)
	if err != nil || version.Revision != 1 {
		t.Fatalf("loading: revision %d, %v", version.Revision, err)
	}
	if document, err := engine.Decode(version.Text); err != nil || document.Experiments[0].Name != "a" || document.Revision != 1 {
		t.Errorf("loaded another document, or none: %v", err)
	}
	if _, err := s.Load(t.Context(), "other/production"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant: %v", err)
	}
}

// Nobody's change gets lost, and none is made twice, however many write at once
// over however many connections.
func TestConcurrentWriters(t *testing.T) {
	const writers, changes = 16, 40
	server := redistest.Start(t)
	proxies := []string{server.Address(), redistest.StartProxy(t, server.Address()).Address(), server.Address()}
	stores := make([]*redisstore.Store, len(proxies))
	for i, address := range proxies {
		stores[i] = newStore(t, redisstore.Options{Addresses: []string{address}, Timeout: 30 * time.Second})
	}
	if _, err := stores[0].Commit(t.Context(), tenant, named("base"), 0); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			s := stores[w%len(stores)]
			for c := 0; c < changes; {
				version, err := s.Load(t.Context(), tenant)
				if err != nil {
					t.Errorf("loading: %v", err)
					return
				}
				document, err := engine.Decode(version.Text)
				if err != nil {
					t.Errorf("decoding: %v", err)
					return
				}
				document.Segments = append(document.Segments, engine.Segment{ID: "seg_" + strings.Repeat("x", w+1) + "y" + strings.Repeat("z", c+1), Name: fmt.Sprint(w, c)})
				switch _, err = s.Commit(t.Context(), tenant, document, version.Revision); {
				case err == nil:
					c++
				case !errors.Is(err, store.ErrConflict):
					t.Errorf("committing: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	version, err := stores[0].Load(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	document, err := engine.Decode(version.Text)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(document.Segments); got != writers*changes || version.Revision != writers*changes+1 {
		t.Errorf("%d of %d changes are there, at revision %d", got, writers*changes, version.Revision)
	}
}

// A commit whose answer got lost is made again by the client's retry. It must
// count once.
func TestLostAnswer(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Address())
	s := newStore(t, redisstore.Options{Addresses: []string{proxy.Address()}, Timeout: 300 * time.Millisecond})
	if _, err := s.Commit(t.Context(), tenant, named("a"), 0); err != nil {
		t.Fatal(err)
	}
	proxy.BlackholeReplies()
	healed := time.AfterFunc(400*time.Millisecond, proxy.Heal)
	defer healed.Stop()
	revision, err := s.Commit(t.Context(), tenant, named("b"), 1)
	for deadline := time.Now().Add(5 * time.Second); errors.Is(err, store.ErrUnavailable) && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		_, err = s.Load(t.Context(), tenant)
		revision = 2
	}
	version, loadErr := s.Load(t.Context(), tenant)
	if err != nil || loadErr != nil || revision != 2 || version.Revision != 2 {
		t.Errorf("committed revision %d, %v; loaded %d, %v", revision, err, version.Revision, loadErr)
	}
}

func TestOptions(t *testing.T) {
	good := redisstore.Options{Addresses: []string{"127.0.0.1:1"}, Sealer: sealer("key")}
	for _, test := range []struct {
		name   string
		change func(*redisstore.Options)
		reason string
	}{
		{"no address", func(o *redisstore.Options) { o.Addresses = nil }, "there is none"},
		{"several servers", func(o *redisstore.Options) { o.Addresses = []string{"a:1", "b:2"} }, "sentinel or cluster"},
		{"both", func(o *redisstore.Options) { o.Cluster, o.Master = true, "m" }, "one of the two"},
		{"cluster database", func(o *redisstore.Options) { o.Cluster, o.Database = true, 3 }, "only database 0"},
		{"prefix", func(o *redisstore.Options) { o.Prefix = "a b" }, "prefix"},
		{"brace", func(o *redisstore.Options) { o.Prefix = "a}b" }, "prefix"},
		{"timeout", func(o *redisstore.Options) { o.Timeout = time.Microsecond }, "timeout"},
		{"no sealer", func(o *redisstore.Options) { o.Sealer = nil }, "sealer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			options := good
			test.change(&options)
			if _, err := redisstore.New(options); err == nil || !strings.Contains(err.Error(), test.reason) {
				t.Errorf("the error is %v, should have %q", err, test.reason)
			}
		})
	}
}
