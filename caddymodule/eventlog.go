package caddymodule

import (
	"context"
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/upkeep"
)

const (
	// startTime bounds how long a start waits for what is opened in the background,
	// and openTime each attempt to open a log on a server.
	startTime = 2 * time.Second
	openTime  = 5 * time.Second
)

// sharedLog is a log of the pool. It is opened when a configuration with it
// starts, not when one is merely checked, and closed after the last user, as
// requests of Caddy's admin API can outlive their configuration.
type sharedLog struct {
	upkeep.Log
}

func newSharedLog(open func(context.Context) (events.Log, error)) *sharedLog {
	return &sharedLog{upkeep.NewLog(open, lastingLog("experiments.events"))}
}

// errNoBackup says that a log is backed up by other means.
var errNoBackup = errors.New("the events are in PostgreSQL; back them up with its own tools, such as pg_dump")

// backup copies the log into a new directory while it is in use.
func (l *sharedLog) backup(ctx context.Context, dir string) error {
	return l.Use(ctx, func(_ context.Context, log events.Log) error {
		copied, ok := log.(interface{ Backup(dir string) error })
		if !ok {
			return errNoBackup
		}
		return copied.Backup(dir)
	})
}

// Destruct closes the log.
func (l *sharedLog) Destruct() error { return l.Close() }

// Interface guards
var (
	_ events.Log       = (*sharedLog)(nil)
	_ caddy.Destructor = (*sharedLog)(nil)
)
