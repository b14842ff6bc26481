package geo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestWatchPicksUpAnOptionalFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "later.mmdb")
	database, err := OpenOptional(path)
	if err != nil {
		t.Fatal(err)
	}
	events := follow(t, database)
	quiet(t, events) // that it is missing is known

	writeFile(t, path, []byte("garbage"))
	if event := next(t, events); !errors.Is(event.Err, ErrDamaged) || event.Info.Loaded {
		t.Fatalf("event = %+v, want a rejection and no data", event)
	}
	writeFile(t, path, buildPlace(t, "JP", "13", 1000))
	event := next(t, events)
	if !event.Applied() || !event.Replaced.IsZero() || event.Older || !event.Info.Loaded {
		t.Fatalf("event = %+v", event)
	}
	if got := database.Lookup(watched); got != (Location{"JP", "13"}) {
		t.Errorf("Lookup = %v, want JP/13", got)
	}
}

// A permission may return without a trace in the file's stamp.
func TestWatchRetriesWhatMayPass(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("permissions do not bind this user")
	}
	path := temporary(t, buildPlace(t, "SE", "AB", 1000))
	database := mustOpen(t, path)
	events := follow(t, database)
	writeFile(t, path+".new", buildPlace(t, "US", "WA", 2000))
	if err := os.Chmod(path+".new", 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if event := next(t, events); !errors.Is(event.Err, fs.ErrPermission) {
		t.Fatalf("event = %+v, want fs.ErrPermission", event)
	}
	quiet(t, events)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if event := next(t, events); !event.Applied() {
		t.Fatal(event.Err)
	}
}

// What became too large or a folder is refused like any other, and retried:
// judging it costs no more than looking at it.
func TestWatchRefusesWhatIsNoFile(t *testing.T) {
	t.Parallel()
	path := temporary(t, buildPlace(t, "SE", "AB", 1000))
	database := mustOpen(t, path)
	database.limit = 1 << 20
	events := follow(t, database)
	if err := os.Truncate(path, 1<<20+1); err != nil {
		t.Fatal(err)
	}
	if event := next(t, events); !errors.Is(event.Err, ErrTooLarge) {
		t.Fatalf("event = %+v, want ErrTooLarge", event)
	}
	quiet(t, events)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	// Whether the gap between the two is seen is a matter of timing.
	event := next(t, events)
	if errors.Is(event.Err, fs.ErrNotExist) {
		event = next(t, events)
	}
	if event.Err == nil || !strings.Contains(event.Err.Error(), "a directory") {
		t.Fatalf("event = %+v, want a complaint about a directory", event)
	}
	quiet(t, events)
}
