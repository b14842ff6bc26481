package relay

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/trouble"
)

// Receiver commits what senders have sent to a log. Set its fields, then Run it
// once.
type Receiver struct {
	Queue Queue
	Log   events.Log
	// Logger is told of trouble. Default: no logger is.
	Logger *slog.Logger
	// GiveUp is after how long records of a tenant are left out that the log does
	// not take although it takes those of others. Default: an hour.
	GiveUp time.Duration

	received, committed atomic.Uint64

	senders           map[string]*progress
	late              map[string]*lateness // by tenant
	stuck             int                  // messages that could not be committed and are still in the queue
	trouble           trouble.Trouble
	dropped, rejected trouble.Tally
}

const (
	// maxMessages is how many messages are read at once.
	maxMessages = 64
	// block is how long a reading waits for messages.
	block = 500 * time.Millisecond
	// maxSenders bounds whose progress is remembered.
	maxSenders = 10_000
)

// Received counts messages, Committed the records in them.
func (r *Receiver) Received() uint64  { return r.received.Load() }
func (r *Receiver) Committed() uint64 { return r.committed.Load() }

// Dropped counts messages that could not be read, Rejected single records that
// could not be read or that the log refuses.
func (r *Receiver) Dropped() uint64  { return r.dropped.Total() }
func (r *Receiver) Rejected() uint64 { return r.rejected.Total() }

// Trouble returns since when events cannot be received and why, or nil.
func (r *Receiver) Trouble() (since time.Time, err error) { return r.trouble.Last() }

func (r *Receiver) complete() {
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	if r.GiveUp <= 0 {
		r.GiveUp = time.Hour
	}
	r.senders, r.late = map[string]*progress{}, map[string]*lateness{}
}

// Run receives until the context ends.
func (r *Receiver) Run(ctx context.Context) {
	r.complete()
	var failures backoff
	limit := maxMessages / 4
	for ctx.Err() == nil {
		messages, err := r.Queue.Read(ctx, limit, block)
		if err != nil {
			limit = max(limit/2, 1) // perhaps they were too many for the time there is
		} else {
			err = r.take(ctx, messages)
			// Behind those that are stuck there may be others.
			limit = min(max(limit+1, r.stuck+maxMessages/4), maxMessages)
		}
		switch {
		case err == nil:
			r.trouble.Over(func(lasted time.Duration) {
				r.Logger.Info("events are received again", "after", lasted.Round(time.Second))
			})
			failures.reset()
			if len(messages) == 0 {
				pause(ctx, lull)
			}
		case ctx.Err() == nil:
			r.trouble.Happened(err, func() { r.Logger.Warn("receiving events; they stay with those who sent them", "error", err) })
			pause(ctx, failures.next())
		}
	}
}

// take commits messages, confirms and deletes them, in this order. Those that cannot
// be committed stay, and do not keep others from it.
func (r *Receiver) take(ctx context.Context, messages []Message) error {
	var good []received
	var bad []string
	var why error
	for _, raw := range messages {
		m, err := message{}, raw.Err
		if err == nil {
			m, err = parseMessage(raw.Body)
		}
		if err != nil {
			bad, why = append(bad, raw.ID), err
			continue
		}
		good = append(good, received{message: m, id: raw.ID, size: len(raw.Body)})
	}
	if err := r.drop(ctx, bad, why); err != nil {
		return err
	}
	r.stuck = 0
	failed := map[string]error{} // by tenant
	for len(good) > 0 {
		var some []received
		some, good = portion(good)
		done := r.commit(ctx, some, failed)
		r.stuck += len(some) - len(done)
		if err := r.settle(ctx, done); err != nil {
			return err
		}
	}
	return errors.Join(slices.Collect(maps.Values(failed))...)
}

// drop removes messages that cannot be read. The error is that of one of them.
func (r *Receiver) drop(ctx context.Context, ids []string, why error) error {
	if len(ids) == 0 {
		return nil
	}
	if err := r.Queue.Delete(ctx, ids...); err != nil {
		return err
	}
	r.dropped.Add(len(ids), func(untold uint64) {
		r.Logger.Warn("dropping messages that cannot be read", "messages", untold, "id", ids[len(ids)-1], "error", why)
	})
	return nil
}

// settle confirms messages and deletes them.
func (r *Receiver) settle(ctx context.Context, messages []received) error {
	if len(messages) == 0 {
		return nil
	}
	if err := r.confirm(ctx, messages); err != nil {
		return err
	}
	ids := make([]string, len(messages))
	for i := range messages {
		ids[i] = messages[i].id
	}
	return r.Queue.Delete(ctx, ids...)
}

// confirm tells senders up to where they may forget.
func (r *Receiver) confirm(ctx context.Context, messages []received) error {
	concerned := map[string]*progress{}
	for i := range messages {
		p := r.progress(messages[i].sender)
		p.commit(&messages[i].message)
		concerned[messages[i].sender] = p
	}
	for _, sender := range slices.Sorted(maps.Keys(concerned)) {
		p := concerned[sender]
		if p.hasGap() { // perhaps not for another receiver
			seq, _, err := r.Queue.Confirmed(ctx, sender)
			if err != nil {
				return err
			}
			p.reach(seq)
		}
		// Again where it was already: the queue may have lost it.
		if p.upTo > 0 {
			if err := r.Queue.Confirm(ctx, sender, p.upTo); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Receiver) progress(sender string) *progress {
	p := r.senders[sender]
	if p == nil {
		if len(r.senders) >= maxSenders {
			clear(r.senders) // what they had is found out again
		}
		p = &progress{}
		r.senders[sender] = p
	}
	return p
}
