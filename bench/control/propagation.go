package main

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store/redis"
)

const (
	// settling is how long edges are left alone before the first write: until
	// then they read the stream, and starting them is not what is measured.
	settling = time.Second
	// catchUp is how long edges may take to have the last write in force.
	catchUp = 10 * time.Second

	propagationMedian = 5 * time.Millisecond
	propagationTail   = 25 * time.Millisecond
)

// spreading is how one number of edges took over what was written.
type spreading struct {
	took      []time.Duration // of each write and edge, from the beginning of the commit
	commits   []time.Duration
	late      int // writes that began later than the pace wants
	applied   int
	processor time.Duration
}

// propagation measures how soon a commit is in force: for one edge, and for
// many on the same cores.
func (b *bench) propagation(ctx context.Context) error {
	writer, err := b.redis.open("")
	if err != nil {
		return err
	}
	defer writer.Close()
	document := newDocument(b.size)
	if document.Revision, err = writer.Commit(ctx, tenant, document, 0); err != nil {
		return err
	}
	var alone, together spreading
	if err := b.spread(ctx, writer, document, 1, &alone); err != nil {
		return err
	}
	b.reportSpreading(1, &alone)
	b.table.add("CPU time of a commit, of taking it over on one edge and of idling", "%s", milliseconds(alone.processor/time.Duration(max(alone.applied, 1))))
	if b.edges > 1 {
		if err := b.spread(ctx, writer, document, b.edges, &together); err != nil {
			return err
		}
		b.reportSpreading(b.edges, &together)
		if more := together.applied - alone.applied; more > 0 {
			b.table.add("CPU time of an applied document on a further edge", "%s", milliseconds((together.processor-alone.processor)/time.Duration(more)))
		}
		b.table.add(fmt.Sprintf("cores that %d edges and the writer kept busy", b.edges), "%.2f",
			together.processor.Seconds()/(float64(b.writes)*b.pace.Seconds()))
	}
	return b.redis.clear(ctx)
}

// spread has n edges follow a number of writes at a steady pace, which does not
// wait for them.
func (b *bench) spread(ctx context.Context, writer *redis.Store, document *engine.Document, n int, s *spreading) error {
	var edges []*edge
	for i := range n {
		e, err := b.startEdge(ctx, fmt.Sprintf("edges-%d-%d", n, i))
		if err != nil {
			return err
		}
		defer e.stop()
		edges = append(edges, e)
	}
	time.Sleep(settling)

	first := document.Revision + 1
	begun := make([]time.Time, b.writes)
	p := newProgress(fmt.Sprintf("propagation to %d", n), b.writes)
	start, used := time.Now(), processorTime()
	for i := range b.writes {
		due := start.Add(time.Duration(i) * b.pace)
		if behind := time.Since(due); behind < 0 {
			time.Sleep(-behind)
		} else if behind > b.pace {
			s.late++
		}
		document.Segments[i%len(document.Segments)].Description = fmt.Sprintf("People who come from the app, write %d", i)
		begun[i] = time.Now()
		var err error
		if document.Revision, err = writer.Commit(ctx, tenant, document, document.Revision); err != nil {
			return err
		}
		s.commits = append(s.commits, time.Since(begun[i]))
		p.at(i)
	}
	p.end()
	if err := await(edges, document.Revision, catchUp); err != nil {
		return err
	}
	s.processor = processorTime() - used
	for _, e := range edges {
		if err := e.trouble(); err != nil {
			return err
		}
		e.mu.Lock()
		s.applied += e.applied
		for i := range begun {
			s.took = append(s.took, e.inForce[first+uint64(i)].Sub(begun[i]))
		}
		e.mu.Unlock()
	}
	return nil
}

func (b *bench) reportSpreading(n int, s *spreading) {
	edges := fmt.Sprintf("%d edges", n)
	if n == 1 {
		edges = "1 edge"
	}
	name := fmt.Sprintf("propagation to %s, %d writes, one every %s: ", edges, b.writes, b.pace)
	b.table.limit(name+"p50", quantile(s.took, 0.5), propagationMedian)
	b.table.limit(name+"p99", quantile(s.took, 0.99), propagationTail)
	b.table.add(name+"max", "%s", milliseconds(quantile(s.took, 1)))
	b.table.add("of that the commit: p50, p99", "%s, %s", milliseconds(quantile(s.commits, 0.5)), milliseconds(quantile(s.commits, 0.99)))
	b.table.add("writes that began late, documents applied", "%d, %d of %d", s.late, s.applied, len(s.took))
}
