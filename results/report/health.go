package report

import (
	"fmt"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// health counts what was kept out of the analysis.
func (q *question) health(answer *events.Answer, arms *arms) Health {
	h := Health{Notes: []string{}}
	h.Excluded.Multi = answer.Crossed
	for _, apart := range answer.Apart {
		h.Excluded.Bot += apart.Bots
		h.Excluded.Forced += apart.Forced
	}
	for _, n := range arms.unknown {
		h.Excluded.Unknown += n
	}
	counted := map[string]bool{} // several metrics may be made of one event
	units := answer.Crossed
	for i := range q.variations {
		units += arms.units(i)
	}
	for _, m := range q.metrics {
		if m.cell < 0 || counted[m.EventKey] {
			continue
		}
		counted[m.EventKey] = true
		for _, g := range answer.Groups {
			h.Excluded.Late += g.Cells[m.cell].Outside
		}
	}
	h.Crossover = results.CheckCrossover(answer.Crossed, units)
	return h
}

// notes say what people should look at, the gravest first.
func (q *question) notes(r *Report) []string {
	notes := []string{}
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	switch r.Split.Status {
	case results.SplitMismatched:
		note("The units do not follow the planned split (probability of a mismatch %s): nothing may be concluded.%s", percent(r.Split.ProbabilityOfMismatch), q.cause(r.Split))
	case results.SplitLeaking:
		note("%d units were seen with variations that should get none.", r.Split.Leaked)
	}
	switch r.Health.Crossover {
	case results.CrossoverBlocking:
		note("%d units were seen with several variations; that is 5 %% or more, and nothing may be concluded. Does everybody keep the same device id?", r.Health.Excluded.Multi)
	case results.CrossoverWarning:
		note("%d units were seen with several variations and are left out; that is 1 %% or more.", r.Health.Excluded.Multi)
	}
	if !q.random() {
		note("Segments decide who gets what, and not chance: what differs between the variations may come from who is in the segments.")
	}
	if len(r.Split.Periods) > 1 {
		note("The weights were changed %s: effects were estimated for each time of constant weights and joined, while means and chances to be best are of all units together.", times(len(r.Split.Periods)-1))
	}
	for _, key := range q.missing {
		note("The iteration names the metric %s, which is gone.", key)
	}
	for i := range r.Metrics {
		if text := extreme(&r.Metrics[i]); text != "" {
			note("%s", text)
		}
	}
	if r.Health.Excluded.Unknown > 0 {
		note("%d units were seen with variations that the experiment does not have.", r.Health.Excluded.Unknown)
	}
	for _, m := range r.Metrics {
		if chosen := m.Role == results.Primary || len(q.iteration.Metrics) > 0; chosen && !m.MetricSeen && r.units() > 0 {
			note("No outcome of %s has come in yet. Its event is %q: does the login end at this edge (outcomes on), or does the provider send its log?", m.Key, m.EventKey)
		}
	}
	if r.units() == 0 {
		note("No unit has been exposed yet.")
	}
	return notes
}

// extreme describes a variation in which nobody or everybody converts while that
// is not so in the others: no test can be made of it, and it is hardly chance.
func extreme(m *Metric) string {
	if m.Kind != results.Conversion {
		return ""
	}
	for _, t := range m.TreatmentResults {
		if t.State != results.ZeroVariance || t.Units < 100 || t.DataMean == nil || m.State == results.NoEvents {
			continue
		}
		if *t.DataMean == 0 {
			return fmt.Sprintf("None of the %s units with %s has %s. Is something broken there?", grouped(t.Units), t.TreatmentName, m.Name)
		}
		return fmt.Sprintf("All of the %s units with %s have %s. Is something broken there?", grouped(t.Units), t.TreatmentName, m.Name)
	}
	return ""
}

// cause names what explains a mismatch.
func (q *question) cause(s Split) string {
	var causes []string
	for _, c := range s.Slices {
		if c.Cause {
			value := c.Value
			if value == "" {
				value = "unknown"
			}
			causes = append(causes, c.Attribute+" = "+value)
		}
	}
	if len(causes) == 0 {
		return ""
	}
	return " The cause is among the units with " + strings.Join(causes, " or ") + ": without them the split is as planned."
}

func (r *Report) units() (n int64) {
	for _, v := range r.Variations {
		n += v.Units
	}
	return n
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
