package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// sharedLog is a log of the pool. It is opened when a configuration with it
// starts, not when one is merely checked, and closed when nobody uses it any more,
// however many requests of Caddy's admin API outlive their configuration.
type sharedLog struct {
	open   func() (events.Log, error)
	asking chan struct{} // holds one while a query runs

	using  sync.RWMutex // for reading while the log is in use
	log    events.Log   // nil: not open
	ending context.Context
	end    context.CancelFunc
}

func newSharedLog(open func() (events.Log, error)) *sharedLog {
	l := &sharedLog{open: open, asking: make(chan struct{}, 1)}
	l.ending, l.end = context.WithCancel(context.Background())
	return l
}

// start opens the log, unless it is open.
func (l *sharedLog) start() (err error) {
	l.using.Lock()
	defer l.using.Unlock()
	if l.log == nil {
		l.log, err = l.open()
	}
	return err
}

// use lends the log until do returns.
func (l *sharedLog) use(ctx context.Context, do func(context.Context, events.Log) error) error {
	l.using.RLock()
	defer l.using.RUnlock()
	if l.log == nil || l.ending.Err() != nil {
		return fmt.Errorf("%w: it is not open", events.ErrUnavailable)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ending, cancel)()
	return do(ctx, l.log)
}

// Append implements events.Log.
func (l *sharedLog) Append(ctx context.Context, tenant string, batch *events.Batch) error {
	return l.use(ctx, func(ctx context.Context, log events.Log) error { return log.Append(ctx, tenant, batch) })
}

// Query implements events.Log. Queries wait for each other: each takes all the
// processors it can get, and this process has logins to serve.
func (l *sharedLog) Query(ctx context.Context, q events.Query) (answer *events.Answer, err error) {
	select {
	case l.asking <- struct{}{}:
		defer func() { <-l.asking }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for other queries: %w", ctx.Err())
	}
	err = l.use(ctx, func(ctx context.Context, log events.Log) error {
		answer, err = log.Query(ctx, q)
		return err
	})
	return answer, err
}

// Export implements events.Log.
func (l *sharedLog) Export(ctx context.Context, tenant string, yield func(*events.Batch) error) error {
	return l.use(ctx, func(ctx context.Context, log events.Log) error { return log.Export(ctx, tenant, yield) })
}

// Tenants implements events.Log.
func (l *sharedLog) Tenants(ctx context.Context) (tenants []string, err error) {
	err = l.use(ctx, func(ctx context.Context, log events.Log) error {
		tenants, err = log.Tenants(ctx)
		return err
	})
	return tenants, err
}

// Prune implements events.Log.
func (l *sharedLog) Prune(ctx context.Context, before events.Millis) error {
	return l.use(ctx, func(ctx context.Context, log events.Log) error { return log.Prune(ctx, before) })
}

// errNoBackup says that a log is backed up by other means.
var errNoBackup = errors.New("the events are in PostgreSQL; back them up with its own tools, such as pg_dump")

// backup copies the log into a new directory while it is in use.
func (l *sharedLog) backup(ctx context.Context, dir string) error {
	return l.use(ctx, func(_ context.Context, log events.Log) error {
		copied, ok := log.(interface{ Backup(dir string) error })
		if !ok {
			return errNoBackup
		}
		return copied.Backup(dir)
	})
}

// Close implements events.Log. It ends what uses the log, and waits for it.
func (l *sharedLog) Close() (err error) {
	l.end()
	l.using.Lock()
	defer l.using.Unlock()
	if l.log != nil {
		err = l.log.Close()
		l.log = nil
	}
	return err
}

// Destruct closes the log.
func (l *sharedLog) Destruct() error { return l.Close() }

// Interface guards
var (
	_ events.Log       = (*sharedLog)(nil)
	_ caddy.Destructor = (*sharedLog)(nil)
)
