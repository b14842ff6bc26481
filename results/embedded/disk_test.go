package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// changes counts the changes of a disk, and fails them from one on: for good, or
// only that one.
type changes struct {
	n       atomic.Int64
	failing int64 // the first that fails; 0 is none
	once    bool
}

// MaybeError implements errorfs.Injector.
func (c *changes) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	n := c.n.Add(1)
	if c.failing == 0 || n < c.failing || c.once && n > c.failing {
		return nil
	}
	return syscall.ENOSPC
}

// String implements fmt.Stringer.
func (c *changes) String() string { return "changes" }

// worked uses all that changes a log, on a disk that fails, and returns how many
// batches were acknowledged. It fails if that hangs.
func worked(t *testing.T, dir string, c *changes) (acknowledged int) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l, err := Open(dir, Options{fs: errorfs.Wrap(vfs.Default, c)})
		if err != nil {
			return
		}
		for n := range 6 {
			if err := l.Append(context.Background(), tenant, numbered(n)); err != nil {
				if !errors.Is(err, events.ErrUnavailable) {
					t.Errorf("appending with change %d failing: %v", c.failing, err)
				}
				break
			}
			acknowledged++
			switch n {
			case 1, 3:
				_ = l.db.Flush()
			case 4:
				_ = l.db.Flush()
				_ = l.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false)
			}
		}
		err = l.Append(context.Background(), tenant, numbered(6)) // which may be the one that fails
		if failed := l.Err() != nil; err != nil && !failed {
			t.Errorf("with change %d failing the log says it is well, but takes nothing", c.failing)
		} else if !failed && c.failing == 0 {
			acknowledged++
		}
		_ = l.Close()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Minute):
		t.Fatalf("it hangs with change %d failing", c.failing)
	}
	return acknowledged
}

// TestDiskFailsAtAnyPoint fails each change of a log's disk in turn. The process
// goes on, no call hangs, and the log has all that was acknowledged when it is
// opened on a disk that works again.
func TestDiskFailsAtAnyPoint(t *testing.T) {
	var all changes
	if n := worked(t, filepath.Join(t.TempDir(), "log"), &all); n != 7 {
		t.Fatalf("%d batches were taken by a disk that works", n)
	}
	step := int64(1)
	if testing.Short() {
		step = 7
	}
	for _, once := range []bool{false, true} {
		for failing := int64(1); failing <= all.n.Load(); failing += step {
			dir := filepath.Join(t.TempDir(), "log")
			acknowledged := worked(t, dir, &changes{failing: failing, once: once})
			l, err := Open(dir, Options{})
			if err != nil {
				t.Fatalf("after change %d failed (once: %v): %v", failing, once, err)
			}
			// The one that was under way may be there.
			if found := int(counted(t, l)); found < acknowledged || found > acknowledged+2 {
				t.Errorf("after change %d failed (once: %v) there are %d batches, %d were acknowledged", failing, once, found, acknowledged)
			}
			eventstest.Feed(t, l, tenant, numbered(8))
			closed(t, l)
		}
	}
	t.Logf("%d changes", all.n.Load())
}

// TestDirectoryThatIsGone removes the directory under a log. What it was told is
// lost with it, and the process goes on.
func TestDirectoryThatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := opened(t, dir)
	random(t, l, 3)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	refused(t, l.Append(context.Background(), tenant, numbered(1)), dir, "gone")
	select {
	case <-l.Failed():
	case <-time.After(time.Minute):
		t.Fatal("the log has not failed")
	}
	closed(t, l)
	l = opened(t, dir)
	defer closed(t, l)
	eventstest.Feed(t, l, tenant, numbered(1))
}

// TestOnlyItsUserLooksIntoALog has ids of people in a log, a backup of it, and
// what is restored from that.
func TestOnlyItsUserLooksIntoALog(t *testing.T) {
	parent := t.TempDir()
	dir, backup, restored := filepath.Join(parent, "log"), filepath.Join(parent, "backup"), filepath.Join(parent, "restored")
	if err := os.Mkdir(dir, 0o755); err != nil { // as an earlier version made it
		t.Fatal(err)
	}
	l := opened(t, dir)
	eventstest.Feed(t, l, tenant, numbered(1))
	if err := l.Backup(backup); err != nil {
		t.Fatal(err)
	}
	closed(t, l)
	if err := Restore(backup, restored); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, backup, restored} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != dirMode {
			t.Errorf("%s has the mode %s", path, info.Mode())
		}
	}
}

func TestSpace(t *testing.T) {
	const gb = 1 << 30
	for name, c := range map[string]struct {
		space
		says string
	}{
		"large":             {space{100 * gb, 10 * gb, 1e6, 1e5}, ""},
		"no inodes known":   {space{100 * gb, 10 * gb, 0, 0}, ""},
		"nothing known":     {space{}, ""},
		"full":              {space{100 * gb, 0, 1e6, 1e5}, "0 MB"},
		"nearly full":       {space{100 * gb, 63 << 20, 1e6, 1e5}, "63 MB"},
		"just enough":       {space{100 * gb, 64 << 20, 1e6, 1e5}, ""},
		"no inodes":         {space{100 * gb, 10 * gb, 1e6, 0}, "0 inodes"},
		"few inodes":        {space{100 * gb, 10 * gb, 1e6, 63}, "63 inodes"},
		"small":             {space{40 << 20, 3 << 20, 40, 5}, ""},
		"small and full":    {space{40 << 20, 1 << 20, 40, 5}, "1 MB"},
		"small, few inodes": {space{40 << 20, 3 << 20, 40, 3}, "3 inodes"},
	} {
		err := c.full()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
