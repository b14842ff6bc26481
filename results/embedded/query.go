package embedded

import (
	"context"
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
	if first := p.capped(); first != nil {
		found, err := inParts(ctx, first, from, newCaps)
		if err != nil {
			return nil, err
		}
		found.set(p)
	}
	t, err := inParts(ctx, p, from, newTally)
	if err != nil {
		return nil, err
	}
	answer = t.finish()
	answer.Splits, err = splits(from, q)
	return answer, err
}

// additive is a visitor whose parts add up.
type additive[T any] interface {
	visitor
	merge(other T)
}

// inParts scans all units, each goroutine a part of them.
func inParts[T additive[T]](ctx context.Context, p *plan, from pebble.Reader, begin func(*plan) T) (all T, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bounds := divide(runtime.GOMAXPROCS(0))
	found, errs := make([]T, len(bounds)-1), make([]error, len(bounds)-1)
	var working sync.WaitGroup
	for i := range found {
		found[i] = begin(p)
		pace.Go(&working, func() {
			if errs[i] = scanPart(ctx, p, found[i], from, bounds[i], bounds[i+1]); errs[i] != nil {
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

// scanPart does not panic: nobody could recover from that in its goroutine, and
// the process has logins to serve.
func scanPart(ctx context.Context, p *plan, v visitor, from pebble.Reader, low, high []byte) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("reading the event log: %v", cause)
		}
	}()
	turn, err := pace.Begin(ctx)
	if err != nil {
		return err
	}
	defer turn.End()
	s, err := newScan(p, v, from, low, high)
	if err != nil {
		return err
	}
	return s.run(ctx, turn)
}

// divide gives the bounds of n parts of the units. Packed ones are evenly spread;
// all others are in the first part.
func divide(n int) [][]byte {
	n = min(max(n, 1), 256)
	bounds := [][]byte{nil}
	for i := 1; i < n; i++ {
		bounds = append(bounds, []byte{packedUnit, byte(i * 256 / n)})
	}
	return append(bounds, nil)
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
	a := &aliases{tenant: q.Tenant, reader: from}
	err := a.each(prefix(splitKind, q.Tenant, q.Experiment, q.Iteration), func(r *reader) (bool, error) {
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
