package redis_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// Twice what is promised of each fault: the machine that runs the tests may be
// busy with others. bench/torture holds the promises themselves.
const (
	noticeLimit  = 4 * time.Second // a silent end of the connection
	healLimit    = 6 * time.Second // after anything that leaves one server
	clusterLimit = 10 * time.Second
	restoreLimit = 10 * time.Second
)

func TestKilledServer(t *testing.T) {
	server := redistest.Start(t, redistest.Persistent("always"))
	options := redisstore.Options{Addresses: []string{server.Address()}}
	writer, reader := startEdge(t, options), startEdge(t, options)
	writer.Commit("before")
	within(t, time.Second, "the reader has it", func() bool { return reader.Name() == "before" })

	server.Kill()
	t.Logf("noticed after %s", within(t, noticeLimit, "the reader notices", func() bool { return len(reader.Notices(store.NoticeLost)) == 1 }))
	if _, err := writer.Store.Commit(t.Context(), tenant, named("meanwhile"), 1); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("committing without a server: %v", err)
	}
	time.Sleep(2 * time.Second)
	if reader.Name() != "before" || len(reader.Notices(store.NoticeLost)) != 1 {
		t.Errorf("during the outage %q is in force, and the loss was told %d times", reader.Name(), len(reader.Notices(store.NoticeLost)))
	}
	if s := reader.Status(); s.State != store.StateDegraded || s.LastError == "" || reader.Live.Reach().Reachable {
		t.Errorf("during the outage the status is %s, %q", s.State, s.LastError)
	}
	server.Restart()
	begin := time.Now()
	other := newStore(t, options)
	if _, err := other.Commit(t.Context(), tenant, named("after"), 1); err != nil {
		t.Fatal(err)
	}
	within(t, healLimit, "the reader is in step", func() bool { return reader.Name() == "after" })
	t.Logf("in step %s after the restart", time.Since(begin))
	within(t, healLimit, "the reader says so", func() bool {
		return reader.Status().State == store.StateHealthy && len(reader.Notices(store.NoticeRegained)) == 1
	})
}

// Nothing but a deadline notices that the other end is gone.
func TestBlackhole(t *testing.T) {
	for _, test := range []struct {
		name string
		cut  func(*redistest.Proxy)
	}{
		{"both ways", (*redistest.Proxy).Blackhole},
		{"requests", (*redistest.Proxy).BlackholeRequests},
		{"replies", (*redistest.Proxy).BlackholeReplies},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			proxy := redistest.StartProxy(t, server.Address())
			writer := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}})
			reader := startEdge(t, redisstore.Options{Addresses: []string{proxy.Address()}})
			writer.Commit("before")
			within(t, time.Second, "the reader has it", func() bool { return reader.Name() == "before" })
			test.cut(proxy)
			writer.Commit("meanwhile")
			t.Logf("noticed after %s", within(t, noticeLimit, "the reader notices", func() bool { return len(reader.Notices(store.NoticeLost)) == 1 }))
			time.Sleep(time.Second)
			proxy.Heal()
			t.Logf("in step after %s", within(t, healLimit, "the reader is in step, without a new write", func() bool { return reader.Name() == "meanwhile" }))
		})
	}
}

// A server that is there but slow, or that breaks off, must not tear anything.
func TestBadConnections(t *testing.T) {
	for _, test := range []struct {
		name    string
		disturb func(*redistest.Proxy)
	}{
		{"latency", func(p *redistest.Proxy) { p.Latency(300*time.Millisecond, 250*time.Millisecond) }},
		{"bandwidth", func(p *redistest.Proxy) { p.Bandwidth(1) }},
		{"slices", func(p *redistest.Proxy) { p.Slicer(16, 10*time.Microsecond) }},
		{"resets", (*redistest.Proxy).ResetPeer},
		{"breaks off", func(p *redistest.Proxy) { p.LimitData(700) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			proxy := redistest.StartProxy(t, server.Address())
			writer := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}})
			reader := startEdge(t, redisstore.Options{Addresses: []string{proxy.Address()}})
			writer.Commit("before")
			within(t, time.Second, "the reader has it", func() bool { return reader.Name() == "before" })
			test.disturb(proxy)
			for range 10 {
				writer.Commit(strings.Repeat("x", 1000))
				time.Sleep(100 * time.Millisecond)
			}
			writer.Commit("last")
			proxy.Heal()
			within(t, restoreLimit, "the reader is in step", func() bool { return reader.Name() == "last" })
			if refused := reader.Events(func(e store.Event) bool { return errors.Is(e.Err, store.ErrRefused) }); len(refused) > 0 {
				t.Errorf("refused: %v", refused[0].Err)
			}
		})
	}
}

