package launchdarkly

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/report"
)

// reported asks for a report on the experiment of the request. What is asked for
// may be changed.
func (q *request) reported(wanted engine.IterationMetric, change func(*report.Options)) (*report.Report, *viewer, *engine.Experiment, error) {
	expand, err := q.words("expand", "traffic", "treatmentResults")
	if err != nil {
		return nil, nil, nil, err
	}
	document, err := q.session.Read()
	if err != nil {
		return nil, nil, nil, err
	}
	e, _, err := experimentOf(document, q.PathValue("experiment"))
	if err != nil {
		return nil, nil, nil, err
	}
	o := report.Options{
		// An early version of LaunchDarkly's command line tool has the second name.
		Iteration: cmp.Or(q.query.Get("iterationId"), q.query.Get("iteration-id")),
		Prior:     q.api.config.Prior, Now: q.now,
	}
	iterations := history(e)
	it := current(iterations)
	if o.Iteration != "" {
		at := slices.IndexFunc(iterations, func(it engine.Iteration) bool { return it.ID == o.Iteration })
		if at < 0 {
			return nil, nil, nil, notFound("iteration", o.Iteration)
		}
		it = &iterations[at]
	}
	if err := measures(document, it, wanted); err != nil {
		return nil, nil, nil, err
	}
	for _, attribute := range it.Attributes {
		if slices.Contains(report.Attributes, attribute) && !slices.Contains(o.Attributes, attribute) {
			o.Attributes = append(o.Attributes, attribute)
		}
	}
	change(&o)
	r, err := q.session.Report(document, e.ID, o)
	return r, q.viewer(document, expand), e, err
}

// measures refuses a metric or group that an iteration does not have. One that names
// none, as the other API makes them, has them all.
func measures(document *engine.Document, it *engine.Iteration, wanted engine.IterationMetric) error {
	what := "metric"
	if wanted.IsGroup {
		what = "metric group"
	}
	_, metric := document.Metric(wanted.Key)
	_, group := document.MetricGroup(wanted.Key)
	switch {
	case wanted.IsGroup && !group || !wanted.IsGroup && !metric:
		return notFound(what, wanted.Key)
	case len(it.Metrics) == 0 || slices.Contains(it.Metrics, wanted) || !wanted.IsGroup && uses(document, it, wanted.Key):
		return nil
	}
	return Refuse(http.StatusNotFound, "iteration %s does not measure %s %q", it.ID, what, wanted.Key)
}

func metricResults(q *request) (any, error) {
	key := q.PathValue("metric")
	r, v, e, err := q.reported(engine.IterationMetric{Key: key}, func(o *report.Options) { o.Metrics = []string{key} })
	if err != nil {
		return nil, err
	}
	if len(r.Metrics) == 0 {
		return nil, notFound("metric", key)
	}
	out := v.results(r, 0)
	out.Links = links("self", q.href(q.query), "experiment", v.experimentPath(e), "metric", v.metricPath(key))
	return out, nil
}

// groupResultsView is the results of the metrics of a group in their order.
type groupResultsView struct {
	Links   map[string]link       `json:"_links"`
	Metrics []metricInResultsView `json:"metrics"`
}

type metricInResultsView struct {
	Metric  groupedMetricView `json:"metric"`
	Results resultsView       `json:"results"`
}

func groupResults(q *request) (any, error) {
	key := q.PathValue("group")
	r, v, e, err := q.reported(engine.IterationMetric{Key: key, IsGroup: true}, func(o *report.Options) { o.Group = key })
	if err != nil {
		return nil, err
	}
	out := groupResultsView{
		Links:   links("self", q.href(q.query), "experiment", v.experimentPath(e), "metricGroup", v.groupPath(key)),
		Metrics: []metricInResultsView{},
	}
	for i, m := range r.Metrics {
		out.Metrics = append(out.Metrics, metricInResultsView{v.groupedMetric(m.Key, m.NameInGroup), v.results(r, i)})
	}
	return out, nil
}
