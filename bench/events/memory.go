package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
	"github.com/caddy-experiments/caddy-experiments/results/embedded"
)

// sizing is the memory of an edge, in MB.
type sizing struct{ idle, peak, heap float64 }

const (
	// wantedGrowth is how many MB may come with ten times as many units: the
	// engine's cache fills up, and some of what it takes is lost in between.
	wantedGrowth = 1.25 * embedded.DefaultCacheSize / (1 << 20)
	// wantedRatio is how many times as much it may be with three times as many
	// again: once the cache is full nothing grows, and peaks differ by what the
	// garbage collector finds.
	wantedRatio = 1.2
)

// memory measures what an edge needs while it makes reports: over a tenth of the
// units, over all of them and over three times as many.
func (b *bench) memory(ctx context.Context, filled string) error {
	table := report.Table{
		Title: "Memory of an edge while it makes reports",
		Head:  []string{"units", "resident before, MB", "at most, MB", "of that more", "Go heap at most, MB"},
	}
	var sizes []sizing
	for i, units := range []int{b.units / 10, b.units, 3 * b.units} {
		dir := filled
		if units != b.units {
			dir = filepath.Join(b.dir, fmt.Sprint("memory", i))
			if err := (&feed{setting: b.setting, units: units}).fill(ctx, openEmbedded(dir)); err != nil {
				return err
			}
		}
		s, err := b.size(ctx, dir, units)
		if err != nil {
			return err
		}
		table.Add(report.Count(units), report.Round(s.idle), report.Round(s.peak), report.Round(s.peak-s.idle), report.Round(s.heap))
		sizes = append(sizes, s)
	}
	b.report.Tables = append(b.report.Tables, table)
	growth, ratio := sizes[1].peak-sizes[0].peak, sizes[2].peak/sizes[1].peak
	b.goal("resident memory at most, ten times as many units", growth, growth, wantedGrowth, " MB more", false)
	b.goal("and three times as many again", ratio, ratio, wantedRatio, " ×", false)
	return nil
}

// size asks a new edge for reports and watches its memory.
func (b *bench) size(ctx context.Context, dir string, units int) (s sizing, err error) {
	e, err := b.startEdge(dir + forever)
	if err != nil {
		return s, err
	}
	defer e.stop()
	if err := e.settle(ctx, dir); err != nil {
		return s, err
	}
	pid := e.process.Process.Pid
	if s.idle, err = memoryOf(pid, "VmRSS"); err != nil {
		return s, err
	}
	if err := forgetPeak(pid); err != nil {
		return s, err
	}
	stop := e.watchHeap()
	for range b.asks {
		for _, q := range questions {
			if err := b.getResults(ctx, e, q, units); err != nil {
				stop()
				return s, err
			}
		}
	}
	s.heap = stop()
	s.peak, err = memoryOf(pid, "VmHWM")
	return s, err
}

// watchHeap looks at the edge's heap until it is stopped; it gives the largest.
func (e *edge) watchHeap() (stop func() float64) {
	end, largest := make(chan struct{}), 0.0
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			if now, err := e.heapInUse(); err == nil {
				largest = max(largest, now)
			}
			select {
			case <-end:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	return func() float64 {
		close(end)
		watching.Wait()
		http.DefaultClient.CloseIdleConnections()
		return largest
	}
}
