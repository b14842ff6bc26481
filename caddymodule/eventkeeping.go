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
	away     atomic.Int64    // until when the log is not asked, in Unix nanoseconds
}

func newEventKeeping(parts eventParts, logger *zap.Logger) *eventKeeping {
	k := &eventKeeping{follower: newFollower(logger), eventParts: parts}
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

// start opens log and spool, and begins to send, receive and prune; see follower.
func (k *eventKeeping) start(logger *zap.Logger) error {
	if k.log != nil {
		if err := k.log.start(); err != nil {
			return err
		}
	}
	if k.spool != nil {
		if err := k.startSpool(logger); err != nil {
			return err
		}
	}
	k.follow(logger, k.run)
	return nil
}

func (k *eventKeeping) run(ctx context.Context) {
	var running sync.WaitGroup
	if k.sender != nil {
		k.sender.Spool = k.spool.spool
		running.Go(func() { k.sender.Run(ctx) })
	}
	if k.receiver != nil {
		running.Go(func() { k.receiver.Run(ctx) })
	}
	if k.log != nil && k.spool != nil && k.spool.spool != nil {
		running.Go(func() { k.drain(ctx) })
	}
	if k.log != nil && k.retention > 0 {
		running.Go(func() { k.prune(ctx) })
	}
	running.Wait()
}

// Destruct delivers what waits, and stops.
func (k *eventKeeping) Destruct() error {
	defer relays.remove(k)
	return errors.Join(k.queue.close(), k.follower.Destruct())
}

const (
	// awayFor is how long a log that does not answer is not asked again by requests.
	awayFor = time.Second
	// logTime bounds how long a log may take, where there is a spool besides.
	logTime = 3 * time.Second
)

// append keeps a batch: in the log if that is here and answers, else in the spool.
func (k *eventKeeping) append(ctx context.Context, tenant store.Tenant, batch *events.Batch) error {
	if k.log == nil {
		return k.spool.append(string(tenant), batch)
	}
	if k.inDirectory {
		return k.log.Append(ctx, string(tenant), batch)
	}
	if time.Now().UnixNano() >= k.away.Load() {
		ctx, cancel := context.WithTimeout(ctx, logTime)
		defer cancel()
		err := k.log.Append(ctx, string(tenant), batch)
		if err == nil || !isAway(err) {
			return err
		}
		k.away.Store(time.Now().Add(awayFor).UnixNano())
	}
	return k.spool.append(string(tenant), batch)
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
		before := time.Now().Add(-k.retention)
		if err := k.log.Prune(ctx, events.MillisOf(before)); err != nil && ctx.Err() == nil {
			k.loggers.current().Warn("old events cannot be removed", zap.Time("before", before), zap.Error(err))
		}
	}
}

// Interface guard
var _ caddy.Destructor = (*eventKeeping)(nil)
