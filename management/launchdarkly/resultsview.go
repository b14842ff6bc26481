package launchdarkly

import (
	"math"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/report"
)

// resultsView is the result of one metric as clients get it. What follows Results
// is ours.
type resultsView struct {
	Links                 map[string]link       `json:"_links,omitempty"`
	TreatmentResults      []treatmentResultView `json:"treatmentResults,omitempty"`
	MetricSeen            metricSeenView        `json:"metricSeen"`
	ProbabilityOfMismatch *float64              `json:"probabilityOfMismatch,omitempty"`
	Results               []slicedView          `json:"results,omitempty"`

	Decision      results.Decision `json:"decision"`
	Split         report.Split     `json:"srm"`
	Excluded      report.Excluded  `json:"excluded"`
	IntervalLevel float64          `json:"intervalLevel"`
	AsOf          time.Time        `json:"asOf"`
	State         results.State    `json:"state,omitempty"`
}

// metricSeenView says whether there are events, and when the last one came in
// milliseconds.
type metricSeenView struct {
	Ever      bool   `json:"ever"`
	Timestamp *int64 `json:"timestamp,omitempty"`
}

// slicedView is the result within one value of one attribute.
type slicedView struct {
	Attribute        string                `json:"attribute"`
	AttributeValue   string                `json:"attributeValue"`
	TreatmentResults []treatmentResultView `json:"treatmentResults"`
}

// treatmentResultView is the result of one treatment. What follows Model is ours.
type treatmentResultView struct {
	TreatmentID            string           `json:"treatmentId"`
	TreatmentName          string           `json:"treatmentName"`
	Mean                   *float64         `json:"mean,omitempty"`
	DataMean               *float64         `json:"dataMean,omitempty"`
	DataStdDev             *float64         `json:"dataStdDev,omitempty"`
	CredibleInterval       *intervalView    `json:"credibleInterval,omitempty"`
	PBest                  *float64         `json:"pBest,omitempty"`
	RelativeDifferences    []differenceView `json:"relativeDifferences,omitempty"`
	Units                  int64            `json:"units"`
	Traffic                *int64           `json:"traffic,omitempty"`
	EventValuesSum         *float64         `json:"eventValuesSum,omitempty"`
	Distribution           *distributionOf  `json:"distribution,omitempty"`
	Correlation            *float64         `json:"correlation,omitempty"`
	StandardDeviationRatio *float64         `json:"standardDeviationRatio,omitempty"`
	CovariateImbalance     *float64         `json:"covariateImbalance,omitempty"`
	VarianceReduction      *float64         `json:"varianceReduction,omitempty"`
	Model                  string           `json:"model,omitempty"`
	BayesianNormal         *normalView      `json:"bayesianNormal,omitempty"`
	BayesianBeta           *betaView        `json:"bayesianBeta,omitempty"`

	Sequential *testView     `json:"sequential,omitempty"`
	LowData    bool          `json:"lowData,omitempty"`
	State      results.State `json:"state,omitempty"`
}

// intervalView leaves out ends that are open.
type intervalView struct {
	Lower *float64 `json:"lower,omitempty"`
	Upper *float64 `json:"upper,omitempty"`
}

type differenceView struct {
	FromTreatmentID   string   `json:"fromTreatmentId"`
	Lower             *float64 `json:"lower,omitempty"`
	Upper             *float64 `json:"upper,omitempty"`
	Variance          *float64 `json:"variance,omitempty"`
	VarianceReduction *float64 `json:"varianceReduction,omitempty"`
}

type distributionOf struct {
	Kind       string             `json:"kind"`
	Parameters map[string]float64 `json:"parameters"`
}

type normalView struct {
	DataWeight *float64 `json:"dataWeight,omitempty"`
	PriorMean  *float64 `json:"priorMean,omitempty"`
}

type betaView struct {
	PriorAlpha *float64 `json:"priorAlpha,omitempty"`
	PriorBeta  *float64 `json:"priorBeta,omitempty"`
	PriorMean  *float64 `json:"priorMean,omitempty"`
	DataWeight *float64 `json:"dataWeight,omitempty"`
}

