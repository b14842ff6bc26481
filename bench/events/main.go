// Command events measures what exposures and outcomes cost that are sent to an
// edge: how many a second are on disk, how soon results are there and how much
// memory they take, and the size on disk. It builds an edge of its own and, where
// PostgreSQL is installed, starts a server of that.
//
//	go run ./bench/events                          all of it, some minutes
//	go run ./bench/events -units 100000 -rounds 1 -postgres=false
//	go run ./bench/events -measure results,memory
//	go run ./bench/events -measure attack          logins while a token asks for the dearest report without end
//	go run ./bench/events -profile results         writes results.pprof, and no table; or ingest
//
// Who sends, the edge and the database share this machine's cores and its disk.
// TMPDIR says which disk that is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
)

// bench is what the measurements work with.
type bench struct {
	dir, binary, profile string
	units                int
	clients              int
	rounds               int
	asks                 int
	postgres             bool
	measured             []string

	setting *setting
	feed    *feed
	report  report.Report
	goals   report.Table
}

func main() {
	var b bench
	flag.StringVar(&b.binary, "binary", "", "Caddy with the plugin; none: it is built")
	flag.StringVar(&b.profile, "profile", "", "what to take a CPU profile of the edge of: ingest or results")
	flag.IntVar(&b.units, "units", 1_000_000, "number of units, and of outcomes")
	flag.IntVar(&b.clients, "clients", 4, "how many send at a time")
	flag.IntVar(&b.rounds, "rounds", 3, "how often events are sent to an empty log")
	flag.IntVar(&b.asks, "asks", 9, "how often results are asked for")
	flag.BoolVar(&b.postgres, "postgres", true, "measure PostgreSQL too, if it is installed")
	measure := flag.String("measure", "ingest,disk,results,memory", "what to measure; also attack")
	results := flag.String("results", "", "file for the results, for bench/figures")
	flag.Parse()
	b.measured = strings.Split(*measure, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := b.run(ctx, *results); err != nil {
		fmt.Fprintln(os.Stderr, "events:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, results string) (err error) {
	if b.units < batchSize || b.clients < 1 || b.rounds < 1 || b.asks < 1 {
		return fmt.Errorf("-units must be %d or more, -clients, -rounds and -asks 1 or more", batchSize)
	}
	if b.dir, err = os.MkdirTemp("", "events"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.setting, err = newSetting(); err != nil {
		return err
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	before := load()
	fmt.Fprintf(os.Stderr, "%d cores, %s, load %s\nmaking %s events …\n", runtime.NumCPU(), runtime.Version(), before, report.Count(2*b.units))
	b.feed = &feed{setting: b.setting, units: b.units}
	b.feed.write()
	if b.profile != "" {
		return b.takeProfile(ctx)
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	b.report.Name = "events"
	b.report.Tables = append(b.report.Tables, b.goals)
	b.report.Note = fmt.Sprintf("%d clients, batches of %s events of %d bytes in the mean, %d cores, %s, load %s before and %s after.",
		b.clients, report.Count(batchSize), b.feed.bytes/b.feed.events(), runtime.NumCPU(), runtime.Version(), before, load())
	fmt.Print(b.report.Markdown())
	if results == "" {
		return nil
	}
	return b.report.WriteFile(results)
}

// measure makes the tables, one after the other. The log that the first fills is
// the one that results are computed from.
func (b *bench) measure(ctx context.Context) (err error) {
	b.goals.Head = []string{"goal", "figure", "limit", ""}
	var database *database
	if b.postgres {
		if database, err = startDatabase(); err != nil {
			fmt.Fprintln(os.Stderr, "without PostgreSQL:", err)
		}
	}
	if database != nil {
		defer database.close()
	}
	filled := filepath.Join(b.dir, "filled")
	if !slices.Contains(b.measured, "ingest") && slices.ContainsFunc(b.measured, func(name string) bool { return name != "attack" }) {
		if err := b.fillBoth(ctx, filled, database); err != nil {
			return err
		}
	}
	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"ingest", func() error { return b.ingest(ctx, filled, database) }},
		{"disk", func() error { return b.disk(ctx, filled) }},
		{"results", func() error { return b.results(ctx, filled, database) }},
		{"memory", func() error { return b.memory(ctx, filled) }},
		{"attack", func() error { return b.attack(ctx) }},
	} {
		if !slices.Contains(b.measured, step.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s, load %s …\n", step.name, load())
		if err := step.run(); err != nil {
			return fmt.Errorf("measuring %s: %w", step.name, err)
		}
	}
	return nil
}

// goal holds a figure against its limit, and the worst of those that it is the
// middle of.
func (b *bench) goal(what string, figure, worst, limit float64, unit string, atLeast bool) {
	met := func(value float64) bool {
		if atLeast {
			return value >= limit
		}
		return value <= limit
	}
	verdict, sign := "**missed**", "≤ "
	switch {
	case met(figure) && met(worst):
		verdict = "met"
	case met(figure):
		verdict = "met by the median, not always"
	}
	if atLeast {
		sign = "≥ "
	}
	b.goals.Add(what, report.Round(figure)+unit, sign+report.Round(limit)+unit, verdict)
}

func (b *bench) build(ctx context.Context) error {
	if b.binary != "" {
		var err error
		b.binary, err = filepath.Abs(b.binary)
		return err
	}
	if _, err := os.Stat("caddymodule/cmd/caddy"); err != nil {
		return errors.New("run it in the repository's root")
	}
	b.binary = filepath.Join(b.dir, "caddy")
	fmt.Fprintln(os.Stderr, "building Caddy with the plugin (minutes, the first time)")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "./caddymodule/cmd/caddy").CombinedOutput(); err != nil {
		return fmt.Errorf("building Caddy: %w\n%s", err, out)
	}
	return nil
}

// load is how busy the machine was during the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}
