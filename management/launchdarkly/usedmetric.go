package launchdarkly

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// usedMetricView is a metric as an iteration shows it.
type usedMetricView struct {
	Key                 string          `json:"key"`
	VersionID           string          `json:"_versionId"`
	Name                string          `json:"name"`
	Kind                string          `json:"kind"`
	IsNumeric           bool            `json:"isNumeric"`
	UnitAggregationType string          `json:"unitAggregationType"`
	Links               map[string]link `json:"_links"`
}

// groupedMetricView is a metric as a group shows it.
type groupedMetricView struct {
	usedMetricView
	NameInGroup        string   `json:"nameInGroup,omitempty"`
	RandomizationUnits []string `json:"randomizationUnits"`
}

// usedGroupView is a metric group as an iteration shows it.
type usedGroupView struct {
	Key     string              `json:"key"`
	Name    string              `json:"name"`
	Kind    string              `json:"kind"`
	Links   map[string]link     `json:"_links"`
	Metrics []groupedMetricView `json:"metrics,omitempty"`
}

// metricOrGroupView is either.
type metricOrGroupView struct {
	Key       string              `json:"key"`
	VersionID string              `json:"_versionId"`
	Name      string              `json:"name"`
	Kind      string              `json:"kind"`
	IsNumeric *bool               `json:"isNumeric,omitempty"`
	Links     map[string]link     `json:"_links"`
	IsGroup   bool                `json:"isGroup"`
	Metrics   []groupedMetricView `json:"metrics,omitempty"`
}

// measured shows the metrics of an iteration, all of them where that is asked for.
func (v *viewer) measured(out *iterationView, it *engine.Iteration) {
	primary := engine.IterationMetric{Key: it.PrimaryMetric}
	switch {
	case it.PrimaryGroup != "":
		primary = engine.IterationMetric{Key: it.PrimaryGroup, IsGroup: true}
		group := v.usedGroup(primary.Key)
		out.PrimaryFunnel = &group
	case it.PrimaryMetric != "":
		metric := v.usedMetric(primary.Key)
		out.PrimarySingleMetric = &metric
	}
	if primary.Key != "" {
		view := v.metricOrGroup(primary)
		out.PrimaryMetric = &view
	}
	if !v.expands("secondaryMetrics", "metrics") {
		return
	}
	for _, m := range it.Metrics {
		out.Metrics = append(out.Metrics, v.metricOrGroup(m))
		if !m.IsGroup && m != primary {
			out.SecondaryMetrics = append(out.SecondaryMetrics, v.usedMetric(m.Key))
		}
	}
}

// metric finds a metric. An iteration may name one that is gone.
func (v *viewer) metric(key string) (m engine.Metric, known bool) {
	m, known = v.document.Metric(key)
	if !known {
		m = engine.Metric{Key: key}
	}
	return m.Completed(), known
}

func (v *viewer) usedMetric(key string) usedMetricView {
	m, known := v.metric(key)
	out := usedMetricView{
		Key: m.Key, VersionID: versionID(m), Name: m.Name, Kind: m.Kind, IsNumeric: m.IsNumeric,
		UnitAggregationType: m.UnitAggregationType, Links: links(),
	}
	if known {
		out.Links = links("self", v.metricPath(m.Key))
	}
	return out
}

func (v *viewer) metricPath(key string) string { return "metrics/" + v.tenant.Project() + "/" + key }

func (v *viewer) groupPath(key string) string { return v.projectPath() + "/metric-groups/" + key }

func (v *viewer) groupedMetric(key, name string) groupedMetricView {
	m, _ := v.metric(key)
	return groupedMetricView{usedMetricView: v.usedMetric(key), NameInGroup: name, RandomizationUnits: v.unitsOf(m)}
}

func (v *viewer) usedGroup(key string) usedGroupView {
	g, known := v.document.MetricGroup(key)
	if !known {
		g = engine.MetricGroup{Key: key, Name: key, Kind: engine.GroupStandard}
	}
	out := usedGroupView{Key: g.Key, Name: groupName(&g), Kind: g.Kind, Links: links("parent", v.projectPath())}
	if known {
		out.Links = links("self", v.groupPath(g.Key), "parent", v.projectPath())
	}
	for _, m := range g.Metrics {
		out.Metrics = append(out.Metrics, v.groupedMetric(m.Key, m.Name))
	}
	return out
}

func (v *viewer) metricOrGroup(m engine.IterationMetric) metricOrGroupView {
	if m.IsGroup {
		g := v.usedGroup(m.Key)
		stored, _ := v.document.MetricGroup(m.Key)
		return metricOrGroupView{Key: g.Key, VersionID: versionID(stored), Name: g.Name, Kind: g.Kind, Links: g.Links, IsGroup: true, Metrics: g.Metrics}
	}
	u := v.usedMetric(m.Key)
	return metricOrGroupView{Key: u.Key, VersionID: u.VersionID, Name: u.Name, Kind: u.Kind, IsNumeric: &u.IsNumeric, Links: u.Links}
}

// versionID changes with the definition that it is of.
func versionID(definition any) string {
	text, err := json.Marshal(definition)
	if err != nil {
		return "" // unreachable: it came out of a document
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}