func TestHungServer(t *testing.T) {
	server := redistest.Start(t)
	writer := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}})
	writer.Commit("before")
	server.Pause()
	t.Logf("noticed after %s", within(t, noticeLimit, "the edge notices", func() bool { return len(writer.Notices(store.NoticeLost)) == 1 }))
	begin := time.Now()
	if _, err := writer.Store.Load(t.Context(), tenant); !errors.Is(err, store.ErrUnavailable) || time.Since(begin) > 100*time.Millisecond {
		t.Errorf("with an open circuit loading takes %s: %v", time.Since(begin), err)
	}
	server.Continue()
	within(t, healLimit, "all is well", func() bool { return writer.Status().State == store.StateHealthy })
}

// An edge starts with what it has on disk, at once.
func TestStartWithoutServer(t *testing.T) {
	server := redistest.Start(t)
	options := redisstore.Options{Addresses: []string{server.Address()}, LastKnownGood: t.TempDir()}
	first := startEdge(t, options)
	first.Commit("kept")
	first.Stop()
	server.Kill()

	begin := time.Now()
	second := startEdge(t, options)
	if second.Name() != "kept" {
		t.Fatalf("%q is in force", second.Name())
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("starting took %s", took)
	}
	within(t, healLimit, "it says that this may be out of date", func() bool { return len(second.Notices(store.NoticeStale)) == 1 })
	if s := second.Status(); s.State != store.StateDegraded || s.Revision != 1 {
		t.Errorf("the status is %s at revision %d", s.State, s.Revision)
	}
	// An empty server is no reason to forget.
	server.Restart()
	within(t, restoreLimit, "redis has the document again", func() bool {
		version, err := newStore(t, redisstore.Options{Addresses: options.Addresses}).Load(t.Context(), tenant)
		return err == nil && version.Revision == 1
	})
	within(t, healLimit, "all is well", func() bool { return second.Status().State == store.StateHealthy })
}

func TestStartWithNothing(t *testing.T) {
	begin := time.Now()
	e := startEdge(t, redisstore.Options{Addresses: []string{"127.0.0.1:1"}, LastKnownGood: t.TempDir()})
	if took := time.Since(begin); took > time.Second || e.Revision() != 0 {
		t.Errorf("starting took %s, with revision %d", took, e.Revision())
	}
	within(t, noticeLimit, "it notices", func() bool { return len(e.Notices(store.NoticeLost)) == 1 })
}

// What is on disk is believed no more than what is in Redis.
func TestDamagedFile(t *testing.T) {
	server := redistest.Start(t)
	options := redisstore.Options{Addresses: []string{server.Address()}, LastKnownGood: t.TempDir()}
	first := startEdge(t, options)
	first.Commit("kept")
	first.Stop()
	server.Kill()
	good, err := os.ReadFile(first.keptFile())
	if err != nil {
		t.Fatal(err)
	}
	for name, contents := range map[string][]byte{
		"empty":   {},
		"half":    good[:len(good)/2],
		"changed": []byte(strings.Replace(string(good), "kept", "sept", 1)),
		"longer":  append(good, ' '),
		"number":  []byte(strings.Replace(string(good), "default/production 1 ", "default/production 2 ", 1)),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(first.keptFile(), contents, 0o600); err != nil {
				t.Fatal(err)
			}
			e := startEdge(t, options)
			defer e.Stop()
			if e.Revision() != 0 {
				t.Errorf("revision %d is in force", e.Revision())
			}
			if refusal := e.Status().LastRefusal; len(contents) > 0 && (refusal == nil || !strings.Contains(refusal.Reason, "production.lkg")) {
				t.Errorf("the status does not name the file: %+v", refusal)
			}
		})
	}
}

