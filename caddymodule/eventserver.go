package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

const (
	// startTime bounds how long a start waits for the server of a log, and openTime
	// each later attempt to open it.
	startTime = 2 * time.Second
	openTime  = 5 * time.Second
)

// opener opens a log.
type opener func(context.Context) (events.Log, error)

// serverLog is a log on a server that was away when it was to be opened: a start
// must not depend on it. It is out of reach until the server is there.
type serverLog struct {
	open   opener
	log    *slog.Logger
	opened atomic.Pointer[events.Log]
	cancel context.CancelFunc
	done   chan struct{}
}

// openOnServer opens a log now or, if the server is away, when it is back. Any
// other fault is an error.
func openOnServer(open opener, log *slog.Logger) (events.Log, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	opened, err := open(ctx)
	if err == nil || !isAway(err) {
		return opened, err
	}
	log.Warn("the event log is out of reach; events are kept in the spool until it is there", "error", err)
	l := &serverLog{open: open, log: log, done: make(chan struct{})}
	ctx, l.cancel = context.WithCancel(context.Background())
	go l.keepTrying(ctx)
	return l, nil
}

// isAway reports whether a log did not answer, or not in time.
func isAway(err error) bool {
	return errors.Is(err, events.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

func (l *serverLog) keepTrying(ctx context.Context) {
	defer close(l.done)
	trouble := rate.Sometimes{Interval: troubleInterval}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(awayFor):
		}
		attempt, cancel := context.WithTimeout(ctx, openTime)
		opened, err := l.open(attempt)
		cancel()
		if err == nil {
			l.opened.Store(&opened)
			l.log.Info("the event log is there")
			return
		}
		trouble.Do(func() { l.log.Warn("the event log cannot be opened yet", "error", err) })
	}
}

func (l *serverLog) current() (events.Log, error) {
	if opened := l.opened.Load(); opened != nil {
		return *opened, nil
	}
	return nil, fmt.Errorf("%w since the start", events.ErrUnavailable)
}

// Append implements events.Log.
func (l *serverLog) Append(ctx context.Context, tenant string, batch *events.Batch) error {
	log, err := l.current()
	if err != nil {
		return err
	}
	return log.Append(ctx, tenant, batch)
}

// Query implements events.Log.
func (l *serverLog) Query(ctx context.Context, q events.Query) (*events.Answer, error) {
	log, err := l.current()
	if err != nil {
		return nil, err
	}
	return log.Query(ctx, q)
}

// Export implements events.Log.
func (l *serverLog) Export(ctx context.Context, tenant string, yield func(*events.Batch) error) error {
	log, err := l.current()
	if err != nil {
		return err
	}
	return log.Export(ctx, tenant, yield)
}

// Tenants implements events.Log.
func (l *serverLog) Tenants(ctx context.Context) ([]string, error) {
	log, err := l.current()
	if err != nil {
		return nil, err
	}
	return log.Tenants(ctx)
}

// Prune implements events.Log.
func (l *serverLog) Prune(ctx context.Context, before events.Millis) error {
	log, err := l.current()
	if err != nil {
		return err
	}
	return log.Prune(ctx, before)
}

// Close implements events.Log.
func (l *serverLog) Close() error {
	l.cancel()
	<-l.done
	if log, err := l.current(); err == nil {
		return log.Close()
	}
	return nil
}

// Interface guard
var _ events.Log = (*serverLog)(nil)
