package launchdarkly

import (
	"cmp"
	"slices"
	"strconv"
	"sync"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// groupUsers are the experiments with an iteration that measures a group.
func groupUsers(document *engine.Document, key string) []*engine.Experiment {
	wanted := engine.IterationMetric{Key: key, IsGroup: true}
	return kept(pointers(document.Experiments), func(e *engine.Experiment) bool {
		return slices.ContainsFunc(e.Iterations, func(it engine.Iteration) bool { return slices.Contains(it.Metrics, wanted) })
	})
}

func listGroups(q *request) (any, error) {
	expand, err := q.words("expand", "experiments")
	if err != nil {
		return nil, err
	}
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	counts := sync.OnceValue(func() map[engine.IterationMetric]int { return connections(document) })
	used := func(g engine.MetricGroup) int { return counts()[engine.IterationMetric{Key: g.Key, IsGroup: true}] }
	listed := listing[engine.MetricGroup]{clauses, groupFields(document, used), map[string]order[engine.MetricGroup]{
		"name":            func(a, b engine.MetricGroup) int { return cmp.Compare(groupName(&a), groupName(&b)) },
		"createdAt":       func(a, b engine.MetricGroup) int { return cmp.Compare(millis(a.CreatedAt), millis(b.CreatedAt)) },
		"connectionCount": func(a, b engine.MetricGroup) int { return cmp.Compare(used(a), used(b)) },
	}}
	found, err := listed.of(q, document.MetricGroups)
	if err != nil {
		return nil, err
	}
	return collected(q, found, q.viewer(document, expand).group)
}

func getGroup(q *request) (any, error) {
	expand, err := q.words("expand", "experiments", "experimentCount")
	if err != nil {
		return nil, err
	}
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	g, known := document.MetricGroup(q.PathValue("group"))
	if !known {
		return nil, notFound("metric group", q.PathValue("group"))
	}
	return q.viewer(document, expand).group(g), nil
}

func groupFields(document *engine.Document, used func(engine.MetricGroup) int) map[string]field[engine.MetricGroup] {
	return map[string]field[engine.MetricGroup]{
		"query":             spelled(func(g engine.MetricGroup) []string { return []string{g.Key, groupName(&g)} }),
		"tags":              tagged(func(g engine.MetricGroup) []string { return g.Tags }),
		"kind":              equal(func(g engine.MetricGroup) string { return g.Kind }, engine.GroupFunnel, engine.GroupStandard),
		"hasConnections":    equal(func(g engine.MetricGroup) string { return strconv.FormatBool(used(g) > 0) }, "true", "false"),
		"maintainerIds":     anyOf(func(g engine.MetricGroup) string { return g.MaintainerID }),
		"maintainerTeamKey": none[engine.MetricGroup],
		"experimentStatus": func(t term) (func(engine.MetricGroup) bool, error) {
			if err := t.asks(isEqual); err != nil {
				return nil, err
			}
			status, err := t.word(append([]string{"started"}, iterationStatuses...)...)
			return func(g engine.MetricGroup) bool { return measuredIn(document, g.Key, status) }, err
		},
	}
}

// measuredIn reports whether an iteration of a status measures a group. One that is
// running or stopped has started.
func measuredIn(document *engine.Document, group, status string) bool {
	wanted := engine.IterationMetric{Key: group, IsGroup: true}
	return slices.ContainsFunc(groupUsers(document, group), func(e *engine.Experiment) bool {
		return slices.ContainsFunc(history(e), func(it engine.Iteration) bool {
			return slices.Contains(it.Metrics, wanted) && (string(it.Status) == status || status == "started" && started(it))
		})
	})
}
