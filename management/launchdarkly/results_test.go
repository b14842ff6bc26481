package launchdarkly_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// exposed fills the log: of 400 units on each of two variations, converted of the
// control and more of the treatment bought something, every unit logged in.
func (s *site) exposed(key string) {
	s.Helper()
	e := s.experiment(key)
	it := e.CurrentIteration()
	start := events.MillisOf(*it.StartedAt)
	batch := &events.Batch{}
	for v, t := range it.Treatments[:2] {
		for i := range 400 {
			unit, at := fmt.Sprintf("%s-%d-%d", it.ID, v, i), start+events.Millis(1000*i)
			batch.Exposures = append(batch.Exposures, events.Exposure{
				ID: events.ExposureID(unit, e.ID, it.ID, t.VariationID), Experiment: e.ID, Iteration: it.ID, Unit: unit, Variation: t.VariationID, Source: "bucket", Time: at,
				Country: []string{"DE", "US"}[i%2], Browser: []string{"chrome", "firefox"}[i%2], DeviceType: "mobile", WeightsVersion: "w",
			})
			outcome := func(event string, value *float64) {
				batch.Outcomes = append(batch.Outcomes, events.Outcome{ID: event + unit, Event: event, Unit: unit, Time: at + 5000, Value: value})
			}
			outcome("s", nil)
			if i < 40+v*40 {
				paid := float64(10 + i%7)
				outcome("bought", nil)
				outcome("paid", &paid)
			}
		}
	}
	batch.Splits = []events.Split{{Experiment: e.ID, Iteration: it.ID, WeightsVersion: "w", Weights: map[string]float64{it.Treatments[0].VariationID: 50, it.Treatments[1].VariationID: 50}}}
	s.append(batch)
}

func TestResults(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.patch("red", startIt)
	empty := s.must(200, "GET", experiments+"/red/metrics/converted/results", "")
	if empty.at("metricSeen", "ever") != false || empty.length("treatmentResults") != 2 || empty.at("decision", "status") != "collecting" {
		t.Errorf("without events: %s", empty.text)
	}
	s.exposed("red")
	got := s.must(200, "GET", experiments+"/red/metrics/converted/results?expand=traffic", "")
	control, treatment := s.variation("control"), s.variation("treatment")
	for _, c := range []struct {
		want any
		way  []any
	}{
		{control, []any{"treatmentResults", 0, "treatmentId"}}, {"The treatment", []any{"treatmentResults", 1, "treatmentName"}},
		{400.0, []any{"treatmentResults", 0, "units"}}, {400.0, []any{"treatmentResults", 1, "traffic"}}, {80.0, []any{"treatmentResults", 1, "eventValuesSum"}},
		{0.1, []any{"treatmentResults", 0, "dataMean"}}, {0.2, []any{"treatmentResults", 1, "dataMean"}}, {"bayesianBeta", []any{"treatmentResults", 1, "model"}},
		{"beta", []any{"treatmentResults", 1, "distribution", "kind"}}, {1.0, []any{"treatmentResults", 0, "bayesianBeta", "priorAlpha"}},
		{control, []any{"treatmentResults", 1, "relativeDifferences", 0, "fromTreatmentId"}}, {true, []any{"metricSeen", "ever"}}, {nil, []any{"results"}},
		{0.9, []any{"intervalLevel"}}, {0.0, []any{"excluded", "multi"}}, {nil, []any{"treatmentResults", 1, "expectedLoss"}}, {nil, []any{"treatmentResults", 1, "fixed"}},
		{treatment, []any{"decision", "variationId"}}, {"ok", []any{"srm", "status"}},
	} {
		if got.at(c.way...) != c.want {
			t.Errorf("%v: got %v, want %v", c.way, got.at(c.way...), c.want)
		}
	}
	for _, way := range [][]any{{"treatmentResults", 1, "credibleInterval", "lower"}, {"treatmentResults", 1, "pBest"}, {"probabilityOfMismatch"}, {"metricSeen", "timestamp"}, {"asOf"},
		{"treatmentResults", 1, "sequential", "p"}, {"treatmentResults", 1, "relativeDifferences", 0, "variance"}} {
		if got.at(way...) == nil {
			t.Errorf("%v is missing: %s", way, got.text)
		}
	}
	if plain := s.must(200, "GET", experiments+"/red/metrics/converted/results", ""); plain.at("treatmentResults", 0, "traffic") != nil {
		t.Errorf("traffic without being asked for")
	}
	if normal := s.must(200, "GET", experiments+"/red/metrics/revenue/results", ""); normal.at("treatmentResults", 0, "model") != "bayesianNormal" || normal.at("treatmentResults", 0, "bayesianNormal", "dataWeight") == nil {
		t.Errorf("numeric: %s", normal.text)
	}
	group := s.must(200, "GET", experiments+"/red/metric-groups/steps/results", "")
	if group.length("metrics") != 2 || group.at("metrics", 0, "metric", "key") != "login" || group.at("metrics", 1, "metric", "nameInGroup") != "Buy" ||
		group.at("metrics", 1, "results", "treatmentResults", 1, "dataMean") != 0.2 {
		t.Errorf("group: %s", group.text)
	}
	for path, words := range map[string]string{
		"/metrics/gone/results": "metric", "/metric-groups/gone/results": "metric", "/metrics/login/results?iterationId=itr_gone": "no iteration",
		"/metrics/login/results?iteration-id=gone": "no iteration",
	} {
		s.refused(404, words, "GET", experiments+"/red"+path, "")
	}
	s.refused(404, "no experiment", "GET", experiments+"/gone/metrics/login/results", "")
}

