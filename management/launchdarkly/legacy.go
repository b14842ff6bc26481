package launchdarkly

import (
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/report"
)

// legacyView is the result of one metric in the form that was before experiments
// had iterations.
type legacyView struct {
	Links       map[string]link  `json:"_links"`
	Metadata    []metadataView   `json:"metadata"`
	Totals      []totalView      `json:"totals"`
	Series      []sliceOfTime    `json:"series"`
	Stats       statsView        `json:"stats"`
	Granularity string           `json:"granularity"`
	MetricSeen  metricSeenView   `json:"metricSeen"`
	Decision    results.Decision `json:"decision"`
	AsOf        time.Time        `json:"asOf"`
}

// metadataView says which variation a place in the other lists is.
type metadataView struct {
	Key any `json:"key"`
}

type totalView struct {
	Value       *float64      `json:"cumulativeValue,omitempty"`
	Count       int64         `json:"cumulativeCount"`
	Impressions int64         `json:"cumulativeImpressionCount"`
	Rate        *float64      `json:"cumulativeConversionRate,omitempty"`
	Interval    *intervalView `json:"cumulativeConfidenceInterval,omitempty"`
	P           *float64      `json:"pValue,omitempty"`
	Improvement *float64      `json:"improvement,omitempty"`
}

type sliceOfTime struct {
	Time       int64           `json:"Time"`
	Variations []variationTime `json:"VariationData"`
}

type variationTime struct {
	Value              *float64      `json:"value,omitempty"`
	Count              int64         `json:"count"`
	CumulativeValue    *float64      `json:"cumulativeValue,omitempty"`
	CumulativeCount    int64         `json:"cumulativeCount"`
	Rate               *float64      `json:"conversionRate,omitempty"`
	CumulativeRate     *float64      `json:"cumulativeConversionRate,omitempty"`
	CumulativeInterval *intervalView `json:"cumulativeConfidenceInterval,omitempty"`
}

type statsView struct {
	P                *float64 `json:"pValue,omitempty"`
	Chi2             *float64 `json:"chi2,omitempty"`
	WinningVariation *int     `json:"winningVariationIdx,omitempty"`
}

func legacyResults(q *request) (any, error) {
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	flag, ok := flagOf(document, q.PathValue("flag"))
	if !ok {
		return nil, notFound("flag", q.PathValue("flag"))
	}
	key := q.PathValue("metric")
	if _, known := document.Metric(key); !known {
		return nil, notFound("metric", key)
	}
	e := experimentOn(document, flag, key)
	if e == nil {
		return nil, Refuse(http.StatusNotFound, "no experiment uses flag %q", q.PathValue("flag"))
	}
	o := report.Options{Metrics: []string{key}, Days: true, Prior: q.api.config.Prior, Now: q.now}
	for name, bound := range map[string]*time.Time{"from": &o.From, "to": &o.Until} {
		at, err := q.number(name, 0, 0, math.MaxInt64/int64(time.Millisecond))
		if err != nil {
			return nil, err
		}
		if at > 0 {
			*bound = time.UnixMilli(at).UTC()
		}
	}
	if !o.From.IsZero() && !o.Until.IsZero() && o.Until.Before(o.From) {
		return nil, invalid("to", "must not be before from")
	}
	r, err := q.session.Report(document, e.ID, o)
	if err != nil {
		return nil, err
	}
	if len(r.Metrics) == 0 {
		return nil, notFound("metric", key)
	}
	v := q.viewer(document, nil)
	out := legacy(r)
	out.Links = links("self", q.href(q.query), "experiment", v.experimentPath(e), "metric", v.metricPath(key), "flag", v.flagPath(flagKey(document, flag)))
	return out, nil
}

// experimentOn is the experiment that a flag's results are those of: of those with
// the metric, else of all, the one that is running, else the one that started
// last.
func experimentOn(document *engine.Document, flag *engine.FeatureFlag, metric string) *engine.Experiment {
	var best *engine.Experiment
	rank := func(e *engine.Experiment) [3]int64 {
		var r [3]int64
		iterations := history(e)
		if slices.ContainsFunc(iterations, func(it engine.Iteration) bool { return uses(document, &it, metric) }) {
			r[0] = 1
		}
		if e.Status == engine.ExperimentActive {
			r[1] = 1
		}
		r[2] = max(millis(current(iterations).StartedAt), millis(e.CreatedAt))
		return r
	}
	for i := range document.Experiments {
		e := &document.Experiments[i]
		if e.FeatureFlagID != flag.ID {
			continue
		}
		if best == nil {
			best = e
		} else if a, b := rank(e), rank(best); slices.Compare(a[:], b[:]) > 0 {
			best = e
		}
	}
	return best
}

