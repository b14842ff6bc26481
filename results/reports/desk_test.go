package reports

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// eventually waits for a condition.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// held makes reports that take until they are let go.
type held struct {
	made, now, most atomic.Int64
	let             chan struct{}
}

func newHeld() *held { return &held{let: make(chan struct{})} }

func (h *held) report(text string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		h.made.Add(1)
		now := h.now.Add(1)
		defer h.now.Add(-1)
		for most := h.most.Load(); now > most && !h.most.CompareAndSwap(most, now); most = h.most.Load() {
		}
		select {
		case <-h.let:
			return []byte(text), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// empty fails if the desk still has something of anybody.
func empty(t *testing.T, d *Desk) {
	t.Helper()
	eventually(t, "the desk is empty", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.flights)+len(d.lines)+len(d.order)+d.running == 0
	})
}

func TestSameReportIsMadeOnce(t *testing.T) {
	d, h := New(Limits{Asking: 120}), newHeld()
	var all sync.WaitGroup
	for range 120 {
		all.Go(func() {
			text, err := d.Ask(context.Background(), "shop/production", "dear", h.report("made"))
			if err != nil || string(text) != "made" {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
	eventually(t, "all wait", func() bool { return d.Asking() == 120 })
	close(h.let)
	all.Wait()
	if h.made.Load() != 1 {
		t.Errorf("it was made %d times", h.made.Load())
	}
	empty(t, d)
}

// Another tenant's report is made while the first one's still wait.
func TestTenantsTakeTurns(t *testing.T) {
	d := New(Limits{Running: 1})
	first := newHeld()
	var all sync.WaitGroup
	var order []string
	for i := range 8 {
		all.Go(func() {
			_, err := d.Ask(context.Background(), "shop/production", i, func(ctx context.Context) ([]byte, error) {
				text, err := first.report("")(ctx)
				order = append(order, "shop") // one at a time
				return text, err
			})
			if err != nil {
				t.Error(err)
			}
		})
		eventually(t, "it waits", func() bool { return d.Asking() == i+1 })
	}
	for i, tenant := range []string{"bank/production", "club/production"} {
		all.Go(func() {
			if _, err := d.Ask(context.Background(), tenant, 0, func(context.Context) ([]byte, error) {
				order = append(order, tenant[:4])
				return nil, nil
			}); err != nil {
				t.Error(err)
			}
		})
		eventually(t, "it waits", func() bool { return d.Asking() == 9+i })
	}
	close(first.let)
	all.Wait()
	// The line of the first tenant stood before those that came later.
	if got := strings.Join(order, " "); got != "shop shop bank club"+strings.Repeat(" shop", 6) {
		t.Errorf("made in the order %s", got)
	}
	empty(t, d)
}

func TestOneReportOfATenantAtATime(t *testing.T) {
	d, h := New(Limits{Running: 3, Waiting: 100}), newHeld()
	var all sync.WaitGroup
	for tenant := range 5 {
		for i := range 7 {
			all.Go(func() {
				if _, err := d.Ask(context.Background(), fmt.Sprint(tenant), i, h.report("")); err != nil {
					t.Error(err)
				}
			})
		}
	}
	eventually(t, "all wait, and three are made", func() bool { return d.Asking() == 35 && h.now.Load() == 3 })
	close(h.let)
	all.Wait()
	if h.most.Load() != 3 || h.made.Load() != 35 {
		t.Errorf("%d were made at a time, and %d in all", h.most.Load(), h.made.Load())
	}
	empty(t, d)
}

func TestTooManyAreRefused(t *testing.T) {
	d, h := New(Limits{Waiting: 8, Asking: 20}), newHeld()
	var all sync.WaitGroup
	ask := func(tenant string, what any) {
		all.Go(func() {
			if _, err := d.Ask(context.Background(), tenant, what, h.report("")); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range 9 { // one is made
		ask("shop/production", i)
		eventually(t, "it waits", func() bool { return d.Asking() == i+1 })
	}
	if _, err := d.Ask(context.Background(), "shop/production", "one more", h.report("")); !errors.Is(err, ErrBusy) {
		t.Errorf("another report: got %v", err)
	}
	for i := range 11 {
		ask("shop/production", 3)
		eventually(t, "it waits too", func() bool { return d.Asking() == i+10 })
	}
	if _, err := d.Ask(context.Background(), "shop/production", 3, h.report("")); !errors.Is(err, ErrBusy) {
		t.Errorf("one more for the same report: got %v", err)
	}
	ask("bank/production", 0)
	eventually(t, "another tenant is let in", func() bool { return d.Asking() == 21 })
	close(h.let)
	all.Wait()
	empty(t, d)
}

// What no request waits for any more is not made, or not to its end.
func TestGivenUp(t *testing.T) {
	d, h := New(Limits{}), newHeld()
	ctx, cancel := context.WithCancel(context.Background())
	waiting, giveUp := context.WithCancel(context.Background())
	var all sync.WaitGroup
	ask := func(ctx context.Context, what int) {
		all.Go(func() {
			if _, err := d.Ask(ctx, "shop/production", what, h.report("")); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	ask(ctx, 1)
	eventually(t, "one is made", func() bool { return h.now.Load() == 1 })
	ask(ctx, 1)
	ask(waiting, 2)
	eventually(t, "they wait", func() bool { return d.Asking() == 3 })
	giveUp() // first, or it would be made for a moment
	eventually(t, "one has gone", func() bool { return d.Asking() == 2 })
	cancel()
	all.Wait()
	eventually(t, "the one that was made has ended", func() bool { return h.now.Load() == 0 })
	empty(t, d)
	if _, err := d.Ask(ctx, "shop/production", 1, h.report("")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if h.made.Load() != 1 {
		t.Errorf("%d were made", h.made.Load())
	}
}

// A request that goes away takes nothing from others that wait for the same.
func TestOneGoesAway(t *testing.T) {
	d, h := New(Limits{}), newHeld()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := d.Ask(ctx, "shop/production", 1, h.report("made")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	eventually(t, "the first one waits", func() bool { return d.Asking() == 1 })
	all.Go(func() {
		if text, err := d.Ask(context.Background(), "shop/production", 1, h.report("made again")); err != nil || string(text) != "made" {
			t.Errorf("got %q, %v", text, err)
		}
	})
	eventually(t, "the second one waits", func() bool { return d.Asking() == 2 })
	cancel()
	eventually(t, "the first one is gone", func() bool { return d.Asking() == 1 })
	close(h.let)
	all.Wait()
	empty(t, d)
}

func TestFailures(t *testing.T) {
	d := New(Limits{Time: 20 * time.Millisecond})
	broken := errors.New("broken")
	for range 2 { // an error is not kept
		if _, err := d.Ask(context.Background(), "shop/production", 1, func(context.Context) ([]byte, error) { return nil, broken }); err != broken {
			t.Errorf("got %v", err)
		}
	}
	_, err := d.Ask(context.Background(), "shop/production", 1, func(context.Context) ([]byte, error) { panic("out of range") })
	if err == nil || !strings.Contains(err.Error(), "out of range") {
		t.Errorf("got %v", err)
	}
	_, err = d.Ask(context.Background(), "shop/production", 1, newHeld().report(""))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	empty(t, d)
}

func TestRecentAnswers(t *testing.T) {
	r := newRecent(RecentLimits{Answers: 3, Bytes: 1000, Answer: 400}.complete())
	now := time.Now()
	question := func(i int) question { return question{"shop/production", i} }
	found := func(i int, at time.Time) bool {
		text, ok := r.find(question(i), at)
		if ok && !bytes.Equal(text, []byte(fmt.Sprint(i))) {
			t.Errorf("question %d is answered with %q", i, text)
		}
		return ok
	}
	keep := func(i, size int, took time.Duration) {
		text := append(make([]byte, 0, size), fmt.Sprint(i)...)
		r.keep(question(i), text, took, now)
	}
	keep(0, 10, 99*time.Millisecond)
	if found(0, now) {
		t.Error("what is cheap was kept")
	}
	keep(1, 10, time.Second)
	if !found(1, now.Add(4*time.Second-1)) || found(1, now.Add(4*time.Second)) {
		t.Error("not kept for four times as long as it took")
	}
	keep(1, 10, time.Minute)
	if !found(1, now.Add(10*time.Second-1)) || found(1, now.Add(10*time.Second)) {
		t.Error("not kept for ten seconds")
	}
	for i := 1; i <= 4; i++ {
		keep(i, 10, time.Minute)
	}
	if found(1, now) || !found(2, now) || !found(4, now) {
		t.Error("not the last three are kept")
	}
	keep(5, 401, time.Minute)
	if found(5, now) {
		t.Error("one that is too large was kept")
	}
	for i := 6; i < 9; i++ {
		keep(i, 400, time.Minute)
	}
	if r.bytes != 800 || len(r.kept) != 2 || r.order.Len() != 2 {
		t.Errorf("%d bytes in %d answers are kept", r.bytes, len(r.kept))
	}
}

// Nothing is kept for longer than it may be given.
func TestNothingIsLeft(t *testing.T) {
	d := New(Limits{Recent: RecentLimits{Age: 10 * time.Millisecond, Cheap: 1}})
	for i := range 5 {
		if _, err := d.Ask(context.Background(), "shop/production", i, func(context.Context) ([]byte, error) { return make([]byte, 1000), nil }); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "nothing is kept", func() bool {
		d.recent.mu.Lock()
		defer d.recent.mu.Unlock()
		return len(d.recent.kept) == 0 && d.recent.bytes == 0
	})
}
