package report_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/results/report"
)

const (
	tenant       = "default/production"
	experimentID = "exp_2222222222222222222222"
	iterationID  = "itr_2222222222222222222222"
	plain        = "var_2222222222222222222222"
	green        = "var_3333333333333333333333"
)

// start is the first midnight of the tests' events.
var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// configured decodes a document with one experiment; what is in its braces is
// added to it, and metrics are added to the document.
func configured(t *testing.T, strategy, experiment, document string) *engine.Document {
	t.Helper()
	allocations := `[{"variation_id":"` + plain + `","weight":50,"is_control":true},{"variation_id":"` + green + `","weight":50,"is_control":false}]`
	segments := "[]"
	if strategy == "segment" {
		segments = `[{"id":"seg_2222222222222222222222","name":"phones","rules":[{"match":{"device_type":["mobile"]}}]}]`
		allocations = `[{"variation_id":"` + green + `","segment_id":"seg_2222222222222222222222","priority":1,"is_control":false},{"variation_id":"` + plain + `","is_control":true,"is_fallback":true}]`
	}
	text := fmt.Sprintf(`{
		"feature_flags":[{"id":"flg_2222222222222222222222","name":"button","status":"active",
			"parameters":{"color":{"type":"string","value":"grey"}},
			"variations":[{"id":%q,"name":"plain"},{"id":%q,"name":"green","overrides":{"color":{"value":"green"}}}]}],
		"segments":%s,
		"experiments":[{"id":%q,"name":"Green button","feature_flag_id":"flg_2222222222222222222222","allocation_strategy":%q,"status":"active",
			"started_at":"2026-03-01T00:00:00Z","allocations":%s%s}]%s}`, plain, green, segments, experimentID, strategy, allocations, experiment, document)
	d, err := engine.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// traffic makes units, each with one exposure.
type traffic struct {
	random *rand.Rand
	batch  events.Batch
	made   int
}

func newTraffic() *traffic { return &traffic{random: rand.New(rand.NewPCG(1, 2))} }

// add exposes n units to a variation, spread over days, of which a share logs in
// soon after.
func (f *traffic) add(variation string, n int, share float64, days int, change func(*events.Exposure)) {
	for range n {
		f.made++
		unit := fmt.Sprintf("unit-%07d", f.made)
		t0 := start.Add(time.Duration(f.random.Int64N(int64(days) * int64(24*time.Hour))))
		e := events.Exposure{
			ID: events.ExposureID(unit, experimentID, iterationID, variation), Experiment: experimentID, Iteration: iterationID, Unit: unit,
			Variation: variation, Source: "bucket", DeviceType: "desktop", Browser: "chrome", Country: "DE", Time: events.MillisOf(t0), WeightsVersion: "even",
		}
		if change != nil {
			change(&e)
		}
		f.batch.Exposures = append(f.batch.Exposures, e)
		if f.random.Float64() < share {
			took := 1000 + 500*f.random.NormFloat64()
			at := events.MillisOf(t0.Add(time.Duration(f.random.IntN(100)) * time.Second))
			f.batch.Outcomes = append(f.batch.Outcomes,
				events.Outcome{ID: unit, Event: "s", Unit: unit, Time: at},
				events.Outcome{ID: unit, Event: "login_ms", Unit: unit, Time: at, Value: &took})
		}
	}
}

func (f *traffic) split(version string, weights map[string]float64) {
	f.batch.Splits = append(f.batch.Splits, events.Split{Experiment: experimentID, Iteration: iterationID, WeightsVersion: version, Weights: weights})
}

// report reports on the traffic.
func (f *traffic) report(t *testing.T, document *engine.Document, o report.Options) *report.Report {
	t.Helper()
	log := eventstest.NewModel()
	if err := log.Append(context.Background(), tenant, &f.batch); err != nil {
		t.Fatal(err)
	}
	if o.Now.IsZero() {
		o.Now = start.AddDate(0, 0, 60)
	}
	r, err := report.Make(context.Background(), log, tenant, document, experimentID, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func metric(t *testing.T, r *report.Report, key string) *report.Metric {
	t.Helper()
	for i := range r.Metrics {
		if r.Metrics[i].Key == key {
			return &r.Metrics[i]
		}
	}
	t.Fatalf("the report has no metric %s", key)
	return nil
}
