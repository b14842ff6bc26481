package redis_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// persist commits a document as often as it takes.
func (e *edge) persist(name string) {
	e.t.Helper()
	within(e.t, clusterLimit, "a commit succeeds", func() bool {
		_, err := e.Store.Commit(e.t.Context(), tenant, named(name), e.Revision())
		if err != nil && !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrConflict) {
			e.t.Fatal(err)
		}
		e.Live.Refresh(e.t.Context(), tenant)
		return err == nil
	})
}

func TestSentinelFailover(t *testing.T) {
	sentinels := redistest.StartSentinels(t)
	options := redisstore.Options{Addresses: sentinels.Addresses(), Master: sentinels.MasterName()}
	writer, reader := startEdge(t, options), startEdge(t, options)
	writer.persist("before")
	within(t, time.Second, "the reader has it", func() bool { return reader.Name() == "before" })

	killed := time.Now()
	sentinels.FailOver()
	promoted := time.Now()
	writer.persist("after")
	within(t, healLimit, "the reader is in step", func() bool { return reader.Name() == "after" })
	inStep(t, killed, promoted, healLimit)
}

// A replica that is promoted may not have all that its master acknowledged.
func TestSentinelRollback(t *testing.T) {
	sentinels := redistest.StartSentinels(t)
	options := redisstore.Options{Addresses: sentinels.Addresses(), Master: sentinels.MasterName()}
	writer, reader := startEdge(t, options), startEdge(t, options)
	writer.persist("kept")
	sentinels.Master().Command("WAIT", "1", "1000")
	sentinels.HoldReplica()
	for i := range 100 {
		writer.persist(fmt.Sprint("acknowledged ", i))
	}
	within(t, time.Second, "the reader has the last", func() bool { return reader.Revision() == 101 })

	watching := make(chan struct{})
	backwards := make(chan uint64, 1)
	go func() { // all the time
		defer close(backwards)
		for {
			select {
			case <-watching:
				return
			default:
			}
			if revision := min(reader.Revision(), writer.Revision()); revision < 101 {
				backwards <- revision
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	promoted := sentinels.FailOver()
	begin := time.Now()
	within(t, restoreLimit, "the newest document is back", func() bool {
		return promoted.Command("HGET", "{experiments}:heads", string(tenant)) == "101"
	})
	t.Logf("back %s after the promotion", time.Since(begin))
	writer.persist("next")
	within(t, healLimit, "the reader has the next", func() bool { return reader.Revision() == 102 })
	close(watching)
	if revision, ok := <-backwards; ok {
		t.Errorf("an edge went back to revision %d", revision)
	}
}

func TestClusterFailover(t *testing.T) {
	users := documentedUsers(t)
	const more = " +cluster|slots +cluster|shards +command +readonly" // as documented
	cluster := redistest.StartCluster(t, redistest.User(users["manager"]+more), redistest.User(users["edge"]+more))
	options := redisstore.Options{Addresses: cluster.Addresses(), Cluster: true, Username: "manager", Password: "secret"}
	writer := startEdge(t, options)
	options.Username = "edge"
	reader := startEdge(t, options)
	writer.persist("before")
	within(t, time.Second, "the reader has it", func() bool { return reader.Name() == "before" })

	killed := time.Now()
	const key = "{experiments}:heads"
	cluster.Owner(key).Kill()
	cluster.Owner(key) // waits for the next
	promoted := time.Now()
	writer.persist("after")
	within(t, clusterLimit, "the reader is in step", func() bool { return reader.Name() == "after" })
	inStep(t, killed, promoted, clusterLimit)
}

// inStep holds the time since a promotion against its limit. How long Redis
// takes for that is its own affair, and depends on how busy the machine is.
func inStep(t *testing.T, killed, promoted time.Time, limit time.Duration) {
	t.Helper()
	t.Logf("in step %s after the end of the old server, %s after the promotion of the new one", time.Since(killed), time.Since(promoted))
	if took := time.Since(promoted); took > limit {
		t.Errorf("in step only %s after the promotion", took)
	}
}

// Keys can move to another node at any time.
func TestClusterMove(t *testing.T) {
	cluster := redistest.StartCluster(t)
	options := redisstore.Options{Addresses: cluster.Addresses()[:1], Cluster: true}
	writer, reader := startEdge(t, options), startEdge(t, options)
	writer.persist("before")
	const key = "{experiments}:heads"
	from := cluster.Owner(key)
	for _, node := range cluster.Nodes()[:3] {
		if node != from {
			cluster.Move(key, node)
			break
		}
	}
	writer.persist("after")
	within(t, healLimit, "the reader is in step", func() bool { return reader.Name() == "after" })
	if lost := reader.Notices(store.NoticeRestored); len(lost) > 0 {
		t.Error("the move was taken for a loss")
	}
}

func TestEncrypted(t *testing.T) {
	authority := redistest.NewAuthority(t)
	server := redistest.Start(t, redistest.Encrypted(authority, true), redistest.User("caddy on >secret ~{experiments}:* &* +@all"))
	plain := redistest.Start(t)
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(authority.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(pem)
	certificate, err := tls.LoadX509KeyPair(authority.CertFile, authority.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	options := redisstore.Options{
		Addresses: []string{server.TLSAddress()}, Username: "caddy", Password: "secret",
		TLS: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}, ServerName: "localhost"},
	}
	e := startEdge(t, options)
	e.Commit("secret")
	for _, test := range []struct {
		name   string
		change func(*redisstore.Options)
		reason string
	}{
		{"unknown authority", func(o *redisstore.Options) { o.TLS = &tls.Config{ServerName: "localhost"} }, "certificate"},
		{"no certificate", func(o *redisstore.Options) { o.TLS = &tls.Config{RootCAs: roots, ServerName: "localhost"} }, "certificate"},
		{"in the clear", func(o *redisstore.Options) { o.TLS = nil }, ""},
		{"a server without TLS", func(o *redisstore.Options) { o.Addresses = []string{plain.Address()} }, "write redis:// instead of rediss://"},
		{"wrong password", func(o *redisstore.Options) { o.Password = "wrong" }, "WRONGPASS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wrong := options
			test.change(&wrong)
			e := startEdge(t, wrong)
			within(t, noticeLimit, "it is told", func() bool { return len(e.Notices(store.NoticeLost)) == 1 })
			if err := e.Notices(store.NoticeLost)[0].Err; !strings.Contains(err.Error(), test.reason) || strings.Contains(err.Error(), "secret") {
				t.Errorf("the reason is %v", err)
			}
		})
	}
}
