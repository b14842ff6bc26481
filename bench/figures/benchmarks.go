package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
)

// library is what was measured of one contestant, by the number of flags loaded.
type library struct {
	name   string
	ns     map[string][]float64
	memory map[string][2]string // bytes, allocations
}

// titles name the contestants of bench/peers, with the versions of its go.mod.
var titles = map[string]string{
	"ours": "this engine", "launchdarkly": "LaunchDarkly server SDK 7.14.6", "unleash": "Unleash SDK 6.4.0",
	"growthbook": "GrowthBook SDK 0.7.0", "statsig": "Statsig SDK 1.35.1, local", "goff": "GO Feature Flag core 0.7.2, nikunjy",
	"goff-jsonlogic": "GO Feature Flag core 0.7.2, JsonLogic", "flagd": "flagd core 0.17.0",
}

// readBenchmarks makes a report of lines such as
//
//	BenchmarkDecision/ours/100-2   4000000   280.1 ns/op   0 B/op   0 allocs/op
//
// and of one that tells how busy the machine was, "load: 0.3".
func readBenchmarks(path string) (*report.Report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []*library
	load := "unknown"
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[0] == "load:" {
			load = fields[1]
		}
		if len(fields) < 8 || !strings.HasPrefix(fields[0], "BenchmarkDecision/") {
			continue
		}
		name, flags, _ := strings.Cut(strings.TrimPrefix(fields[0], "BenchmarkDecision/"), "/")
		flags, _, _ = strings.Cut(flags, "-")
		ns, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", strings.TrimSpace(line), err)
		}
		var one *library
		for _, known := range all {
			if known.name == name {
				one = known
			}
		}
		if one == nil {
			one = &library{name, map[string][]float64{}, map[string][2]string{}}
			all = append(all, one)
		}
		one.ns[flags] = append(one.ns[flags], ns)
		one.memory[flags] = [2]string{fields[4], fields[6]}
	}
	if len(all) == 0 || all[0].name != "ours" {
		return nil, errors.New("there are no benchmarks of decisions, with ours first, in " + path)
	}
	return decisionReport(all, load), nil
}

func decisionReport(all []*library, load string) *report.Report {
	const loaded = "100"
	table := report.Table{Head: []string{"library", "1 flag, ns", "100 flags, ns", "bytes", "allocations", "against ours"}}
	figure := report.Figure{Name: "decision", Title: "One decision, its context built, 100 flags loaded", Unit: "ns"}
	own, _, _ := report.Median(all[0].ns[loaded])
	fastest := 0.0
	for _, one := range all {
		few, _, _ := report.Median(one.ns["1"])
		many, low, high := report.Median(one.ns[loaded])
		if one.name != "ours" && (fastest == 0 || many < fastest) {
			fastest = many
		}
		table.Add(titles[one.name], report.Round(few), report.Round(many), one.memory[loaded][0], one.memory[loaded][1], report.Round(many/own)+" ×")
		figure.Bars = append(figure.Bars, report.Bar{Label: titles[one.name], Value: many, Low: low, High: high, Own: one.name == "ours"})
	}
	verdict := "missed"
	if fastest >= 4*own && all[0].memory[loaded][1] == "0" {
		verdict = "met"
	}
	return &report.Report{
		Name: "decision", Tables: []report.Table{table}, Figures: []report.Figure{figure},
		Note: fmt.Sprintf("Medians of %d runs, load %s. Goal: at least 4 times as fast as the fastest of the others, without allocations: %s times, %s, %s.",
			len(all[0].ns[loaded]), load, report.Round(fastest/own), all[0].memory[loaded][1], verdict),
	}
}
