package main

import (
	"fmt"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
)

// goal is what a median is held against.
type goal struct {
	what            string
	value           float64
	low, high       float64
	good, ambitious float64 // an ambitious one of 0 is none
	atLeast         bool
}

// verdict says what of both limits the median meets, and whether its whole
// interval does.
func (g goal) verdict() string {
	met := func(value, limit float64) bool {
		if g.atLeast {
			return value >= limit
		}
		return value <= limit
	}
	worst := g.high
	if g.atLeast {
		worst = g.low
	}
	switch {
	case met(worst, g.ambitious):
		return "met, the ambitious one too"
	case met(g.value, g.ambitious) && met(worst, g.good):
		return "met, the ambitious one by the median"
	case met(worst, g.good):
		return "met"
	case met(g.value, g.good):
		return "met by the median, not certain"
	case met(g.low, g.good) || (g.atLeast && met(g.high, g.good)):
		return "**missed** by the median, not certain"
	}
	return "**missed**"
}

// outcome is all that was measured.
type outcome struct {
	sides   []*side
	results map[string][]sample
	memory  map[string]float64
}

// ratio is the median over all rounds of what a side took against another one in
// the same round.
func (o *outcome) ratio(name, base string, of func(sample) float64) (median, low, high float64) {
	var ratios []float64
	for i := range min(len(o.results[name]), len(o.results[base])) {
		ratios = append(ratios, of(o.results[name][i])/of(o.results[base][i]))
	}
	return report.Median(ratios)
}

// difference is the median of how much more a side took than another one in the
// same round.
func (o *outcome) difference(name, base string, of func(sample) float64) (median, low, high float64) {
	var differences []float64
	for i := range min(len(o.results[name]), len(o.results[base])) {
		differences = append(differences, of(o.results[name][i])-of(o.results[base][i]))
	}
	return report.Median(differences)
}

func (o *outcome) middle(name string, of func(sample) float64) float64 {
	var values []float64
	for _, one := range o.results[name] {
		values = append(values, of(one))
	}
	median, _, _ := report.Median(values)
	return median
}

func newReport(sides []*side, results map[string][]sample, memory map[string]float64) *report.Report {
	o := &outcome{sides, results, memory}
	r := &report.Report{Name: "edge", Tables: []report.Table{o.figures()}}
	if events := o.withEvents(); len(events.Rows) > 0 {
		r.Tables = append(r.Tables, events)
	}
	if goals := o.goals(); len(goals.Rows) > 0 {
		r.Tables = append(r.Tables, goals)
	}
	figure := report.Figure{Name: "edge", Title: "Processor time of one request at full speed", Unit: "µs"}
	for _, s := range sides {
		if s.base == "" {
			continue
		}
		own := s.proxy.admin != "" && s.setupOf() != "bare" && s.setupOf() != "bare2" && s.setupOf() != "access_log"
		figure.Bars = append(figure.Bars, report.Bar{Label: s.title, Value: o.middle(s.name, cpuFull), Own: own})
	}
	r.Figures = []report.Figure{figure}
	return r
}

func cpuFull(s sample) float64  { return s.cpuFull }
func cpuFixed(s sample) float64 { return s.cpuFixed }
func rate(s sample) float64     { return s.rate }
func p50(s sample) float64      { return s.p50 }
func p99(s sample) float64      { return s.p99 }
func mallocs(s sample) float64  { return s.heapMallocs }

func heapKilobytes(s sample) float64 { return s.heapBytes / 1000 }

// figures is the table of medians.
func (o *outcome) figures() report.Table {
	t := report.Table{Head: []string{
		"", "requests/s", "CPU µs/request", "against its bare [95 %]", "the same at the fixed rate", "p50, p99 µs", "heap kB, mallocs", "RSS MB",
	}}
	for _, s := range o.sides {
		if s.base == "" {
			continue
		}
		against := func(of func(sample) float64) string {
			if s.name == s.base {
				return "1"
			}
			median, low, high := o.ratio(s.name, s.base, of)
			return fmt.Sprintf("%.2f [%.2f, %.2f]", median, low, high)
		}
		heap := "–"
		if s.proxy.admin != "" {
			heap = fmt.Sprintf("%.1f, %.0f", o.middle(s.name, heapKilobytes), o.middle(s.name, mallocs))
		}
		t.Add(s.title, report.Round(o.middle(s.name, rate)), report.Round(o.middle(s.name, cpuFull)), against(cpuFull), against(cpuFixed),
			report.Round(o.middle(s.name, p50))+", "+report.Round(o.middle(s.name, p99)), heap, report.Round(o.memory[s.name]))
	}
	return t
}

