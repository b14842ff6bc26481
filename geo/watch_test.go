package geo

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	watchInterval = 50 * time.Millisecond
	patience      = 10 * time.Second
)

var watched = netip.MustParseAddr("192.0.2.1")

// follow watches database until the test ends and hands out its events.
func follow(t *testing.T, database *Database) <-chan Event {
	t.Helper()
	events := make(chan Event, 100)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		database.Watch(ctx, watchInterval, func(event Event) { events <- event })
	})
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return events
}

func next(t *testing.T, events <-chan Event) Event {
	t.Helper()
	select {
	case event := <-events:
		return event
	case <-time.After(patience):
		t.Fatal("no event")
		return Event{}
	}
}

func quiet(t *testing.T, events <-chan Event) {
	t.Helper()
	select {
	case event := <-events:
		t.Fatalf("unexpected event %+v", event)
	case <-time.After(4 * watchInterval):
	}
}

// read keeps looking the watched address up until the test ends and fails it
// if an answer is none of the countries that ever were in a good file.
func read(t *testing.T, database *Database, countries string) {
	t.Helper()
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if got := database.Lookup(watched); !strings.Contains(countries, got.Country) {
					t.Errorf("Lookup = %v", got)
					return
				}
				database.Info()
				if i%100 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		group.Wait()
	})
}

