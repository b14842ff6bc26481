package upkeep

import (
	"context"
	"io"
	"sync"
)

// Lease is something open with those who use it.
type Lease[T io.Closer] struct {
	thing  T
	ending context.Context // ends with the lease
	end    context.CancelFunc

	mu    sync.Mutex
	users int
	over  bool
	idle  chan struct{} // closed when it is over and has no users
}

func newLease[T io.Closer](thing T) *Lease[T] {
	l := &Lease[T]{thing: thing, idle: make(chan struct{})}
	l.ending, l.end = context.WithCancel(context.Background())
	return l
}

// take reports whether the thing may be used; each user releases it.
func (l *Lease[T]) take() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.users++
	}
	return !l.over
}

// Thing is what is lent. It is open until Release.
func (l *Lease[T]) Thing() T { return l.thing }

// Release ends a use; see Keeper.Take.
func (l *Lease[T]) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users--; l.over && l.users == 0 {
		close(l.idle)
	}
}

// close ends what uses the thing, waits for that, and closes the thing.
func (l *Lease[T]) close() error {
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
