package launchdarkly

import (
	"cmp"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// experimentList is one page of experiments.
type experimentList struct {
	Items      []experimentView `json:"items"`
	TotalCount int              `json:"total_count"`
	Links      map[string]link  `json:"_links"`
}

func listExperiments(q *request) (any, error) {
	wanted, err := q.filter()
	if err != nil {
		return nil, err
	}
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	var kept []*engine.Experiment
	for i := range document.Experiments {
		if e := &document.Experiments[i]; wanted.keeps(document, e) {
			kept = append(kept, e)
		}
	}
	slices.SortStableFunc(kept, func(a, b *engine.Experiment) int {
		return cmp.Compare(millis(a.CreatedAt), millis(b.CreatedAt))
	})
	shown, around, err := page(q, kept)
	if err != nil {
		return nil, err
	}
	v := q.viewer(document, q.listed("expand"))
	list := experimentList{Items: make([]experimentView, 0, len(shown)), TotalCount: len(kept), Links: around}
	for _, e := range shown {
		flag, _ := flagOf(document, e.FeatureFlagID)
		list.Items = append(list.Items, v.experiment(e, flag))
	}
	return list, nil
}

// filter is what experiments must be like; empty words are for all.
type filter struct {
	flag, metric     string
	status           engine.IterationStatus
	active, archived bool
}

// filter reads the filter of a list: field:value, several with commas between.
func (q *request) filter() (filter, error) {
	var out filter
	for _, part := range q.listed("filter") {
		field, value, _ := strings.Cut(part, ":")
		switch field, value = strings.TrimSpace(field), strings.TrimSpace(value); {
		case value == "":
			return out, invalid("filter", "%q must be a field with a value: field:value", clip(part))
		case field == "flagKey":
			out.flag = value
		case field == "metricKey":
			out.metric = value
		case field == "status":
			out.status = engine.IterationStatus(value)
			if !slices.Contains([]engine.IterationStatus{engine.IterationNotStarted, engine.IterationRunning, engine.IterationStopped}, out.status) {
				return out, invalid("filter", "status must be not_started, running or stopped, got %q", clip(value))
			}
		default:
			return out, invalid("filter", "the fields are flagKey, metricKey and status, got %q", clip(field))
		}
	}
	states := q.listed("lifecycleState")
	for _, state := range states {
		switch state {
		case "active":
			out.active = true
		case "archived":
			out.archived = true
		default:
			return out, invalid("lifecycleState", "must be active, archived or both, got %q", clip(state))
		}
	}
	out.active = out.active || len(states) == 0
	return out, nil
}

func (f *filter) keeps(document *engine.Document, e *engine.Experiment) bool {
	if archived := e.Status == engine.ExperimentArchived; archived && !f.archived || !archived && !f.active {
		return false
	}
	if f.flag != "" {
		if flag, ok := flagOf(document, f.flag); !ok || flag.ID != e.FeatureFlagID {
			return false
		}
	}
	iterations := history(e)
	if f.status != "" && last(iterations, f.status) == nil {
		return false
	}
	return f.metric == "" || slices.ContainsFunc(iterations, func(it engine.Iteration) bool { return uses(document, &it, f.metric) })
}

// uses reports whether an iteration measures a metric, alone or in a group.
func uses(document *engine.Document, it *engine.Iteration, key string) bool {
	return slices.ContainsFunc(it.Metrics, func(m engine.IterationMetric) bool {
		if !m.IsGroup {
			return m.Key == key
		}
		group, _ := document.MetricGroup(m.Key)
		return slices.ContainsFunc(group.Metrics, func(m engine.GroupedMetric) bool { return m.Key == key })
	})
}
