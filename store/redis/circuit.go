package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/caddy-experiments/caddy-experiments/store"
)

const (
	// failuresToOpen is after how many failures in a row Redis counts as lost. A
	// silent one is noticed by two at the same time: the poll and the stream.
	failuresToOpen = 2
	// probeInterval is how often a lost Redis is tried again.
	probeInterval = 500 * time.Millisecond
)

// circuit keeps commands from a Redis that does not answer, but for one at a
// time that tries whether it does again.
type circuit struct {
	breaker *gobreaker.TwoStepCircuitBreaker[any]

	mu      sync.Mutex
	lost    bool
	err     error         // the newest failure
	changed chan struct{} // has an entry when lost has changed
}

func newCircuit() *circuit {
	c := &circuit{changed: make(chan struct{}, 1)}
	c.breaker = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Timeout:       probeInterval,
		ReadyToTrip:   func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= failuresToOpen },
		OnStateChange: func(_ string, _, to gobreaker.State) { c.turn(to) },
		// Who has given up waiting says nothing about Redis.
		IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
	})
	return c
}

// turn notes what the breaker has done; half open is still lost.
func (c *circuit) turn(to gobreaker.State) {
	if to == gobreaker.StateHalfOpen {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = to == gobreaker.StateOpen
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// do carries out a command, unless Redis is lost. An error is
// store.ErrUnavailable.
func (c *circuit) do(command func() error) error {
	done, err := c.breaker.Allow()
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, c.reason(err))
	}
	if err = command(); err == nil {
		done(nil)
		return nil
	}
	c.note(err)
	done(err)
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// failed counts a failure of a command that was not carried out by do.
func (c *circuit) failed(err error) {
	_ = c.do(func() error { return err }) // it is the error
}

func (c *circuit) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// reason is the failure that led to refusing commands.
func (c *circuit) reason(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	return err
}

func (c *circuit) isLost() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}
