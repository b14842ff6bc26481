package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
)

// barWidth is that of a bar in characters.
const barWidth = 41

// Print writes the report for people: the verdict, then a table for each metric
// with a bar for each interval.
func (r *Report) Print(w io.Writer) error {
	out := &errorWriter{w: w}
	fmt.Fprintf(out, "%s (%s)\n", engine.Printable(r.ExperimentName), engine.Printable(r.ExperimentID))
	fmt.Fprintf(out, "iteration %s, %s%s\n\n%s\n", engine.Printable(r.Iteration.ID), r.Iteration.Status, r.span(), engine.Printable(r.Verdict))
	for _, note := range r.Health.Notes {
		fmt.Fprintf(out, "! %s\n", engine.Printable(note))
	}
	fmt.Fprintf(out, "\nsplit: %s\n", r.describeSplit())
	x := r.Health.Excluded
	fmt.Fprintf(out, "left out: %d units with several variations, %d bots, %d forced by an override, %d outcomes before the exposure or too late\n", x.Multi, x.Bot, x.Forced, x.Late)
	r.printMetrics(out, r.Metrics)
	for _, s := range r.Slices {
		fmt.Fprintf(out, "\n== %s = %s\n", engine.Printable(s.Attribute), cmp.Or(engine.Printable(s.Value), "unknown"))
		r.printMetrics(out, s.Metrics)
	}
	r.printDays(out)
	return out.err
}

// printMetrics leaves out what nobody has asked for and nothing has come in of.
func (r *Report) printMetrics(w io.Writer, metrics []Metric) {
	for i := range metrics {
		if m := &metrics[i]; m.MetricSeen || m.Role == results.Primary || len(metrics) == 1 {
			r.printMetric(w, m)
		}
	}
}

// errorWriter remembers the first error, so that one check at the end is enough.
// Whatever is written through it can be printed on a terminal.
type errorWriter struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (e *errorWriter) Write(p []byte) (int, error) {
	if e.err == nil {
		_, e.err = io.WriteString(e.w, engine.PrintableLines(string(p)))
	}
	return len(p), nil
}

func (r *Report) span() string {
	var text string
	if r.Iteration.StartedAt != nil {
		text += ", since " + r.Iteration.StartedAt.UTC().Format("2006-01-02 15:04")
	}
	if r.Iteration.EndedAt != nil {
		text += " until " + r.Iteration.EndedAt.UTC().Format("2006-01-02 15:04")
	}
	if text != "" {
		text += " UTC"
	}
	return text
}

func (r *Report) describeSplit() string {
	var parts []string
	for _, v := range r.Variations {
		part := engine.Printable(v.Name) + " " + grouped(v.Units)
		if v.Weight != nil {
			part += fmt.Sprintf(" (planned %g %%)", *v.Weight)
		}
		parts = append(parts, part)
	}
	text := strings.Join(parts, ", ") + ": " + string(r.Split.Status)
	if r.Split.P != nil {
		text += fmt.Sprintf(", p = %.3g", *r.Split.P)
	}
	return text
}