// legacy shows the first metric of a report.
func legacy(r *report.Report) legacyView {
	m := &r.Metrics[0]
	out := legacyView{
		Metadata: []metadataView{}, Totals: []totalView{}, Series: []sliceOfTime{}, Granularity: "day",
		MetricSeen: metricSeenView{Ever: m.MetricSeen}, Decision: m.Decision, AsOf: r.AsOf,
	}
	if m.LastSeen != nil {
		seen := m.LastSeen.UnixMilli()
		out.MetricSeen.Timestamp = &seen
	}
	control := ""
	for _, v := range r.Variations {
		out.Metadata = append(out.Metadata, metadataView{map[string]any{"_id": v.ID, "name": v.Name, "isControl": v.IsControl}})
		if v.IsControl {
			control = v.ID
		}
	}
	for i := range m.TreatmentResults {
		out.Totals = append(out.Totals, total(&m.TreatmentResults[i], control))
	}
	for _, day := range r.Series {
		out.Series = append(out.Series, sliced(day, m.Key))
	}
	fillCounts(&out)
	out.Stats = stats(m, out.Totals)
	return out
}

func total(t *results.TreatmentResult, control string) totalView {
	out := totalView{Value: number(t.EventValuesSum), Impressions: t.Traffic, Rate: finite(t.DataMean), Interval: viewInterval(t.CredibleInterval)}
	if t.Fixed != nil {
		out.P = finite(t.Fixed.P)
	}
	for _, d := range t.RelativeDifferences {
		if d.FromTreatmentID == control {
			out.Improvement = finite(d.Estimate)
		}
	}
	return out
}

func sliced(day report.Day, metric string) sliceOfTime {
	out := sliceOfTime{Variations: []variationTime{}}
	if at, err := time.Parse(time.DateOnly, day.Date); err == nil {
		out.Time = at.UnixMilli()
	}
	for _, m := range day.Metrics {
		if m.Key != metric {
			continue
		}
		for _, v := range m.Variations {
			shown := variationTime{
				Value: number(v.NewValue), Count: v.NewEvents, CumulativeCount: v.Events,
				CumulativeRate: finite(v.Mean), CumulativeInterval: viewInterval(v.Interval),
			}
			if v.Mean != nil {
				shown.CumulativeValue = number(*v.Mean * float64(v.Units))
			}
			if v.NewUnits > 0 {
				shown.Rate = number(v.NewValue / float64(v.NewUnits))
			}
			out.Variations = append(out.Variations, shown)
		}
	}
	return out
}

// fillCounts takes the counts of the totals from the last day.
func fillCounts(out *legacyView) {
	if len(out.Series) == 0 {
		return
	}
	for i, v := range out.Series[len(out.Series)-1].Variations {
		if i < len(out.Totals) {
			out.Totals[i].Count = v.CumulativeCount
		}
	}
}

func stats(m *report.Metric, totals []totalView) statsView {
	var out statsView
	for i, t := range m.TreatmentResults {
		if m.Decision.Status == results.Winner && t.TreatmentID == m.Decision.VariationID {
			place := i
			out.WinningVariation = &place
		}
		if p := totals[i].P; p != nil && (out.P == nil || *p < *out.P) {
			out.P = p
		}
	}
	if m.Kind == results.Conversion {
		out.Chi2 = chiSquare(m.TreatmentResults)
	}
	return out
}

// chiSquare is Pearson's statistic of converted and other units by variation; nil
// where one of them is none.
func chiSquare(list []results.TreatmentResult) *float64 {
	var units, converted float64
	for _, t := range list {
		units += float64(t.Units)
		converted += t.EventValuesSum
	}
	if converted <= 0 || converted >= units {
		return nil
	}
	var sum float64
	for _, t := range list {
		n := float64(t.Units)
		expected := n * converted / units
		if n > 0 {
			d := t.EventValuesSum - expected
			sum += d*d/expected + d*d/(n-expected)
		}
	}
	return number(sum)
}
