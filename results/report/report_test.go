package report_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/results/report"
)

func TestWinner(t *testing.T) {
	var f = newTraffic()
	f.split("even", map[string]float64{plain: 50, green: 50})
	f.add(plain, 5000, 0.30, 14, nil)
	f.add(green, 5020, 0.40, 14, nil)
	r := f.report(t, configured(t, "percentage", "", ""), report.Options{Days: true, Attributes: []string{"device_type"}})
	if r.Decision.Status != results.Winner || !r.Decision.SafeToStop || r.Decision.VariationID != green {
		t.Errorf("decision %+v", r.Decision)
	}
	if !strings.HasPrefix(r.Verdict, "green wins on login: ") || !strings.Contains(r.Verdict, "safe to stop") {
		t.Errorf("verdict %q", r.Verdict)
	}
	if r.Split.Status != results.SplitFine || r.Split.P == nil {
		t.Errorf("split %+v", r.Split)
	}
	if r.Iteration.ID != iterationID || r.Variations[0].Units != 5000 || r.Variations[1].Units != 5020 || *r.Variations[0].Weight != 50 {
		t.Errorf("iteration %+v, variations %+v", r.Iteration, r.Variations)
	}
	login := metric(t, r, "login")
	if login.Role != results.Primary || login.Kind != results.Conversion || !slices.ContainsFunc(r.Metrics, func(m report.Metric) bool { return m.Key == "failed_login" && !m.MetricSeen }) {
		t.Errorf("metrics %+v", r.Metrics)
	}
	var seen int64
	for _, o := range f.batch.Outcomes {
		if o.Event == "s" {
			seen++
		}
	}
	if sum := login.TreatmentResults[0].EventValuesSum + login.TreatmentResults[1].EventValuesSum; int64(sum) != seen {
		t.Errorf("%v logins counted, %d sent", sum, seen)
	}
	took := metric(t, r, "login_ms")
	if took.TreatmentResults[0].Units >= 5000 || took.Role != results.Guardrail || !took.LowerIsBetter {
		t.Errorf("login_ms counts units without a login: %+v", took.TreatmentResults[0])
	}
	if len(r.Slices) != 1 || r.Slices[0].Value != "desktop" || r.Slices[0].Metrics[0].TreatmentResults[0].Traffic != 5000 {
		t.Errorf("slices %+v", r.Slices)
	}
	checkSeries(t, r)
	checkText(t, r)
}

// checkSeries compares the last day with the whole.
func checkSeries(t *testing.T, r *report.Report) {
	t.Helper()
	last := r.Series[len(r.Series)-1]
	at := slices.IndexFunc(last.Metrics, func(m report.DayMetric) bool { return m.Key == "login" })
	login := metric(t, r, "login")
	for i, v := range last.Metrics[at].Variations {
		whole := login.TreatmentResults[i]
		if v.Units != whole.Units || float64(v.Events) != whole.EventValuesSum || math.Abs(*v.Mean-*whole.DataMean) > 1e-15 {
			t.Errorf("on the last day %s stands at %d units, %d events, mean %v; the whole has %d, %v, %v", v.ID, v.Units, v.Events, *v.Mean, whole.Units, whole.EventValuesSum, *whole.DataMean)
		}
	}
	if p, smallest := last.Metrics[at].Variations[1].P, login.TreatmentResults[1].SmallestP; p == nil || smallest == nil || *smallest > *p {
		t.Errorf("smallest p %v, at the last look %v", smallest, p)
	}
	if len(r.Series) < 14 || r.Series[0].Date != "2026-03-01" {
		t.Errorf("%d days from %s", len(r.Series), r.Series[0].Date)
	}
}

// checkText reads the JSON back and prints it.
func checkText(t *testing.T, r *report.Report) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again report.Report
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	if err := errors.Join(r.Print(&first), again.Print(&second)); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Errorf("what is read back prints otherwise:\n%s\n%s", first.String(), second.String())
	}
	for _, want := range []string{"green wins", "●", "login (primary, conversion): winner, safe to stop", "2026-03-14"} {
		if !strings.Contains(first.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, first.String())
		}
	}
}

