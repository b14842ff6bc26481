package caddymodule

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

// follower is the part of a value of the pool that follows something outside in
// a goroutine of its own, over reloads.
type follower struct {
	loggers loggers

	once    sync.Once
	context context.Context
	cancel  context.CancelFunc
	done    chan struct{}
}

// newFollower makes one that uses logger until it is started.
func newFollower(logger *zap.Logger) *follower {
	f := &follower{loggers: loggers{first: logger}, done: make(chan struct{})}
	f.context, f.cancel = context.WithCancel(context.Background())
	return f
}

// follow runs run from the first call on, until Destruct ends its context;
// logger is used until it is removed.
func (f *follower) follow(logger *zap.Logger, run func(context.Context)) {
	f.loggers.add(logger)
	f.once.Do(func() {
		go func() {
			defer close(f.done)
			run(f.context)
		}()
	})
}

// Destruct stops following. Requests in flight keep what they have read.
func (f *follower) Destruct() error {
	f.cancel()
	f.once.Do(func() { close(f.done) }) // never started
	select {
	case <-f.done:
		return nil
	case <-time.After(2 * closingTime):
		return errors.New("what follows the outside is stuck; it is left to end by itself")
	}
}

// loggers are those of the Caddy configurations that share a value of the pool.
// The newest one that was started is used; if that configuration fails after
// all, the one that goes on serving gets its log back.
type loggers struct {
	first *zap.Logger // until one is added

	mu      sync.Mutex
	started []*zap.Logger
}

func (l *loggers) add(logger *zap.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = append(l.started, logger)
}

func (l *loggers) remove(logger *zap.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = slices.DeleteFunc(l.started, func(other *zap.Logger) bool { return other == logger })
}

func (l *loggers) current() *zap.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.started) == 0 {
		return l.first
	}
	return l.started[len(l.started)-1]
}

// Interface guard
var _ caddy.Destructor = (*follower)(nil)