// goals holds the medians against what they should be.
func (o *outcome) goals() report.Table {
	t := report.Table{Head: []string{"goal, in a login", "median [95 %]", "good", "ambitious", ""}}
	for _, g := range []struct {
		what, name, base string
		of               func(sample) float64
		good, ambitious  float64
		atLeast          bool
	}{
		{"CPU against bare, no log", "ours", "bare", cpuFull, 1.15, 1.10, false},
		{"CPU against bare, decision log", "ours_log", "bare", cpuFull, 1.25, 1.12, false},
		{"CPU, decision log, against Caddy with its access log", "ours_log", "access_log", cpuFull, 1.0, 0.85, false},
		{"requests/s against bare, decision log", "ours_log", "bare", rate, 0.80, 0.90, true},
		{"p50 at the fixed rate against bare, decision log", "ours_log", "bare", p50, 1.2, 1.1, false},
		{"p99 at the fixed rate against bare, decision log", "ours_log", "bare", p99, 1.4, 1.2, false},
		{"CPU, garbage collection as shipped, decision log, against bare", "ours_shipped", "bare", cpuFull, 1.0, 0.95, false},
		{"CPU, decision log, with events against without", "ours_events", "ours_log", cpuFull, 1.05, 0, false},
		{"the same, decided anew", "ours_events_again", "ours_log_again", cpuFull, 1.05, 0, false},
	} {
		if len(o.results[g.name]) == 0 || len(o.results[g.base]) == 0 {
			continue
		}
		median, low, high := o.ratio(g.name, g.base, g.of)
		one := goal{g.what, median, low, high, g.good, g.ambitious, g.atLeast}
		ambitious := "–"
		if one.ambitious > 0 {
			ambitious = fmt.Sprintf("%.2f", one.ambitious)
		}
		t.Add(one.what, fmt.Sprintf("%.2f [%.2f, %.2f]", one.value, one.low, one.high), fmt.Sprintf("%.2f", one.good), ambitious, one.verdict())
	}
	o.added(&t)
	return t
}

// withEvents compares the same edge with events and without: all that is different
// within a round.
func (o *outcome) withEvents() report.Table {
	t := report.Table{Title: "With events and without, the decision log in both", Head: []string{
		"devices", "CPU µs/request without, with", "with against without [95 %]", "the same at the fixed rate", "heap kB added", "mallocs added",
	}}
	who := [...]string{returning: "in a login", again: "decided anew", newcome: "new, each a new exposure"}
	interval := func(median, low, high float64) string { return fmt.Sprintf("%.2f [%.2f, %.2f]", median, low, high) }
	for _, s := range o.sides {
		if s.without == "" {
			continue
		}
		t.Add(who[s.asks], report.Round(o.middle(s.without, cpuFull))+", "+report.Round(o.middle(s.name, cpuFull)),
			interval(o.ratio(s.name, s.without, cpuFull)), interval(o.ratio(s.name, s.without, cpuFixed)),
			interval(o.difference(s.name, s.without, heapKilobytes)), interval(o.difference(s.name, s.without, mallocs)))
	}
	return t
}

// added are the goals that are differences.
func (o *outcome) added(t *report.Table) {
	const name = "ours_log"
	if len(o.results[name]) == 0 {
		return
	}
	for _, g := range []struct {
		what            string
		of              func(sample) float64
		good, ambitious float64
	}{
		{"heap added to a request, decision log, kB", heapKilobytes, 3, 1.7},
		{"mallocs added to a request, decision log", mallocs, 15, 8},
	} {
		median, low, high := o.difference(name, "bare", g.of)
		one := goal{g.what, median, low, high, g.good, g.ambitious, false}
		t.Add(g.what, fmt.Sprintf("%.2f [%.2f, %.2f]", median, low, high), report.Round(g.good), report.Round(g.ambitious), one.verdict())
	}
	megabytes := o.memory[name] - o.memory["bare"]
	more := goal{value: megabytes, low: megabytes, high: megabytes, good: 10, ambitious: 2}
	t.Add("resident memory over bare, at the end, MB", report.Round(more.value), "10", "2", more.verdict())
}