func TestResultsOfIterations(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.patch("red", startIt)
	s.exposed("red")
	first := s.experiment("red").Iterations[0].ID
	s.must(200, "POST", experiments+"/red/iterations", iteration("", "50", "50"))
	s.clock.advance(3600e9)
	s.patch("red", restartIt)
	if got := s.must(200, "GET", experiments+"/red/metrics/converted/results", ""); got.at("metricSeen", "ever") != false {
		t.Errorf("the current one: %s", got.text)
	}
	for _, name := range []string{"iterationId", "iteration-id"} {
		if got := s.must(200, "GET", experiments+"/red/metrics/converted/results?"+name+"="+first, ""); got.at("treatmentResults", 0, "units") != 400.0 {
			t.Errorf("%s: %s", name, got.text)
		}
	}
	if got := s.must(200, "GET", experiments+"/red/metric-groups/steps/results?iterationId="+first, ""); got.at("metrics", 0, "results", "treatmentResults", 0, "units") != 400.0 {
		t.Errorf("group: %s", got.text)
	}
}

// The attributes that we know slice the results; with several of them the result
// of all units is there only if it is asked for.
func TestSlicedResults(t *testing.T) {
	for attributes, want := range map[string]int{`"country"`: 2, `"plan"`: 0, `"country","plan","browser"`: 4} {
		s := newSite(t, nil).world()
		s.create("red", iteration(`,"attributes":[`+attributes+`]`, "50", "50"))
		s.patch("red", startIt)
		s.exposed("red")
		got := s.must(200, "GET", experiments+"/red/metrics/converted/results", "")
		if got.length("results") != want || want > 0 && got.at("results", want-1, "treatmentResults", 0, "units") != 200.0 || (got.at("treatmentResults") == nil) != (want == 4) {
			t.Errorf("%s: %s", attributes, got.text)
		}
		if want > 0 && (got.word("results", 0, "attribute") == "" || got.word("results", 0, "attributeValue") == "") {
			t.Errorf("%s: %s", attributes, got.text)
		}
		if got := s.must(200, "GET", experiments+"/red/metrics/converted/results?expand=treatmentResults", ""); got.at("treatmentResults", 0, "units") != 400.0 {
			t.Errorf("%s: %s", attributes, got.text)
		}
	}
}

func TestLegacyResults(t *testing.T) {
	s := newSite(t, nil).world()
	path := flags + "/login-page/experiments/production/"
	s.refused(404, "no experiment uses", "GET", path+"converted", "")
	s.create("red", iteration("", "50", "50"))
	s.patch("red", startIt)
	s.exposed("red")
	got := s.must(200, "GET", path+"converted", "")
	if got.at("metadata", 1, "key", "name") != "The treatment" || got.at("totals", 1, "cumulativeCount") != 80.0 || got.at("totals", 1, "cumulativeImpressionCount") != 400.0 ||
		got.at("totals", 0, "cumulativeConversionRate") != 0.1 || got.at("totals", 1, "improvement") == nil || got.at("totals", 1, "pValue") == nil || got.at("granularity") != "day" ||
		got.at("metricSeen", "ever") != true || got.at("stats", "winningVariationIdx") != 1.0 {
		t.Errorf("got %s", got.text)
	}
	// 40 and 80 of 400 each: the expected are 60 and 340.
	if chi2, _ := got.at("stats", "chi2").(float64); math.Abs(chi2-2*(400.0/60+400.0/340)) > 1e-9 {
		t.Errorf("chi2 is %v", chi2)
	}
	if got.length("series") != 1 || got.at("series", 0, "VariationData", 1, "cumulativeCount") != 80.0 || got.at("series", 0, "VariationData", 1, "cumulativeValue") != 80.0 || got.at("series", 0, "Time") != float64(1769817600000) {
		t.Errorf("series: %s", got.text)
	}
	start := s.experiment("red").StartedAt.UnixMilli()
	some := s.must(200, "GET", path+"converted?from="+strconv.FormatInt(start, 10)+"&to="+strconv.FormatInt(start+100_000, 10), "")
	if n, _ := some.at("totals", 0, "cumulativeImpressionCount").(float64); n < 95 || n > 105 {
		t.Errorf("bounded: %s", some.text)
	}
	s.patch("red", stopIt)
	s.create("blue", iteration("", "50", "50"))
	s.patch("blue", startIt)
	if got := s.must(200, "GET", path+"converted", ""); got.word("_links", "experiment", "href") != experiments+"/blue" {
		t.Errorf("the running one comes first: %s", got.text)
	}
	s.refused(404, "no metric", "GET", path+"gone", "")
	s.refused(404, "no flag", "GET", flags+"/gone/experiments/production/login", "")
	s.refused(400, "from:", "GET", path+"login?from=yesterday", "")
	s.refused(400, "to: must not be before", "GET", path+"login?from=2000&to=1000", "")
}

func TestResultsWithoutEvents(t *testing.T) {
	s := newSite(t, func(c *management.Config) { c.Events = management.Events{} }).world()
	s.create("red", iteration("", "50", "50"))
	s.refused(404, "events off", "GET", experiments+"/red/metrics/login/results", "")
}
