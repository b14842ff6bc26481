package stall_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/stall"
)

func TestWorkThatEnds(t *testing.T) {
	var g stall.Guard
	if err := g.Do(t.Context(), func() error { return nil }); err != nil {
		t.Error(err)
	}
	failure := errors.New("no space")
	if err := g.Do(t.Context(), func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("returned %v", err)
	}
	if err := g.Err(); err != nil {
		t.Errorf("nothing is stuck: %v", err)
	}
}

func TestWorkThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g stall.Guard
		thawed := make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		err := g.Do(ctx, func() error { <-thawed; return nil })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("returned %v after %s", err, time.Since(began))
		}
		if err := g.Err(); err != nil {
			t.Errorf("told of it at once, before it can be known: %v", err)
		}
		time.Sleep(stall.Patience + time.Millisecond)
		if g.Err() == nil {
			t.Error("says nothing of what is stuck")
		}
		close(thawed)
		synctest.Wait()
		if err := g.Err(); err != nil {
			t.Errorf("nothing is stuck any more: %v", err)
		}
	})
}

// A client that goes away must not make others believe that the disk stands still.
func TestCallerThatGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g stall.Guard
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		work := func() error { time.Sleep(stall.Patience / 2); return nil }
		if err := g.Do(ctx, work); !errors.Is(err, context.Canceled) {
			t.Errorf("returned %v", err)
		}
		for range 20 {
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(stall.Patience / 10)
		}
	})
}
