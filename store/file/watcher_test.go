package file

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// Two edits of the same size can fall into one tick of the file system's clock,
// the watcher between them.
func TestEditsInOneTick(t *testing.T) {
	t.Parallel()
	s := New(t.TempDir(), 0)
	put(t, s, text("aaa"))
	path := s.Path(tenant)
	var seen sight
	if time.Sleep(quiet); !seen.news(path, s.maxSize) {
		t.Fatal("the first file is no news")
	}
	put(t, s, text("bbb"))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	seen.info = info // as it would look had the clock not moved
	if !seen.news(path, s.maxSize) {
		t.Error("the second edit is not seen")
	}
	if seen.news(path, s.maxSize) {
		t.Error("the second edit is told twice")
	}
}

// Between two writes into a file the text can be complete and yet be neither the
// old nor the new one.
func TestYoungChangeIsNotToldYet(t *testing.T) {
	t.Parallel()
	s := New(t.TempDir(), 0)
	put(t, s, text("aaaa"))
	path := s.Path(tenant)
	var seen sight
	if time.Sleep(quiet); !seen.news(path, s.maxSize) {
		t.Fatal("the first file is no news")
	}
	put(t, s, text("bbaa"))
	if seen.news(path, s.maxSize) {
		t.Error("it is told at once")
	}
	put(t, s, text("bbbb"))
	if time.Sleep(quiet); !seen.news(path, s.maxSize) {
		t.Error("it is not told later")
	}
}

// Some editors move the old file away before they write the new one.
func TestShortAbsenceIsNotTold(t *testing.T) {
	t.Parallel()
	s := New(t.TempDir(), 0)
	put(t, s, text("first"))
	path := s.Path(tenant)
	var seen sight
	if time.Sleep(quiet); !seen.news(path, s.maxSize) {
		t.Fatal("the first file is no news")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if seen.news(path, s.maxSize) {
		t.Error("it is told at once")
	}
	if time.Sleep(quiet); !seen.news(path, s.maxSize) {
		t.Error("it is not told later")
	}
	if seen.news(path, s.maxSize) {
		t.Error("it is told twice")
	}
}

// A file that is replaced all the time is never quiet.
func TestWatchIsNotStarved(t *testing.T) {
	t.Parallel()
	s := New(t.TempDir(), 0)
	put(t, s, text("before"))
	told := follow(t, s)
	stop := time.Now().Add(1500 * time.Millisecond)
	count := 0
	for i := 0; time.Now().Before(stop); i++ {
		renameInto(t, s.Path(tenant), text("after "+time.Now().Format("05.000000")), false)
		time.Sleep(20 * time.Millisecond)
		select {
		case <-told:
			count++
		default:
		}
	}
	if count == 0 {
		t.Error("none of many replacements is told while they go on")
	}
}

// The first reading of a file can fail for a passing reason, like too many open
// files; nothing about the file changes when that is over.
func TestFailedLoadIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := New(t.TempDir(), 0)
	put(t, s, text("first"))
	age(t, s.Path(tenant))
	follow(t, s)
	tracked := s.tracked(tenant)
	tracked.mu.Lock()
	tracked.failed = true
	tracked.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for s.retry(tenant) && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Error("the file is not loaded again")
	}
}

func TestWatchEnds(t *testing.T) {
	s := New(t.TempDir(), 0)
	put(t, s, text("first"))
	load(t, s)
	routines, open := runtime.NumGoroutine(), descriptors(t)
	for range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		done, told := make(chan struct{}), make(chan struct{}, 100)
		go func() {
			defer close(done)
			s.Watch(ctx, store.Watcher{Changed: func(store.Tenant) { told <- struct{}{} }, Reached: func() {}})
		}()
		<-told
		cancel()
		select {
		case <-done:
		case <-time.After(time.Second):
			t.Fatal("the watch goes on after its context has ended")
		}
	}
	if now := descriptors(t); now > open {
		t.Errorf("%d files were open, now %d are", open, now)
	}
	for range 100 { // a goroutine that has closed its channel may not be gone yet
		if runtime.NumGoroutine() <= routines {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("there were %d goroutines, now there are %d", routines, runtime.NumGoroutine())
}
