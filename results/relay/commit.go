package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
)

// received is a message with its id and size in the queue.
type received struct {
	message
	id   string
	size int
}

// maxPortion bounds how many bytes of messages are taken apart at once.
const maxPortion = 4 << 20

// portion divides messages into the first ones, at least one, and the rest.
func portion(messages []received) (first, rest []received) {
	size := 0
	for i := range messages {
		if size += messages[i].size; size > maxPortion && i > 0 {
			return messages[:i], messages[i:]
		}
	}
	return messages, nil
}

// lateness is that of a tenant whose records the log does not take.
type lateness struct {
	since time.Time
	// others says that the log has taken records of another tenant meanwhile.
	others bool
}

// omission is what is left out of messages.
type omission struct {
	tenant string // of the first
	events.Refused
}

func (o *omission) add(tenant string, refused events.Refused) {
	if o.Reason == nil {
		o.tenant = tenant
	}
	o.Add(refused)
}

// commit appends what is in messages to the log, and returns those of which nothing
// is left to be appended. Tenants that it fails for are noted and not tried again;
// messages without them are committed.
func (r *Receiver) commit(ctx context.Context, messages []received, failed map[string]error) (done []received) {
	if len(failed) == 0 && r.commitAll(ctx, messages, failed) {
		return messages
	}
	for i := range messages {
		if r.commitAll(ctx, messages[i:i+1], failed) {
			done = append(done, messages[i])
		}
	}
	return done
}

// commitAll reports whether all messages could be committed. If not, nothing of them
// is counted, as they come again.
func (r *Receiver) commitAll(ctx context.Context, messages []received, failed map[string]error) bool {
	var left omission
	batches := map[string]*events.Batch{}
	for i := range messages {
		messages[i].decode(batches, &left)
	}
	records, all := 0, true
	for _, tenant := range slices.Sorted(maps.Keys(batches)) {
		if failed[tenant] != nil {
			all = false
			continue
		}
		refused, err := r.deliver(ctx, tenant, batches[tenant])
		if err != nil {
			failed[tenant] = fmt.Errorf("appending events of %s: %w", tenant, err)
			all = false
			continue // the others' need not wait; to append them again is harmless
		}
		records += batches[tenant].Len() - refused.Records
		left.add(tenant, refused)
	}
	if !all {
		return false
	}
	r.committed.Add(uint64(records))
	r.received.Add(uint64(len(messages)))
	r.rejected.Add(left.Records, func(untold uint64) {
		r.Logger.Warn("leaving out records that cannot be read or kept", "records", untold, "tenant", left.tenant, "error", left.Reason)
	})
	return true
}

// decode adds the records of a message to the batches of their tenants.
func (m *message) decode(batches map[string]*events.Batch, left *omission) {
	for _, s := range m.sections {
		batch, report, err := spool.Decode(s.lines)
		if err != nil { // then it is not known how many there were
			left.add(s.tenant, events.Refused{Records: 1, Reason: err})
			continue
		}
		if report.Rejected > 0 {
			left.add(s.tenant, events.Refused{Records: report.Rejected, Reason: errors.New(report.Faults[0].Reason)})
		}
		if batch.Len() == 0 {
			continue
		}
		if batches[s.tenant] == nil {
			batches[s.tenant] = &events.Batch{}
		}
		batches[s.tenant].Merge(batch)
	}
}

// deliver appends the records of a tenant but for those that are refused; in the
// end those are all, if the log takes only the records of others.
func (r *Receiver) deliver(ctx context.Context, tenant string, batch *events.Batch) (events.Refused, error) {
	refused, err := events.Deliver(ctx, r.Log.Append, tenant, batch)
	late := r.late[tenant]
	switch {
	case err == nil && refused.Records == batch.Len(): // says nothing of the log
	case err == nil:
		delete(r.late, tenant)
		for _, other := range r.late {
			other.others = true
		}
	case ctx.Err() != nil:
	case late == nil:
		if len(r.late) >= maxSenders {
			clear(r.late) // what they had is found out again
		}
		r.late[tenant] = &lateness{since: time.Now()}
	case late.others && time.Since(late.since) >= r.GiveUp:
		return events.Refused{Records: batch.Len(), Reason: err}, nil
	}
	return refused, err
}
