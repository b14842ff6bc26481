package relay

import (
	"context"
	"time"
)

// Message is one that was read from a queue. Err says why it is none; there is
// no body then.
type Message = struct {
	ID   string
	Body []byte
	Err  error
}

// Queue carries messages. It may lose everything that is in it, or what came
// last, at any moment.
type Queue interface {
	// Add puts messages at the end and gives their ids. After an error they may
	// be there nevertheless.
	Add(ctx context.Context, messages ...[]byte) (ids []string, err error)
	// Missing counts which of some messages are not there any more.
	Missing(ctx context.Context, ids ...string) (int, error)
	// Read gives the oldest messages that were not deleted. If there are none it
	// may wait for some.
	Read(ctx context.Context, limit int, block time.Duration) ([]Message, error)
	Delete(ctx context.Context, ids ...string) error

	// Confirm keeps the greatest number of a sender, Confirmed gives it.
	Confirm(ctx context.Context, sender string, seq uint64) error
	Confirmed(ctx context.Context, sender string) (seq uint64, ok bool, err error)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// backoff is a pause that grows while nothing succeeds.
type backoff time.Duration

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

func (b *backoff) next() time.Duration {
	*b = backoff(min(max(2*time.Duration(*b), firstPause), lastPause))
	return time.Duration(*b)
}

func (b *backoff) reset() { *b = 0 }
