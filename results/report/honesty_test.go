package report_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/report"
)

// What a treatment has lost on the first day is no win later.
func TestLossIsNoWinLater(t *testing.T) {
	f := newTraffic()
	day := func(n int) func(*events.Exposure) {
		return func(e *events.Exposure) { e.Time = events.MillisOf(start.AddDate(0, 0, n)) }
	}
	f.exact(plain, 1000, 500, day(0))
	f.exact(green, 1000, 350, day(0))
	for d := 1; d < 20; d++ {
		f.exact(plain, 1000, 500, day(d))
		f.exact(green, 1000, 512, day(d))
	}
	r := f.report(t, configured(t, "percentage", "", ""), report.Options{})
	if r.Decision.SafeToStop || r.Decision.Status != results.Undecided {
		t.Errorf("decision %+v, %s", r.Decision, r.Verdict)
	}
}

// exact exposes n units, of which the first so many log in.
func (f *traffic) exact(variation string, n, logins int, change func(*events.Exposure)) {
	for i := range n {
		share := 0.0
		if i < logins {
			share = 1
		}
		before := len(f.batch.Outcomes)
		f.add(variation, 1, share, 1, change)
		for k := before; k < len(f.batch.Outcomes); k++ {
			f.batch.Outcomes[k].Time = f.batch.Exposures[len(f.batch.Exposures)-1].Time + 1000
		}
	}
}

// A page on which nobody can log in is no lack of data.
func TestBrokenPage(t *testing.T) {
	for name, test := range map[string]struct {
		control, treatment int
		want               string
	}{
		"nobody":            {700, 0, "None of the 1,000 units with green has login"},
		"nobody in control": {0, 700, "None of the 1,000 units with plain has login"},
		"everybody":         {700, 1000, "All of the 1,000 units with green have login"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTraffic()
			f.exact(plain, 1000, test.control, nil)
			f.exact(green, 1000, test.treatment, nil)
			r := f.report(t, configured(t, "percentage", "", ""), report.Options{Metrics: []string{"login"}})
			if !strings.Contains(r.Verdict, test.want) || strings.Contains(r.Verdict, "too few data") || r.Decision.SafeToStop {
				t.Errorf("decision %+v, verdict %q", r.Decision, r.Verdict)
			}
			if !slices.ContainsFunc(r.Health.Notes, func(n string) bool { return strings.Contains(n, test.want) }) {
				t.Errorf("notes %q", r.Health.Notes)
			}
		})
	}
}

const red = "var_4444444444444444444444"

// withRed adds a third variation to a document.
func withRed(t *testing.T) string {
	t.Helper()
	return `,"iterations":[{"id":"` + iterationID + `","status":"running","started_at":"2026-03-01T00:00:00Z","treatments":[
		{"variation_id":"` + plain + `","weight":34,"baseline":true},{"variation_id":"` + green + `","weight":33},{"variation_id":"` + red + `","weight":33,"name":"red"}]}]`
}

// One bad variation of two ends nothing for the other.
func TestOneBadVariationOfTwo(t *testing.T) {
	f := newTraffic()
	f.split("three", map[string]float64{plain: 34, green: 33, red: 33})
	three := func(e *events.Exposure) { e.WeightsVersion = "three" }
	f.exact(plain, 3400, 1700, three)
	f.exact(green, 3300, 1200, three)
	f.exact(red, 3300, 1732, three)
	r := f.report(t, configured(t, "percentage", withRed(t), ""), report.Options{})
	if r.Decision.SafeToStop || !slices.Equal(r.Decision.Worse, []string{green}) || !strings.Contains(r.Verdict, "green is worse than the control and can be taken out") {
		t.Errorf("decision %+v, verdict %q", r.Decision, r.Verdict)
	}
	// It had its share while it was there.
	if r.Split.Status != results.SplitFine || r.Health.Excluded.Unknown != 0 {
		t.Errorf("split %+v, excluded %+v", r.Split.SplitCheck, r.Health.Excluded)
	}
}

