package reports

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/embedded"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/report"
)

// counted is a log that counts how often it is scanned.
type counted struct {
	events.Log
	queries atomic.Int64
}

func (l *counted) Query(ctx context.Context, q events.Query) (*events.Answer, error) {
	l.queries.Add(1)
	return l.Log.Query(ctx, q)
}

const experiment = "exp_Checkout"

// checkout is a document with an experiment that splits 70 to 30.
func checkout(t *testing.T, began time.Time) *engine.Document {
	t.Helper()
	document, err := engine.Decode(fmt.Appendf(nil, `{"feature_flags":[{"id":"flg_Checkout","name":"checkout","status":"active",
		"parameters":{"passkey":{"type":"boolean","value":false}},
		"variations":[{"id":"var_Base","name":"as it is","overrides":{}},{"id":"var_Passkey","name":"passkey first","overrides":{"passkey":{"value":true}}}]}],
		"segments":[],
		"experiments":[{"id":%q,"name":"checkout","feature_flag_id":"flg_Checkout","allocation_strategy":"percentage","status":"active","started_at":%q,
		"allocations":[{"variation_id":"var_Base","weight":70,"is_control":true},{"variation_id":"var_Passkey","weight":30,"is_control":false}]}]}`,
		experiment, began.UTC().Format(time.RFC3339)))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// fill appends units with their outcomes, as they come in over two weeks.
func fill(t *testing.T, log events.Log, tenant string, document *engine.Document, began time.Time, units int) {
	t.Helper()
	iteration, version := engine.FirstIterationID(experiment), engine.WeightsVersion(document.Experiments[0].Division())
	b := &events.Batch{}
	for i := range units {
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte(tenant), uint64(i)))
		unit, variation := base64.RawURLEncoding.EncodeToString(sum[:16]), "var_Base"
		if binary.BigEndian.Uint64(sum[24:])%100 < 30 {
			variation = "var_Passkey"
		}
		shown := events.MillisOf(began) + events.Millis(i*7919)%(14*24*3_600_000)
		b.Exposures = append(b.Exposures, events.Exposure{
			ID: events.ExposureID(unit, experiment, iteration, variation), Experiment: experiment, Iteration: iteration, Unit: unit,
			Variation: variation, Source: "bucket", Time: shown, WeightsVersion: version,
			DeviceType: [...]string{"desktop", "mobile", "mobile", "tablet"}[sum[17]%4], Browser: [...]string{"chrome", "chrome", "safari", "edge", "firefox"}[sum[18]%5],
			Country: [...]string{"US", "DE", "GB", "FR", "BR", "IN", "JP"}[sum[19]%7], Region: fmt.Sprint("R", sum[20]%40),
		})
		if sum[21]%10 < 7 {
			took := float64(900 + int(sum[22])*37)
			b.Outcomes = append(b.Outcomes,
				events.Outcome{ID: "login-" + unit, Event: "s", Unit: unit, Time: shown + 9000},
				events.Outcome{ID: "took-" + unit, Event: "login_ms", Unit: unit, Time: shown + 9000, Value: &took})
		}
		if b.Len() >= 5000 || i == units-1 {
			if err := log.Append(context.Background(), tenant, b); err != nil {
				t.Fatal(err)
			}
			b = &events.Batch{}
		}
	}
}

// raced reports whether the race detector is on.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

// A tenant that asks for the dearest report a hundred times has few of them made,
// and another tenant's is there while the first one's wait.
func TestDearReportsHoldUpNobody(t *testing.T) {
	units := 200_000
	if testing.Short() || raced() { // which takes ten times as long
		units = 20_000
	}
	opened, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	log, began := &counted{Log: opened}, time.Now().Add(-16*24*time.Hour)
	document := checkout(t, began)
	fill(t, log, "shop/production", document, began, units)
	fill(t, log, "bank/production", document, began, 2000)

	d := New(Limits{Asking: 120})
	ask := func(tenant string, o report.Options) error {
		_, err := d.Ask(context.Background(), tenant, fmt.Sprint(o), func(ctx context.Context) ([]byte, error) {
			made, err := report.Make(ctx, log, tenant, document, experiment, o)
			if err != nil {
				return nil, err
			}
			return json.Marshal(made)
		})
		return err
	}
	dear := report.Options{Attributes: report.Attributes, Days: true, Covariate: 9000 * time.Hour}
	var all sync.WaitGroup
	for i := range 120 {
		o := dear
		o.Until = began.Add(15*24*time.Hour + time.Duration(i%8)*time.Hour)
		all.Go(func() {
			if err := ask("shop/production", o); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "most wait", func() bool { return d.Asking() > 100 })
	if err := ask("bank/production", report.Options{}); err != nil {
		t.Fatal(err)
	}
	if d.Asking() == 0 {
		t.Error("the other tenant's report was made after all the first one's")
	}
	all.Wait()
	if n := log.queries.Load(); n > 9 {
		t.Errorf("the log was scanned %d times for 8 reports and another tenant's", n)
	}
	d.recent.mu.Lock()
	defer d.recent.mu.Unlock()
	if d.recent.bytes > 32<<20 {
		t.Errorf("answers of %d bytes are kept", d.recent.bytes)
	}
}
