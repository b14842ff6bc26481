package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// begin is when the benchmarks' experiment begins.
const begin = events.Millis(1_770_000_000_000)

// hashed is a unit as it is made of subjects.
func hashed(i int) string {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// shownAt is the time of a unit's exposure, within two weeks.
func shownAt(i int) events.Millis { return begin + events.Millis(i*7919)%(14*day) }

func shownUnit(i int) events.Exposure {
	variation := [...]string{"control", "new"}[i%2]
	unit := hashed(i)
	return events.Exposure{
		ID: events.ExposureID(unit, "signup", "1", variation), Experiment: "signup", Iteration: "1", Unit: unit,
		Variation: variation, Source: "bucket", Time: shownAt(i), WeightsVersion: "1",
		DeviceType: [...]string{"desktop", "mobile", "tablet"}[i%3], Browser: [...]string{"Chrome", "Firefox", "Safari", "Edge"}[i%4],
		Country: [...]string{"DE", "FR", "US", "GB", "NL"}[i%5], Region: [...]string{"", "BE", "BY"}[i%3],
	}
}

// done is an outcome of one of units: a login or an order, of two thirds of them.
func done(i, units int) events.Outcome {
	unit := i * 2 / 3 % units
	o := events.Outcome{
		ID: fmt.Sprintf("order-%012d", i), Event: "login", Unit: hashed(unit),
		Time: shownAt(unit) + events.Millis(i%1000)*600_000,
	}
	if i%2 == 0 {
		value := float64(i%9973)/100 + 0.1
		o.Event, o.Value = "order", &value
	}
	return o
}

// batches makes exposures and as many outcomes, in batches of 5,000.
func batches(units int) func(yield func(*events.Batch) bool) {
	return func(yield func(*events.Batch) bool) {
		for from := 0; from < units; from += 2500 {
			b := &events.Batch{}
			for i := from; i < min(from+2500, units); i++ {
				b.Exposures = append(b.Exposures, shownUnit(i))
				b.Outcomes = append(b.Outcomes, done(i, units))
			}
			if !yield(b) {
				return
			}
		}
	}
}

// BenchmarkIngest appends batches of 5,000 records; each is on disk before the
// next.
func BenchmarkIngest(b *testing.B) {
	b.Run("units", func(b *testing.B) { ingest(b, func(*events.Outcome, int) {}) })
	b.Run("users", func(b *testing.B) { ingest(b, withUser) })
}

// withUser adds users to the outcomes: of two outcomes of a user, one tells the unit
// too.
func withUser(o *events.Outcome, i int) {
	o.UserID = fmt.Sprint("user-", i/2)
	if i%2 == 0 {
		o.Unit = ""
	}
}

func ingest(b *testing.B, change func(o *events.Outcome, i int)) {
	const records = 500_000
	var all []*events.Batch
	n := 0
	for batch := range batches(records / 2) {
		for i := range batch.Outcomes {
			change(&batch.Outcomes[i], n)
			n++
		}
		all = append(all, batch)
	}
	for b.Loop() {
		b.StopTimer()
		l := opened(b, b.TempDir())
		b.StartTimer()
		for _, batch := range all {
			if err := l.Append(context.Background(), "shop/production", batch); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		b.ReportMetric(float64(l.Size())/records, "disk-B/event")
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(records*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// filled gives a log with units and as many outcomes. It is kept between runs
// where EMBEDDED_BENCHMARK_DIR says so.
func filled(b *testing.B, units int, change func(o *events.Outcome, i int)) *Log {
	b.Helper()
	dir := os.Getenv("EMBEDDED_BENCHMARK_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	dir = filepath.Join(dir, fmt.Sprint(units, change == nil))
	_, err := os.Stat(dir)
	l := opened(b, dir)
	if err == nil {
		return l
	}
	n := 0
	for batch := range batches(units) {
		for i := range batch.Outcomes {
			if change != nil {
				change(&batch.Outcomes[i], n)
			}
			n++
		}
		if err := l.Append(context.Background(), "shop/production", batch); err != nil {
			b.Fatal(err)
		}
	}
	return l
}

// BenchmarkResults computes a conversion and a numeric metric of units with one
// outcome each, in the mean.
func BenchmarkResults(b *testing.B) {
	plain := events.Query{
		Tenant: "shop/production", Experiment: "signup", Iteration: "1", Skew: events.DefaultSkew,
		Measures: []events.Measure{
			{Key: "login", Event: "login", Aggregation: events.Occurrence, Window: 7 * 24 * time.Hour},
			{Key: "revenue", Event: "order", Aggregation: events.Sum, Window: 7 * 24 * time.Hour},
		},
	}
	sliced := plain
	sliced.Attributes = attributes
	daily := plain
	daily.Days = true
	everything := sliced
	everything.Days = true
	capped := plain
	capped.Measures = []events.Measure{plain.Measures[0], plain.Measures[1]}
	capped.Measures[1].Cap = 0.999
	capped.Measures[1].Histogram = true
	for _, units := range []int{100_000, 1_000_000} {
		l := filled(b, units, nil)
		for _, kind := range []struct {
			name  string
			query events.Query
		}{{"plain", plain}, {"attributes", sliced}, {"days", daily}, {"attributes+days", everything}, {"cap+histogram", capped}} {
			b.Run(fmt.Sprintf("units=%d/%s", units, kind.name), func(b *testing.B) { ask(b, l, kind.query, units) })
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkResultsByUser is the plain one, where half of the outcomes tell a user
// only.
func BenchmarkResultsByUser(b *testing.B) {
	q := events.Query{
		Tenant: "shop/production", Experiment: "signup", Iteration: "1", Skew: events.DefaultSkew,
		Measures: []events.Measure{
			{Key: "login", Event: "login", Aggregation: events.Occurrence, Window: 7 * 24 * time.Hour},
			{Key: "revenue", Event: "order", Aggregation: events.Sum, Window: 7 * 24 * time.Hour},
		},
	}
	for _, units := range []int{100_000, 1_000_000} {
		l := filled(b, units, withUser)
		b.Run(fmt.Sprintf("units=%d", units), func(b *testing.B) { ask(b, l, q, units) })
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func ask(b *testing.B, l *Log, q events.Query, units int) {
	runtime.GC()
	stop := peak()
	for b.Loop() {
		answer, err := l.Query(context.Background(), q)
		if err != nil {
			b.Fatal(err)
		}
		if n := answer.Groups[0].Traffic + answer.Groups[1].Traffic; n != int64(units) {
			b.Fatalf("there are %d units", n)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/op")
	b.ReportMetric(float64(stop())/(1<<20), "peak-heap-MB")
}

// peak watches the heap until it is stopped; it gives the largest.
func peak() (stop func() uint64) {
	var largest atomic.Uint64
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			metrics.Read(samples)
			largest.Store(max(largest.Load(), samples[0].Value.Uint64()))
			select {
			case <-end:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(end)
		<-ended
		return largest.Load()
	}
}
