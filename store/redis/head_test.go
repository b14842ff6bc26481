package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

const headsKey = "{experiments}:heads"

func setHead(server *redistest.Server, text string) {
	server.Command("HSET", headsKey, string(tenant), text)
}

// A head that is no revision, or ahead of every document, is put right, and
// changes go on.
func TestDamagedHeads(t *testing.T) {
	for _, text := range []string{"1000", "2251799813685248", "9007199254740991", "inf", "nan", "-1", "1e3", "0x10", "abc", " 1", "1.5", strings.Repeat("9", 30), ""} {
		t.Run("head "+text, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			options := redisstore.Options{Addresses: []string{server.Address()}}
			writer, reader := startEdge(t, options), startEdge(t, options)
			writer.Commit("first")
			within(t, patient, "the reader has the first", func() bool { return reader.Name() == "first" })
			setHead(server, text)
			within(t, patient, "the head is right", func() bool { return server.Command("HGET", headsKey, string(tenant)) == "1" })
			within(t, patient, "it is told", func() bool {
				return len(writer.Notices(store.NoticeRestored))+len(reader.Notices(store.NoticeRestored)) == 1
			})
			within(t, patient, "the next is written", func() bool {
				_, err := writer.Store.Commit(t.Context(), tenant, named("next"), 1)
				return err == nil
			})
			within(t, patient, "all is well", func() bool {
				return reader.Name() == "next" && reader.Status().State == store.StateHealthy && writer.Status().State == store.StateHealthy
			})
		})
	}
}

// Where no edge may write, the damage is told and the status says so until it is
// put right.
func TestHeadAheadWithoutWriter(t *testing.T) {
	users := documentedUsers(t)
	server := redistest.Start(t, redistest.User(users["edge"]), redistest.User(users["manager"]))
	writer := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}, Username: "manager", Password: "secret"})
	reader := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}, Username: "edge", Password: "secret"})
	writer.Commit("first")
	within(t, patient, "the reader has it", func() bool { return reader.Name() == "first" })
	writer.Stop()
	setHead(server, "1000")
	within(t, patient, "the reader says so", func() bool {
		s := reader.Status()
		return s.State == store.StateDegraded && strings.Contains(s.LastError, "revision 1000 was committed") && len(reader.Notices(store.NoticeTrouble)) == 1
	})
	if refused := reader.Events(isRefusal); len(refused) != 1 || !refused[0].Kept || reader.Name() != "first" || !reader.Live.Reach().Reachable {
		t.Errorf("refused %d times, %q is in force", len(refused), reader.Name())
	}
	if version, err := reader.Store.Load(t.Context(), tenant); err != nil || version.Revision != 1 || version.Doubt == nil {
		t.Errorf("loading gives revision %d, %v, %v", version.Revision, version.Doubt, err)
	}
	setHead(server, "1")
	within(t, patient, "all is well", func() bool { return reader.Status().State == store.StateHealthy })
}

// A document that has got lost may still be known to an edge that is away. What
// is older does not win by waiting.
func TestHeadAheadOfWhatCanBeRead(t *testing.T) {
	document := "{experiments}:document:" + string(tenant)
	for _, test := range []struct {
		name string
		lose func(server *redistest.Server, older string)
	}{
		{"an older document", func(s *redistest.Server, older string) { s.Command("SET", document, older) }},
		{"another key", func(s *redistest.Server, _ string) {
			s.Command("SET", document, strings.Replace(s.Command("GET", document), " key ", " other ", 1))
		}},
		{"garbage", func(s *redistest.Server, _ string) { s.Command("SET", document, "garbage") }},
		{"nothing", func(s *redistest.Server, _ string) { s.Command("DEL", document) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			options := redisstore.Options{Addresses: []string{server.Address()}, LastKnownGood: t.TempDir()}
			knows := startEdge(t, options)
			knows.Commit("first")
			older := server.Command("GET", document)
			other := startEdge(t, redisstore.Options{Addresses: options.Addresses})
			within(t, patient, "the other has the first", func() bool { return other.Name() == "first" })
			other.Stop()
			knows.Commit("newest")
			knows.Stop()
			test.lose(server, older)

			// This one has only seen the older one, and nothing newer.
			late := startEdge(t, redisstore.Options{Addresses: options.Addresses})
			time.Sleep(redisstore.HeadPatience + 3*time.Second) // nothing must happen
			if head := server.Command("HGET", headsKey, string(tenant)); head != "2" {
				t.Errorf("the head is %s", head)
			}
			if _, err := late.Store.Commit(t.Context(), tenant, named("wrong"), late.Revision()); !errors.Is(err, store.ErrConflict) {
				t.Errorf("a change to revision %d was taken: %v", late.Revision(), err)
			}
			again := startEdge(t, options)
			within(t, patient, "both have the newest", func() bool { return again.Name() == "newest" && late.Name() == "newest" })
		})
	}
}

// A tenant without a document can be given one although a head is there.
func TestHeadWithoutDocument(t *testing.T) {
	server := redistest.Start(t)
	setHead(server, "1000")
	e := startEdge(t, redisstore.Options{Addresses: []string{server.Address()}})
	within(t, patient, "a document is written", func() bool {
		_, err := e.Store.Commit(t.Context(), tenant, named("first"), 0)
		return err == nil
	})
	within(t, patient, "it is in force", func() bool { return e.Name() == "first" && e.Revision() == 1 })
}

// Who knows better can replace a document whatever Redis says of revisions.
func TestOverrule(t *testing.T) {
	for _, test := range []struct {
		head string
		want uint64
	}{{"1000", 1001}, {"2251799813685247", 2}, {"inf", 2}, {strings.Repeat("9", 40), 2}, {"1", 2}} {
		t.Run("head "+test.head, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			options := redisstore.Options{Addresses: []string{server.Address()}}
			writer, reader := startEdge(t, options), startEdge(t, options)
			writer.Commit("first")
			// The stream says that a newer one was written, so no edge helps.
			server.Command("XADD", "{experiments}:changes", "*", "tenant", string(tenant), "revision", "1000", "id", "x")
			setHead(server, test.head)
			var revision uint64
			within(t, patient, "it is replaced", func() (done bool) {
				var err error
				revision, err = writer.Store.Overrule(t.Context(), tenant, named("imported"))
				return err == nil
			})
			if revision != test.want {
				t.Errorf("it is revision %d, want %d", revision, test.want)
			}
			within(t, patient, "both have it", func() bool { return writer.Name() == "imported" && reader.Name() == "imported" })
			writer.Commit("next")
			within(t, patient, "changes go on", func() bool { return reader.Name() == "next" })
		})
	}
}
