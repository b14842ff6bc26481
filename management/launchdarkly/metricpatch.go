package launchdarkly

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// patchMetric follows a JSON patch: add, replace and remove of whole members, and
// of those of eventDefault.
func patchMetric(q *request) (any, error) {
	value, err := q.body()
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, Refuse(http.StatusBadRequest, "invalid request body: it must be a JSON patch, a list of operations")
	}
	var view metricView
	err = q.change(func(document *engine.Document) (string, error) {
		at, err := ownMetric(document, q.PathValue("metric"))
		if err != nil {
			return "", err
		}
		m, err := patched(document.Metrics[at], list)
		if err != nil {
			return "", err
		}
		if err := changeable(document, document.Metrics[at], m); err != nil {
			return "", err
		}
		m.UpdatedAt = q.stamp()
		document.Metrics[at] = m
		view = q.viewer(document, nil).fullMetric(m)
		return m.Key, nil
	})
	return view, err
}

// patched follows a patch on a metric as a client would write it.
func patched(m engine.Metric, list []any) (engine.Metric, error) {
	members := written(m)
	root := entry{new(*Error), "patch", list}
	for _, item := range root.items(maxInstructions) {
		follow(item.object(), members)
	}
	if *root.fault != nil {
		return m, *root.fault
	}
	out, err := readMetric(object{fault: new(*Error), members: members})
	if err == nil && out.Key != m.Key {
		err = invalid("key", "cannot be changed")
	}
	out.CreatedAt = m.CreatedAt
	return out, err
}

// follow follows one operation.
func follow(o object, members map[string]any) {
	e, there := o.need("op")
	if !there {
		return
	}
	op := e.word("add", "replace", "remove", "test")
	e, there = o.need("path")
	if !there {
		return
	}
	steps := strings.Split(strings.TrimPrefix(e.text(longestName), "/"), "/")
	if len(steps) == 2 && steps[0] == "eventDefault" {
		inner, ok := members[steps[0]].(map[string]any)
		if !ok {
			inner = map[string]any{}
			members[steps[0]] = inner
		}
		members, steps = inner, steps[1:]
	}
	if len(steps) != 1 || steps[0] == "" {
		e.refuse("must be a member of the metric, like /name")
		return
	}
	switch op {
	case "remove":
		delete(members, steps[0])
	case "test":
		if !reflect.DeepEqual(members[steps[0]], o.members["value"]) {
			e.refuse("is another one than the patch tests for")
		}
	default:
		members[steps[0]] = o.members["value"]
	}
}

// written is a metric in the form that readMetric reads.
func written(m engine.Metric) map[string]any {
	m = m.Completed()
	in := map[string]any{
		"key": m.Key, "name": m.Name, "description": m.Description, "kind": m.Kind, "eventKey": m.EventKey, "isNumeric": m.IsNumeric,
		"unitAggregationType": m.UnitAggregationType, "successCriteria": m.SuccessCriteria, "unit": m.Unit,
		"analysisType": m.AnalysisType, "maintainerId": m.MaintainerID, "tags": m.Tags, "randomizationUnits": m.RandomizationUnits,
		"cap": m.Cap,
	}
	if m.EventDefault != nil {
		in["eventDefault"] = eventDefaultView(*m.EventDefault)
	}
	for name, value := range map[string]any{"percentileValue": m.PercentileValue, "denominatorEventKey": m.DenominatorEventKey, "window": m.Window} {
		if !reflect.ValueOf(value).IsZero() {
			in[name] = value
		}
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil // unreachable: it came out of a document
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var out map[string]any
	_ = decoder.Decode(&out) // it was just written
	return out
}

// changeable refuses to change what is being measured: the numbers of a running
// iteration would become those of something else.
func changeable(document *engine.Document, before, after engine.Metric) error {
	if err := measuredBy(document, after); err != nil {
		return err
	}
	if measure(before) == measure(after) {
		return nil
	}
	for i := range document.Experiments {
		e := &document.Experiments[i]
		if it := running(e); it != nil && uses(document, it, before.Key) {
			return conflict("metric %q is measured by the running experiment %q: what it measures cannot be changed until that stops", before.Key, experimentKey(document, e))
		}
	}
	for _, g := range document.MetricGroups {
		grouped := slices.ContainsFunc(g.Metrics, func(m engine.GroupedMetric) bool { return m.Key == after.Key })
		if grouped && g.Kind == engine.GroupFunnel && after.Completed().UnitAggregationType != engine.AggregationAverage {
			return conflict("metric %q is a step of funnel %q, whose metrics are averages", after.Key, g.Key)
		}
	}
	return nil
}

// measure is what a metric measures, without how it is called.
func measure(m engine.Metric) string {
	m = m.Completed()
	m.Name, m.Description, m.Unit, m.Tags, m.MaintainerID, m.CreatedAt, m.UpdatedAt = "", "", "", nil, "", nil, nil
	return versionID(m)
}
