package caddymodule

import (
	"bytes"
	"context"
	"errors"
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
	// drainEntries is how many entries of the spool are taken at a time at most, and
	// drainTime how long the log may take for those of one tenant.
	drainEntries = 64
	drainTime    = 30 * time.Second
	// troubleInterval is how often trouble that lasts is reported.
	troubleInterval = time.Minute
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
	limit := drainEntries
	for ctx.Err() == nil {
		moved, err := k.drainSome(ctx, from, &done, limit)
		if err == nil && moved {
			limit = min(limit+1, drainEntries)
			continue
		}
		if err != nil && ctx.Err() == nil {
			limit = max(limit/2, 1) // perhaps they were too many for the time there is
			trouble.Do(func() { k.loggers.current().Warn("events in the spool cannot be delivered yet", zap.Error(err)) })
		}
		select {
		case <-ctx.Done():
		case <-time.After(awayFor):
		}
	}
}

// drainSome takes some entries to the log, and says of done up to where all are
// there that the log takes.
func (k *eventKeeping) drainSome(ctx context.Context, from *spool.Spool, done *uint64, limit int) (moved bool, err error) {
	entries, err := from.Read(*done, limit)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	batches, lost := decodeSpooled(entries)
	for _, tenant := range slices.Sorted(maps.Keys(batches)) {
		refused, err := events.Deliver(ctx, func(ctx context.Context, tenant string, part *events.Batch) error {
			ctx, cancel := context.WithTimeout(ctx, drainTime)
			defer cancel()
			return k.log.Append(ctx, tenant, part)
		}, tenant, batches[tenant])
		if err != nil {
			return false, err
		}
		refused.Add(lost[tenant])
		lost[tenant] = refused
	}
	for tenant, refused := range lost {
		k.queue.refuse(tenant, refused)
	}
	*done = entries[len(entries)-1].Seq
	return true, from.Forget(*done)
}

// decodeSpooled reads entries, by tenant. What cannot be read now never can: it
// is lost.
func decodeSpooled(entries []spool.Entry) (batches map[string]*events.Batch, lost map[string]events.Refused) {
	batches, lost = map[string]*events.Batch{}, map[string]events.Refused{}
	lose := func(tenant string, n int, reason error) {
		refused := lost[tenant]
		refused.Add(events.Refused{Records: n, Reason: reason})
		lost[tenant] = refused
	}
	for _, entry := range entries {
		batch, report, err := spool.Decode(entry.Lines)
		if err != nil {
			lose(entry.Tenant, max(bytes.Count(entry.Lines, []byte("\n")), 1), err)
			continue
		}
		if report.Rejected > 0 {
			lose(entry.Tenant, report.Rejected, errors.New(report.Faults[0].Reason))
		}
		if batches[entry.Tenant] == nil {
			batches[entry.Tenant] = &events.Batch{}
		}
		batches[entry.Tenant].Merge(batch)
	}
	return batches, lost
}
