package embedded

import (
	"cmp"
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// commit writes a batch that adds records; see write.
func (l *Log) commit(ctx context.Context, b *pebble.Batch) error { return l.write(ctx, b, l.Ready()) }

// remove writes a batch that only deletes, also to a log that has become too large
// to take records: else it would stay so. See write.
func (l *Log) remove(ctx context.Context, b *pebble.Batch) error { return l.write(ctx, b, l.usable()) }

// write writes a batch unless there is a reason not to, and closes it. It is on
// disk when write returns nil. A disk that stands still is waited for no longer
// than the context lasts; the batch may still be written then.
func (l *Log) write(ctx context.Context, b *pebble.Batch, reason error) error {
	if reason != nil {
		_ = b.Close() // nothing was done with it
		return reason
	}
	committed := make(chan error, 1)
	go func() {
		err := b.Commit(pebble.Sync)
		_ = b.Close() // it only gives memory back
		committed <- err
	}()
	select {
	case err := <-committed:
		// What fails on the disk is not told to the engine, so not by it.
		return cmp.Or(err, l.Err())
	case <-ctx.Done():
	}
	l.stuck.Add(1)
	go func() {
		<-committed
		l.stuck.Add(-1)
	}()
	return fmt.Errorf("%w: its disk has not taken a batch in time: %w", events.ErrUnavailable, ctx.Err())
}

// moving reports why the log takes nothing while its disk stands still: what
// waits would only become more.
func (l *Log) moving() error {
	if n := l.stuck.Load(); n > 0 {
		return fmt.Errorf("%w: its disk stands still; %d batches wait for it", events.ErrUnavailable, n)
	}
	return nil
}
