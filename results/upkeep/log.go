package upkeep

import (
	"context"
	"errors"
	"log/slog"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// Log is an events.Log that is kept open. While it is not, everything that it
// answers is events.ErrUnavailable.
type Log struct{ *Keeper[events.Log] }

// NewLog returns a log that is opened by Start; see Options.
func NewLog(open func(context.Context) (events.Log, error), logger *slog.Logger) Log {
	return Log{New(Options[events.Log]{What: "the event log", Open: open, Absent: events.ErrUnavailable, Logger: logger})}
}

// Append implements events.Log. Whether it worked is whether there is trouble; a
// batch that is refused for what is in it says nothing of the log.
func (l Log) Append(ctx context.Context, tenant string, batch *events.Batch) error {
	return l.Use(ctx, func(lent context.Context, log events.Log) error {
		err := log.Append(lent, tenant, batch)
		if err == nil || ctx.Err() == nil && !errors.Is(err, events.ErrRefused) {
			l.SetTrouble(err)
		}
		return err
	})
}

// Query implements events.Log.
func (l Log) Query(ctx context.Context, q events.Query) (answer *events.Answer, err error) {
	err = l.Use(ctx, func(ctx context.Context, log events.Log) error {
		answer, err = log.Query(ctx, q)
		return err
	})
	return answer, err
}

// Export implements events.Log.
func (l Log) Export(ctx context.Context, tenant string, yield func(*events.Batch) error) error {
	return l.Use(ctx, func(ctx context.Context, log events.Log) error {
		return log.Export(ctx, tenant, func(b *events.Batch) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return yield(b)
		})
	})
}

// Tenants implements events.Log.
func (l Log) Tenants(ctx context.Context) (tenants []string, err error) {
	err = l.Use(ctx, func(ctx context.Context, log events.Log) error {
		tenants, err = log.Tenants(ctx)
		return err
	})
	return tenants, err
}

// Prune implements events.Log.
func (l Log) Prune(ctx context.Context, before events.Millis) error {
	return l.Use(ctx, func(ctx context.Context, log events.Log) error { return log.Prune(ctx, before) })
}

// Interface guard
var _ events.Log = Log{}
