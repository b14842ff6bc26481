package redis_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// child says to the test's own binary that it is to be the one that is killed:
// the server's address and the directory for what it keeps.
const child = "STORE_REDIS_CHILD"

// TestChildCommits is no test: it commits as fast as it can, as an edge with a
// management API does, and acknowledges every revision on its standard output,
// until it is killed.
func TestChildCommits(t *testing.T) {
	address, dir, found := strings.Cut(os.Getenv(child), " ")
	if !found {
		t.Skip("runs as a child of TestKilledAtAnyPoint only")
	}
	e := startEdge(t, redisstore.Options{Addresses: []string{address}, LastKnownGood: dir})
	within(t, 10*time.Second, "redis is reached", func() bool {
		_, err := e.Store.Load(context.Background(), tenant)
		return err == nil || errors.Is(err, store.ErrNotFound)
	})
	e.Live.Refresh(context.Background(), tenant)
	for revision := e.Revision(); ; {
		next, err := e.Store.Commit(context.Background(), tenant, bulky(revision+1), revision)
		if err != nil {
			fmt.Println("error", err)
			return
		}
		e.Live.Refresh(context.Background(), tenant)
		revision = next
		fmt.Println("revision", revision)
	}
}

// bulky is a document whose writing takes a while, and that one can tell by its
// revision all over.
func bulky(revision uint64) *engine.Document {
	return named(strings.Repeat(strconv.FormatUint(revision, 10)+" ", 4<<10))
}

func TestKilledAtAnyPoint(t *testing.T) {
	kills := 200
	if testing.Short() {
		kills = 20
	}
	server := redistest.Start(t)
	dir := t.TempDir()
	reader := newStore(t, redisstore.Options{Addresses: []string{server.Address()}, LastKnownGood: dir})
	last := uint64(0)   // what is known to be in Redis
	kept, torn := 0, 0  // files that were found, halves of them
	behind := uint64(0) // how far a file was behind Redis at most
	whole := func(where string, i int, version store.Version) {
		document, err := engine.Decode(version.Text)
		if err != nil {
			t.Fatalf("after kill %d, %s: %v", i, where, err)
		}
		if document.Revision != version.Revision || document.Experiments[0].Name != bulky(version.Revision).Experiments[0].Name {
			t.Fatalf("after kill %d %s has parts of several revisions", i, where)
		}
	}
	for i := range kills {
		last = commitUntilKilled(t, server.Address(), dir, last)
		version, err := reader.Load(t.Context(), tenant)
		if errors.Is(err, store.ErrNotFound) && last == 0 {
			continue
		}
		if err != nil {
			t.Fatalf("after kill %d: %v", i, err)
		}
		whole("redis", i, version)
		if version.Revision != last && version.Revision != last+1 {
			t.Fatalf("after kill %d: revision %d was acknowledged last, redis has %d", i, last, version.Revision)
		}
		last = version.Revision
		switch onDisk, err := reader.Recall(tenant); {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			t.Fatalf("after kill %d: %v", i, err)
		default:
			kept++
			whole("the disk", i, onDisk)
			behind = max(behind, last-onDisk.Revision)
		}
		if _, err := os.Stat(dir + "/default/.production.lkg.new"); err == nil {
			torn++
		}
	}
	t.Logf("%d commits; after %d of %d kills a document was on disk, at most %d revisions behind; %d kills were in the middle of keeping one", last, kept, kills, behind, torn)
	if last == 0 || kept == 0 || torn == 0 {
		t.Error("no kill was where it matters")
	}
}

// commitUntilKilled lets a child commit for a random time, and returns the last
// revision that it acknowledged.
func commitUntilKilled(t *testing.T, address, dir string, last uint64) uint64 {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestChildCommits$")
	command.Env = append(os.Environ(), child+"="+address+" "+dir)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(20*time.Second, func() { _ = command.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	for first := true; lines.Scan(); first = false {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "revision":
			revision, err := strconv.ParseUint(rest, 10, 64)
			if err != nil || revision <= last {
				t.Errorf("the child says revision %q after %d", rest, last)
			}
			last = revision
			if first { // its start is not of interest
				timer.Reset(time.Duration(rand.IntN(20_000)) * time.Microsecond)
			}
		case "error":
			t.Errorf("the child failed: %s", rest)
		}
	}
	_, _ = io.Copy(io.Discard, out)
	_ = command.Wait() // killed
	return last
}
