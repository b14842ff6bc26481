package caddymodule

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
)

const (
	// drainEntries is how many entries of the spool are taken at a time, and
	// drainTime how long the log may take for them.
	drainEntries = 64
	drainTime    = 30 * time.Second
	// troubleInterval is how often trouble that lasts is told of.
	troubleInterval = 10 * time.Second
)

// eventSpool is the spool, if there is one. A directory needs none, but what has
// waited to be sent elsewhere belongs into the log that is here now.
func (a *App) eventSpool() (*sharedSpool, error) {
	c := a.Events
	if c.Dir != "" {
		if left, _ := filepath.Glob(filepath.Join(c.Spool, "*.spool")); len(left) == 0 {
			return nil, nil
		}
	}
	return pooled(a, "event spool "+filepath.Clean(c.Spool), func() (*sharedSpool, error) {
		return newSharedSpool(c.Spool), nil
	})
}

// drain takes what waits in the spool to the log.
func (k *eventKeeping) drain(ctx context.Context, from *spool.Spool) {
	trouble := rate.Sometimes{First: 1, Interval: troubleInterval}
	var done uint64
	for ctx.Err() == nil {
		moved, err := k.drainSome(ctx, from, &done)
		if err == nil && moved {
			continue
		}
		if err != nil && ctx.Err() == nil {
			trouble.Do(func() { k.loggers.current().Warn("events in the spool cannot be delivered yet", zap.Error(err)) })
		}
		select {
		case <-ctx.Done():
		case <-time.After(awayFor):
		}
	}
}

// drainSome takes some entries to the log, and says of done up to where all are
// there.
func (k *eventKeeping) drainSome(ctx context.Context, from *spool.Spool, done *uint64) (moved bool, err error) {
	entries, err := from.Read(*done, drainEntries)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	batches, err := k.decode(entries)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for _, tenant := range slices.Sorted(maps.Keys(batches)) {
		if err := k.log.Append(ctx, tenant, batches[tenant]); err != nil {
			return false, err
		}
	}
	*done = entries[len(entries)-1].Seq
	return true, from.Forget(*done)
}

// decode reads entries, by tenant.
func (k *eventKeeping) decode(entries []spool.Entry) (map[string]*events.Batch, error) {
	batches := map[string]*events.Batch{}
	for _, entry := range entries {
		batch, report, err := spool.Decode(entry.Lines)
		if err != nil {
			return nil, fmt.Errorf("reading events of %s from the spool: %w", entry.Tenant, err)
		}
		if report.Rejected > 0 {
			k.loggers.current().Warn("leaving out events in the spool that cannot be read",
				zap.String("tenant", entry.Tenant), zap.Int("events", report.Rejected), zap.String("reason", report.Faults[0].Reason))
		}
		if batches[entry.Tenant] == nil {
			batches[entry.Tenant] = &events.Batch{}
		}
		batches[entry.Tenant].Merge(batch)
	}
	return batches, nil
}
