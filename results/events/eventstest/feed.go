package eventstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// Feed appends batches.
func Feed(t *testing.T, log events.Log, tenant string, batches ...*events.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := log.Append(context.Background(), tenant, b); err != nil {
			t.Fatalf("appending: %v", err)
		}
	}
}

// Ask queries.
func Ask(t *testing.T, log events.Log, q events.Query) *events.Answer {
	t.Helper()
	answer, err := log.Query(context.Background(), q)
	if err != nil {
		t.Fatalf("querying %s: %v", text(q), err)
	}
	return answer
}

// stream makes batches of different sizes.
func stream(r *rand.Rand) []*events.Batch {
	var batches []*events.Batch
	size := 40 + r.IntN(400)
	for range 1 + r.IntN(6) {
		batches = append(batches, Batch(r, size))
	}
	return batches
}

// disordered gives the same records otherwise: shuffled, some twice, in batches
// of other sizes.
func disordered(r *rand.Rand, batches []*events.Batch) []*events.Batch {
	var single []*events.Batch
	for _, b := range batches {
		for i := range b.Exposures {
			single = append(single, &events.Batch{Exposures: b.Exposures[i : i+1]})
		}
		for i := range b.Outcomes {
			single = append(single, &events.Batch{Outcomes: b.Outcomes[i : i+1]})
		}
		for i := range b.Splits {
			single = append(single, &events.Batch{Splits: b.Splits[i : i+1]})
		}
	}
	for range len(single) / 5 {
		single = append(single, pick(r, single))
	}
	r.Shuffle(len(single), func(i, k int) { single[i], single[k] = single[k], single[i] })
	var merged []*events.Batch
	for part := range slices.Chunk(single, 1+r.IntN(100)) {
		b := &events.Batch{}
		for _, other := range part {
			b.Merge(other)
		}
		merged = append(merged, b)
	}
	return merged
}

// exportOf gives the records of an export as JSON, each once, sorted.
func exportOf(t *testing.T, log events.Log, tenant string) []string {
	t.Helper()
	var lines []string
	err := log.Export(context.Background(), tenant, func(b *events.Batch) error {
		if b.Len() == 0 || b.Len() > 100_000 {
			return fmt.Errorf("a batch has %d records", b.Len())
		}
		for _, e := range b.Exposures {
			lines = append(lines, text(e))
		}
		for _, o := range b.Outcomes {
			lines = append(lines, text(o))
		}
		for _, s := range b.Splits {
			lines = append(lines, text(s))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("exporting: %v", err)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// Copy exports a tenant's records of one log into another.
func Copy(t *testing.T, from, to events.Log, tenant string) {
	t.Helper()
	err := from.Export(context.Background(), tenant, func(b *events.Batch) error {
		return to.Append(context.Background(), tenant, b)
	})
	if err != nil {
		t.Fatalf("copying: %v", err)
	}
}
