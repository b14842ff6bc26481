package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/stall"
)

// Options say what a Keeper keeps open.
type Options[T io.Closer] struct {
	// What names it in messages, such as "the event log".
	What string
	// Open opens it. The context ends when it is not wanted any more.
	Open func(context.Context) (T, error)
	// Absent is in every error that says that it is not there.
	Absent error
	// Logger is told when it is away, at most once a minute, and when it is back.
	// Default: messages are discarded.
	Logger *slog.Logger
}

// Keeper keeps one thing open, which may not be there yet, or not for the moment.
// It is safe for concurrent use.
type Keeper[T io.Closer] struct {
	options Options[T]

	ending context.Context // ends when it is closed for good
	end    context.CancelFunc
	start  sync.Once
	tried  chan struct{} // closed when it has been tried once to open it
	done   chan struct{} // closed when it is closed for good

	mu      sync.Mutex
	current *Lease[T]
	arrived chan struct{} // closed when current is set; then a new one
	trouble atomic.Pointer[error]
	stalls  stall.Guard
}

// New returns a Keeper that opens nothing before Start.
func New[T io.Closer](options Options[T]) *Keeper[T] {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	k := &Keeper[T]{
		options: options, tried: make(chan struct{}), done: make(chan struct{}), arrived: make(chan struct{}),
	}
	k.ending, k.end = context.WithCancel(context.Background())
	return k
}

// Start begins to open it. It returns when the first attempt has ended, whatever
// came of it, or after the time given. Later calls return at once.
func (k *Keeper[T]) Start(patience time.Duration) {
	k.start.Do(func() {
		go k.keep()
		select {
		case <-k.tried:
		case <-time.After(patience):
		}
	})
}

// Trouble is why it is not there or takes nothing, or nil. It is that of the last
// time when it was asked.
func (k *Keeper[T]) Trouble() error {
	if err := k.stalled(); err != nil {
		return err
	}
	if err := k.trouble.Load(); err != nil {
		return *err
	}
	if k.lent() == nil {
		return k.notYet()
	}
	return nil
}

// SetTrouble records what a user has found out: that it takes nothing, or, with
// nil, that it does again.
func (k *Keeper[T]) SetTrouble(err error) {
	switch {
	case err != nil:
		k.trouble.Store(&err)
	case k.trouble.Load() != nil: // all look at it, so that it is seldom written
		k.trouble.Store(nil)
	}
}

// Take lends it to a user that is soon done, and then calls Release. It costs no
// memory.
func (k *Keeper[T]) Take() (*Lease[T], error) {
	if err := k.stalled(); err != nil {
		return nil, err
	}
	if current := k.lent(); current != nil && current.take() {
		return current, nil
	}
	return nil, k.absence()
}

// stalled returns an error while what was begun with Within does not end.
func (k *Keeper[T]) stalled() error {
	if err := k.stalls.Err(); err != nil {
		return fmt.Errorf("%w: %w", k.options.Absent, err)
	}
	return nil
}

// Use lends it until do returns. The context that it is lent with ends when it
// fails or is closed.
func (k *Keeper[T]) Use(ctx context.Context, do func(context.Context, T) error) error {
	current, err := k.Take()
	if err != nil {
		return err
	}
	defer current.Release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(current.ending, cancel)()
	return do(ctx, current.thing)
}

// Within is Use for what cannot be interrupted, such as a write to a disk that
// stands still: it waits for do no longer than the context lasts. What do returns
// later is lost, and it is not lent to others as long as do does not end.
func (k *Keeper[T]) Within(ctx context.Context, do func(T) error) error {
	current, err := k.Take()
	if err != nil {
		return err
	}
	err = k.stalls.Do(ctx, func() error {
		defer current.Release()
		return do(current.thing)
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", k.options.Absent, err)
	}
	return err
}

// Await waits until it is open. It returns an error if the context ends first.
func (k *Keeper[T]) Await(ctx context.Context) error {
	for {
		k.mu.Lock()
		current, arrived := k.current, k.arrived
		k.mu.Unlock()
		if current != nil {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return ctx.Err()
		case <-k.ending.Done():
			return k.absence()
		}
	}
}

// lent is what is open, or nil.
func (k *Keeper[T]) lent() *Lease[T] {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.current
}

// lend makes l, which may be nil, what is lent.
func (k *Keeper[T]) lend(l *Lease[T]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.current = l; l != nil {
		close(k.arrived)
		k.arrived = make(chan struct{})
	}
}

// absence says why it cannot be used.
func (k *Keeper[T]) absence() error {
	if k.ending.Err() != nil {
		return fmt.Errorf("%w: it is closed", k.options.Absent)
	}
	err := k.Trouble()
	switch {
	case err == nil: // it has just been opened or closed
		return k.notYet()
	case errors.Is(err, k.options.Absent):
		return err
	}
	return fmt.Errorf("%w: %w", k.options.Absent, err)
}

func (k *Keeper[T]) notYet() error { return fmt.Errorf("%w: it is not open yet", k.options.Absent) }

// closingTime bounds how long Close waits for those who use it.
const closingTime = 2 * time.Second

// Close closes it for good, and ends what uses it. What does not end soon, such
// as an export whose reader stands still, is not waited for: it is closed after
// that.
func (k *Keeper[T]) Close() error {
	k.end()
	k.start.Do(func() { close(k.done) }) // it was never started
	select {
	case <-k.done:
		return nil
	case <-time.After(closingTime):
		return fmt.Errorf("%s is still in use; it is closed when that ends", k.options.What)
	}
}
