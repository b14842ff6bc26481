package postgres_test

import (
	"context"
	"slices"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/results/postgres"
	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
)

// hostile are texts that mean something to SQL, to the driver or to a format.
var hostile = []string{
	"'", "''", `\'`, `"`, `E'\x27'`, "$1", "$1::text", "$$", "?", ":name", "%s", "%!d(MISSING)", "%[1]s", "--", "/*", "*/ x", ";",
	"'; DROP TABLE experiments.outcomes; --", `"; DROP SCHEMA experiments CASCADE; --`, "') OR ('1'='1", "NULL", "null", "\\N", "{}", "0",
	"\t\n\r\v", "\x00", "a\x00", "\xff\xfe", "\xc3'", "\U0010FFFF00", "ʼ", "＇", "\u2028", "e\u0301", "é", " x ", "",
}

// TestHostile has each such text everywhere that a text may be.
func TestHostile(t *testing.T) {
	t.Parallel()
	log, model := open(t, postgrestest.Start(t), postgres.Options{}), eventstest.NewModel()
	value := 1.5
	for _, h := range hostile {
		batch := &events.Batch{
			Exposures: []events.Exposure{
				{ID: h, Experiment: h, Iteration: h, Unit: h, Variation: h, WeightsVersion: h, Source: h, Segment: h,
					DeviceType: h, Browser: h, Country: h, Region: h, Time: start},
				{ID: h + "2", Experiment: h, Iteration: h, Unit: h + "2", Variation: h + "2", Bot: true, Time: start},
			},
			Outcomes: []events.Outcome{
				{ID: h, Event: h, Unit: h, UserID: h, Time: start, Value: &value},
				{ID: h + "2", Event: h, ExposureID: h, Time: start, Value: &value},
				{ID: h + "3", Event: h, UserID: h, Time: start, Value: &value},
			},
			Splits: []events.Split{{Experiment: h, Iteration: h, WeightsVersion: h, Weights: map[string]float64{"a": 1}}},
		}
		for _, l := range []events.Log{log, model} {
			if err := l.Append(context.Background(), h, batch); err != nil {
				t.Fatalf("%q: %v", h, err)
			}
		}
	}
	for _, h := range hostile {
		q := events.Query{
			Tenant: h, Experiment: h, Iteration: h, Days: true, Attributes: []string{"country"},
			Measures: []events.Measure{{Key: h, Event: h, Denominator: h, Aggregation: events.Sum, Cap: 0.9}, {Key: h, Event: h + "2"}},
			Chains:   []events.Chain{{Key: h, Events: []string{h, h}}},
		}
		if d := eventstest.Difference(eventstest.Ask(t, log, q), eventstest.Ask(t, model, q), tolerance); d != "" {
			t.Errorf("%q: %s", h, d)
		}
		q.Attributes = []string{h}
		if _, err := log.Query(context.Background(), q); err == nil {
			t.Errorf("%q is taken for an attribute", h)
		}
	}
	tenants, err := log.Tenants(context.Background())
	want := slices.Sorted(slices.Values(hostile))
	if slices.Sort(tenants); err != nil || !slices.Equal(tenants, want) {
		t.Errorf("the tenants are %q, %v", tenants, err)
	}
}

// TestSchemas has them as names of schemas. PostgreSQL takes no name that is empty,
// has a zero byte or is not UTF-8.
func TestSchemas(t *testing.T) {
	t.Parallel()
	s := postgrestest.StartServer(t)
	for _, name := range []string{"'", `"`, `a"."b`, "$1", "; DROP TABLE x; --"} {
		log := open(t, s.DSN(), postgres.Options{Schema: name, MaxConns: 1})
		feed(t, log, stream(20, true))
		if got := eventstest.Ask(t, log, full()); len(got.Groups) == 0 {
			t.Errorf("%q: nothing is found", name)
		}
	}
}
