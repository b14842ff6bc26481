package report

import (
	"cmp"
	"fmt"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// addMetric asks for a metric by its key.
func (q *question) addMetric(key string, role results.Role) error {
	m, known := q.document.Metric(key)
	if !known {
		return fmt.Errorf("finding metric %q: %w", key, ErrNoMetric)
	}
	q.metrics = append(q.metrics, measured{Metric: describe(m.Completed(), role), cell: len(q.query.Measures), chain: -1})
	q.query.Measures = append(q.query.Measures, measure(m.Completed()))
	return nil
}

// addGroup asks for all metrics of a group: in a funnel for its steps. The last
// step, or the first metric, has the role of the group.
func (q *question) addGroup(key string, role results.Role) error {
	group, known := q.document.MetricGroup(key)
	if !known {
		return fmt.Errorf("finding metric group %q: %w", key, ErrNoMetric)
	}
	for _, grouped := range group.Metrics {
		if _, known := q.document.Metric(grouped.Key); !known {
			return fmt.Errorf("finding metric %q of group %q: %w", grouped.Key, key, ErrNoMetric)
		}
	}
	if group.Kind == engine.GroupFunnel {
		q.addFunnel(group, role)
		return nil
	}
	for i, grouped := range group.Metrics {
		of := results.Secondary
		if i == 0 {
			of = role
		}
		if err := q.addMetric(grouped.Key, of); err != nil {
			return err
		}
		last := &q.metrics[len(q.metrics)-1]
		last.Group, last.NameInGroup = key, grouped.Name
	}
	return nil
}

// addFunnel asks for the steps of a funnel, whose metrics are there.
func (q *question) addFunnel(group engine.MetricGroup, role results.Role) {
	chain := events.Chain{Key: group.Key}
	unbounded := false // a step that has no window
	for i, grouped := range group.Metrics {
		m, _ := q.document.Metric(grouped.Key)
		step := measured{Metric: describe(m.Completed(), results.Secondary), cell: -1, chain: len(q.query.Chains)}
		step.Kind, step.Group, step.NameInGroup, step.Step = results.Conversion, group.Key, grouped.Name, i+1
		if i == len(group.Metrics)-1 {
			step.Role = role
		}
		q.metrics = append(q.metrics, step)
		chain.Events = append(chain.Events, m.EventKey)
		chain.Window = max(chain.Window, window(m))
		unbounded = unbounded || window(m) == 0
	}
	if unbounded {
		chain.Window = 0
	}
	q.query.Chains = append(q.query.Chains, chain)
}

func describe(m engine.Metric, role results.Role) Metric {
	out := Metric{
		Key: m.Key, Definition: m, Name: cmp.Or(m.Name, m.Key), Unit: m.Unit, EventKey: m.EventKey, Role: role,
		LowerIsBetter: m.SuccessCriteria == engine.LowerThanBaseline, Kind: results.Numeric,
	}
	switch {
	case m.DenominatorEventKey != "":
		out.Kind = results.Ratio
	case aggregation(m) == events.Occurrence:
		out.Kind = results.Conversion
	}
	return out
}

// measure says how a metric is computed.
func measure(m engine.Metric) events.Measure {
	out := events.Measure{
		Key: m.Key, Event: m.EventKey, Denominator: m.DenominatorEventKey, Aggregation: aggregation(m),
		Window: window(m), Histogram: m.AnalysisType == engine.AnalysisPercentile,
	}
	if m.EventDefault != nil {
		out.OnlyPresent, out.Absent = m.EventDefault.Disabled, m.EventDefault.Value
	}
	if m.Cap != nil && out.Aggregation != events.Occurrence {
		out.Cap = *m.Cap
	}
	return out
}

// aggregation follows LaunchDarkly: what is averaged of a metric that is not
// numeric is whether it happened, what is summed is how often.
func aggregation(m engine.Metric) events.Aggregation {
	sum := m.UnitAggregationType == engine.AggregationSum || m.DenominatorEventKey != ""
	switch {
	case m.IsNumeric && sum:
		return events.Sum
	case m.IsNumeric:
		return events.Average
	case sum:
		return events.Count
	}
	return events.Occurrence
}

// window is how long outcomes count; 0 is until the iteration ends.
func window(m engine.Metric) time.Duration {
	d, err := time.ParseDuration(m.Window)
	if err != nil {
		return 0 // it has none: a document with another text is refused
	}
	return d
}
