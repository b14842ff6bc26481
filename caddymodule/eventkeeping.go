package caddymodule

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/relay"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/redis"
)

// eventParts are what events are kept with, as far as an edge has them: a log of
// its own, a spool for what cannot be delivered, and a queue between the two.
type eventParts struct {
	log       *sharedLog
	spool     *sharedSpool
	relay     *redis.Queue
	retention time.Duration
	// inDirectory says that the log is embedded, and what is in the spool is left
	// from other times.
	inDirectory bool
}

// eventKeeping takes the events of an edge to where they are kept, over reloads.
type eventKeeping struct {
	*follower
	eventParts
	queue    *eventQueue
	sender   *relay.Sender   // to another edge; nil if the log is here
	receiver *relay.Receiver // from other edges; nil if there can be none
	begin    sync.Once
	started  chan struct{} // closed when start has returned once
	away     atomic.Int64  // until when the log is not asked, since began
	splits   splitWatch
	began    time.Time // by which away is independent of the wall clock
}

func newEventKeeping(parts eventParts, logger *zap.Logger) *eventKeeping {
	k := &eventKeeping{follower: newFollower(logger), eventParts: parts, began: time.Now(), started: make(chan struct{})}
	switch {
	case parts.relay == nil:
	case parts.log == nil:
		k.sender = &relay.Sender{Queue: parts.relay, Logger: lastingLog("experiments.events")}
	default:
		k.receiver = &relay.Receiver{Log: parts.log, Queue: parts.relay, Logger: lastingLog("experiments.events")}
	}
	k.queue = newEventQueue(k.append, &k.loggers)
	relays.add(k)
	return k
}

// start begins to open log and spool, to send, receive and prune; see follower.
// Neither a disk nor a server can keep an edge from starting.
func (k *eventKeeping) start(logger *zap.Logger) {
	if k.log != nil {
		k.log.Start(startTime)
	}
	if k.spool != nil {
		k.spool.Start(startTime)
	}
	k.follow(logger, k.run)
	k.begin.Do(func() { close(k.started) })
}

func (k *eventKeeping) run(ctx context.Context) {
	var running sync.WaitGroup
	if k.sender != nil {
		running.Go(func() {
			k.spool.follow(ctx, func(ctx context.Context, spool *spool.Spool) {
				k.sender.Spool = spool
				k.sender.Run(ctx)
			})
		})
	}
	if k.receiver != nil {
		running.Go(func() { k.receiver.Run(ctx) })
	}
	if k.log != nil && k.spool != nil {
		running.Go(func() { k.spool.follow(ctx, k.drain) })
	}
	if k.log != nil && k.retention > 0 {
		running.Go(func() { k.prune(ctx) })
	}
	if k.log != nil {
		running.Go(func() { k.watchSplits(ctx) })
	}
	if k.inDirectory {
		running.Go(func() { k.trim(ctx) })
	}
	running.Wait()
}

// trouble is why events cannot be kept as they should, or nil.
func (k *eventKeeping) trouble() error {
	var errs []error
	if k.log != nil {
		errs = append(errs, k.log.Trouble())
	}
	if k.spool != nil {
		errs = append(errs, k.spool.Trouble())
	}
	return errors.Join(errs...)
}

// Destruct delivers what waits, and stops.
func (k *eventKeeping) Destruct() error {
	defer relays.remove(k)
	return errors.Join(k.queue.close(), k.follower.Destruct())
}

const (
	// awayFor is how long a log that takes nothing is not asked again by requests.
	awayFor = time.Second
	// logTime bounds how long a log may take, where there is a spool besides.
	logTime = 3 * time.Second
)

// append keeps a batch: in the log if that is here and takes it, else in the
// spool. What the log refuses for what is in it would be useless there too.
func (k *eventKeeping) append(ctx context.Context, tenant store.Tenant, batch *events.Batch) error {
	select {
	case <-k.started: // Caddy may listen before everything else has started
	case <-ctx.Done():
	}
	if k.log == nil {
		return k.spool.append(ctx, string(tenant), batch)
	}
	if k.inDirectory {
		return k.log.Append(ctx, string(tenant), batch)
	}
	if int64(time.Since(k.began)) >= k.away.Load() {
		asking, cancel := context.WithTimeout(ctx, logTime)
		err := k.log.Append(asking, string(tenant), batch)
		cancel()
		if err == nil || errors.Is(err, events.ErrRefused) || errors.Is(ctx.Err(), context.Canceled) {
			return err
		}
		k.away.Store(int64(time.Since(k.began) + awayFor))
	}
	return k.spool.append(ctx, string(tenant), batch)
}

// prune removes what is older than the retention. It reads the whole log, which
// takes a while, so not just after a start.
func (k *eventKeeping) prune(ctx context.Context) {
	for wait := firstPrune; ; wait = pruneInterval {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		before := wallClock().Add(-k.retention)
		if err := k.log.Prune(ctx, events.MillisOf(before)); err != nil && ctx.Err() == nil {
			k.loggers.current().Warn("old events cannot be removed", zap.Time("before", before), zap.Error(err))
		}
	}
}

// limited is a log that has a limit of its size.
type limited interface {
	Size() int64
	Limit() int64
	Trim(ctx context.Context) (before events.Millis, trimmed bool, err error)
}

// trim removes what is oldest when the log has become too large.
func (k *eventKeeping) trim(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(trimInterval):
		}
		_ = k.log.Use(ctx, func(ctx context.Context, log events.Log) error { // one that is not there does not grow
			l, ok := log.(limited)
			if !ok {
				return nil
			}
			before, trimmed, err := l.Trim(ctx)
			switch logger := k.loggers.current(); {
			case err != nil && ctx.Err() == nil:
				logger.Warn("the event log is too large, and its oldest events cannot be removed", zap.Int64("limit", l.Limit()), zap.Error(err))
			case trimmed:
				eventsTrimmed.Inc()
				logger.Warn("the event log was too large, so that its oldest events were removed; give it a larger max_size, or a shorter retention",
					zap.Int64("limit", l.Limit()), zap.Time("before", before.Time()))
			}
			return nil
		})
	}
}

// size is what the embedded log takes on disk, and what it may take; both are 0
// where there is none, and the limit is negative for no limit.
func (k *eventKeeping) size() (bytes, limit int64) {
	if k.log == nil {
		return 0, 0
	}
	lent, err := k.log.Take()
	if err != nil {
		return 0, 0
	}
	defer lent.Release()
	if l, ok := lent.Thing().(limited); ok {
		return l.Size(), l.Limit()
	}
	return 0, 0
}

// Interface guard
var _ caddy.Destructor = (*eventKeeping)(nil)
