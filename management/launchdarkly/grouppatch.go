package launchdarkly

import (
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// writableGroup are the members of a group that a patch can write. Its kind is not
// among them: what measures it counts on it.
type writableGroup struct {
	Key          string         `json:"key"`
	Name         string         `json:"name"`
	Description  string         `json:"description"`
	MaintainerID string         `json:"maintainerId"`
	Tags         []string       `json:"tags"`
	Metrics      []groupedInput `json:"metrics"`
}

type groupedInput struct {
	Key         string `json:"key"`
	NameInGroup string `json:"nameInGroup"`
}

// patchGroup follows a JSON patch on a group as clients get it, its metrics with their
// keys and names only.
func patchGroup(q *request) (any, error) {
	operations, err := q.readJSONPatch()
	if err != nil {
		return nil, err
	}
	var view groupView
	err = q.change(func(document *engine.Document) (string, error) {
		key := q.PathValue("group")
		at := slices.IndexFunc(document.MetricGroups, func(g engine.MetricGroup) bool { return g.Key == key })
		if at < 0 {
			return "", notFound("metric group", key)
		}
		before := document.MetricGroups[at]
		v := q.viewer(document, nil)
		body, err := patched(v.group(before), writtenGroup(before), operations)
		if err != nil {
			return "", err
		}
		body.members["kind"] = before.Kind
		after, err := readGroup(body)
		if err != nil {
			return "", err
		}
		if err := groupable(document, &after); err != nil {
			return "", err
		}
		after.CreatedAt, after.UpdatedAt, after.Version = before.CreatedAt, before.UpdatedAt, before.Version
		if equalJSON(plain(v.group(after)), plain(v.group(before))) {
			view = v.group(before)
			return "", nil
		}
		if err := regroupable(document, before, after); err != nil {
			return "", err
		}
		after.UpdatedAt, after.Version = q.stamp(), max(before.Version, 1)+1
		document.MetricGroups[at] = after
		view = v.group(after)
		return key, nil
	})
	return view, err
}

func writtenGroup(g engine.MetricGroup) map[string]any {
	in := writableGroup{Key: g.Key, Name: groupName(&g), Description: g.Description, MaintainerID: g.MaintainerID, Tags: append([]string{}, g.Tags...)}
	for _, m := range g.Metrics {
		in.Metrics = append(in.Metrics, groupedInput{m.Key, m.Name})
	}
	written, _ := plain(in).(map[string]any)
	return written
}

// regroupable refuses to change the metrics of a group that is being measured.
func regroupable(document *engine.Document, before, after engine.MetricGroup) error {
	if slices.EqualFunc(before.Metrics, after.Metrics, func(a, b engine.GroupedMetric) bool { return a.Key == b.Key }) {
		return nil
	}
	for _, e := range groupUsers(document, before.Key) {
		if it := running(e); it != nil && slices.Contains(it.Metrics, engine.IterationMetric{Key: before.Key, IsGroup: true}) {
			return conflict("metric group %q is measured by the running experiment %q: its metrics cannot be changed until that stops", before.Key, experimentKey(document, e))
		}
	}
	return nil
}
