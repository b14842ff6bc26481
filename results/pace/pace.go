package pace

import (
	"context"
	"runtime"
	"sync"
	"time"
)

const (
	// span is how long a turn lasts where others wait for one.
	span = 2 * time.Millisecond
	// rest is how long a computation pauses after each span where there is only
	// one processor and something else to do with it. A timer that is shorter
	// does not make the runtime look at the network any sooner.
	rest = time.Millisecond
)

// processors are those of this process, whatever it computes on them.
var processors = newGate(&activity{created: goroutines()}, runtime.GOMAXPROCS)

// Turn is the right of one goroutine to compute. It is not safe for concurrent
// use.
type Turn struct {
	gate  *gate
	began time.Time
}

// Begin waits for a turn. The only error is the context's, and there is no turn
// with it. The goroutine must not wait for another turn before the End of this
// one.
func Begin(ctx context.Context) (*Turn, error) {
	return processors.begin(ctx)
}

// Yield hands the turn on if it has lasted and another goroutine waits for one,
// and returns when it has one again. It is cheap, and to be called at least
// every millisecond. After an error, which is the context's, the turn has ended.
func (t *Turn) Yield(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		t.End()
		return err
	}
	now := time.Now()
	if now.Sub(t.began) < span {
		return nil
	}
	switch t.gate.after(now) {
	case handOn:
		t.End()
		next, err := t.gate.begin(ctx)
		if err != nil {
			return err
		}
		*t = *next
	case pause:
		time.Sleep(rest)
		t.began = time.Now()
	case goOn:
		t.began = now
	}
	return nil
}

// End gives the turn back. Ending it again does nothing.
func (t *Turn) End() {
	if t.gate != nil && !t.began.IsZero() {
		t.began = time.Time{}
		t.gate.end()
	}
}

// gate hands out turns, first come, first served.
type gate struct {
	procs func(int) int // runtime.GOMAXPROCS

	mu       sync.Mutex
	activity *activity
	running  int
	waiting  []chan struct{} // closed when it has the turn
}

func newGate(a *activity, procs func(int) int) *gate { return &gate{activity: a, procs: procs} }

func (g *gate) begin(ctx context.Context) (*Turn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	now := time.Now()
	if g.running == 0 && len(g.waiting) == 0 {
		g.activity.begin(now)
	}
	if len(g.waiting) == 0 && g.running < g.places(now) {
		g.running++
		g.mu.Unlock()
		return &Turn{gate: g, began: now}, nil
	}
	mine := make(chan struct{})
	g.waiting = append(g.waiting, mine)
	g.mu.Unlock()
	select {
	case <-mine:
		return &Turn{gate: g, began: time.Now()}, nil
	case <-ctx.Done():
		g.forget(mine)
		return nil, ctx.Err()
	}
}

// forget takes a goroutine out of the queue, or gives back the turn that it has
// got meanwhile.
func (g *gate) forget(mine chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, other := range g.waiting {
		if other == mine {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return
		}
	}
	g.running--
	g.admit(time.Now())
}

func (g *gate) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	g.admit(time.Now())
}

// what a goroutine is to do whose turn has lasted.
type what int

const (
	goOn what = iota
	handOn
	pause
)

func (g *gate) after(now time.Time) what {
	g.mu.Lock()
	defer g.mu.Unlock()
	places := g.places(now)
	g.admit(now)
	switch {
	case len(g.waiting) > 0 || g.running > places:
		return handOn
	case g.procs(0) == 1 && !g.activity.quiet(now):
		return pause
	}
	return goOn
}

// admit gives turns to those that wait, as far as there are places.
func (g *gate) admit(now time.Time) {
	for len(g.waiting) > 0 && g.running < g.places(now) {
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
		g.running++
	}
}

// places is how many may compute at a time.
func (g *gate) places(now time.Time) int {
	n := g.procs(0)
	if g.activity.quiet(now) {
		return n
	}
	return max(1, n-1)
}

// Go begins a goroutine that is going to take a turn. Others count as something
// else that the process does.
func Go(group *sync.WaitGroup, do func()) {
	processors.mu.Lock()
	processors.activity.expected++
	processors.mu.Unlock()
	group.Go(do)
}
