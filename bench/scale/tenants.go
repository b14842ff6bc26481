package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
	"github.com/caddy-experiments/caddy-experiments/bench/stored"
	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

// tenants measures what an edge with many tenants takes: until all are in force,
// in memory, and for a decision of one after the other.
func (b *bench) tenants(ctx context.Context) error {
	text, err := stored.Encoded(newDocument(1))
	if err != nil {
		return err
	}
	table := report.Table{
		Title: fmt.Sprintf("Tenants, each with one experiment in a file of %s kB", report.Round(float64(len(text))/1000)),
		Head:  []string{"tenants", "all in force after, ms", "of that each, ms", "memory of each, kB", "a decision, ns"},
	}
	loading, deciding := report.Line{Label: "all in force, ms"}, report.Line{Label: "a decision, ns"}
	for _, n := range []int{1, 10, 100, 1000, 10_000} {
		dir := filepath.Join(b.dir, fmt.Sprint("tenants", n))
		s := file.New(dir, 0)
		names := make([]store.Tenant, n)
		for i := range names {
			names[i] = store.Tenant(fmt.Sprintf("tenant-%d/production", i))
			if err := os.MkdirAll(filepath.Dir(s.Path(names[i])), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(s.Path(names[i]), text, 0o644); err != nil {
				return err
			}
		}
		var failed error
		live := store.NewLive(s, engine.Settings{}, func(e store.Event) {
			if e.Err != nil {
				failed = e.Err
			}
		})
		before := heap()
		feeds := make([]*store.Feed, n)
		begun := time.Now()
		for i, name := range names {
			feeds[i] = live.Feed(ctx, name)
		}
		took := time.Since(begun)
		memory := (heap() - before) / float64(n)
		if failed != nil {
			return failed
		}
		request := engine.Request{Subject: "0f8fad5b-d9cb-469f-a165-70867728950e"}
		i := 0
		decision := each(func() {
			if feeds[i%n].Current().Snapshot.Decide(&request).Treatment == nil {
				failed = fmt.Errorf("tenant %d decides nothing", i%n)
			}
			i++
		})
		if failed != nil {
			return failed
		}
		runtime.KeepAlive(live)
		milliseconds := float64(took.Microseconds()) / 1000
		table.Add(report.Count(n), report.Round(milliseconds), report.Round(milliseconds/float64(n)), report.Round(memory/1000), report.Round(decision))
		loading.X, loading.Y = append(loading.X, float64(n)), append(loading.Y, milliseconds)
		deciding.X, deciding.Y = append(deciding.X, float64(n)), append(deciding.Y, decision)
	}
	b.add(table, report.Figure{Name: "scale-tenants", Title: "Tenants on one edge", Unit: "ms and ns", XTitle: "tenants", Lines: []report.Line{loading, deciding}})
	return nil
}
