package upkeep

import (
	"context"
	"io"
	"sync"
)

// lease is an open thing with those who use it.
type lease[T io.Closer] struct {
	thing  T
	ending context.Context // ends with the lease
	end    context.CancelFunc

	mu    sync.Mutex
	users int
	over  bool
	idle  chan struct{} // closed when it is over and has no users
}

func newLease[T io.Closer](thing T) *lease[T] {
	l := &lease[T]{thing: thing, idle: make(chan struct{})}
	l.ending, l.end = context.WithCancel(context.Background())
	return l
}

// take reports whether the thing may be used; whoever may releases it.
func (l *lease[T]) take() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.users++
	}
	return !l.over
}

func (l *lease[T]) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users--; l.over && l.users == 0 {
		close(l.idle)
	}
}

// close ends what uses the thing, waits for that, and closes the thing.
func (l *lease[T]) close() error {
	l.end()
	l.mu.Lock()
	l.over = true
	if l.users == 0 {
		close(l.idle)
	}
	l.mu.Unlock()
	<-l.idle
	return l.thing.Close()
}
