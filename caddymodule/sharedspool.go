package caddymodule

import (
	"context"
	"errors"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
	"github.com/caddy-experiments/caddy-experiments/results/upkeep"
)

// sharedSpool is a spool of the pool, opened and closed like a sharedLog.
type sharedSpool struct{ *upkeep.Keeper[*spool.Spool] }

var errSpoolAbsent = errors.New("the spool cannot be used")

func newSharedSpool(dir string) *sharedSpool {
	log := lastingLog("experiments.events")
	return &sharedSpool{upkeep.New(upkeep.Options[*spool.Spool]{
		What: "the spool of events", Absent: errSpoolAbsent, Logger: log,
		Open: func(context.Context) (*spool.Spool, error) { return spool.Open(dir, spool.Options{Log: log}) },
	})}
}

// append keeps a batch until it can be delivered.
func (s *sharedSpool) append(ctx context.Context, tenant string, batch *events.Batch) error {
	return s.Use(ctx, func(_ context.Context, spool *spool.Spool) error {
		_, err := spool.Append(tenant, batch)
		if !errors.Is(err, events.ErrRefused) {
			s.SetTrouble(err)
		}
		return err
	})
}

// pending is what waits.
func (s *sharedSpool) pending() (entries int, bytes int64) {
	if s == nil {
		return 0, 0
	}
	lent, err := s.Take()
	if err != nil {
		return 0, 0 // nothing is known to wait
	}
	defer lent.Release()
	return lent.Thing().Pending()
}

// follow runs do with the spool whenever it is open, until the context ends or it
// is closed for good.
func (s *sharedSpool) follow(ctx context.Context, do func(context.Context, *spool.Spool)) {
	for ctx.Err() == nil && s.Await(ctx) == nil {
		_ = s.Use(ctx, func(ctx context.Context, spool *spool.Spool) error { // closed meanwhile
			do(ctx, spool)
			return nil
		})
	}
}

// Destruct closes the spool.
func (s *sharedSpool) Destruct() error { return s.Close() }

// Interface guard
var _ caddy.Destructor = (*sharedSpool)(nil)
