// Command control measures the control plane on a real Redis: how soon a change
// is in force on every edge, how long a write over the management API takes, and
// whether writers at several nodes lose each other's changes. It starts a
// redis-server of its own, which must be on the PATH, or uses the one at -redis,
// under a prefix of its own that is removed at the end.
//
//	go run ./bench/control
//	go run ./bench/control -measure propagation -edges 20 -size 60KB -writes 1000
//	go run ./bench/control -measure writes -size 60KB -writes 1000
//	go run ./bench/control -measure writers -writers 16 -changes 500
//
// Edges, writers and Redis share one machine here. The first edge alone shows
// what the protocol takes, all of them together also wait for its cores and its
// disk. TMPDIR says which disk that is; in memory, edges do not wait for it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/caddy-experiments/caddy-experiments/bench/stored"
	"github.com/caddy-experiments/caddy-experiments/store"
)

const tenant = store.DefaultTenant

// bench is what the measurements work with.
type bench struct {
	redis *server
	dir   string // for what edges and file stores keep
	table table

	edges   int
	size    int
	writes  int
	pace    time.Duration
	writers int
	changes int
}

// measurement is one that can be asked for by its name.
type measurement struct {
	name string
	run  func(*bench, context.Context) error
}

// measurements are in the order of the table.
var measurements = []measurement{
	{"propagation", (*bench).propagation},
	{"writes", (*bench).apiWrites},
	{"writers", (*bench).concurrentWriters},
}

func main() {
	var b bench
	measure := flag.String("measure", "propagation,writes,writers", "what to measure")
	url := flag.String("redis", "", "URL of a Redis to use; none: one is started")
	size := flag.String("size", "60KB", "size of the document")
	profile := flag.String("profile", "", "file for a CPU profile of this process")
	flag.IntVar(&b.edges, "edges", 20, "propagation: number of edges")
	flag.IntVar(&b.writes, "writes", 1000, "propagation, writes: number of writes")
	flag.DurationVar(&b.pace, "pace", 50*time.Millisecond, "propagation: time from write to write")
	flag.IntVar(&b.writers, "writers", 16, "writers: clients at a time")
	flag.IntVar(&b.changes, "changes", 500, "writers: changes of each client")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx, strings.Split(*measure, ","), *url, *size, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "control:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, names []string, url, size, profile string) (err error) {
	for _, name := range names {
		if !slices.ContainsFunc(measurements, func(m measurement) bool { return m.name == name }) {
			return fmt.Errorf("-measure: there is no measurement %q", name)
		}
	}
	bytes, err := humanize.ParseBytes(size)
	if err != nil {
		return fmt.Errorf("-size: %w", err)
	}
	b.size = int(bytes)
	if b.edges < 1 || b.writes < 1 || b.writers < 1 || b.changes < 1 || b.pace <= 0 {
		return errors.New("-edges, -writes, -writers, -changes and -pace must be more than 0")
	}
	if b.dir, err = os.MkdirTemp("", "control"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.redis, err = connect(ctx, url, b.dir); err != nil {
		return err
	}
	defer b.redis.close()
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	text, err := stored.Encoded(newDocument(b.size))
	if err != nil {
		return err
	}
	fmt.Printf("a document of %s, redis %s, %s, %d cores, load before %s\n\n",
		humanize.Bytes(uint64(len(text))), b.redis.version, runtime.Version(), runtime.NumCPU(), load())
	for _, m := range measurements {
		if slices.Contains(names, m.name) {
			if err := m.run(b, ctx); err != nil {
				return fmt.Errorf("measuring %s: %w", m.name, err)
			}
		}
	}
	return b.table.print(os.Stdout)
}
