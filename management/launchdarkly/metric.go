package launchdarkly

import (
	"net/http"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// metricView is a metric as clients get it. What follows Links is ours.
type metricView struct {
	ID                  string           `json:"_id"`
	VersionID           string           `json:"_versionId"`
	Key                 string           `json:"key"`
	Name                string           `json:"name"`
	Description         string           `json:"description,omitempty"`
	Kind                string           `json:"kind"`
	IsNumeric           bool             `json:"isNumeric"`
	UnitAggregationType string           `json:"unitAggregationType"`
	SuccessCriteria     string           `json:"successCriteria"`
	Unit                string           `json:"unit,omitempty"`
	EventKey            string           `json:"eventKey"`
	EventDefault        eventDefaultView `json:"eventDefault"`
	AnalysisType        string           `json:"analysisType"`
	PercentileValue     int              `json:"percentileValue,omitempty"`
	RandomizationUnits  []string         `json:"randomizationUnits"`
	AnalysisUnits       []string         `json:"analysisUnits"`
	IsActive            bool             `json:"isActive"`
	MaintainerID        string           `json:"maintainerId,omitempty"`
	Tags                []string         `json:"tags"`
	Selector            string           `json:"selector,omitempty"`
	URLs                []urlView        `json:"urls,omitempty"`
	DataSource          dataSourceView   `json:"dataSource"`
	CreationDate        int64            `json:"_creationDate"`
	ExperimentCount     int              `json:"experimentCount"`
	MetricGroupCount    int              `json:"metricGroupCount"`
	Experiments         []dependentView  `json:"experiments,omitempty"`
	MetricGroups        []dependentView  `json:"metricGroups,omitempty"`
	Links               map[string]link  `json:"_links"`

	DenominatorEventKey string   `json:"denominatorEventKey,omitempty"`
	Window              string   `json:"window,omitempty"`
	Cap                 *float64 `json:"cap,omitempty"`
}

// dataSourceView says where the events come from: they are those that this server
// has.
type dataSourceView struct {
	Key string `json:"key"`
}

// dataSource is the key of the only data source.
const dataSource = "launchdarkly"

// urlView is a page, or a form of addresses.
type urlView struct {
	Kind      string `json:"kind"`
	URL       string `json:"url,omitempty"`
	Substring string `json:"substring,omitempty"`
	Pattern   string `json:"pattern,omitempty"`
}

type eventDefaultView struct {
	Disabled bool    `json:"disabled"`
	Value    float64 `json:"value"`
}

// collection is one page of metrics, groups or flags.
type collection[T any] struct {
	Items      []T             `json:"items"`
	TotalCount int             `json:"totalCount"`
	Links      map[string]link `json:"_links"`
}

// collected shows one page of a list.
func collected[E, V any](q *request, all []E, view func(E) V) (any, error) {
	shown, around, err := page(q, all)
	if err != nil {
		return nil, err
	}
	out := collection[V]{Items: make([]V, 0, len(shown)), TotalCount: len(all), Links: around}
	for _, e := range shown {
		out.Items = append(out.Items, view(e))
	}
	return out, nil
}

func (v *viewer) fullMetric(m engine.Metric) metricView {
	version := versionID(m)
	m = m.Completed()
	out := metricView{
		ID: m.Key, VersionID: version, Key: m.Key, Name: m.Name, Description: m.Description, Kind: m.Kind, IsNumeric: m.IsNumeric,
		UnitAggregationType: m.UnitAggregationType, SuccessCriteria: m.SuccessCriteria, Unit: m.Unit, EventKey: m.EventKey,
		AnalysisType: m.AnalysisType, PercentileValue: m.PercentileValue, RandomizationUnits: v.unitsOf(m),
		MaintainerID: m.MaintainerID, Tags: append([]string{}, m.Tags...), CreationDate: millis(m.CreatedAt),
		Links:      links("self", v.metricPath(m.Key), "parent", "metrics/"+v.tenant.Project()),
		DataSource: dataSourceView{dataSource}, Selector: m.Selector, AnalysisUnits: v.unitsOf(m),
		DenominatorEventKey: m.DenominatorEventKey, Window: m.Window, Cap: m.Cap,
	}
	for _, u := range m.URLs {
		out.URLs = append(out.URLs, urlView(u))
	}
	if m.EventDefault != nil {
		out.EventDefault = eventDefaultView(*m.EventDefault)
	}
	for _, e := range usersOf(v.document, m.Key) {
		out.ExperimentCount++
		out.IsActive = out.IsActive || running(e) != nil
		if v.expands("experiments") {
			out.Experiments = append(out.Experiments, v.dependentExperiment(e))
		}
	}
	if m.IsActive != nil {
		out.IsActive = *m.IsActive
	}
	for _, g := range v.document.MetricGroups {
		if !grouped(&g, m.Key) {
			continue
		}
		out.MetricGroupCount++
		if v.expands("metricGroups") {
			out.MetricGroups = append(out.MetricGroups, dependentView{Key: g.Key, Name: groupName(&g), Kind: g.Kind, Links: links("self", v.groupPath(g.Key))})
		}
	}
	return out
}

// usersOf are the experiments with an iteration that measures a metric.
func usersOf(document *engine.Document, metric string) []*engine.Experiment {
	return kept(pointers(document.Experiments), func(e *engine.Experiment) bool {
		return slices.ContainsFunc(history(e), func(it engine.Iteration) bool { return uses(document, &it, metric) })
	})
}

// grouped reports whether a group has a metric.
func grouped(g *engine.MetricGroup, metric string) bool {
	return slices.ContainsFunc(g.Metrics, func(m engine.GroupedMetric) bool { return m.Key == metric })
}

func createMetric(q *request) (any, error) {
	body, err := q.object()
	if err != nil {
		return nil, err
	}
	m, err := readMetric(body)
	if err != nil {
		return nil, err
	}
	if m.MaintainerID == "" {
		m.MaintainerID = q.session.Name()
	}
	m.CreatedAt, m.UpdatedAt = q.stamp(), q.stamp()
	var view metricView
	err = q.change(func(document *engine.Document) (string, error) {
		if _, known := document.Metric(m.Key); known {
			return "", conflict("a metric with the key %q already exists", m.Key)
		}
		if err := measuredBy(document, m); err != nil {
			return "", err
		}
		document.Metrics = append(document.Metrics, m)
		view = q.viewer(document, nil).fullMetric(m)
		return m.Key, nil
	})
	return view, err
}

// measuredBy refuses a metric of units that the project does not have.
func measuredBy(document *engine.Document, m engine.Metric) error {
	for _, unit := range m.RandomizationUnits {
		if !enabledUnit(document, unit) {
			return invalid("randomizationUnits", "%q is not among those in the project's experimentation settings", clip(unit))
		}
	}
	return nil
}

func deleteMetric(q *request) (any, error) {
	return nil, q.change(func(document *engine.Document) (string, error) {
		key := q.PathValue("metric")
		at, err := ownMetric(document, key)
		if err != nil {
			return "", err
		}
		if i := slices.IndexFunc(document.MetricGroups, func(g engine.MetricGroup) bool { return grouped(&g, key) }); i >= 0 {
			return "", conflict("metric %q is in use by metric group %q", key, document.MetricGroups[i].Key)
		}
		if e := userOf(document, engine.IterationMetric{Key: key}); e != nil {
			return "", conflict("metric %q is in use by experiment %q", key, experimentKey(document, e))
		}
		document.Metrics = slices.Delete(document.Metrics, at, at+1)
		return key, nil
	})
}

// ownMetric finds a metric that may be changed.
func ownMetric(document *engine.Document, key string) (int, error) {
	at := slices.IndexFunc(document.Metrics, func(m engine.Metric) bool { return m.Key == key })
	if at >= 0 {
		return at, nil
	}
	if _, builtIn := document.Metric(key); builtIn {
		return 0, Refuse(http.StatusForbidden, "metric %q is built in and stays as it is", key)
	}
	return 0, notFound("metric", key)
}

// userOf is an experiment, not archived, with an iteration that names a metric or
// group; nil if there is none.
func userOf(document *engine.Document, wanted engine.IterationMetric) *engine.Experiment {
	for i := range document.Experiments {
		e := &document.Experiments[i]
		if e.Status != engine.ExperimentArchived && slices.ContainsFunc(e.Iterations, func(it engine.Iteration) bool { return slices.Contains(it.Metrics, wanted) }) {
			return e
		}
	}
	return nil
}
