package launchdarkly

import (
	"cmp"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// experimentList is one page of experiments.
type experimentList struct {
	Items      []experimentView `json:"items"`
	TotalCount int              `json:"total_count"`
	Links      map[string]link  `json:"_links"`
}

func listExperiments(q *request) (any, error) {
	expand, err := q.words("expand", expandable...)
	if err != nil {
		return nil, err
	}
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	keeps, err := q.experiments(document)
	if err != nil {
		return nil, err
	}
	found := kept(pointers(document.Experiments), keeps)
	slices.SortStableFunc(found, func(a, b *engine.Experiment) int {
		return cmp.Compare(millis(a.CreatedAt), millis(b.CreatedAt))
	})
	shown, around, err := page(q, found)
	if err != nil {
		return nil, err
	}
	v := q.viewer(document, expand)
	list := experimentList{Items: make([]experimentView, 0, len(shown)), TotalCount: len(found), Links: around}
	for _, e := range shown {
		flag, _ := flagOf(document, e.FeatureFlagID)
		list.Items = append(list.Items, v.experiment(e, flag))
	}
	return list, nil
}

// experiments tests for the experiments that a request asks for.
func (q *request) experiments(document *engine.Document) (func(*engine.Experiment) bool, error) {
	states, err := q.words("lifecycleState", "active", "archived")
	if err != nil {
		return nil, err
	}
	if len(states) == 0 {
		states = []string{"active"}
	}
	terms, err := pairs(q.query["filter"])
	if err != nil {
		return nil, err
	}
	keeps, err := keeping(terms, experimentFields(document))
	if err != nil {
		return nil, err
	}
	return func(e *engine.Experiment) bool {
		state := "active"
		if e.Status == engine.ExperimentArchived {
			state = "archived"
		}
		return slices.Contains(states, state) && keeps(e)
	}, nil
}

func experimentFields(document *engine.Document) map[string]field[*engine.Experiment] {
	type test = func(*engine.Experiment) bool
	return map[string]field[*engine.Experiment]{
		"flagKey": func(t term) (test, error) {
			flag, known := flagOf(document, t.values[0])
			return func(e *engine.Experiment) bool { return known && e.FeatureFlagID == flag.ID }, nil
		},
		"metricKey": func(t term) (test, error) {
			return func(e *engine.Experiment) bool {
				return slices.ContainsFunc(history(e), func(it engine.Iteration) bool { return uses(document, &it, t.values[0]) })
			}, nil
		},
		"status": func(t term) (test, error) {
			status, err := t.word(iterationStatuses...)
			return func(e *engine.Experiment) bool { return last(history(e), engine.IterationStatus(status)) != nil }, err
		},
	}
}

// iterationStatuses are the statuses that clients ask for.
var iterationStatuses = []string{string(engine.IterationNotStarted), string(engine.IterationRunning), string(engine.IterationStopped)}

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
