package launchdarkly

import (
	"cmp"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/report"
)

// reported asks for a report on the experiment of the request. What is asked for
// may be changed.
func (q *request) reported(change func(*report.Options)) (*report.Report, *viewer, *engine.Experiment, error) {
	document, err := q.session.Read()
	if err != nil {
		return nil, nil, nil, err
	}
	e, _, err := experimentOf(document, q.PathValue("experiment"))
	if err != nil {
		return nil, nil, nil, err
	}
	query := q.URL.Query()
	o := report.Options{
		// An early version of LaunchDarkly's command line tool has the second name.
		Iteration: cmp.Or(query.Get("iterationId"), query.Get("iteration-id")),
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
	for _, attribute := range it.Attributes {
		if slices.Contains(report.Attributes, attribute) && !slices.Contains(o.Attributes, attribute) {
			o.Attributes = append(o.Attributes, attribute)
		}
	}
	change(&o)
	r, err := q.session.Report(document, e.ID, o)
	return r, q.viewer(document, q.listed("expand")), e, err
}

func metricResults(q *request) (any, error) {
	key := q.PathValue("metric")
	r, v, e, err := q.reported(func(o *report.Options) { o.Metrics = []string{key} })
	if err != nil {
		return nil, err
	}
	if len(r.Metrics) == 0 {
		return nil, notFound("metric", key)
	}
	out := v.results(r, 0)
	out.Links = links("self", q.href(q.URL.Query()), "experiment", v.experimentPath(e), "metric", v.metricPath(key))
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
	r, v, e, err := q.reported(func(o *report.Options) { o.Group = key })
	if err != nil {
		return nil, err
	}
	out := groupResultsView{
		Links:   links("self", q.href(q.URL.Query()), "experiment", v.experimentPath(e), "metricGroup", v.groupPath(key)),
		Metrics: []metricInResultsView{},
	}
	for i, m := range r.Metrics {
		out.Metrics = append(out.Metrics, metricInResultsView{v.groupedMetric(m.Key, m.NameInGroup), v.results(r, i)})
	}
	return out, nil
}
