package relay

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
)

// Receiver commits what senders have sent to a log. Set its fields, then Run it
// once.
type Receiver struct {
	Queue Queue
	Log   events.Log
	// Logger is told of trouble. Default: nobody is.
	Logger *slog.Logger

	received, committed, dropped, rejected atomic.Uint64

	senders map[string]*progress
	trouble rate.Sometimes
	foreign rate.Sometimes
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

// Dropped counts messages that could not be read, Rejected single records.
func (r *Receiver) Dropped() uint64  { return r.dropped.Load() }
func (r *Receiver) Rejected() uint64 { return r.rejected.Load() }

// Run receives until the context ends.
func (r *Receiver) Run(ctx context.Context) {
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	r.senders = map[string]*progress{}
	r.trouble = rate.Sometimes{First: 1, Interval: troubleInterval}
	r.foreign = rate.Sometimes{First: 1, Interval: troubleInterval}
	var failures backoff
	limit := maxMessages / 4
	for ctx.Err() == nil {
		messages, err := r.Queue.Read(ctx, limit, block)
		if err != nil {
			limit = max(limit/2, 1) // perhaps they were too many for the time there is
		} else {
			limit = min(limit+1, maxMessages)
			err = r.take(ctx, messages)
		}
		switch {
		case err == nil && len(messages) == 0:
			pause(ctx, lull)
		case err == nil:
			failures.reset()
		case ctx.Err() == nil:
			r.trouble.Do(func() { r.Logger.Warn("receiving events; they stay with those who sent them", "error", err) })
			pause(ctx, failures.next())
		}
	}
}

// take commits messages, confirms and deletes them, in this order.
func (r *Receiver) take(ctx context.Context, messages []Message) error {
	var good []message
	var ids, bad []string
	for _, raw := range messages {
		m, err := message{}, raw.Err
		if err == nil {
			m, err = parseMessage(raw.Body)
		}
		if err != nil {
			bad = append(bad, raw.ID)
			r.foreign.Do(func() { r.Logger.Warn("dropping a message that cannot be read", "id", raw.ID, "error", err) })
			continue
		}
		good, ids = append(good, m), append(ids, raw.ID)
	}
	if err := r.drop(ctx, bad); err != nil {
		return err
	}
	if err := r.commit(ctx, good); err != nil {
		return err
	}
	if err := r.confirm(ctx, good); err != nil {
		return err
	}
	if len(ids) == 0 {
		return nil
	}
	return r.Queue.Delete(ctx, ids...)
}

// drop removes messages that cannot be read.
func (r *Receiver) drop(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	if err := r.Queue.Delete(ctx, ids...); err != nil {
		return err
	}
	r.dropped.Add(uint64(len(ids)))
	return nil
}

// commit appends what is in messages to the log.
func (r *Receiver) commit(ctx context.Context, messages []message) error {
	batches := map[string]*events.Batch{}
	for _, m := range messages {
		for _, s := range m.sections {
			batch, report, err := spool.Decode(s.lines)
			if err != nil {
				return err
			}
			if report.Rejected > 0 {
				r.rejected.Add(uint64(report.Rejected))
				r.foreign.Do(func() {
					r.Logger.Warn("leaving out records that cannot be read", "tenant", s.tenant, "records", report.Rejected, "reason", report.Faults[0].Reason)
				})
			}
			if batches[s.tenant] == nil {
				batches[s.tenant] = &events.Batch{}
			}
			batches[s.tenant].Merge(batch)
		}
	}
	for _, tenant := range slices.Sorted(maps.Keys(batches)) {
		if err := r.Log.Append(ctx, tenant, batches[tenant]); err != nil {
			return fmt.Errorf("appending events of %s: %w", tenant, err)
		}
		r.committed.Add(uint64(batches[tenant].Len()))
	}
	r.received.Add(uint64(len(messages)))
	return nil
}

// confirm tells senders up to where they may forget.
func (r *Receiver) confirm(ctx context.Context, messages []message) error {
	concerned := map[string]*progress{}
	for i := range messages {
		p := r.progress(messages[i].sender)
		p.commit(&messages[i])
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
