package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// taking is how fast events were taken, once.
type taking struct {
	rate     float64 // events a second
	cpu      float64 // µs an event, of the process that takes them, compaction included
	p50, p99 float64 // ms a batch
}

// way is one that events can be taken.
type way struct {
	title  string
	rounds int
	take   func(round int) (taking, error)
}

// wantedRate is how many events a second one edge should take.
const wantedRate = 100_000

// ingest measures how many events a second are on disk: through the API of an
// edge, and by the log alone.
func (b *bench) ingest(ctx context.Context, filled string, database *database) error {
	table := report.Table{
		Title: fmt.Sprintf("%s events into an empty log, on disk when they are answered", report.Count(b.feed.events())),
		Head:  []string{"", "events/s", "lowest, highest", "CPU µs/event, compaction included", "a batch, p50, p99, ms"},
	}
	figure := report.Figure{Name: "events-ingest", Title: "Events on disk", Unit: "a second"}
	ways := []way{
		{"the API of an edge", b.rounds, func(round int) (taking, error) {
			return b.throughEdge(ctx, b.kept(filled, round))
		}},
		{"the embedded log alone", b.rounds, func(round int) (taking, error) {
			return b.directly(ctx, b.clients, openEmbedded(filepath.Join(b.dir, fmt.Sprint("direct", round))))
		}},
		{"the same, one writer", b.rounds, func(round int) (taking, error) {
			return b.directly(ctx, 1, openEmbedded(filepath.Join(b.dir, fmt.Sprint("single", round))))
		}},
	}
	if database != nil {
		ways = append(ways, way{"the API of an edge with PostgreSQL", 1, func(int) (taking, error) {
			return b.throughEdge(ctx, "postgres "+database.dsn)
		}}, way{"the log in PostgreSQL alone", 1, func(int) (taking, error) {
			return b.directly(ctx, b.clients, openPostgres(ctx, database))
		}})
	}
	for i, way := range ways {
		var all []taking
		for round := range way.rounds {
			fmt.Fprintf(os.Stderr, "  %s, round %d of %d\n", way.title, round+1, way.rounds)
			one, err := way.take(round)
			if err != nil {
				return fmt.Errorf("%s: %w", way.title, err)
			}
			all = append(all, one)
		}
		rate, low, high := middle(all, func(t taking) float64 { return t.rate })
		cpu, _, _ := middle(all, func(t taking) float64 { return t.cpu })
		p50, _, _ := middle(all, func(t taking) float64 { return t.p50 })
		p99, _, _ := middle(all, func(t taking) float64 { return t.p99 })
		table.Add(way.title, report.Round(rate), report.Round(low)+", "+report.Round(high), report.Round(cpu), report.Round(p50)+", "+report.Round(p99))
		figure.Bars = append(figure.Bars, report.Bar{Label: way.title, Value: rate, Low: low, High: high, Own: i == 0})
		if i == 0 {
			b.goal("events through the API of an edge, on disk", rate, low, wantedRate, " /s", true)
		}
	}
	b.report.Tables = append(b.report.Tables, table)
	b.report.Figures = append(b.report.Figures, figure)
	return nil
}

// kept is the directory of a round's log; what the last one has filled stays.
func (b *bench) kept(filled string, round int) string {
	if round == b.rounds-1 {
		return filled
	}
	return filepath.Join(b.dir, fmt.Sprint("round", round))
}

func middle(all []taking, of func(taking) float64) (median, low, high float64) {
	var values []float64
	for _, one := range all {
		values = append(values, of(one))
	}
	median, _, _ = report.Median(values)
	return median, slices.Min(values), slices.Max(values)
}

// throughEdge posts all batches to an edge.
func (b *bench) throughEdge(ctx context.Context, option string) (taking, error) {
	e, err := b.startEdge(option)
	if err != nil {
		return taking{}, err
	}
	defer e.stop()
	before, err := processorTime(e.process.Process.Pid)
	if err != nil {
		return taking{}, err
	}
	t, err := b.pump(ctx, b.clients, func(ctx context.Context, i int) error {
		_, err := e.call(ctx, http.MethodPost, "/events", b.feed.bodies[i])
		return err
	})
	if err != nil {
		return taking{}, err
	}
	after, err := idleAgain(ctx, e.process.Process.Pid)
	t.cpu = (after - before).Seconds() * 1e6 / float64(b.feed.events())
	return t, err
}

// directly appends all batches to a log in this process.
func (b *bench) directly(ctx context.Context, writers int, open opener) (taking, error) {
	log, err := open()
	if err != nil {
		return taking{}, err
	}
	defer log.Close()
	// Made before, as those are that are posted.
	batches := make([]*events.Batch, b.feed.batches())
	for i := range batches {
		batches[i] = b.feed.batch(i)
	}
	before, err := processorTime(os.Getpid())
	if err != nil {
		return taking{}, err
	}
	t, err := b.pump(ctx, writers, func(ctx context.Context, i int) error { return log.Append(ctx, tenant, batches[i]) })
	if err != nil {
		return taking{}, err
	}
	after, err := idleAgain(ctx, os.Getpid())
	t.cpu = (after - before).Seconds() * 1e6 / float64(b.feed.events())
	return t, err
}

// pump sends all batches, some at a time, each client the next as soon as the
// last is answered.
func (b *bench) pump(ctx context.Context, clients int, send func(ctx context.Context, i int) error) (taking, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([]float64, b.feed.batches())
	var next atomic.Int64
	var running sync.WaitGroup
	begun := time.Now()
	for range clients {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(took) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				sent := time.Now()
				if err := send(ctx, i); err != nil {
					cancel(err)
					return
				}
				took[i] = float64(time.Since(sent).Microseconds()) / 1000
			}
		})
	}
	running.Wait()
	all := time.Since(begun)
	if err := context.Cause(ctx); err != nil {
		return taking{}, err
	}
	slices.Sort(took)
	return taking{rate: float64(b.feed.events()) / all.Seconds(), p50: took[len(took)/2], p99: took[len(took)*99/100]}, nil
}