func renameOver(t *testing.T, path string, content []byte) {
	t.Helper()
	writeFile(t, path+".new", content)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestWatchFollowsTheFile(t *testing.T) {
	t.Parallel()
	path := temporary(t, buildPlace(t, "SE", "AB", 1000))
	database := mustOpen(t, path)
	read(t, database, "SE US GB DE JP FR")
	events := follow(t, database)

	applied := func(country, region string) Event {
		t.Helper()
		event := next(t, events)
		if !event.Applied() {
			t.Fatalf("rejected: %v", event.Err)
		}
		if got := database.Lookup(watched); got != (Location{country, region}) {
			t.Fatalf("Lookup = %v, want %s/%s", got, country, region)
		}
		if event.Info.LastError != nil || database.Info().LastError != nil {
			t.Fatalf("LastError = %v after a success", event.Info.LastError)
		}
		return event
	}
	rejected := func(country string, is error) {
		t.Helper()
		event := next(t, events)
		if !errors.Is(event.Err, is) {
			t.Fatalf("event is %+v, want %v", event, is)
		}
		if got := database.Lookup(watched); got.Country != country {
			t.Fatalf("Lookup = %v, want the former %s", got, country)
		}
		if !errors.Is(database.Info().LastError, is) || !event.Info.Loaded {
			t.Fatalf("Info = %+v, want the failure", database.Info())
		}
		if !strings.HasPrefix(event.Err.Error(), "geo database "+path+": updating: ") {
			t.Errorf("error %q lacks its subject", event.Err)
		}
		quiet(t, events)
	}

	quiet(t, events)

	// Good files, put in place in different ways.
	renameOver(t, path, buildPlace(t, "US", "WA", 2000))
	event := applied("US", "WA")
	if event.Older || event.Replaced.Unix() != 1000 || event.Info.BuildTime.Unix() != 2000 {
		t.Errorf("event = %+v", event)
	}
	writeFile(t, path, buildPlace(t, "GB", "ENG", 3000))
	if applied("GB", "ENG").Older {
		t.Error("a newer build is called older")
	}

	// Bad ones, and the recovery from each.
	good := buildPlace(t, "GB", "ENG", 3000)
	if err := os.Truncate(path, int64(len(good)/2)); err != nil {
		t.Fatal(err)
	}
	rejected("GB", ErrDamaged)
	writeFile(t, path, []byte("garbage"))
	rejected("GB", ErrDamaged)
	writeFile(t, path, nil)
	rejected("GB", ErrDamaged)
	writeFile(t, path, build(t, databaseOfType("GeoLite2-ASN")))
	rejected("GB", ErrWrongType)
	writeFile(t, path, good)
	applied("GB", "ENG")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	rejected("GB", fs.ErrNotExist)
	writeFile(t, path, buildPlace(t, "DE", "BE", 2500))
	if event := applied("DE", "BE"); !event.Older {
		t.Error("a build older than the one before is not marked")
	}

	// The same file away and back is a failure and its end.
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	rejected("DE", fs.ErrNotExist)
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	applied("DE", "BE")

	// The same bytes anew are nothing to speak of.
	renameOver(t, path, buildPlace(t, "DE", "BE", 2500))
	quiet(t, events)
}

func TestWatchFollowsASymbolicLink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, second := filepath.Join(folder, "1.mmdb"), filepath.Join(folder, "2.mmdb")
	writeFile(t, first, buildPlace(t, "SE", "AB", 1000))
	writeFile(t, second, buildPlace(t, "US", "WA", 1000))
	// Alike in size and time, as archives unpacked side by side may be.
	when := time.Now().Add(-time.Hour)
	for _, path := range []string{first, second} {
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(folder, "geo.mmdb")
	if err := os.Symlink(first, link); err != nil {
		t.Skip(err)
	}
	database := mustOpen(t, link)
	events := follow(t, database)
	if err := os.Symlink(second, link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
	if event := next(t, events); !event.Applied() {
		t.Fatal(event.Err)
	}
	if got := database.Lookup(watched); got.Country != "US" {
		t.Errorf("Lookup = %v, want US", got)
	}
}

// A writer that takes its time is waited for, and a file that is half old and
// half new is never put to use.
func TestWatchWaitsForAWriter(t *testing.T) {
	t.Parallel()
	path := temporary(t, buildPlace(t, "SE", "AB", 1000))
	database := mustOpen(t, path)
	read(t, database, "SE US")
	events := follow(t, database)
	content := buildPlace(t, "US", "WA", 2000)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for len(content) > 0 {
		n := min(64, len(content))
		if _, err := file.Write(content[:n]); err != nil {
			t.Fatal(err)
		}
		content = content[n:]
		time.Sleep(watchInterval / 10)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	for {
		// A loaded machine may stretch a pause, and the part be judged.
		if event := next(t, events); event.Applied() {
			break
		} else if !errors.Is(event.Err, ErrDamaged) {
			t.Fatal(event.Err)
		}
	}
	if got := database.Lookup(watched); got.Country != "US" {
		t.Errorf("Lookup = %v, want US", got)
	}
}

// Replaced data is neither closed nor kept: after many updates under readers
// what remains is one snapshot.
func TestWatchManyUpdates(t *testing.T) {
	t.Parallel()
	contents := [][]byte{buildPlace(t, "SE", "AB", 1000), buildPlace(t, "US", "WA", 2000)}
	path := temporary(t, contents[0])
	database := mustOpen(t, path)
	read(t, database, "SE US")
	events := follow(t, database)
	freed := make(chan struct{}, 100)
	for i := 1; i <= 20; i++ {
		runtime.AddCleanup(database.current.Load(), func(struct{}) { freed <- struct{}{} }, struct{}{})
		renameOver(t, path, contents[i%2])
		if event := next(t, events); !event.Applied() {
			t.Fatal(event.Err)
		}
	}
	for range 20 {
		deadline := time.After(patience)
	waiting:
		for {
			runtime.GC()
			select {
			case <-freed:
				break waiting
			case <-deadline:
				t.Fatal("replaced data is still held")
			case <-time.After(time.Millisecond):
			}
		}
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	path := temporary(t, buildPlace(t, "SE", "AB", 1000))
	database := mustOpen(t, path)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	for range 5 {
		go func() {
			database.Watch(ctx, 0, nil)
			done <- struct{}{}
		}()
	}
	time.Sleep(watchInterval)
	cancel()
	for range 5 {
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatal("Watch did not return")
		}
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}

	// Ended before it begins, it does nothing.
	renameOver(t, path, buildPlace(t, "US", "WA", 2000))
	database.Watch(ctx, watchInterval, func(event Event) { t.Errorf("event %+v", event) })
	if got := database.Lookup(watched); got.Country != "SE" {
		t.Errorf("Lookup = %v, want SE", got)
	}
}

// Two that watch one database, as during a reload of the server, apply a
// change once.
func TestWatchTwice(t *testing.T) {
	t.Parallel()
	path := temporary(t, buildPlace(t, "SE", "AB", 1000))
	database := mustOpen(t, path)
	first, second := follow(t, database), follow(t, database)
	renameOver(t, path, buildPlace(t, "US", "WA", 2000))
	select {
	case event := <-first:
		if !event.Applied() {
			t.Fatal(event.Err)
		}
	case event := <-second:
		if !event.Applied() {
			t.Fatal(event.Err)
		}
	case <-time.After(patience):
		t.Fatal("no event")
	}
	quiet(t, first)
	quiet(t, second)
}
