package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/redis"
)

// fleets measures how soon a change is in force on many edges of one Redis, and
// what it costs Redis. All of them share this machine's cores, which edges on
// machines of their own would not.
func (b *bench) fleets(ctx context.Context) error {
	table := report.Table{
		Title: fmt.Sprintf("Edges on one Redis, a document of 6 kB, a write every %s", b.pace),
		Head:  []string{"edges", "in force, p50, ms", "p99, ms", "Redis, idle, % of a core", "Redis, CPU ms a write", "of that µs an edge", "connections"},
	}
	lines := []report.Line{{Label: "p50, ms"}, {Label: "p99, ms"}, {Label: "Redis, CPU ms a write"}}
	for _, n := range b.edges {
		server, err := startServer(ctx, filepath.Join(b.dir, fmt.Sprint("redis-edges", n)))
		if err != nil {
			return err
		}
		fleet, err := server.startFleet(ctx, store.DefaultTenant, newDocument(6_000), n, filepath.Join(b.dir, fmt.Sprint("edges", n)))
		if err != nil {
			server.close()
			return err
		}
		connections := server.connections(ctx)
		used := server.processorTime(ctx)
		const rest = 3 * time.Second
		time.Sleep(rest)
		idle := (server.processorTime(ctx) - used) / rest.Seconds()
		used = server.processorTime(ctx)
		begun := time.Now()
		took, err := fleet.write(ctx, b.writes, b.pace)
		busy := server.processorTime(ctx) - used - idle*time.Since(begun).Seconds()
		fleet.stop()
		server.close()
		if err != nil {
			return err
		}
		perWrite := max(busy, 0) * 1000 / float64(b.writes)
		table.Add(fmt.Sprint(n), report.Round(quantile(took, 0.5)), report.Round(quantile(took, 0.99)),
			report.Round(100*idle), report.Round(perWrite), report.Round(1000*perWrite/float64(n)), fmt.Sprint(connections))
		for i, value := range []float64{quantile(took, 0.5), quantile(took, 0.99), perWrite} {
			lines[i].X, lines[i].Y = append(lines[i].X, float64(n)), append(lines[i].Y, value)
		}
	}
	b.add(table, report.Figure{Name: "scale-edges", Title: "A change, by the number of edges on two cores", Unit: "ms", XTitle: "edges", Lines: lines})
	return nil
}

// fleet is edges that follow one tenant, each with connections and a directory
// of its own, and one who writes.
type fleet struct {
	tenant   store.Tenant
	document *engine.Document
	writer   *redis.Store
	cancel   context.CancelFunc
	running  sync.WaitGroup
	stores   []*redis.Store

	mu       sync.Mutex
	arrived  map[uint64][]time.Time // by revision: when it, or a newer one, was in force
	newest   []uint64               // by edge
	troubles []error
}

func (s *server) startFleet(ctx context.Context, tenant store.Tenant, document *engine.Document, n int, dir string) (*fleet, error) {
	f := &fleet{tenant: tenant, document: document, arrived: map[uint64][]time.Time{}, newest: make([]uint64, n)}
	ctx, f.cancel = context.WithCancel(ctx)
	var err error
	if f.writer, err = s.open(""); err != nil {
		f.stop()
		return nil, err
	}
	if document.Revision, err = f.writer.Commit(ctx, tenant, document, 0); err != nil {
		f.stop()
		return nil, err
	}
	for i := range n {
		opened, err := s.open(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			f.stop()
			return nil, err
		}
		f.stores = append(f.stores, opened)
		live := store.NewLive(opened, engine.Settings{}, func(e store.Event) { f.note(i, e) })
		if live.Feed(ctx, tenant).Current() == nil {
			f.stop()
			return nil, errors.Join(append(f.troubles, errors.New("an edge has no document"))...)
		}
		f.running.Go(func() { live.Run(ctx) })
	}
	time.Sleep(time.Second) // until then they begin to read the stream
	return f, nil
}

func (f *fleet) stop() {
	f.cancel()
	f.running.Wait()
	for _, s := range f.stores {
		_ = s.Close() // nobody uses it any more
	}
	if f.writer != nil {
		_ = f.writer.Close()
	}
}

// note is what the edges report to.
func (f *fleet) note(edge int, e store.Event) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case e.Err != nil:
		f.troubles = append(f.troubles, e.Err)
	case e.Applied != nil:
		for revision := f.newest[edge] + 1; revision <= e.Applied.Revision; revision++ {
			f.arrived[revision] = append(f.arrived[revision], now)
		}
		f.newest[edge] = max(f.newest[edge], e.Applied.Revision)
	}
}

// write makes changes at a pace, and gives how many ms each took, from the
// beginning of its commit until it was in force, for each edge.
func (f *fleet) write(ctx context.Context, n int, pace time.Duration) ([]float64, error) {
	begun := map[uint64]time.Time{}
	start := time.Now()
	for i := range n {
		time.Sleep(time.Until(start.Add(time.Duration(i) * pace)))
		f.document.Segments[0].Description = fmt.Sprintf("write %d", i)
		now := time.Now()
		var err error
		if f.document.Revision, err = f.writer.Commit(ctx, f.tenant, f.document, f.document.Revision); err != nil {
			return nil, err
		}
		begun[f.document.Revision] = now
	}
	for deadline := time.Now().Add(20 * time.Second); !f.has(f.document.Revision); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("revision %d is not in force on all of %d edges", f.document.Revision, len(f.stores))
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var took []float64
	for revision, at := range begun {
		for _, arrival := range f.arrived[revision] {
			took = append(took, float64(arrival.Sub(at).Microseconds())/1000)
		}
	}
	return took, errors.Join(f.troubles...)
}

// has reports whether a revision is in force on all edges.
func (f *fleet) has(revision uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.arrived[revision]) == len(f.stores)
}

// quantile gives the value that a share of all is at most.
func quantile(all []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[max(int(math.Ceil(share*float64(len(sorted)))), 1)-1]
}
