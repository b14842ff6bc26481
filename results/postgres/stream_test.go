package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// start is the time of the first exposures.
const start = events.Millis(1_790_000_000_000)

// perBatch is the usual size of a batch.
const perBatch = 5000

// size is how many exposures and how many outcomes a stream has.
func size(t testing.TB) int {
	t.Helper()
	text := os.Getenv("EVENTS")
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("EVENTS: %v", err)
	}
	return n
}

// stream makes n exposures over two weeks, a tenth of them repeated and a few
// crossed, and n purchases: a fifth by units that were never exposed, a quarter
// before the exposure, some twice. With users, a tenth of them are told by user.
func stream(n int, users bool) []*events.Batch {
	r := rand.New(rand.NewPCG(11, 12))
	name := func(i int) string { return fmt.Sprintf("%016x-%d", uint64(i)*0x9e3779b97f4a7c15, i) }
	countries := []string{"", "AT", "DE", "US"}
	moment := func() events.Millis { return start + events.Millis(r.Int64N(14*24*3600*1000)) }
	t0 := map[int]events.Millis{}
	var batches []*events.Batch
	for first := 0; first < n; first += perBatch {
		b := &events.Batch{}
		for i := first; i < min(first+perBatch, n); i++ {
			u := i
			if r.IntN(10) == 0 {
				u = r.IntN(i + 1)
			}
			variation := []string{"control", "treatment"}[u%2]
			if r.IntN(5000) == 0 {
				variation = "treatment"
			}
			t := moment()
			if t0[u] == 0 {
				t0[u] = t
			}
			b.Exposures = append(b.Exposures, events.Exposure{
				ID: events.ExposureID(name(u), "checkout", "1", variation), Experiment: "checkout", Iteration: "1", Unit: name(u),
				Variation: variation, Source: "bucket", WeightsVersion: "w1", DeviceType: []string{"mobile", "desktop"}[u%3/2],
				Browser: "firefox", Country: countries[u%4], Time: t,
			})
		}
		batches = append(batches, b)
	}
	for first := 0; first < n; first += perBatch {
		b := &events.Batch{}
		for i := first; i < min(first+perBatch, n); i++ {
			u := r.IntN(n * 5 / 4)
			t := moment()
			if known := t0[u]; known != 0 {
				t = known + events.Millis(r.Int64N(8*24*3600*1000)) - 2*24*3600*1000
			}
			value := float64(r.IntN(20_000)) / 100
			o := events.Outcome{ID: fmt.Sprintf("order-%d", i), Event: "purchase", Unit: name(u), Time: t, Value: &value}
			if users && i%20 == 0 {
				o.UserID = "user-" + name(u)
			} else if users && i%20 == 1 {
				o.Unit, o.UserID = "", "user-"+name(u)
			}
			b.Outcomes = append(b.Outcomes, o)
			if r.IntN(50) == 0 {
				o.Time += 1000
				b.Outcomes = append(b.Outcomes, o)
			}
		}
		batches = append(batches, b)
	}
	return batches
}

func feed(t testing.TB, log events.Log, batches []*events.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := log.Append(context.Background(), tenant, b); err != nil {
			t.Fatal(err)
		}
	}
}

const tenant = "shop/production"

// simple asks for conversions and revenue.
func simple() events.Query {
	const window = 7 * 24 * time.Hour
	return events.Query{
		Tenant: tenant, Experiment: "checkout", Iteration: "1", Skew: events.DefaultSkew,
		Measures: []events.Measure{
			{Key: "conversion", Event: "purchase", Window: window},
			{Key: "revenue", Event: "purchase", Aggregation: events.Sum, Window: window},
		},
	}
}

// typical asks for what a report does.
func typical(attributes ...string) events.Query {
	q := simple()
	q.Days, q.Attributes = true, attributes
	q.Measures = append(q.Measures,
		events.Measure{Key: "orders", Event: "purchase", Aggregation: events.Count, Window: q.Measures[0].Window},
		events.Measure{Key: "order", Event: "purchase", Aggregation: events.Average, OnlyPresent: true, Window: q.Measures[0].Window})
	return q
}

// mismatch asks for what a report looks at to explain one.
func mismatch() events.Query {
	q := simple()
	q.Measures, q.Attributes = nil, []string{"device_type", "browser", "country", "region"}
	return q
}

// full asks for everything.
func full() events.Query {
	q := simple()
	q.Days, q.Covariate, q.Attributes = true, 24*time.Hour, []string{"device_type", "country"}
	q.Measures[1].Cap = 0.999
	q.Measures = append(q.Measures,
		events.Measure{Key: "order", Event: "purchase", Aggregation: events.Average, OnlyPresent: true, Histogram: true},
		events.Measure{Key: "per order", Event: "purchase", Denominator: "purchase", Aggregation: events.Sum})
	q.Chains = []events.Chain{{Key: "twice", Events: []string{"purchase", "purchase"}, Window: 7 * 24 * time.Hour}}
	return q
}
