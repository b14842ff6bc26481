package file

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// childDir says to the test's own binary that it is to be the one that is
// killed, and where it writes.
const childDir = "STORE_FILE_CHILD_DIR"

// size makes a document's name long enough for its writing to take a while.
const size = 64 << 10

// TestChildCommits is no test: it commits as fast as it can and acknowledges
// every revision on its standard output, until it is killed.
func TestChildCommits(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("runs as a child of TestKilledAtAnyPoint only")
	}
	s := New(dir, 0)
	revision := uint64(0)
	if version, err := s.Load(context.Background(), tenant); err == nil {
		revision = version.Revision
	}
	for {
		name := strings.Repeat(strconv.FormatUint(revision+1, 10)+" ", size/8)
		next, err := s.Commit(context.Background(), tenant, named(name), revision)
		if err != nil {
			fmt.Println("error", err)
			return
		}
		revision = next
		fmt.Println("revision", revision)
	}
}

func TestKilledAtAnyPoint(t *testing.T) {
	kills := 200
	if testing.Short() {
		kills = 50
	}
	dir := t.TempDir()
	s := New(dir, 0)
	last := uint64(0) // the last revision that is known to be there
	torn := 0         // kills between the beginning and the end of a commit
	for i := range kills {
		acknowledged := commitUntilKilled(t, dir, last)
		last = max(last, acknowledged)

		contents, err := os.ReadFile(s.Path(tenant))
		if os.IsNotExist(err) && last == 0 {
			continue
		}
		if err != nil {
			t.Fatalf("after kill %d: %v", i, err)
		}
		document, err := engine.Decode(contents)
		if err != nil {
			t.Fatalf("after kill %d: %v", i, err)
		}
		if document.Revision != last && document.Revision != last+1 {
			t.Fatalf("after kill %d: revision %d was acknowledged last, the file has %d", i, last, document.Revision)
		}
		if name := strings.Repeat(strconv.FormatUint(document.Revision, 10)+" ", size/8); document.Segments[0].Name != name {
			t.Fatalf("after kill %d: revision %d has the contents of another one", i, document.Revision)
		}
		last = document.Revision
		if names := files(t, s); len(names) > 3 {
			t.Fatalf("after kill %d the directory has %q", i, names)
		}
		if _, err := os.Stat(hidden(s.Path(tenant), "new")); err == nil {
			torn++
		}
	}
	t.Logf("%d commits, %d of %d kills in the middle of writing one", last, torn, kills)
	if last == 0 || torn == 0 {
		t.Error("no kill was in the middle of a commit")
	}
	if revision := commit(t, s, "whole", load(t, s).Revision); revision != last+1 {
		t.Errorf("the commit after all kills has revision %d, want %d", revision, last+1)
	}
	if names := files(t, s); len(names) != 2 {
		t.Errorf("after a commit the directory has %q", names)
	}
}

// commitUntilKilled lets a child commit for a random time, and returns the last
// revision that it acknowledged.
func commitUntilKilled(t *testing.T, dir string, last uint64) uint64 {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestChildCommits$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	timer := time.AfterFunc(10*time.Second, func() { _ = child.Process.Kill() })
	defer timer.Stop()
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "revision":
			revision, err := strconv.ParseUint(rest, 10, 64)
			if err != nil || revision <= last {
				t.Errorf("the child says revision %q after %d", rest, last)
			}
			last = revision
			// From its first commit on: its start is not of interest.
			timer.Reset(time.Duration(rand.IntN(20_000)) * time.Microsecond)
		case "error":
			t.Errorf("the child failed: %s", rest)
		}
	}
	_ = child.Wait() // killed
	return last
}

func TestLeftoversDoNotDisturb(t *testing.T) {
	s := New(t.TempDir(), 0)
	commit(t, s, "first", 0)
	for _, what := range []string{"new", "lock"} {
		if err := os.WriteFile(hidden(s.Path(tenant), what), []byte("half a docu"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, s, "second", 1)
	if name := nameOf(t, load(t, s).Text); name != "second" {
		t.Errorf("the document is %s", name)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(s.Path(tenant)), ".production.json.new")); !os.IsNotExist(err) {
		t.Errorf("the leftover is still there: %v", err)
	}
}
