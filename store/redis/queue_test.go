package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

func send(t testing.TB, q *redisstore.Queue, bodies ...string) []string {
	t.Helper()
	var messages [][]byte
	for _, body := range bodies {
		messages = append(messages, []byte(body))
	}
	ids, err := q.Add(t.Context(), messages...)
	if err != nil || len(ids) != len(bodies) {
		t.Fatalf("adding: %q, %v", ids, err)
	}
	return ids
}

// receive reads at most so many bodies, "!" for each that is none.
func receive(t testing.TB, q *redisstore.Queue, limit int) (bodies, ids []string) {
	t.Helper()
	messages, err := q.Read(t.Context(), limit, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		body := string(m.Body)
		if m.Err != nil {
			body = "!" + body
			if !errors.Is(m.Err, store.ErrRefused) {
				t.Errorf("%s: %v", m.ID, m.Err)
			}
		}
		bodies, ids = append(bodies, body), append(ids, m.ID)
	}
	return bodies, ids
}

// passThrough has messages and confirmations go through a queue.
func passThrough(t *testing.T, options redisstore.Options) {
	t.Helper()
	q := newStore(t, options).Queue()
	if bodies, _ := receive(t, q, 5); len(bodies) != 0 {
		t.Fatalf("an empty queue has %q", bodies)
	}
	added := send(t, q, "a", "b\x00\n\xff", "")
	added = append(added, send(t, q, "d")...)
	other := newStore(t, options).Queue()
	bodies, ids := receive(t, other, 3)
	if !slices.Equal(bodies, []string{"a", "b\x00\n\xff", ""}) || !slices.Equal(ids, added[:3]) {
		t.Errorf("it has %q", bodies)
	}
	if missing, err := q.Missing(t.Context(), added...); missing != 0 || err != nil {
		t.Errorf("%d are missing, %v", missing, err)
	}
	if err := other.Delete(t.Context(), ids[0], ids[1], ids[0], "1-1"); err != nil {
		t.Fatal(err)
	}
	if missing, err := q.Missing(t.Context(), added...); missing != 2 || err != nil {
		t.Errorf("%d are missing, %v", missing, err)
	}
	if bodies, _ := receive(t, other, 3); !slices.Equal(bodies, []string{"", "d"}) {
		t.Errorf("it has %q", bodies)
	}
	if seq, ok, err := q.Confirmed(t.Context(), "edge"); seq != 0 || ok || err != nil {
		t.Errorf("%d is confirmed, %v", seq, err)
	}
	for _, test := range []struct{ seq, want uint64 }{{1 << 53, 1 << 53}, {1<<53 + 1, 1<<53 + 1}, {7, 1<<53 + 1}, {1<<64 - 1, 1<<64 - 1}} {
		if err := other.Confirm(t.Context(), "edge", test.seq); err != nil {
			t.Fatal(err)
		}
		if seq, ok, err := q.Confirmed(t.Context(), "edge"); seq != test.want || !ok || err != nil {
			t.Errorf("after %d, %d is confirmed, %v", test.seq, seq, err)
		}
	}
	if _, ok, err := q.Confirmed(t.Context(), "other"); ok || err != nil {
		t.Errorf("confirmed to another one, %v", err)
	}
}

func TestQueuePassesThrough(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		passThrough(t, redisstore.Options{Addresses: []string{redistest.Start(t).Address()}})
	})
	t.Run("sentinels", func(t *testing.T) {
		s := redistest.StartSentinels(t)
		passThrough(t, redisstore.Options{Addresses: s.Addresses(), Master: s.MasterName()})
	})
	t.Run("cluster", func(t *testing.T) {
		c := redistest.StartCluster(t)
		passThrough(t, redisstore.Options{Addresses: c.Addresses(), Cluster: true})
	})
}

func TestQueueFull(t *testing.T) {
	server := redistest.Start(t)
	q := newStore(t, redisstore.Options{Addresses: []string{server.Address()}}).Queue()
	for range redisstore.DefaultQueueLimit / 20 {
		send(t, q, slices.Repeat([]string{"a"}, 20)...)
	}
	if _, err := q.Add(t.Context(), []byte("b")); !errors.Is(err, redisstore.ErrQueueFull) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("added to a full queue: %v", err)
	}
	_, ids := receive(t, q, 2)
	if err := q.Delete(t.Context(), ids...); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Add(t.Context(), []byte("b"), []byte("c"), []byte("d")); !errors.Is(err, redisstore.ErrQueueFull) {
		t.Errorf("added more than there is room for: %v", err)
	}
	send(t, q, "b", "c")
}