// Whatever Redis loses, no edge goes backwards, and the newest document is back.
func TestLosses(t *testing.T) {
	for _, test := range []struct {
		name  string
		lose  func(server *redistest.Server, older string)
		quiet bool // nobody had to notice before it was mended
	}{
		{"FLUSHALL", func(s *redistest.Server, _ string) { s.Command("FLUSHALL") }, false},
		{"DEL of the document", func(s *redistest.Server, _ string) { s.Command("DEL", "{experiments}:document:default/production") }, false},
		{"DEL of the heads", func(s *redistest.Server, _ string) { s.Command("DEL", "{experiments}:heads", "{experiments}:state") }, true},
		{"RENAME", func(s *redistest.Server, _ string) {
			s.Command("RENAME", "{experiments}:document:default/production", "elsewhere")
		}, false},
		{"another type", func(s *redistest.Server, _ string) {
			s.Command("DEL", "{experiments}:document:default/production")
			s.Command("LPUSH", "{experiments}:document:default/production", "x")
		}, false},
		{"rollback", func(s *redistest.Server, older string) {
			s.Command("SET", "{experiments}:document:default/production", older)
			s.Command("HSET", "{experiments}:heads", "default/production", "1")
			s.Command("SET", "{experiments}:state", "older")
		}, false},
		{"an older document", func(s *redistest.Server, older string) {
			s.Command("SET", "{experiments}:document:default/production", older)
		}, false},
		{"garbage", func(s *redistest.Server, _ string) {
			s.Command("SET", "{experiments}:document:default/production", "{}")
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			options := redisstore.Options{Addresses: []string{server.Address()}}
			writer, reader := startEdge(t, options), startEdge(t, options)
			writer.Commit("first")
			older := server.Command("GET", "{experiments}:document:default/production")
			writer.Commit("newest")
			within(t, time.Second, "the reader has it", func() bool { return reader.Name() == "newest" })
			test.lose(server, older)
			t.Logf("back after %s", within(t, restoreLimit, "the newest document is back", func() bool {
				version, err := newStore(t, options).Load(t.Context(), tenant)
				head := server.Command("HGET", "{experiments}:heads", "default/production")
				return err == nil && version.Revision == 2 && head == "2"
			}))
			within(t, time.Second, "both edges are well", func() bool {
				return writer.Status().State == store.StateHealthy && reader.Status().State == store.StateHealthy
			})
			if writer.Name() != "newest" || reader.Name() != "newest" {
				t.Errorf("%q and %q are in force", writer.Name(), reader.Name())
			}
			writer.Commit("next") // what was lost is not in the way
			within(t, time.Second, "the reader has the next", func() bool { return reader.Name() == "next" })
			restored := len(writer.Notices(store.NoticeRestored)) + len(reader.Notices(store.NoticeRestored))
			refused := len(writer.Events(isRefusal)) + len(reader.Events(isRefusal))
			if restored != 1 || refused == 0 && !test.quiet {
				t.Errorf("restored %d times, refused %d times", restored, refused)
			}
		})
	}
}

func isRefusal(e store.Event) bool { return errors.Is(e.Err, store.ErrRefused) }

// An edge whose user may only read serves on, and says why it cannot mend.
func TestReadOnlyUser(t *testing.T) {
	users := documentedUsers(t)
	server := redistest.Start(t, redistest.User(users["edge"]), redistest.User(users["manager"]))
	writer := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}, Username: "manager", Password: "secret"})
	reader := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}, Username: "edge", Password: "secret"})
	writer.Commit("read")
	within(t, time.Second, "the reader has it", func() bool { return reader.Name() == "read" })
	if _, err := reader.Store.Commit(t.Context(), tenant, named("written"), 1); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("committing without permission: %v", err)
	}
	server.Command("FLUSHALL")
	within(t, restoreLimit, "the one that may write mends", func() bool { return len(writer.Notices(store.NoticeRestored)) == 1 })
	within(t, restoreLimit, "all is well", func() bool { return reader.Status().State == store.StateHealthy })
	writer.Stop()
	told := len(reader.Notices(store.NoticeTrouble)) // if it was faster
	server.Command("FLUSHALL")
	within(t, restoreLimit, "the reader says that it cannot mend", func() bool { return len(reader.Notices(store.NoticeTrouble)) > 0 })
	time.Sleep(1500 * time.Millisecond)
	if n := len(reader.Notices(store.NoticeTrouble)); n-told > 1 || reader.Name() != "read" || !reader.Live.Reach().Reachable {
		t.Errorf("told %d times, %q is in force", n, reader.Name())
	}
	if s := reader.Status(); s.State != store.StateDegraded || !strings.Contains(s.LastError, "is gone") {
		t.Errorf("the status is %s, %q", s.State, s.LastError)
	}
}

// documentedUsers are the rules that the documentation gives, by user.
func documentedUsers(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	users := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if rule, found := strings.CutPrefix(line, "    user "); found {
			name, _, _ := strings.Cut(rule, " ")
			users[name] = strings.TrimSpace(strings.Replace(rule, "<password>", "secret", 1))
		}
	}
	return users
}

func TestWrongCredentials(t *testing.T) {
	server := redistest.Start(t, redistest.Password("right"))
	e := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}, Password: "wrong"})
	within(t, noticeLimit, "it is told", func() bool { return len(e.Notices(store.NoticeLost)) == 1 })
	if err := e.Notices(store.NoticeLost)[0].Err; !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("the reason is %v", err)
	}
}

func TestStopIsQuick(t *testing.T) {
	server := redistest.Start(t)
	e := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}})
	e.Commit("x")
	begin := time.Now()
	e.Stop()
	if took := time.Since(begin); took > 500*time.Millisecond {
		t.Errorf("stopping took %s", took)
	}
	if lost := e.Notices(store.NoticeLost); len(lost) > 0 {
		t.Errorf("the end is told as a loss: %v", lost[0].Err)
	}
	if _, err := e.Store.Load(context.Background(), tenant); err == nil {
		t.Error("a closed store answers")
	}
}
