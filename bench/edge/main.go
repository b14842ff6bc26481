// Command edge compares what proxies cost that stand before an identity
// provider: Caddy as it is, Caddy with experiments, both with their logs, the
// latter with events too, and nginx with rules that come closest. It needs wrk,
// taskset and, for its part, nginx; its rows are left out where that is missing.
//
//	go run -C bench/edge .                         40 rounds, 20 minutes
//	go run -C bench/edge . -rounds 5 -sides bare,ours
//	go run -C bench/edge . -sides ours_events,ours_events_again,ours_events_new
//	go run -C bench/edge . -profile ours -rounds 1 writes ours.pprof, and no table
//
// All of them run at the same time, each on the first core only, and are asked
// in turn, every round in another order: whatever else the machine does meanwhile
// hits all of them alike. What is compared are the ratios within a round.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// options are what can be chosen.
type options struct {
	root, binary, results, profile string
	sides                          []string
	rounds, rate, connections      int
	fixed                          time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", "../..", "root of the repository")
	flag.StringVar(&o.binary, "binary", "", "Caddy with the plugin; none: it is built")
	flag.StringVar(&o.results, "results", "", "file for the results, for bench/figures")
	flag.StringVar(&o.profile, "profile", "", "side to take a CPU profile of, under full load")
	names := flag.String("sides", "", "which to compare, of "+strings.Join(sideNames(), ", ")+"; default: all")
	flag.IntVar(&o.rounds, "rounds", 40, "number of rounds")
	flag.IntVar(&o.rate, "rate", 3000, "requests a second of the part with a fixed rate")
	flag.IntVar(&o.connections, "connections", 32, "connections of the part at full speed")
	flag.DurationVar(&o.fixed, "fixed", 700*time.Millisecond, "how long each side is asked at the fixed rate in a round")
	flag.Parse()
	if *names != "" {
		o.sides = strings.Split(*names, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "edge:", err)
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "edge")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.root, err = filepath.Abs(o.root); err != nil {
		return err
	}
	stage, err := newStage(ctx, o, dir)
	if err != nil {
		return err
	}
	defer stage.close()
	fmt.Fprintf(os.Stderr, "%d cores, %s, load %s\n", runtime.NumCPU(), runtime.Version(), load())
	if o.profile != "" {
		return stage.takeProfile(ctx, o.profile)
	}
	results := map[string][]sample{}
	before := load()
	for round := range o.rounds {
		for _, s := range inTurn(stage.sides) {
			fmt.Fprintf(os.Stderr, "\rround %d of %d: %-28s", round+1, o.rounds, s.name)
			one, err := stage.measure(ctx, s)
			if err != nil {
				return fmt.Errorf("measuring %s: %w", s.name, err)
			}
			results[s.name] = append(results[s.name], one)
		}
	}
	fmt.Fprintln(os.Stderr)
	memory := map[string]float64{}
	for _, s := range stage.sides {
		memory[s.name] = s.proxy.resident()
	}
	report := newReport(stage.sides, results, memory)
	report.Note = fmt.Sprintf("%d rounds, %d requests a second where the rate is fixed, %d cores, %s, load %s before and %s after.",
		o.rounds, o.rate, runtime.NumCPU(), runtime.Version(), before, load())
	kept, err := stage.eventsKept()
	if err != nil {
		return err
	}
	report.Note += kept
	fmt.Print(report.Markdown())
	if o.results == "" {
		return nil
	}
	return report.WriteFile(o.results)
}

// wants reports whether a side is asked for.
func (o *options) wants(name string) bool {
	return len(o.sides) == 0 || slices.Contains(o.sides, name)
}

// compares reports whether a side is what one that is asked for is compared with.
func (o *options) compares(name string) bool {
	return slices.ContainsFunc(allSides(), func(s *side) bool { return (s.base == name || s.without == name) && o.wants(s.name) })
}

// load is how busy the machine was during the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}
