package launchdarkly

import (
	"cmp"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// groupView is a metric group as clients get it.
type groupView struct {
	ID              string              `json:"_id"`
	Key             string              `json:"key"`
	Name            string              `json:"name"`
	Kind            string              `json:"kind"`
	Description     string              `json:"description,omitempty"`
	Links           map[string]link     `json:"_links"`
	Tags            []string            `json:"tags"`
	CreationDate    int64               `json:"_creationDate"`
	LastModified    int64               `json:"_lastModified"`
	Maintainer      maintainerView      `json:"maintainer"`
	Metrics         []groupedMetricView `json:"metrics"`
	Version         int                 `json:"_version"`
	ExperimentCount int                 `json:"experimentCount"`
	Experiments     []dependentView     `json:"experiments,omitempty"`
}

type maintainerView struct {
	Member *memberView `json:"member,omitempty"`
}

// memberView is whoever is named as maintainer; nothing else is known of members.
type memberView struct {
	Links map[string]link `json:"_links"`
	ID    string          `json:"_id"`
	Role  string          `json:"role"`
	Email string          `json:"email"`
}

func groupName(g *engine.MetricGroup) string { return cmp.Or(g.Name, g.Key) }

func (v *viewer) group(g engine.MetricGroup) groupView {
	out := groupView{
		ID: g.Key, Key: g.Key, Name: groupName(&g), Kind: g.Kind, Description: g.Description,
		Links: links("self", v.groupPath(g.Key), "parent", v.projectPath()), Tags: append([]string{}, g.Tags...),
		CreationDate: millis(g.CreatedAt), LastModified: millis(g.UpdatedAt), Version: max(g.Version, 1), Metrics: []groupedMetricView{},
	}
	if g.MaintainerID != "" {
		out.Maintainer.Member = &memberView{Links: links(), ID: g.MaintainerID}
	}
	for _, m := range g.Metrics {
		out.Metrics = append(out.Metrics, v.groupedMetric(m.Key, m.Name))
	}
	for _, e := range groupUsers(v.document, g.Key) {
		out.ExperimentCount++
		if v.expands("experiments") {
			out.Experiments = append(out.Experiments, v.dependentExperiment(e))
		}
	}
	return out
}

func createGroup(q *request) (any, error) {
	body, err := q.object()
	if err != nil {
		return nil, err
	}
	g, err := readGroup(body)
	if err != nil {
		return nil, err
	}
	g.MaintainerID = cmp.Or(g.MaintainerID, q.session.Name())
	g.CreatedAt, g.UpdatedAt = q.stamp(), q.stamp()
	var view groupView
	err = q.change(func(document *engine.Document) (string, error) {
		if _, known := document.MetricGroup(g.Key); known {
			return "", invalid("key", "a metric group with the key %q already exists", g.Key)
		}
		if err := groupable(document, &g); err != nil {
			return "", err
		}
		document.MetricGroups = append(document.MetricGroups, g)
		view = q.viewer(document, nil).group(g)
		return g.Key, nil
	})
	return view, err
}

func readGroup(o object) (engine.MetricGroup, error) {
	var g engine.MetricGroup
	if e, there := o.need("name"); there {
		g.Name = e.name()
	}
	if e, there := o.find("key"); there {
		g.Key = e.key()
	} else if g.Key = slug(g.Name); g.Key == "" {
		o.need("key")
	}
	if e, there := o.need("kind"); there {
		g.Kind = e.word(engine.GroupFunnel, engine.GroupStandard)
	}
	g.Description = o.optionalText("description", longestText)
	g.MaintainerID = o.optionalText("maintainerId", longestName)
	g.Tags = o.optionalTexts("tags", maxTags, entry.name)
	e, there := o.need("metrics")
	if !there {
		return g, o.err()
	}
	items := e.items(maxMetrics)
	if *e.fault == nil && len(items) == 0 {
		e.refuse("must have at least one entry")
	}
	for _, item := range items {
		member := item.object()
		var m engine.GroupedMetric
		if e, there := member.need("key"); there {
			m.Key = e.text(longestName)
		}
		m.Name = member.optionalText("nameInGroup", longestName)
		member.complete()
		g.Metrics = append(g.Metrics, m)
	}
	o.complete()
	return g, o.err()
}

// groupable refuses a group of what is not there, or of what cannot be a step. A
// step that has no name has its metric's.
func groupable(document *engine.Document, g *engine.MetricGroup) error {
	seen := map[string]bool{}
	for i := range g.Metrics {
		m := &g.Metrics[i]
		metric, known := document.Metric(m.Key)
		switch {
		case !known:
			return invalid("metrics", "there is no metric %q", clip(m.Key))
		case seen[m.Key]:
			return invalid("metrics", "metric %q is there twice", m.Key)
		case g.Kind == engine.GroupFunnel && metric.Completed().UnitAggregationType != engine.AggregationAverage:
			return invalid("metrics", "metric %q is a sum; the steps of a funnel are averages", m.Key)
		}
		seen[m.Key] = true
		if g.Kind == engine.GroupFunnel {
			m.Name = cmp.Or(m.Name, metric.Completed().Name)
		}
	}
	return nil
}

func deleteGroup(q *request) (any, error) {
	return nil, q.change(func(document *engine.Document) (string, error) {
		key := q.PathValue("group")
		at := slices.IndexFunc(document.MetricGroups, func(g engine.MetricGroup) bool { return g.Key == key })
		if at < 0 {
			return "", notFound("metric group", key)
		}
		if e := userOf(document, engine.IterationMetric{Key: key, IsGroup: true}); e != nil {
			return "", conflict("metric group %q is in use by experiment %q", key, experimentKey(document, e))
		}
		document.MetricGroups = slices.Delete(document.MetricGroups, at, at+1)
		return key, nil
	})
}
