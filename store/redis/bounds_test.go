package redis_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// patient is how long a test waits for what takes a moment on an idle machine.
const patient = 60 * time.Second

// huge is the size in bytes of what others put into Redis.
const huge = 100 << 20

// allowed is how much a process may allocate while it meets such things. All of
// them would be many times as much.
const allowed = 64 << 20

// put sends a command whose last argument has so many bytes, without ever having
// them in memory.
func put(t testing.TB, server *redistest.Server, size int, arguments ...string) {
	t.Helper()
	if err := putAt(server.Address(), size, arguments...); err != nil {
		t.Fatalf("%q: %v", arguments, err)
	}
}

func putAt(address string, size int, arguments ...string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patient))
	var head strings.Builder
	fmt.Fprintf(&head, "*%d\r\n", len(arguments)+1)
	for _, a := range arguments {
		fmt.Fprintf(&head, "$%d\r\n%s\r\n", len(a), a)
	}
	fmt.Fprintf(&head, "$%d\r\n", size)
	_, err = io.WriteString(conn, head.String())
	for block := []byte(strings.Repeat("x", 1<<16)); err == nil && size > 0; size -= len(block) {
		_, err = conn.Write(block[:min(size, len(block))])
	}
	if err == nil {
		_, err = io.WriteString(conn, "\r\n")
	}
	answer := make([]byte, 64)
	if err == nil {
		_, err = conn.Read(answer)
	}
	if err == nil && answer[0] == '-' {
		err = errors.New(string(answer))
	}
	return err
}

// allocating returns how many bytes the process has allocated since.
func allocating() func() uint64 {
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	return func() uint64 {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		return now.TotalAlloc - before.TotalAlloc
	}
}

// documented are the options of one of the users that the documentation lists,
// with patience for a busy machine.
func documented(server *redistest.Server, user string) redisstore.Options {
	return redisstore.Options{Addresses: []string{server.Address()}, Username: user, Password: "secret", Timeout: 30 * time.Second}
}

func startWithUsers(t *testing.T) *redistest.Server {
	t.Helper()
	var options []redistest.Option
	for _, rule := range documentedUsers(t) {
		options = append(options, redistest.User(rule))
	}
	return redistest.Start(t, options...)
}

// Whatever others put into Redis, only so much of it is read. Changes arrive, and
// Redis does not count as lost.
func TestReadsAreBounded(t *testing.T) {
	for _, test := range []struct {
		name string
		put  func(server *redistest.Server)
		// mended reports whether a writer has put it right.
		mended func(server *redistest.Server) bool
	}{
		{"state", func(s *redistest.Server) { put(t, s, huge, "SET", "{experiments}:state") },
			func(s *redistest.Server) bool { return s.Command("STRLEN", "{experiments}:state") == "26" }},
		{"head", func(s *redistest.Server) {
			put(t, s, huge, "HSET", "{experiments}:heads", "default/production")
		},
			func(s *redistest.Server) bool {
				return s.Command("HSTRLEN", "{experiments}:heads", "default/production") == "1"
			}},
		{"change", func(s *redistest.Server) { put(t, s, huge, "XADD", "{experiments}:changes", "*", "tenant") }, nil},
		{"document", func(s *redistest.Server) {
			put(t, s, huge, "SET", "{experiments}:document:default/production")
		},
			func(s *redistest.Server) bool {
				return len(s.Command("STRLEN", "{experiments}:document:default/production")) < 5
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := startWithUsers(t)
			writer, reader := startEdge(t, documented(server, "manager")), startEdge(t, documented(server, "edge"))
			writer.Commit("first")
			within(t, patient, "the reader has the first", func() bool { return reader.Name() == "first" })
			allocated := allocating()
			test.put(server)
			if test.mended != nil {
				within(t, patient, "a writer has put it right", func() bool { return test.mended(server) })
				within(t, patient, "it is told", func() bool {
					return len(writer.Notices(store.NoticeTrouble))+len(writer.Notices(store.NoticeRestored)) > 0
				})
			}
			within(t, patient, "the next is written", func() bool {
				_, err := writer.Store.Commit(t.Context(), tenant, named("next"), 1)
				return err == nil
			})
			within(t, patient, "the reader has the next", func() bool { return reader.Name() == "next" })
			within(t, patient, "both are well", func() bool {
				return writer.Status().State == store.StateHealthy && reader.Status().State == store.StateHealthy
			})
			if n := allocated(); n > allowed {
				t.Errorf("%d MB were allocated", n>>20)
			}
			if lost := append(writer.Notices(store.NoticeLost), reader.Notices(store.NoticeLost)...); len(lost) > 0 {
				t.Errorf("redis counts as lost: %v", lost[0].Err)
			}
		})
	}
}

