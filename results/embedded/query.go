package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/pace"
)

// Query implements events.Log. It reads what was there when it began, with as
// many goroutines as there are processors; package pace says how many of them at
// a time.
func (l *Log) Query(ctx context.Context, q events.Query) (*events.Answer, error) {
	answer, err := l.query(ctx, &q)
	if err != nil {
		return nil, fmt.Errorf("querying %s: %w", l.dir, explained(err))
	}
	return answer, nil
}

func (l *Log) query(ctx context.Context, q *events.Query) (answer *events.Answer, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := newPlan(q)
	if err != nil {
		return nil, err
	}
	from := l.db.NewSnapshot()
	defer func() { err = errors.Join(err, from.Close()) }()
	return p.answer(ctx, from, shelfRoom)
}

// shelfRoom is how many bytes a query holds of what aliases lead to.
const shelfRoom = 48 << 20

// answer computes the answer from one state of a log, with that many bytes for
// what aliases lead to.
func (p *plan) answer(ctx context.Context, from pebble.Reader, room int) (*events.Answer, error) {
	if first := p.capped(); first != nil {
		found, err := inRounds(ctx, first, from, room, newCaps)
		if err != nil {
			return nil, err
		}
		found.set(p)
	}
	t, err := inRounds(ctx, p, from, room, newTally)
	if err != nil {
		return nil, err
	}
	answer := t.finish()
	answer.Splits, err = splits(from, p.query)
	return answer, err
}

// additive is a visitor whose parts add up.
type additive[T any] interface {
	visitor
	merge(other T)
}

// inRounds scans all units: those at a time for which a shelf has room for what
// aliases lead to, which mostly are all.
func inRounds[T additive[T]](ctx context.Context, p *plan, from pebble.Reader, room int, begin func(*plan) T) (all T, err error) {
	aliases, err := newResolver(ctx, p, from)
	defer func() { err = errors.Join(err, aliases.close()) }()
	if err != nil {
		return all, err
	}
	all = begin(p)
	for low := []byte(nil); ; {
		var aliased *shelf
		err := inTurn(ctx, func(steps *strides) (err error) {
			aliases.steps = steps
			aliased, err = aliases.resolve(low, room)
			return err
		})
		if err != nil {
			return all, err
		}
		found, err := inParts(ctx, p, from, aliased, begin)
		if err != nil {
			return all, err
		}
		all.merge(found)
		if low = aliased.end; low == nil {
			return all, nil
		}
	}
}

// inParts scans the units that a shelf is for, each goroutine a part of them.
func inParts[T additive[T]](ctx context.Context, p *plan, from pebble.Reader, aliased *shelf, begin func(*plan) T) (all T, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bounds := divide(runtime.GOMAXPROCS(0), aliased.low, aliased.end)
	found, errs := make([]T, len(bounds)-1), make([]error, len(bounds)-1)
	var working sync.WaitGroup
	for i := range found {
		found[i] = begin(p)
		pace.Go(&working, func() {
			errs[i] = recovered(func() error {
				return inTurn(ctx, func(steps *strides) error {
					s, err := newScan(p, found[i], from, aliased, bounds[i], bounds[i+1])
					if err != nil {
						return err
					}
					return s.run(steps)
				})
			})
			if errs[i] != nil {
				cancel(errs[i])
			}
		})
	}
	working.Wait()
	if slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		return all, context.Cause(ctx) // the first, which ended the others
	}
	for _, other := range found[1:] {
		found[0].merge(other)
	}
	return found[0], nil
}

// recovered returns a panic as an error: in a goroutine of its own, no caller
// could recover from it, and the process has logins to serve.
func recovered(do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("reading the event log: %v", cause)
		}
	}()
	return do()
}

// divide returns the bounds of at most n parts of the units from low to high (as
// in keys; nil is no bound). Packed units are evenly spread; all others are in the
// first part.
func divide(n int, low, high []byte) [][]byte {
	const all = 1 << 16 // by the first two bytes
	from, to := 0, all
	if len(low) > 2 && low[0] == packedUnit {
		from = int(binary.BigEndian.Uint16(low[1:]))
	}
	if len(high) > 2 && high[0] == packedUnit {
		to = int(binary.BigEndian.Uint16(high[1:])) + 1
	}
	bounds := [][]byte{low}
	n = min(max(n, 1), 256)
	for i := 1; i < n; i++ {
		bound := binary.BigEndian.AppendUint16([]byte{packedUnit}, uint16(from+(to-from)*i/n))
		if bytes.Compare(bound, bounds[len(bounds)-1]) > 0 && (high == nil || bytes.Compare(bound, high) < 0) {
			bounds = append(bounds, bound)
		}
	}
	return append(bounds, high)
}

// caps finds where values are cut.
type caps struct {
	plan       *plan
	histograms []results.Histogram
}

func newCaps(p *plan) *caps {
	return &caps{plan: p, histograms: make([]results.Histogram, len(p.measures))}
}

// unit implements visitor.
func (c *caps) unit(u *unit) {
	if u.crossed {
		return
	}
	for i := range c.plan.measures {
		if n := c.plan.number(&c.plan.measures[i], u); n.ok && n.Value != 0 {
			c.histograms[i].Add(math.Abs(n.Value))
		}
	}
}

// apart implements visitor.
func (c *caps) apart(string, bool, bool) {}

func (c *caps) merge(other *caps) {
	for i := range c.histograms {
		c.histograms[i].Merge(other.histograms[i])
	}
}

// set gives the plan its limits.
func (c *caps) set(p *plan) {
	next := 0
	for i := range p.measures {
		if p.measures[i].Cap == 0 {
			continue
		}
		if limit, state := c.histograms[next].Quantile(p.measures[i].Cap); state == results.OK {
			p.measures[i].limit = &limit
		}
		next++
	}
}

// splits are those of the iteration; of those with one version the first.
func splits(from pebble.Reader, q *events.Query) ([]events.Split, error) {
	var found []events.Split
	err := each(from, prefix(splitKind, q.Tenant, q.Experiment, q.Iteration), func(r *reader) (bool, error) {
		s, err := r.split()
		if n := len(found); n == 0 || found[n-1].WeightsVersion != s.WeightsVersion {
			found = append(found, s)
		}
		return true, err
	})
	return found, err
}

// Interface guard
var _ visitor = (*caps)(nil)