// TestQueueRefuses has others write into the stream.
func TestQueueRefuses(t *testing.T) {
	server := redistest.Start(t)
	options := redisstore.Options{Addresses: []string{server.Address()}}
	with := func(change func(*redisstore.Options)) *redisstore.Queue {
		changed := options
		change(&changed)
		return newStore(t, changed).Queue()
	}
	q := with(func(*redisstore.Options) {})
	foreign := with(func(o *redisstore.Options) { o.Sealer = sealer("foreign") })
	bare := with(func(o *redisstore.Options) { o.Sealer = bare{} })
	send(t, foreign, "a")
	send(t, bare, "b")
	send(t, q, "good")
	stream := "{experiments}:events"
	good := server.Command("XRANGE", stream, "-", "+")
	for _, message := range []string{"", "x", "experiments.queue.v1 experiments key\n", "experiments.queue.v1 other key sig\nx", "experiments.v1 experiments key sig\nx",
		good[strings.Index(good, "experiments.queue.v1 experiments key "):] + "x"} {
		server.Command("XADD", stream, "*", "m", message)
	}
	server.Command("XADD", stream, "*", "n", "x")
	want := []string{"!", "!", "good", "!", "!", "!", "!", "!", "!", "!"}
	if bodies, _ := receive(t, q, 100); !slices.Equal(bodies, want) {
		t.Errorf("it has %q", bodies)
	}
	lenient := with(func(o *redisstore.Options) { o.AcceptUnsigned = true })
	if bodies, _ := receive(t, lenient, 2); !slices.Equal(bodies, []string{"!", "b"}) {
		t.Errorf("with unsigned ones it has %q", bodies)
	}

	for _, confirm := range []func(){
		func() { _ = foreign.Confirm(t.Context(), "edge", 9) },
		func() { _ = bare.Confirm(t.Context(), "edge", 9) },
		func() { server.Command("HSET", stream+":confirmed", "edge", "99999999999999999999 key x") },
		func() { server.Command("HSET", stream+":confirmed", "edge", "x") },
		func() {
			_ = q.Confirm(t.Context(), "another", 9)
			server.Command("HSET", stream+":confirmed", "edge", server.Command("HGET", stream+":confirmed", "another"))
		},
	} {
		confirm()
		if seq, ok, err := q.Confirmed(t.Context(), "edge"); ok || err != nil {
			t.Errorf("%d is confirmed, %v", seq, err)
		}
	}
	if err := q.Confirm(t.Context(), "edge", 5); err != nil {
		t.Fatal(err)
	}
	if seq, ok, err := q.Confirmed(t.Context(), "edge"); seq != 5 || !ok || err != nil {
		t.Errorf("%d is confirmed, %v", seq, err)
	}
}

// bare does not sign.
type bare struct{ sealer }

func (bare) Seal([]byte) (keyID, signature string) { return "-", "-" }

func TestQueueWaits(t *testing.T) {
	server := redistest.Start(t)
	options := redisstore.Options{Addresses: []string{server.Address()}}
	q, other := newStore(t, options).Queue(), newStore(t, options).Queue()
	begin := time.Now()
	if messages, err := q.Read(t.Context(), 1, 200*time.Millisecond); err != nil || len(messages) != 0 || time.Since(begin) < 150*time.Millisecond {
		t.Errorf("after %s it has %v, %v", time.Since(begin), messages, err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		time.Sleep(50 * time.Millisecond)
		send(t, other, "a")
	})
	begin = time.Now()
	messages, err := q.Read(t.Context(), 1, time.Minute)
	if err != nil || len(messages) != 1 || time.Since(begin) > 500*time.Millisecond {
		t.Errorf("after %s it has %v, %v", time.Since(begin), messages, err)
	}
	group.Wait()
}

func TestQueueWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Address())
	q := newStore(t, redisstore.Options{Addresses: []string{proxy.Address()}, Timeout: 300 * time.Millisecond}).Queue()
	send(t, q, "a")
	for what, disturb := range map[string]func(){"down": proxy.Down, "silent": proxy.Blackhole} {
		disturb()
		for name, command := range map[string]func(context.Context) error{
			"add":       func(ctx context.Context) error { _, err := q.Add(ctx, []byte("b")); return err },
			"read":      func(ctx context.Context) error { _, err := q.Read(ctx, 1, time.Second); return err },
			"delete":    func(ctx context.Context) error { return q.Delete(ctx, "1-1") },
			"missing":   func(ctx context.Context) error { _, err := q.Missing(ctx, "1-1"); return err },
			"confirm":   func(ctx context.Context) error { return q.Confirm(ctx, "edge", 1) },
			"confirmed": func(ctx context.Context) error { _, _, err := q.Confirmed(ctx, "edge"); return err },
		} {
			begin := time.Now()
			if err := command(t.Context()); !errors.Is(err, store.ErrUnavailable) || time.Since(begin) > 3*time.Second {
				t.Errorf("%s, %s: %v after %s", what, name, err, time.Since(begin))
			}
		}
		if what == "down" {
			proxy.Up()
		} else {
			proxy.Heal()
		}
		within(t, 5*time.Second, fmt.Sprintf("redis is there again after it was %s", what), func() bool {
			messages, err := q.Read(t.Context(), 1, 0)
			return err == nil && len(messages) == 1
		})
	}
	// What is wrong with a key is no outage.
	server.Command("DEL", "{experiments}:events")
	server.Command("SET", "{experiments}:events", "x")
	for range 5 {
		if _, err := q.Add(t.Context(), []byte("b")); err == nil || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("adding to a string: %v", err)
		}
		if _, err := q.Read(t.Context(), 1, time.Second); err == nil || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("reading a string: %v", err)
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	server := redistest.Start(b)
	q := newStore(b, redisstore.Options{Addresses: []string{server.Address()}}).Queue()
	body := string(bytes.Repeat([]byte("x"), 64<<10))
	b.SetBytes(64 << 10)
	for b.Loop() {
		send(b, q, body)
		_, ids := receive(b, q, 1)
		if err := q.Delete(b.Context(), ids...); err != nil {
			b.Fatal(err)
		}
	}
}
