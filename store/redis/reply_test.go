package redis_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// A Redis that refuses what is asked of it is like one that is away to who asked.
// What it does not refuse goes on.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name, says string
		disturb    func(t *testing.T, server *redistest.Server)
		mend       func(server *redistest.Server)
	}{
		{"out of memory", "OOM",
			func(_ *testing.T, s *redistest.Server) { s.Command("CONFIG", "SET", "maxmemory", "1") },
			func(s *redistest.Server) { s.Command("CONFIG", "SET", "maxmemory", "0") }},
		{"a replica", "READONLY",
			func(_ *testing.T, s *redistest.Server) {
				// What it has stays, as the master is not there.
				s.Command("REPLICAOF", "127.0.0.1", "1")
			},
			func(s *redistest.Server) { s.Command("REPLICAOF", "NO", "ONE") }},
		{"no permission", "can't run this command",
			func(_ *testing.T, s *redistest.Server) {
				s.Command("ACL", "SETUSER", "default", "-set", "-hset", "-xadd", "-xdel", "-hdel")
			},
			func(s *redistest.Server) { s.Command("ACL", "SETUSER", "default", "+@all") }},
		{"no disk", "MISCONF",
			func(t *testing.T, s *redistest.Server) {
				s.Command("CONFIG", "SET", "save", "1 1")
				dir := filepath.Join(t.TempDir(), "gone")
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				s.Command("CONFIG", "SET", "dir", dir)
				if err := os.Remove(dir); err != nil {
					t.Fatal(err)
				}
				within(t, patient, "redis cannot save", func() bool {
					_, _ = s.Try("BGSAVE") // one may be running
					return strings.Contains(s.Command("INFO", "persistence"), "rdb_last_bgsave_status:err")
				})
			},
			func(s *redistest.Server) { s.Command("CONFIG", "SET", "stop-writes-on-bgsave-error", "no") }},
		{"too few replicas", "NOREPLICAS",
			func(_ *testing.T, s *redistest.Server) { s.Command("CONFIG", "SET", "min-replicas-to-write", "1") },
			func(s *redistest.Server) { s.Command("CONFIG", "SET", "min-replicas-to-write", "0") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, redistest.Directive("enable-protected-configs yes"))
			options := redisstore.Options{Addresses: []string{server.Address()}}
			e := startEdge(t, options)
			e.Commit("before")
			q := newStore(t, options).Queue()
			ids := send(t, q, "a")
			test.disturb(t, server)
			refused := map[string]func(context.Context) error{
				"commit": func(ctx context.Context) error {
					_, err := e.Store.Commit(ctx, tenant, named("meanwhile"), 1)
					return err
				},
				"overrule": func(ctx context.Context) error {
					_, err := e.Store.Overrule(ctx, tenant, named("meanwhile"))
					return err
				},
				"add":     func(ctx context.Context) error { _, err := q.Add(ctx, []byte("b")); return err },
				"confirm": func(ctx context.Context) error { return q.Confirm(ctx, "edge", 1) },
			}
			for range 3 { // more often than opens a circuit
				for what, command := range refused {
					if err := command(t.Context()); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), test.says) {
						t.Errorf("%s: %v", what, err)
					}
				}
			}
			if version, err := e.Store.Load(t.Context(), tenant); err != nil || version.Revision != 1 {
				t.Errorf("loading gives revision %d, %v", version.Revision, err)
			}
			if missing, err := q.Missing(t.Context(), ids...); err != nil || missing != 0 {
				t.Errorf("%d messages are missing, %v", missing, err)
			}
			if bodies, _ := receive(t, q, 1); len(bodies) != 1 || bodies[0] != "a" {
				t.Errorf("the queue has %q", bodies)
			}
			if lost := e.Notices(store.NoticeLost); len(lost) > 0 {
				t.Errorf("redis counts as lost: %v", lost[0].Err)
			}
			test.mend(server)
			within(t, patient, "it is written", func() bool {
				_, err := e.Store.Commit(t.Context(), tenant, named("after"), 1)
				return err == nil
			})
			within(t, patient, "it is in force", func() bool { return e.Name() == "after" && e.Status().State == store.StateHealthy })
			send(t, q, "c")
		})
	}
}

// A Redis that may not be asked, or has nothing to say yet, is away.
func TestRefusedReads(t *testing.T) {
	for _, test := range []struct {
		name, code    string
		disturb, mend func(server *redistest.Server)
	}{
		{"no permission", "NOPERM",
			func(s *redistest.Server) { s.Command("ACL", "SETUSER", "default", "-getrange", "-hmget", "-xread") },
			func(s *redistest.Server) { s.Command("ACL", "SETUSER", "default", "+@all") }},
		{"no master", "MASTERDOWN",
			func(s *redistest.Server) {
				s.Command("CONFIG", "SET", "replica-serve-stale-data", "no")
				s.Command("REPLICAOF", "127.0.0.1", "1")
			},
			func(s *redistest.Server) { s.Command("REPLICAOF", "NO", "ONE") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			options := redisstore.Options{Addresses: []string{server.Address()}}
			e := startEdge(t, options)
			e.Commit("before")
			q := newStore(t, options).Queue()
			test.disturb(server)
			within(t, patient, "it counts as lost", func() bool { return len(e.Notices(store.NoticeLost)) == 1 })
			if err := e.Notices(store.NoticeLost)[0].Err; !strings.Contains(err.Error(), test.code) {
				t.Errorf("the reason is %v", err)
			}
			for what, command := range map[string]func(context.Context) error{
				"load": func(ctx context.Context) error { _, err := e.Store.Load(ctx, tenant); return err },
				"read": func(ctx context.Context) error { _, err := q.Read(ctx, 1, 0); return err },
				"wait": func(ctx context.Context) error { _, err := q.Read(ctx, 1, patient); return err },
			} {
				if err := command(t.Context()); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if e.Name() != "before" {
				t.Errorf("%q is in force", e.Name())
			}
			test.mend(server)
			within(t, patient, "all is well", func() bool { return e.Status().State == store.StateHealthy })
			if lost := e.Notices(store.NoticeLost); len(lost) != 1 {
				t.Errorf("it was told %d times", len(lost))
			}
		})
	}
}

// Who may not read the stream of changes follows them by polling.
func TestChangesWithoutStream(t *testing.T) {
	server := redistest.Start(t, redistest.User("poller on >secret allkeys +@all -xread"))
	writer := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}})
	poller := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}, Username: "poller", Password: "secret"})
	for _, name := range []string{"first", "second", "third"} {
		writer.Commit(name)
		within(t, patient, "the poller has it", func() bool { return poller.Name() == name })
	}
	if lost := poller.Notices(store.NoticeLost); len(lost) > 0 || len(poller.Notices(store.NoticeTrouble)) != 1 {
		t.Errorf("redis was lost %d times, trouble was told %d times", len(lost), len(poller.Notices(store.NoticeTrouble)))
	}
}
