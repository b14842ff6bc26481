package pace

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fixture is a gate of a process with four processors, whose goroutines the test
// counts.
func fixture(procs int) (*gate, *atomic.Uint64) {
	var created atomic.Uint64
	return newGate(&activity{created: created.Load}, func(int) int { return procs }), &created
}

// compute takes a turn and keeps it until it is told to stop. It counts how many
// do so at a time.
type compute struct {
	gate    *gate
	running atomic.Int64
	most    atomic.Int64
	steps   []atomic.Int64
}

func (c *compute) run(ctx context.Context, i int) {
	turn, err := c.gate.begin(ctx)
	if err != nil {
		return
	}
	defer turn.End()
	for {
		now := c.running.Add(1)
		for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
		}
		time.Sleep(100 * time.Microsecond)
		c.steps[i].Add(1)
		c.running.Add(-1)
		if turn.Yield(ctx) != nil {
			return
		}
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// While the process does something else, one processor is left to that, and all
// computations go on in turn.
func TestOneProcessorIsLeft(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		g, created := fixture(procs)
		ctx, cancel := context.WithCancel(context.Background())
		c := &compute{gate: g, steps: make([]atomic.Int64, 6)}
		var all sync.WaitGroup
		all.Go(func() { // what the process serves
			for ctx.Err() == nil {
				created.Add(3)
				time.Sleep(time.Millisecond)
			}
		})
		for i := range c.steps {
			all.Go(func() { c.run(ctx, i) })
		}
		for i := range c.steps {
			eventually(t, "every computation goes on", func() bool { return c.steps[i].Load() > 100 })
		}
		cancel()
		all.Wait()
		if most, want := c.most.Load(), int64(max(1, procs-1)); most > want {
			t.Errorf("%d processors: %d computed at a time, want at most %d", procs, most, want)
		}
		if g.running != 0 || len(g.waiting) != 0 {
			t.Errorf("%d processors: %d turns and %d waiting are left", procs, g.running, len(g.waiting))
		}
	}
}

// In a process that does nothing else all processors compute.
func TestQuietProcess(t *testing.T) {
	g, _ := fixture(4)
	ctx, cancel := context.WithCancel(context.Background())
	c := &compute{gate: g, steps: make([]atomic.Int64, 6)}
	var all sync.WaitGroup
	for i := range c.steps {
		all.Go(func() { c.run(ctx, i) })
	}
	eventually(t, "four compute at a time", func() bool { return c.most.Load() == 4 })
	cancel()
	all.Wait()
	if most := c.most.Load(); most != 4 {
		t.Errorf("%d computed at a time, want 4", most)
	}
}

func TestCanceledWhileWaiting(t *testing.T) {
	g, _ := fixture(1)
	first, err := g.begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		_, err := g.begin(ctx)
		ended <- err
	}()
	eventually(t, "the second one waits", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.waiting) == 1
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	first.End()
	first.End()
	if third, err := g.begin(context.Background()); err != nil || g.running != 1 {
		t.Errorf("got %v, %d running", err, g.running)
	} else {
		third.End()
	}
	if _, err := g.begin(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A turn that was given up for a canceled context ends once, and for good.
func TestYieldEnds(t *testing.T) {
	g, _ := fixture(2)
	ctx, cancel := context.WithCancel(context.Background())
	turn, err := g.begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := turn.Yield(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	turn.End()
	if g.running != 0 {
		t.Errorf("%d turns are left", g.running)
	}
}

// The runtime counts the goroutines that serve, and none of a computation's own.
func TestGoroutinesAreCounted(t *testing.T) {
	count := goroutines()
	before := count()
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {})
	}
	group.Wait()
	if n := count() - before; n < 100 {
		t.Errorf("the runtime counted %d goroutines, want 100 or more", n)
	}
}
