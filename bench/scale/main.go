// Command scale measures how cost grows with the work: with tenants, with the
// segments of an experiment, with edges on one Redis, and with the size of a
// document. It starts a redis-server of its own, which must be on the PATH.
//
//	go run ./bench/scale                              all of it, some minutes
//	go run ./bench/scale -measure segments,tenants
//	go run ./bench/scale -measure edges -edges 1,20 -writes 100
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
)

// bench is what the measurements work with.
type bench struct {
	dir    string
	edges  []int
	writes int
	pace   time.Duration
	report report.Report
}

// measurements are in the order of the tables.
var measurements = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"tenants", (*bench).tenants},
	{"segments", (*bench).segments},
	{"documents", (*bench).documents},
	{"edges", (*bench).fleets},
}

func main() {
	var b bench
	measure := flag.String("measure", "tenants,segments,documents,edges", "what to measure")
	results := flag.String("results", "", "file for the results, for bench/figures")
	edges := flag.String("edges", "1,10,50,100,200", "edges: how many at a time")
	flag.IntVar(&b.writes, "writes", 40, "edges: writes to each number of edges")
	flag.DurationVar(&b.pace, "pace", 500*time.Millisecond, "edges: time from write to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx, strings.Split(*measure, ","), *edges, *results); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, names []string, edges, results string) (err error) {
	for _, text := range strings.Split(edges, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-edges: %q is no number of edges", text)
		}
		b.edges = append(b.edges, n)
	}
	if b.dir, err = os.MkdirTemp("", "scale"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	before := load()
	for _, m := range measurements {
		if !slices.Contains(names, m.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s …\n", m.name)
		if err := m.run(b, ctx); err != nil {
			return fmt.Errorf("measuring %s: %w", m.name, err)
		}
	}
	b.report.Name = "scale"
	b.report.Note = fmt.Sprintf("%d cores, %s, load %s before and %s after.", runtime.NumCPU(), runtime.Version(), before, load())
	fmt.Print(b.report.Markdown())
	if results == "" {
		return nil
	}
	return b.report.WriteFile(results)
}

// add adds a table, and a figure of it if there are lines.
func (b *bench) add(t report.Table, f report.Figure) {
	b.report.Tables = append(b.report.Tables, t)
	b.report.Figures = append(b.report.Figures, f)
}

// each gives how long f takes, in ns: the median of several times as many runs
// as take a while.
func each(f func()) float64 {
	runs := 1
	for {
		begun := time.Now()
		for range runs {
			f()
		}
		if took := time.Since(begun); took > 20*time.Millisecond || runs > 1<<24 {
			break
		}
		runs *= 2
	}
	var times []float64
	for range 9 {
		begun := time.Now()
		for range runs {
			f()
		}
		times = append(times, float64(time.Since(begun).Nanoseconds())/float64(runs))
	}
	median, _, _ := report.Median(times)
	return median
}

// heap is the memory in bytes that is in use.
func heap() float64 {
	runtime.GC()
	runtime.GC() // what has finalizers goes in two steps
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

// load is how busy the machine was during the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}