func (r *Report) printMetric(w io.Writer, m *Metric) {
	name := m.Name
	if m.Group != "" {
		name = m.Group + ": " + cmp.Or(m.NameInGroup, m.Name)
	}
	fmt.Fprintf(w, "\n%s (%s, %s", engine.Printable(name), m.Role, m.Kind)
	if m.Unit != "" {
		fmt.Fprintf(w, ", %s", engine.Printable(m.Unit))
	}
	if m.LowerIsBetter {
		fmt.Fprint(w, ", lower is better")
	}
	fmt.Fprintf(w, "): %s", m.Decision.Status)
	if m.Decision.SafeToStop {
		fmt.Fprint(w, ", safe to stop")
	}
	fmt.Fprintln(w)
	low, high := bounds(m, r)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  variation\tunits\tmean\tbest\tagainst control\t%s interval\ton a scale from %s to %s\n", percent(r.IntervalLevel), signed(low), signed(high))
	for i := range m.TreatmentResults {
		t := &m.TreatmentResults[i]
		change, ends, bar := "", "", ""
		if r.isControl(t.TreatmentID) {
			change = "control"
		} else if d := r.againstControl(t); d != nil {
			change, ends, bar = describeChange(d), describeInterval(d), drawBar(d, low, high)
		}
		best := ""
		if m.ranks() {
			best = share(t.PBest)
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", engine.Printable(t.TreatmentName), grouped(t.Units), describeMean(m, t), best, change, ends, bar)
	}
	_ = table.Flush() // it writes to an errorWriter
}

func (r *Report) againstControl(t *results.TreatmentResult) *results.DifferenceFromArm {
	at := slices.IndexFunc(t.RelativeDifferences, func(d results.DifferenceFromArm) bool { return r.isControl(d.FromTreatmentID) })
	if at < 0 {
		return nil
	}
	return &t.RelativeDifferences[at]
}

// bounds are the ends of the bars of a metric: the widest interval and zero.
func bounds(m *Metric, r *Report) (low, high float64) {
	for i := range m.TreatmentResults {
		if d := r.againstControl(&m.TreatmentResults[i]); d != nil && d.Lower != nil && d.Upper != nil {
			low, high = min(low, *d.Lower), max(high, *d.Upper)
		}
	}
	if low == high {
		return -0.1, 0.1
	}
	margin := (high - low) / 20
	return low - margin, high + margin
}

// ranks reports whether it can be said which variation is the best: of one that has
// too few units the chance is that of what was believed before the data.
func (m *Metric) ranks() bool {
	return !slices.ContainsFunc(m.TreatmentResults, func(t results.TreatmentResult) bool { return t.Units < 2 })
}

func describeChange(d *results.DifferenceFromArm) string {
	switch {
	case d.Estimate == nil:
		return inWords(d.State)
	case d.State != results.OK:
		return signed(*d.Estimate) + " (" + inWords(d.State) + ")"
	}
	return signed(*d.Estimate)
}

func describeInterval(d *results.DifferenceFromArm) string {
	if d.Lower == nil || d.Upper == nil {
		return ""
	}
	return signed(*d.Lower) + " to " + signed(*d.Upper)
}

// inWords is TOO_FEW_UNITS as "too few units".
func inWords(state results.State) string {
	return strings.ToLower(strings.ReplaceAll(string(state), "_", " "))
}

// drawBar draws an interval as [──●──] on a line on which | is zero.
func drawBar(d *results.DifferenceFromArm, low, high float64) string {
	bar := []rune(strings.Repeat(" ", barWidth))
	place := func(x float64) int {
		at := math.Round((x - low) / (high - low) * (barWidth - 1))
		return int(min(max(at, 0), barWidth-1))
	}
	bar[place(0)] = '|'
	if d.Estimate != nil && d.Lower != nil && d.Upper != nil {
		from, to := place(*d.Lower), place(*d.Upper)
		for i := from; i <= to; i++ {
			if bar[i] == ' ' {
				bar[i] = '─'
			}
		}
		bar[from], bar[to] = '[', ']'
		bar[place(*d.Estimate)] = '●'
	}
	return strings.TrimRight(string(bar), " ")
}

func describeMean(m *Metric, t *results.TreatmentResult) string {
	switch {
	case t.DataMean == nil && t.State != results.OK:
		return inWords(t.State)
	case t.DataMean == nil:
		return ""
	case m.Kind == results.Conversion:
		return percent(*t.DataMean)
	}
	return fmt.Sprintf("%.4g", *t.DataMean)
}

func share(x *float64) string {
	if x == nil {
		return ""
	}
	return fmt.Sprintf("%.1f %%", *x*100)
}

// printDays writes the primary metric by day.
func (r *Report) printDays(w io.Writer) {
	primary := r.Primary()
	if len(r.Series) == 0 || primary == nil {
		return
	}
	fmt.Fprintf(w, "\n%s by day (UTC): new units, and the mean of all units up to then\n", engine.Printable(primary.Name))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "  day")
	for _, v := range r.Variations {
		fmt.Fprintf(table, "\t%s\t", engine.Printable(v.Name))
	}
	fmt.Fprintln(table)
	for _, day := range r.Series {
		for _, m := range day.Metrics {
			if m.Key != primary.Key {
				continue
			}
			fmt.Fprintf(table, "  %s", engine.Printable(day.Date))
			for _, v := range m.Variations {
				mean := ""
				if v.Mean != nil && primary.Kind == results.Conversion {
					mean = percent(*v.Mean)
				} else if v.Mean != nil {
					mean = fmt.Sprintf("%.4g", *v.Mean)
				}
				fmt.Fprintf(table, "\t%s\t%s", grouped(v.NewUnits), mean)
			}
			fmt.Fprintln(table)
			break
		}
	}
	_ = table.Flush() // it writes to an errorWriter
}
