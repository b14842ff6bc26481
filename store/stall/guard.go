package stall

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Patience is how long work goes on after it was given up before Err tells of it:
// a caller that went away early says nothing about the disk.
const Patience = time.Second

// Guard keeps callers from waiting for work that does not end. The zero value is
// ready. It is safe for concurrent use.
type Guard struct {
	stuck atomic.Int64 // work that was given up and goes on
}

// Do runs do in a goroutine of its own and returns its error. If the context ends
// first the error is the context's, and do goes on: its work may still be done.
// Before that, ask Err whether it is of any use to begin.
func (g *Guard) Do(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	go g.follow(done)
	return fmt.Errorf("its disk has not answered in time: %w", ctx.Err())
}

// follow counts work that has been given up for as long as it is stuck.
func (g *Guard) follow(done <-chan error) {
	select {
	case <-done:
		return
	case <-time.After(Patience):
	}
	g.stuck.Add(1)
	<-done
	g.stuck.Add(-1)
}

// Err returns an error as long as something is stuck: more work would only be
// stuck as well.
func (g *Guard) Err() error {
	if n := g.stuck.Load(); n > 0 {
		return fmt.Errorf("its disk stands still; %d operations wait for it", n)
	}
	return nil
}
