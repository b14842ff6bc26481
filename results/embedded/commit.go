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
	written := func() error {
		err := b.Commit(pebble.Sync)
		_ = b.Close() // it only gives memory back
		// What fails on the disk is not told to the engine, so not by it.
		return cmp.Or(err, l.Err())
	}
	if err := l.stalls.Do(ctx, written); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", events.ErrUnavailable, err)
		}
		return err
	}
	return nil
}

// moving reports why the log takes nothing while its disk stands still: what
// waits would only become more.
func (l *Log) moving() error {
	if err := l.stalls.Err(); err != nil {
		return fmt.Errorf("%w: %w", events.ErrUnavailable, err)
	}
	return nil
}