// After a change of weights nothing is said of all units together.
func TestChangedWeightsWithCUPED(t *testing.T) {
	f := newTraffic()
	f.split("first", map[string]float64{plain: 50, green: 50})
	f.split("even", map[string]float64{plain: 10, green: 90})
	first := func(e *events.Exposure) { e.WeightsVersion = "first" }
	f.exact(plain, 5000, 1500, first)
	f.exact(green, 5000, 1500, first)
	f.exact(plain, 1000, 600, nil)
	f.exact(green, 9000, 5400, nil)
	for i, e := range f.batch.Exposures { // some past of everybody
		if i%3 == 0 {
			f.batch.Outcomes = append(f.batch.Outcomes, events.Outcome{ID: "past", Event: "s", Unit: e.Unit, Time: e.Time - 3_600_000})
		}
	}
	for _, covariate := range []time.Duration{0, 168 * time.Hour} {
		r := f.report(t, configured(t, "percentage", "", ""), report.Options{Metrics: []string{"login"}, Covariate: covariate})
		got := r.Metrics[0].TreatmentResults[1]
		if r.Decision.Status != results.Undecided || math.Abs(got.Difference) > 0.01 || got.PBest != nil || got.DifferenceInterval != nil {
			t.Errorf("with %s: decision %+v, %+v", covariate, r.Decision, got)
		}
		if strings.Contains(r.Verdict, "chance") {
			t.Errorf("verdict %q", r.Verdict)
		}
	}
}

// Devices that come back after a change of weights have crossed, but were divided as
// planned.
func TestCrossingIsNoMismatch(t *testing.T) {
	f := newTraffic()
	f.split("even", map[string]float64{plain: 50, green: 50})
	f.split("later", map[string]float64{plain: 80, green: 20})
	f.add(plain, 10_000, 0.3, 1, nil)
	f.add(green, 10_000, 0.3, 1, nil)
	for i := 10_000; i < 10_600; i++ { // of green, now of plain
		e := f.batch.Exposures[i]
		e.Variation, e.ID, e.WeightsVersion, e.Time = plain, events.ExposureID(e.Unit, e.Experiment, e.Iteration, plain), "later", e.Time+86_400_000
		f.batch.Exposures = append(f.batch.Exposures, e)
	}
	r := f.report(t, configured(t, "percentage", "", ""), report.Options{})
	if r.Split.Status != results.SplitFine || r.Health.Excluded.Multi != 600 || r.Health.Crossover != results.CrossoverWarning {
		t.Errorf("split %+v, health %+v", r.Split, r.Health)
	}
}

// What is edited after the end does not change what came out.
func TestStoppedIterationStays(t *testing.T) {
	f := newTraffic()
	f.exact(plain, 2000, 600, nil)
	f.exact(green, 2000, 900, nil)
	stopped := `,"iterations":[{"id":"` + iterationID + `","status":"stopped","started_at":"2026-03-01T00:00:00Z","ended_at":"2026-04-01T00:00:00Z","treatments":[
		{"variation_id":"` + plain + `","weight":50,"baseline":true},{"variation_id":"` + green + `","weight":50}]}]`
	document := configured(t, "percentage", stopped, "")
	before := f.report(t, document, report.Options{}).Verdict
	document.Experiments[0].Allocations[0].IsControl, document.Experiments[0].Allocations[1].IsControl = false, true
	if after := f.report(t, document, report.Options{}).Verdict; after != before || !strings.HasPrefix(after, "green wins") {
		t.Errorf("%q became %q", before, after)
	}
	document.Experiments[0].Allocations = document.Experiments[0].Allocations[:1]
	if after := f.report(t, document, report.Options{}); after.Verdict != before || after.Split.Status != results.SplitFine {
		t.Errorf("%q became %q, split %+v", before, after.Verdict, after.Split)
	}
}

func TestMetricsThatAreGone(t *testing.T) {
	f := newTraffic()
	f.add(plain, 100, 0.5, 1, nil)
	f.add(green, 100, 0.5, 1, nil)
	names := `,"iterations":[{"id":"` + iterationID + `","status":"running","primary_metric":"login","metrics":[{"key":"login"},{"key":"gone"},{"key":"group","is_group":true}]}]`
	r := f.report(t, configured(t, "percentage", names, ""), report.Options{})
	if len(r.Metrics) != 1 || !slices.ContainsFunc(r.Health.Notes, func(n string) bool { return strings.Contains(n, "names the metric gone") }) {
		t.Errorf("%d metrics, notes %q", len(r.Metrics), r.Health.Notes)
	}
}

func TestTooManyMetrics(t *testing.T) {
	f := newTraffic()
	f.add(plain, 10, 0.5, 1, nil)
	var keys []string
	for i := range report.MaxMetrics + 1 {
		keys = append(keys, fmt.Sprint("m", i))
	}
	if _, err := report.Make(t.Context(), nil, tenant, configured(t, "percentage", "", ""), experimentID, report.Options{Metrics: keys}); err == nil {
		t.Error("they are taken")
	}
}