// A reader says what it cannot put right, and serves on.
func TestReadsAreBoundedWithoutWriter(t *testing.T) {
	server := startWithUsers(t)
	writer, reader := startEdge(t, documented(server, "manager")), startEdge(t, documented(server, "edge"))
	writer.Commit("first")
	within(t, patient, "the reader has it", func() bool { return reader.Name() == "first" })
	writer.Stop()
	allocated := allocating()
	put(t, server, huge, "SET", "{experiments}:state")
	put(t, server, huge, "HSET", "{experiments}:heads", "default/production")
	within(t, patient, "the reader says so", func() bool {
		status := reader.Status()
		return status.State == store.StateDegraded && strings.Contains(status.LastError, "no number") && len(reader.Notices(store.NoticeTrouble)) >= 2
	})
	if n := allocated(); n > allowed || reader.Name() != "first" || len(reader.Notices(store.NoticeLost)) > 0 {
		t.Errorf("%d MB were allocated, %q is in force, redis was lost %d times", n>>20, reader.Name(), len(reader.Notices(store.NoticeLost)))
	}
}

// readAll reads and deletes messages as a receiver does until there are so many,
// and counts those that are none.
func readAll(t *testing.T, q *redisstore.Queue, good int) (bad int) {
	t.Helper()
	within(t, patient, fmt.Sprintf("%d messages are read", good), func() bool {
		messages, err := q.Read(t.Context(), 64, 100*time.Millisecond)
		if err != nil {
			t.Logf("reading: %v", err)
			return false
		}
		var ids []string
		for _, m := range messages {
			ids = append(ids, m.ID)
			switch {
			case m.Err == nil:
				good--
			case errors.Is(m.Err, store.ErrRefused):
				bad++
			default:
				t.Errorf("%s: %v", m.ID, m.Err)
			}
		}
		if err := q.Delete(t.Context(), ids...); err != nil {
			t.Logf("deleting: %v", err)
		}
		return good == 0
	})
	return bad
}

// floodQueue puts large messages before, between and behind good ones. bad is
// how many of these are no messages.
func floodQueue(t *testing.T, server *redistest.Server, sender *redisstore.Queue) (good, bad int) {
	t.Helper()
	for range 2 {
		put(t, server, huge, "XADD", "{experiments}:events", "*", "m")
		send(t, sender, "good")
		put(t, server, huge, "XADD", "{experiments}:events", "*", "other")
	}
	for range 64 { // none of them too large by itself
		put(t, server, 1<<20-100, "XADD", "{experiments}:events", "*", "m")
	}
	send(t, sender, strings.Repeat("g", 256<<10), "last")
	return 4, 4 + 64
}

func TestQueueIsBounded(t *testing.T) {
	server := startWithUsers(t)
	node := newStore(t, documented(server, "node"))
	sender := newStore(t, documented(server, "edge")).Queue()
	good, want := floodQueue(t, server, sender)
	allocated := allocating()
	if bad := readAll(t, node.Queue(), good); bad != want {
		t.Errorf("%d messages were dropped, want %d", bad, want)
	}
	// Those of a mebibyte are read, a few at a time.
	if n := allocated(); n > 5*64<<20 {
		t.Errorf("%d MB were allocated", n>>20)
	}
	if length := server.Command("XLEN", "{experiments}:events"); length != "0" {
		t.Errorf("%s messages are left", length)
	}
}

func TestQueueOfClusterIsBounded(t *testing.T) {
	c := redistest.StartCluster(t)
	s := newStore(t, redisstore.Options{Addresses: c.Addresses(), Cluster: true, Timeout: 30 * time.Second})
	put := 0
	for _, address := range c.Addresses() { // one of them has the queue
		if err := putAt(address, huge, "XADD", "{experiments}:events", "*", "m"); err == nil {
			put++
		}
	}
	send(t, s.Queue(), "good")
	allocated := allocating()
	if bad := readAll(t, s.Queue(), 1); bad != put || put == 0 {
		t.Errorf("%d messages were dropped, want %d", bad, put)
	}
	if n := allocated(); n > allowed {
		t.Errorf("%d MB were allocated", n>>20)
	}
}

func TestConfirmationsAreBounded(t *testing.T) {
	server := startWithUsers(t)
	node, edge := newStore(t, documented(server, "node")).Queue(), newStore(t, documented(server, "edge")).Queue()
	put(t, server, huge, "HSET", "{experiments}:events:confirmed", "one")
	put(t, server, huge, "HSET", "{experiments}:events:confirmed", "two")
	allocated := allocating()
	if seq, ok, err := edge.Confirmed(t.Context(), "one"); ok || err != nil {
		t.Errorf("%d is confirmed, %v", seq, err)
	}
	if err := node.Confirm(t.Context(), "two", 7); err != nil {
		t.Fatal(err)
	}
	if seq, ok, err := edge.Confirmed(t.Context(), "two"); seq != 7 || !ok || err != nil {
		t.Errorf("%d is confirmed, %v", seq, err)
	}
	if n := allocated(); n > allowed {
		t.Errorf("%d MB were allocated", n>>20)
	}
	if n := server.Command("HLEN", "{experiments}:events:confirmed"); n != "1" {
		t.Errorf("%s confirmations are left", n)
	}
}
