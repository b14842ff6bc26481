package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/results/embedded"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/postgres"
	"github.com/caddy-experiments/caddy-experiments/results/relay"
	"github.com/caddy-experiments/caddy-experiments/store/redis"
)

// Events says where exposures and outcomes are kept: in a directory, in
// PostgreSQL, or by another edge that they are sent to. Exactly one of Dir,
// Postgres and Stream is given.
type Events struct {
	// Dir is the directory of the embedded log. With a store in Redis this edge
	// also keeps the events that other edges send. Placeholders are replaced.
	Dir string `json:"dir,omitempty"`
	// Postgres is the connection string of a PostgreSQL server, or of one that
	// speaks its protocol. Placeholders are replaced.
	Postgres string `json:"postgres,omitempty"`
	// Stream sends the events through Redis, where the configuration comes from,
	// to the edge that keeps them.
	Stream bool `json:"stream,omitempty"`
	// Spool is the directory where events wait that cannot be delivered yet.
	// Default: events-spool beside the store.
	Spool string `json:"spool,omitempty"`
	// Retention is how long events are kept; a negative one is for ever.
	// Default: 9600h (400 days).
	Retention caddy.Duration `json:"retention,omitempty"`
	// MaxSize is how many bytes the embedded log may take on disk before its oldest
	// events are removed; a negative one is no limit.
	// Default: a tenth of the space that its disk has for it, but at least 1 GiB.
	MaxSize int64 `json:"max_size,omitempty"`
}

const (
	defaultRetention = 400 * 24 * time.Hour
	// pruneInterval is how often old events are removed, firstPrune when first.
	pruneInterval = 24 * time.Hour
	firstPrune    = 10 * time.Minute
	// trimInterval is how often the size of the log is held against its limit.
	trimInterval = time.Minute
	// leastMaxSize is the smallest limit that can be configured: the engine itself
	// needs some megabytes.
	leastMaxSize = 64 << 20
)

// check refuses settings that cannot work.
func (c *Events) check() error {
	given := 0
	for _, is := range []bool{c.Dir != "", c.Postgres != "", c.Stream} {
		if is {
			given++
		}
	}
	if given != 1 {
		return errors.New("events: must name one place; write for example: events ./events")
	}
	if c.Dir != "" && c.Spool != "" {
		return errors.New("events: a directory needs no spool; remove one of them")
	}
	if c.Dir == "" && c.MaxSize != 0 {
		return errors.New("events: max_size is for a directory; remove it, and limit what is kept elsewhere there")
	}
	if c.MaxSize > 0 && c.MaxSize < leastMaxSize {
		return fmt.Errorf("events: max_size must be at least %d bytes, got %d", leastMaxSize, c.MaxSize)
	}
	if c.Retention > 0 && time.Duration(c.Retention) < time.Hour {
		return fmt.Errorf("events: retention must be at least 1h, got %s; write for example: retention 400d", time.Duration(c.Retention))
	}
	return nil
}

// provideEvents prepares what events need, and opens nothing: the configuration
// may be one that is merely checked, beside an edge that runs. The key is that of the configuration's
// store, which they may be sent through.
func (a *App) provideEvents(storeKey string) error {
	c := a.Events
	replacer := caddy.NewReplacer()
	for _, text := range []*string{&c.Dir, &c.Postgres, &c.Spool} {
		*text = replacer.ReplaceAll(*text, "")
	}
	if err := c.check(); err != nil {
		return err
	}
	if c.Dir != "" {
		if err := checkDirPlace("events", c.Dir); err != nil {
			return err
		}
	}
	if c.Postgres != "" {
		if err := postgres.Check(c.Postgres); err != nil {
			return fmt.Errorf("events postgres: %w; write for example: events postgres postgres://user:password@host/database", err)
		}
	}
	if c.Retention == 0 {
		c.Retention = caddy.Duration(defaultRetention)
	}
	if c.Spool == "" {
		c.Spool = filepath.Join(a.source.Dir(), "events-spool")
	}
	parts := eventParts{retention: time.Duration(c.Retention), inDirectory: c.Dir != ""}
	var err error
	if parts.log, err = a.eventLog(); err != nil {
		return err
	}
	if parts.spool, err = a.eventSpool(); err != nil {
		return err
	}
	if s, ok := a.configuration.store.(*redis.Store); ok && c.Postgres == "" {
		parts.relay = s.Queue()
	} else if c.Stream {
		return errors.New("events stream: the store is not Redis, so there is nothing to send events through; write for example: events ./events")
	}
	settings, err := json.Marshal(c)
	if err != nil {
		return err
	}
	a.events, err = pooled(a, fmt.Sprintf("events %s %s", settings, storeKey), func() (*eventKeeping, error) {
		return newEventKeeping(parts, a.logger), nil
	})
	return err
}

// eventLog is the log, if it is here.
func (a *App) eventLog() (*sharedLog, error) {
	c, logger := *a.Events, lastingLog("experiments.events")
	switch {
	case c.Dir != "":
		return pooled(a, fmt.Sprintf("event log %s %d", filepath.Clean(c.Dir), c.MaxSize), func() (*sharedLog, error) {
			return newSharedLog(func(context.Context) (events.Log, error) {
				l, err := embedded.Open(c.Dir, embedded.Options{Log: logger, MaxSize: c.MaxSize})
				if err != nil {
					return nil, err // not l, which would not be nil in the interface
				}
				return l, nil
			}), nil
		})
	case c.Postgres != "":
		return pooled(a, "event log "+c.Postgres, func() (*sharedLog, error) {
			return newSharedLog(func(ctx context.Context) (events.Log, error) {
				ctx, cancel := context.WithTimeout(ctx, openTime)
				defer cancel()
				l, err := postgres.Open(ctx, c.Postgres, postgres.Options{Log: logger})
				if err != nil {
					return nil, err
				}
				return l, nil
			}), nil
		})
	}
	return nil, nil
}

// Interface guard
var _ relay.Queue = (*redis.Queue)(nil)
