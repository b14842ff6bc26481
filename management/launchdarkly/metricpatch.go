package launchdarkly

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// patchMetric follows a JSON patch on a metric as clients get it. One that changes
// nothing writes nothing.
func patchMetric(q *request) (any, error) {
	operations, err := q.readJSONPatch()
	if err != nil {
		return nil, err
	}
	var view metricView
	err = q.change(func(document *engine.Document) (string, error) {
		at, err := ownMetric(document, q.PathValue("metric"))
		if err != nil {
			return "", err
		}
		before := document.Metrics[at]
		v := q.viewer(document, []string{"experiments", "metricGroups"})
		shown := v.fullMetric(before)
		body, err := patched(shown, writtenMetric(shown), operations)
		if err != nil {
			return "", err
		}
		if equalJSON(body.members["analysisUnits"], plain(shown.AnalysisUnits)) {
			delete(body.members, "analysisUnits") // the other name says what they are now
		} else if equalJSON(body.members["randomizationUnits"], plain(shown.RandomizationUnits)) {
			delete(body.members, "randomizationUnits")
		}
		after, err := readMetric(body)
		if err != nil {
			return "", err
		}
		settled(&after, before, shown)
		v.expand = nil
		if equalJSON(plain(after), plain(before)) {
			view = v.fullMetric(before)
			return "", nil
		}
		if err := changeable(document, before, after); err != nil {
			return "", err
		}
		after.UpdatedAt = q.stamp()
		document.Metrics[at] = after
		view = v.fullMetric(after)
		return after.Key, nil
	})
	return view, err
}

// patched follows a patch on what clients get of something. What it can be written
// with is written; the rest of it is read-only and must be as before. The body that
// is left has the members for writing only.
func patched(shown any, written map[string]any, operations []jsonOperation) (object, error) {
	members, _ := plain(shown).(map[string]any)
	readOnly := map[string]any{}
	for name, member := range members {
		if _, writable := written[name]; !writable || name == "key" {
			readOnly[name] = clone(member)
		}
	}
	maps.Copy(members, written)
	out, err := applyJSONPatch(members, operations)
	if err != nil {
		return object{}, err
	}
	after, ok := out.(map[string]any)
	if !ok {
		return object{}, invalid("patch", "must leave an object")
	}
	for _, name := range slices.Sorted(maps.Keys(readOnly)) {
		if value, there := after[name]; !there || !equalJSON(value, readOnly[name]) {
			return object{}, invalid(name, "cannot be changed: it is read-only")
		}
		if name != "key" {
			delete(after, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, writable := written[name]; !writable {
			return object{}, invalid(clip(name), "is no member that a patch can write")
		}
	}
	return newObject(new(*Error), "", after), nil
}

// plain is a value as a reader of its JSON has it.
func plain(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return nil // unreachable: it came out of a document
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var out any
	_ = decoder.Decode(&out) // it was just written
	return out
}

// writtenMetric are the members of a metric that can be written, those that it does
// not have as null or empty.
func writtenMetric(shown metricView) map[string]any {
	written, _ := plain(map[string]any{
		"key": shown.Key, "name": shown.Name, "description": shown.Description, "kind": shown.Kind, "eventKey": shown.EventKey,
		"isNumeric": shown.IsNumeric, "unitAggregationType": shown.UnitAggregationType, "successCriteria": shown.SuccessCriteria,
		"unit": shown.Unit, "analysisType": shown.AnalysisType, "percentileValue": nil, "maintainerId": shown.MaintainerID,
		"tags": shown.Tags, "randomizationUnits": shown.RandomizationUnits, "analysisUnits": shown.AnalysisUnits,
		"eventDefault": shown.EventDefault, "isActive": shown.IsActive, "selector": shown.Selector, "urls": append([]urlView{}, shown.URLs...),
		"denominatorEventKey": nil, "window": nil, "cap": shown.Cap,
	}).(map[string]any)
	for name, value := range map[string]any{"denominatorEventKey": shown.DenominatorEventKey, "window": shown.Window} {
		if value != "" {
			written[name] = value
		}
	}
	if shown.PercentileValue != 0 {
		written["percentileValue"] = plain(shown.PercentileValue)
	}
	return written
}

// settled leaves what a patch did not change in the form that it had: what is said
// and what goes without saying are one for clients.
func settled(after *engine.Metric, before engine.Metric, shown metricView) {
	after.CreatedAt, after.UpdatedAt = before.CreatedAt, before.UpdatedAt
	complete := before.Completed()
	for _, field := range []struct {
		now, was *string
		complete string
	}{
		{&after.Name, &before.Name, complete.Name}, {&after.Kind, &before.Kind, complete.Kind},
		{&after.UnitAggregationType, &before.UnitAggregationType, complete.UnitAggregationType},
		{&after.SuccessCriteria, &before.SuccessCriteria, complete.SuccessCriteria}, {&after.AnalysisType, &before.AnalysisType, complete.AnalysisType},
	} {
		if *field.now == field.complete {
			*field.now = *field.was
		}
	}
	if after.EventDefault != nil && *after.EventDefault == (engine.EventDefault{}) && before.EventDefault == nil {
		after.EventDefault = nil
	}
	if len(after.Tags) == 0 && len(before.Tags) == 0 {
		after.Tags = before.Tags
	}
	if before.IsActive == nil && after.IsActive != nil && *after.IsActive == shown.IsActive {
		after.IsActive = nil
	}
	if len(before.RandomizationUnits) == 0 && slices.Equal(after.RandomizationUnits, shown.RandomizationUnits) {
		after.RandomizationUnits = before.RandomizationUnits
	}
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
		if grouped(&g, after.Key) && g.Kind == engine.GroupFunnel && after.Completed().UnitAggregationType != engine.AggregationAverage {
			return conflict("metric %q is a step of funnel %q, whose metrics are averages", after.Key, g.Key)
		}
	}
	return nil
}

// measure is what a metric measures, without how it is called.
func measure(m engine.Metric) string {
	m = m.Completed()
	m.Name, m.Description, m.Unit, m.Tags, m.MaintainerID, m.IsActive, m.CreatedAt, m.UpdatedAt = "", "", "", nil, "", nil, nil, nil
	return versionID(m)
}