// What outcomes there were is said of outcomes, not of values.
func TestSeen(t *testing.T) {
	metrics := `,"metrics":[{"key":"wait","event_key":"wait","is_numeric":true},{"key":"usual","event_key":"usual","is_numeric":true,"event_default":{"value":30}}]`
	f := newTraffic()
	f.add(plain, 100, 0, 1, nil)
	f.add(green, 100, 0, 1, nil)
	zero := 0.0
	f.batch.Outcomes = append(f.batch.Outcomes, events.Outcome{ID: "1", Event: "wait", Unit: f.batch.Exposures[0].Unit, Time: f.batch.Exposures[0].Time, Value: &zero})
	r := f.report(t, configured(t, "percentage", "", metrics), report.Options{Metrics: []string{"wait", "usual"}, Days: true})
	if m := metric(t, r, "wait"); !m.MetricSeen || m.FirstSeen == nil {
		t.Errorf("an outcome of the value 0 is not seen: %+v", m)
	}
	if m := metric(t, r, "usual"); m.MetricSeen || m.FirstSeen != nil {
		t.Errorf("nothing is seen: %+v", m)
	}
	for _, day := range r.Series {
		for _, m := range day.Metrics {
			if m.Key == "usual" {
				t.Error("units that begin with a value do not add up by day")
			}
		}
	}
}

// A percentile stays one, whatever is asked for besides.
func TestPercentileWithCUPED(t *testing.T) {
	metrics := `,"metrics":[{"key":"slow","event_key":"login_ms","is_numeric":true,"analysis_type":"percentile","percentile_value":90,"event_default":{"disabled":true}}]`
	f := newTraffic()
	f.add(plain, 1000, 1, 1, nil)
	f.add(green, 1000, 1, 1, nil)
	document := configured(t, "percentage", "", metrics)
	want := f.report(t, document, report.Options{Metrics: []string{"slow"}}).Metrics[0].TreatmentResults[0].DataMean
	if got := f.report(t, document, report.Options{Metrics: []string{"slow"}, Covariate: time.Hour}).Metrics[0].TreatmentResults[0].DataMean; *got != *want {
		t.Errorf("the percentile %v became %v", *want, *got)
	}
}

func TestFunnelWindows(t *testing.T) {
	group := func(first, second string) string {
		return `,"metrics":[{"key":"a","event_key":"a"` + first + `},{"key":"b","event_key":"b"` + second + `}],
			"metric_groups":[{"key":"g","kind":"funnel","metrics":[{"key":"a"},{"key":"b"}]}]`
	}
	f := newTraffic()
	f.add(plain, 200, 0, 1, nil)
	f.add(green, 200, 0, 1, nil)
	for _, e := range f.batch.Exposures {
		f.batch.Outcomes = append(f.batch.Outcomes, events.Outcome{ID: "a", Event: "a", Unit: e.Unit, Time: e.Time + 1},
			events.Outcome{ID: "b", Event: "b", Unit: e.Unit, Time: e.Time + 48*3_600_000})
	}
	r := f.report(t, configured(t, "percentage", "", group(`,"window":"1h"`, "")), report.Options{Group: "g"})
	if got := *r.Metrics[1].TreatmentResults[0].DataMean; got != 1 {
		t.Errorf("a step without a window: %v", got)
	}
	// Nobody's window is over yet.
	r = f.report(t, configured(t, "percentage", "", group(`,"window":"720h"`, `,"window":"720h"`)), report.Options{Group: "g", Matured: true, Now: start.AddDate(0, 0, 8)})
	if got := r.Metrics[1].TreatmentResults[0].Units; got != 0 {
		t.Errorf("%d units whose window is not over", got)
	}
}

func TestSlicesDecideNothing(t *testing.T) {
	f := newTraffic()
	f.exact(plain, 2000, 600, nil)
	f.exact(green, 2000, 1200, nil)
	r := f.report(t, configured(t, "percentage", "", ""), report.Options{Attributes: []string{"browser"}})
	if d := r.Slices[0].Metrics[0].Decision; d.SafeToStop || d.Status != results.Untested || r.Decision.Status != results.Winner {
		t.Errorf("a slice decides %+v", d)
	}
}
