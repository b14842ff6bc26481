package upkeep

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/embedded"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

const tenant = "shop/production"

// lines is a logger's output.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// kept returns a log in a directory that is kept open.
func kept(t *testing.T, dir string) (Log, *lines) {
	out := &lines{}
	l := NewLog(func(context.Context) (events.Log, error) {
		log, err := embedded.Open(dir, embedded.Options{})
		if err != nil {
			return nil, err
		}
		return log, nil
	}, slog.New(slog.NewTextHandler(out, nil)))
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, out
}

// soon waits for a condition.
func soon(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not happen", what)
		}
	}
}

func batch(seed uint64) *events.Batch { return eventstest.Batch(rand.New(rand.NewPCG(seed, 0)), 50) }

func TestLogOpensWhenItCan(t *testing.T) {
	parent := t.TempDir()
	if err := os.WriteFile(filepath.Join(parent, "log"), nil, 0o600); err != nil { // in the way
		t.Fatal(err)
	}
	l, out := kept(t, filepath.Join(parent, "log"))
	ctx := context.Background()
	if err := l.Append(ctx, tenant, batch(1)); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("before the start: %v", err)
	}
	l.Start(time.Minute)
	if err := l.Append(ctx, tenant, batch(1)); !errors.Is(err, events.ErrUnavailable) || !strings.Contains(err.Error(), parent) {
		t.Errorf("without a directory: %v", err)
	}
	if err := l.Trouble(); err == nil || !strings.Contains(err.Error(), parent) {
		t.Errorf("the trouble is %v", err)
	}
	if err := os.Remove(filepath.Join(parent, "log")); err != nil {
		t.Fatal(err)
	}
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := l.Await(waiting); err != nil {
		t.Fatal(err)
	}
	eventstest.Feed(t, l, tenant, batch(1))
	if err := l.Trouble(); err != nil {
		t.Errorf("the trouble is %v", err)
	}
	if out.count("not there") != 1 || out.count("open again") != 1 {
		t.Errorf("the messages are\n%s", out.text.String())
	}
}

// TestLogReopens takes the directory away, again and again: the log begins anew,
// and what goes on is said at most once a minute.
func TestLogReopens(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l, out := kept(t, dir)
	l.Start(time.Minute)
	routines := 0
	for round := range 4 {
		soon(t, "an append", func() bool { return l.Append(context.Background(), tenant, batch(2)) == nil })
		if round == 1 {
			routines = runtime.NumGoroutine()
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		// The engine finds out when it next makes a file.
		soon(t, "a failure", func() bool {
			for i := range 50 {
				if l.Append(context.Background(), tenant, eventstest.Batch(rand.New(rand.NewPCG(uint64(i), 1)), 20_000)) != nil {
					return true
				}
			}
			return false
		})
	}
	soon(t, "an append", func() bool { return l.Append(context.Background(), tenant, batch(2)) == nil })
	if n := out.count("\n"); n > 4 {
		t.Errorf("%d messages:\n%s", n, out.text.String())
	}
	soon(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= routines })
}

// TestClosingWaitsForNobody closes a log while an export stands still.
func TestClosingWaitsForNobody(t *testing.T) {
	l, _ := kept(t, filepath.Join(t.TempDir(), "log"))
	l.Start(time.Minute)
	eventstest.Feed(t, l, tenant, batch(3))
	stuck, reached, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		ended <- l.Export(context.Background(), tenant, func(*events.Batch) error {
			close(reached)
			<-stuck
			return nil
		})
	}()
	<-reached
	eventstest.Feed(t, l, tenant, batch(4)) // goes on beside it
	if err := l.Close(); err == nil {
		t.Error("it says that it is closed")
	}
	if err := l.Append(context.Background(), tenant, batch(5)); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("after closing: %v", err)
	}
	close(stuck)
	<-ended
}

// TestUseOverFailures uses a log from many goroutines while it fails and comes
// back.
func TestUseOverFailures(t *testing.T) {
	var opened, open atomic.Int32
	l := NewLog(func(context.Context) (events.Log, error) {
		if opened.Add(1)%3 == 2 {
			return nil, errors.New("not now")
		}
		if open.Add(1) != 1 {
			t.Error("it is open twice")
		}
		return &brittle{Model: eventstest.NewModel(), open: &open, failed: make(chan struct{})}, nil
	}, nil)
	l.Start(time.Minute)
	var users sync.WaitGroup
	var worked atomic.Int64
	for range 8 {
		users.Go(func() {
			for opened.Load() < 5 {
				if l.Append(context.Background(), tenant, &events.Batch{}) == nil {
					worked.Add(1)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	users.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if worked.Load() == 0 || open.Load() != 0 {
		t.Errorf("%d appends worked, %d logs are open", worked.Load(), open.Load())
	}
}

// brittle is a log that fails after some appends.
type brittle struct {
	*eventstest.Model
	open     *atomic.Int32
	appended atomic.Int32
	failed   chan struct{}
}

func (b *brittle) Append(context.Context, string, *events.Batch) error {
	if b.open.Load() != 1 {
		return errors.New("it is used while it is closed")
	}
	if b.appended.Add(1) == 20 {
		close(b.failed)
	}
	return nil
}

func (b *brittle) Failed() <-chan struct{} { return b.failed }
func (b *brittle) Err() error              { return errors.New("it broke") }

func (b *brittle) Close() error {
	b.open.Add(-1)
	return nil
}