func TestNothingYet(t *testing.T) {
	r := newTraffic().report(t, configured(t, "percentage", "", ""), report.Options{Days: true})
	if r.Verdict != "Nobody has been exposed yet." || r.Decision.SafeToStop || len(r.Health.Notes) != 1 {
		t.Errorf("verdict %q, notes %q", r.Verdict, r.Health.Notes)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestNoDifference(t *testing.T) {
	f := newTraffic()
	f.add(plain, 3000, 0.3, 7, nil)
	f.add(green, 3000, 0.3, 7, nil)
	r := f.report(t, configured(t, "percentage", "", ""), report.Options{})
	if r.Decision.Status != results.Undecided || r.Decision.SafeToStop || !strings.Contains(r.Verdict, "Keep it running") {
		t.Errorf("decision %+v, verdict %q", r.Decision, r.Verdict)
	}
	if d := r.Metrics[0].DetectableEffect; d == nil || *d < 0.05 || *d > 0.2 {
		t.Errorf("detectable effect %v", d)
	}
}

// A splitter that loses the phones of one variation is found out, and the phones
// are named.
func TestBrokenSplitter(t *testing.T) {
	f := newTraffic()
	phone := func(e *events.Exposure) { e.DeviceType, e.Browser = "mobile", "safari" }
	f.split("even", map[string]float64{plain: 50, green: 50})
	f.add(plain, 4000, 0.3, 7, nil)
	f.add(green, 4020, 0.5, 7, nil)
	f.add(plain, 1000, 0.3, 7, phone)
	f.add(green, 600, 0.5, 7, phone)
	r := f.report(t, configured(t, "percentage", "", ""), report.Options{})
	if r.Split.Status != results.SplitMismatched || r.Decision.Status != results.Untrustworthy || r.Decision.SafeToStop {
		t.Fatalf("split %+v, decision %+v", r.Split.SplitCheck, r.Decision)
	}
	if len(r.Health.Notes) == 0 || !strings.Contains(r.Health.Notes[0], "device_type = mobile") {
		t.Errorf("notes %q", r.Health.Notes)
	}
	if !strings.HasPrefix(r.Verdict, "Do not trust") {
		t.Errorf("verdict %q", r.Verdict)
	}
}

// With weights that change while the rates drift, pooling finds an effect where
// there is none; joining the periods does not.
func TestChangedWeights(t *testing.T) {
	f := newTraffic()
	first := func(e *events.Exposure) { e.WeightsVersion = "first" }
	f.split("first", map[string]float64{plain: 90, green: 10})
	f.split("even", map[string]float64{plain: 50, green: 50})
	f.add(plain, 9000, 0.10, 7, first)
	f.add(green, 1000, 0.10, 7, first)
	f.add(plain, 5000, 0.30, 7, nil)
	f.add(green, 5000, 0.30, 7, nil)
	r := f.report(t, configured(t, "percentage", "", ""), report.Options{})
	if r.Split.Status != results.SplitFine || len(r.Split.Periods) != 2 {
		t.Fatalf("split %+v", r.Split)
	}
	login := metric(t, r, "login")
	pooled := *login.TreatmentResults[1].DataMean - *login.TreatmentResults[0].DataMean
	if joined := login.TreatmentResults[1].Difference; pooled < 0.05 || math.Abs(joined) > 0.02 {
		t.Errorf("pooled difference %v, joined %v", pooled, joined)
	}
	if r.Decision.Status != results.Undecided {
		t.Errorf("decision %+v", r.Decision)
	}
}

func TestSegmentsAreNoProof(t *testing.T) {
	f := newTraffic()
	f.add(plain, 3000, 0.3, 7, func(e *events.Exposure) { e.Source, e.WeightsVersion = "fallback", "" })
	f.add(green, 900, 0.5, 7, func(e *events.Exposure) { e.Source, e.WeightsVersion = "segment", "" })
	r := f.report(t, configured(t, "segment", "", ""), report.Options{})
	if r.Split.Status != results.SplitNotRandom || r.Decision.Status != results.Observational || r.Decision.SafeToStop {
		t.Errorf("split %+v, decision %+v", r.Split, r.Decision)
	}
	if !strings.HasPrefix(r.Verdict, "Segments decide") || r.Variations[0].Weight != nil {
		t.Errorf("verdict %q, variations %+v", r.Verdict, r.Variations)
	}
}

func TestLeftOut(t *testing.T) {
	f := newTraffic()
	f.add(plain, 500, 0.3, 7, nil)
	f.add(green, 500, 0.3, 7, nil)
	f.add(green, 30, 1, 7, func(e *events.Exposure) { e.Bot = true })
	f.add(green, 20, 1, 7, func(e *events.Exposure) { e.Source = "override" })
	for i := range 8 { // the first units again, with the other variation
		e := f.batch.Exposures[i]
		e.Variation, e.ID = green, events.ExposureID(e.Unit, e.Experiment, e.Iteration, green)
		f.batch.Exposures = append(f.batch.Exposures, e)
	}
	r := f.report(t, configured(t, "percentage", "", ""), report.Options{})
	x := r.Health.Excluded
	if x.Bot != 30 || x.Forced != 20 || x.Multi != 8 || r.Variations[0].Units != 492 || r.Variations[1].Units != 500 {
		t.Errorf("excluded %+v, variations %+v", x, r.Variations)
	}
	if r.Health.Crossover != results.CrossoverFine {
		t.Errorf("crossover %s", r.Health.Crossover)
	}
}

func TestFunnelAndOwnMetrics(t *testing.T) {
	f := newTraffic()
	f.add(plain, 400, 0.5, 7, nil)
	f.add(green, 400, 0.5, 7, nil)
	seven := 7.0
	for i, e := range f.batch.Exposures {
		at := e.Time + 1000
		if i%2 == 0 {
			f.batch.Outcomes = append(f.batch.Outcomes, events.Outcome{ID: "a" + e.Unit, Event: "form", Unit: e.Unit, Time: at, Value: &seven})
		}
		if i%4 == 0 {
			f.batch.Outcomes = append(f.batch.Outcomes, events.Outcome{ID: "b" + e.Unit, Event: "sent", Unit: e.Unit, Time: at + 1})
		}
	}
	iteration := `,"iterations":[{"id":"` + iterationID + `","status":"running","started_at":"2026-03-01T00:00:00Z","primary_group":"signup-funnel",
		"metrics":[{"key":"signup-funnel","is_group":true},{"key":"fields"},{"key":"slow"},{"key":"per-form"}]}]`
	metrics := `,"metrics":[{"key":"form","event_key":"form"},{"key":"sent","event_key":"sent"},
		{"key":"fields","event_key":"form","is_numeric":true,"unit_aggregation_type":"sum"},
		{"key":"slow","event_key":"login_ms","is_numeric":true,"analysis_type":"percentile","percentile_value":90,"success_criteria":"LowerThanBaseline","event_default":{"disabled":true}},
		{"key":"per-form","event_key":"sent","denominator_event_key":"form"}],
		"metric_groups":[{"key":"signup-funnel","kind":"funnel","metrics":[{"key":"form","name":"saw it"},{"key":"sent","name":"sent it"}]}]`
	r := f.report(t, configured(t, "percentage", iteration, metrics), report.Options{})
	var keys []string
	for _, m := range r.Metrics {
		keys = append(keys, m.Key)
	}
	if want := []string{"form", "sent", "fields", "slow", "per-form"}; !slices.Equal(keys, want) {
		t.Fatalf("metrics %q", keys)
	}
	if m := r.Metrics[1]; m.Role != results.Primary || m.Step != 2 || m.NameInGroup != "sent it" || *m.TreatmentResults[0].DataMean != 0.25 {
		t.Errorf("the last step %+v", m)
	}
	if m := r.Metrics[0]; m.Role != results.Secondary || *m.TreatmentResults[1].DataMean != 0.5 {
		t.Errorf("the first step %+v", m)
	}
	if m := r.Metrics[2]; m.Kind != results.Numeric || *m.TreatmentResults[0].DataMean != 3.5 {
		t.Errorf("the sum %+v", m.TreatmentResults[0])
	}
	if m := r.Metrics[3]; m.TreatmentResults[0].DataMean == nil || math.Abs(*m.TreatmentResults[0].DataMean-1640) > 150 {
		t.Errorf("the percentile %+v", m.TreatmentResults[0])
	}
	if m := r.Metrics[4]; m.Kind != results.Ratio || *m.TreatmentResults[0].DataMean != 0.5 {
		t.Errorf("the ratio %+v", m.TreatmentResults[0])
	}
	if again := f.report(t, configured(t, "percentage", iteration, metrics), report.Options{Group: "signup-funnel"}); len(again.Metrics) != 2 {
		t.Errorf("%d metrics of the group", len(again.Metrics))
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		experiment string
		options    report.Options
		want       error
	}{
		"experiment": {"exp_4444444444444444444444", report.Options{}, report.ErrNoExperiment},
		"iteration":  {experimentID, report.Options{Iteration: "itr_4444444444444444444444"}, report.ErrNoIteration},
		"metric":     {experimentID, report.Options{Metrics: []string{"nothing"}}, report.ErrNoMetric},
		"group":      {experimentID, report.Options{Group: "nothing"}, report.ErrNoMetric},
		"attribute":  {experimentID, report.Options{Attributes: []string{"shoe size"}}, report.ErrNoAttribute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := report.Make(context.Background(), eventstest.NewModel(), tenant, configured(t, "percentage", "", ""), test.experiment, test.options)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// What happens after the end of an iteration does not count for it.
func TestEndedIteration(t *testing.T) {
	f := newTraffic()
	f.add(plain, 300, 1, 10, nil)
	f.add(green, 300, 1, 10, nil)
	iterations := `,"iterations":[{"id":"` + iterationID + `","status":"stopped","started_at":"2026-03-01T00:00:00Z","ended_at":"2026-03-06T00:00:00Z"}]`
	r := f.report(t, configured(t, "percentage", iterations, ""), report.Options{Days: true})
	if units := r.Variations[0].Units + r.Variations[1].Units; units < 250 || units > 350 {
		t.Errorf("%d units of half the time", units)
	}
	if last := r.Series[len(r.Series)-1].Date; last != "2026-03-05" {
		t.Errorf("the series ends on %s", last)
	}
	if r.Iteration.Status != "stopped" || r.Iteration.EndedAt == nil || !r.Iteration.EndedAt.Equal(start.Add(5*24*time.Hour)) {
		t.Errorf("iteration %+v", r.Iteration)
	}
}
