package caddymodule

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
	"github.com/caddy-experiments/caddy-experiments/results/upkeep"
)

// sharedSpool is a spool of the pool, opened and closed like a sharedLog.
type sharedSpool struct {
	*upkeep.Keeper[*spool.Spool]
	entries, bytes atomic.Int64 // that waited when they were last counted
}

var errSpoolAbsent = errors.New("the spool cannot be used")

func newSharedSpool(dir string) *sharedSpool {
	log := lastingLog("experiments.events")
	return &sharedSpool{Keeper: upkeep.New(upkeep.Options[*spool.Spool]{
		What: "the spool of events", Absent: errSpoolAbsent, Logger: log,
		Open: func(context.Context) (*spool.Spool, error) { return spool.Open(dir, spool.Options{Log: log}) },
	})}
}

const (
	// spoolTime bounds how long a batch may take to be on the spool's disk, and
	// countTime how long counting what is there may.
	spoolTime = 5 * time.Second
	countTime = time.Second
)

// append keeps a batch until it can be delivered.
func (s *sharedSpool) append(ctx context.Context, tenant string, batch *events.Batch) error {
	limited, cancel := context.WithTimeout(ctx, spoolTime)
	defer cancel()
	err := s.Within(limited, func(spool *spool.Spool) error {
		_, err := spool.Append(tenant, batch)
		return err
	})
	if err == nil || ctx.Err() == nil && !errors.Is(err, events.ErrRefused) {
		s.SetTrouble(err)
	}
	return err
}

// pending is what waits. On a disk that stands still it is what was last known.
func (s *sharedSpool) pending() (entries int, bytes int64) {
	if s == nil {
		return 0, 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), countTime)
	defer cancel()
	_ = s.Within(ctx, func(spool *spool.Spool) error { // trouble has its own place
		entries, bytes := spool.Pending()
		s.entries.Store(int64(entries))
		s.bytes.Store(bytes)
		return nil
	})
	return int(s.entries.Load()), s.bytes.Load()
}

// follow runs do with the spool whenever it is open, until the context ends or it
// is closed for good.
func (s *sharedSpool) follow(ctx context.Context, do func(context.Context, *spool.Spool)) {
	for ctx.Err() == nil && s.Await(ctx) == nil {
		err := s.Use(ctx, func(ctx context.Context, spool *spool.Spool) error {
			do(ctx, spool)
			return nil
		})
		if err != nil { // closed meanwhile, or its disk stands still
			select {
			case <-ctx.Done():
			case <-time.After(awayFor):
			}
		}
	}
}

// Destruct closes the spool.
func (s *sharedSpool) Destruct() error { return s.Close() }

// Interface guard
var _ caddy.Destructor = (*sharedSpool)(nil)
