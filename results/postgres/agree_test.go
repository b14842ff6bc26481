package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/embedded"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/results/postgres"
	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
)

// TestAgree compares with the embedded log, whose sums are exact. EVENTS says
// how many exposures and outcomes there are.
func TestAgree(t *testing.T) {
	t.Parallel()
	exact, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer exact.Close()
	log := open(t, postgrestest.Start(t), postgres.Options{})
	batches := stream(size(t), true)
	feed(t, exact, batches)
	before := time.Now()
	feed(t, log, batches)
	t.Logf("ingest: %s", time.Since(before))
	ended := full()
	ended.From, ended.Until, ended.MaturedBy = start+24*3600*1000, start+13*24*3600*1000, start+12*24*3600*1000
	for name, q := range map[string]events.Query{
		"simple": simple(), "report": typical(), "sliced": typical("country"), "mismatch": mismatch(), "full": full(), "bounded": ended,
	} {
		want := eventstest.Ask(t, exact, q)
		before := time.Now()
		got := eventstest.Ask(t, log, q)
		t.Logf("%s: %s", name, time.Since(before))
		if d := eventstest.Difference(got, want, tolerance); d != "" {
			t.Errorf("%s: %.2000s", name, d)
		}
		if len(got.Groups) == 0 || len(q.Measures) > 0 && got.Groups[0].Cells[0].Sums.Events == 0 {
			t.Errorf("%s: there is nothing to compare", name)
		}
	}
}

// TestTexts keeps what a column of text does not take.
func TestTexts(t *testing.T) {
	t.Parallel()
	log, model := open(t, postgrestest.Start(t), postgres.Options{Schema: `a "b".c`}), eventstest.NewModel()
	q := events.Query{
		Tenant: "\x00", Experiment: "'; DROP TABLE x; --", Iteration: "\U0010FFFF41", Attributes: []string{"country"},
		Measures: []events.Measure{{Event: "a\x00b"}},
	}
	batch := &events.Batch{}
	for i, text := range []string{"\x00", "\U0010FFFF", "\U0010FFFF00", "ä", "'", ""} {
		batch.Exposures = append(batch.Exposures, events.Exposure{
			ID: text, Experiment: q.Experiment, Iteration: q.Iteration, Unit: text, Variation: text, Country: text,
			WeightsVersion: text, Time: events.Millis(1000 + i),
		})
		batch.Outcomes = append(batch.Outcomes, events.Outcome{ID: text, Event: "a\x00b", Unit: text, Time: 2000})
	}
	for _, l := range []events.Log{log, model} {
		if err := l.Append(context.Background(), q.Tenant, batch); err != nil {
			t.Fatal(err)
		}
	}
	if d := eventstest.Difference(eventstest.Ask(t, log, q), eventstest.Ask(t, model, q), tolerance); d != "" {
		t.Error(d)
	}
	tenants, err := log.Tenants(context.Background())
	if err != nil || fmt.Sprint(tenants) != fmt.Sprint([]string{q.Tenant}) {
		t.Errorf("the tenants are %q, %v", tenants, err)
	}
}