// testView is the comparison with the control that holds at every look.
type testView struct {
	P        *float64      `json:"p,omitempty"`
	Interval *intervalView `json:"interval,omitempty"`
	State    results.State `json:"state,omitempty"`
}

// results shows one metric of a report. The result of all units together is left
// out beside several slicings, unless it is asked for.
func (v *viewer) results(r *report.Report, at int) resultsView {
	m := &r.Metrics[at]
	out := resultsView{
		MetricSeen: metricSeenView{Ever: m.MetricSeen}, ProbabilityOfMismatch: number(r.Split.ProbabilityOfMismatch),
		Decision: m.Decision, Split: r.Split, Excluded: r.Health.Excluded, IntervalLevel: r.IntervalLevel, AsOf: r.AsOf, State: m.State,
	}
	if m.LastSeen != nil {
		seen := m.LastSeen.UnixMilli()
		out.MetricSeen.Timestamp = &seen
	}
	attributes := map[string]bool{}
	for i := range r.Slices {
		s := &r.Slices[i]
		attributes[s.Attribute] = true
		if at < len(s.Metrics) {
			out.Results = append(out.Results, slicedView{s.Attribute, s.Value, v.treatments(s.Metrics[at].TreatmentResults)})
		}
	}
	if len(attributes) < 2 || v.expands("treatmentResults") {
		out.TreatmentResults = v.treatments(m.TreatmentResults)
	}
	return out
}

func (v *viewer) treatments(list []results.TreatmentResult) []treatmentResultView {
	out := make([]treatmentResultView, len(list))
	for i := range list {
		out[i] = viewTreatment(&list[i])
		if !v.expands("traffic") {
			out[i].Traffic = nil
		}
	}
	return out
}

func viewTreatment(t *results.TreatmentResult) treatmentResultView {
	out := treatmentResultView{
		TreatmentID: t.TreatmentID, TreatmentName: t.TreatmentName, Mean: finite(t.Mean), DataMean: finite(t.DataMean), DataStdDev: finite(t.DataStdDev),
		CredibleInterval: viewInterval(t.CredibleInterval), PBest: finite(t.PBest), Units: t.Units, Traffic: &t.Traffic,
		EventValuesSum: number(t.EventValuesSum), Model: t.Model, LowData: t.LowData, State: t.State,
	}
	for _, d := range t.RelativeDifferences {
		out.RelativeDifferences = append(out.RelativeDifferences, differenceView{
			d.FromTreatmentID, finite(d.Lower), finite(d.Upper), finite(d.Variance), finite(d.VarianceReduction),
		})
	}
	if t.Distribution != nil {
		out.Distribution = &distributionOf{t.Distribution.Kind, map[string]float64{}}
		for name, value := range t.Distribution.Parameters {
			if number(value) != nil {
				out.Distribution.Parameters[name] = value
			}
		}
	}
	if c := t.CovariateAdjustment; c != nil {
		out.Correlation, out.StandardDeviationRatio = number(c.Correlation), number(c.StandardDeviationRatio)
		out.CovariateImbalance, out.VarianceReduction = number(c.CovariateImbalance), number(c.VarianceReduction)
	}
	if b := t.BayesianBeta; b != nil {
		out.BayesianBeta = &betaView{number(b.PriorAlpha), number(b.PriorBeta), number(b.PriorMean), number(b.DataWeight)}
	}
	if n := t.BayesianNormal; n != nil {
		out.BayesianNormal = &normalView{number(n.DataWeight), finite(n.PriorMean)}
	}
	if s := t.Sequential; s != nil {
		out.Sequential = &testView{finite(s.P), viewInterval(s.Interval), s.State}
	}
	return out
}

func viewInterval(i *results.Interval) *intervalView {
	if i == nil {
		return nil
	}
	return &intervalView{number(i.Lower), number(i.Upper)}
}

// number is a number, or nil where JSON has none for it.
func number(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func finite(x *float64) *float64 {
	if x == nil {
		return nil
	}
	return number(*x)
}
