package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/postgres"
	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
)

// BenchmarkAppend writes batches of 5,000 into empty tables.
func BenchmarkAppend(b *testing.B) {
	batches := stream(200_000, false)
	half := len(batches) / 2
	for name, batches := range map[string][]*events.Batch{"exposures": batches[:half], "outcomes": batches[half:]} {
		b.Run(name, func(b *testing.B) {
			dsn := postgrestest.Start(b)
			rows, logs := 0, 0
			for b.Loop() {
				logs++
				feed(b, open(b, dsn, postgres.Options{Schema: fmt.Sprint("log", logs), MaxConns: 1}), batches)
				for _, batch := range batches {
					rows += batch.Len()
				}
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkOne appends one outcome at a time.
func BenchmarkOne(b *testing.B) {
	log := open(b, postgrestest.Start(b), postgres.Options{})
	for i := 0; b.Loop(); i++ {
		batch := &events.Batch{Outcomes: []events.Outcome{{ID: fmt.Sprint(i), Event: "login", Unit: "u", Time: start}}}
		if err := log.Append(context.Background(), tenant, batch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkQuery asks for what a report does, by day and by attribute as well,
// for its search for the cause of a mismatch, and for everything, of as many
// exposures and outcomes as EVENTS says.
func BenchmarkQuery(b *testing.B) {
	log := open(b, postgrestest.Start(b), postgres.Options{})
	feed(b, log, stream(size(b), false))
	for name, q := range map[string]events.Query{
		"simple": simple(), "report": typical(), "sliced": typical("device_type", "country"), "mismatch": mismatch(), "full": full(),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := log.Query(context.Background(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
