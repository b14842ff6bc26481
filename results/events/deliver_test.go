package events_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// picky is a log that refuses records by their ids, and may be away.
type picky struct {
	bad   map[string]bool
	kept  map[string]int
	calls int
	// awayAt is the call that fails with another error; 0: none.
	awayAt int
}

var errAway = errors.New("away")

func (p *picky) Append(_ context.Context, tenant string, b *events.Batch) error {
	if p.calls++; p.calls == p.awayAt {
		return errAway
	}
	all := idsOf(b)
	for _, id := range all {
		if p.bad[id] {
			return fmt.Errorf("appending: %w: %s", events.ErrRefused, id)
		}
	}
	for _, id := range all {
		p.kept[tenant+" "+id]++
	}
	return nil
}

func idsOf(b *events.Batch) (all []string) {
	for _, e := range b.Exposures {
		all = append(all, e.ID)
	}
	for _, o := range b.Outcomes {
		all = append(all, o.ID)
	}
	for _, s := range b.Splits {
		all = append(all, s.WeightsVersion)
	}
	return all
}

func anyBatch(exposures, outcomes, splits int) *events.Batch {
	b := &events.Batch{}
	for i := range exposures {
		b.Exposures = append(b.Exposures, events.Exposure{ID: fmt.Sprint("e", i)})
	}
	for i := range outcomes {
		b.Outcomes = append(b.Outcomes, events.Outcome{ID: fmt.Sprint("o", i)})
	}
	for i := range splits {
		b.Splits = append(b.Splits, events.Split{WeightsVersion: fmt.Sprint("s", i)})
	}
	return b
}

// TestDeliver refuses some records of a batch: the others are kept exactly once.
func TestDeliver(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		b := anyBatch(r.IntN(20), r.IntN(20), r.IntN(5))
		all, bad := idsOf(b), map[string]bool{}
		for _, id := range all {
			if r.IntN(1+round%12) == 0 {
				bad[id] = true
			}
		}
		log := &picky{bad: bad, kept: map[string]int{}}
		refused, err := events.Deliver(t.Context(), log.Append, "t", b)
		if err != nil || refused.Records != len(bad) || len(log.kept) != len(all)-len(bad) {
			t.Fatalf("of %q without %v: refused %d, kept %v, %v", all, bad, refused.Records, log.kept, err)
		}
		if (refused.Reason != nil) != (len(bad) > 0) || refused.Reason != nil && !errors.Is(refused.Reason, events.ErrRefused) {
			t.Fatalf("the reason is %v", refused.Reason)
		}
		for id, times := range log.kept {
			if times != 1 {
				t.Fatalf("%s was appended %d times", id, times)
			}
		}
		if most := max(2*len(all), 1); log.calls > most {
			t.Fatalf("%d records were appended in %d batches", len(all), log.calls)
		}
		if !slices.Equal(idsOf(b), all) {
			t.Fatal("the batch was changed")
		}
	}
}

// TestDeliverEnds has the log away in the middle of it.
func TestDeliverEnds(t *testing.T) {
	log := &picky{bad: map[string]bool{"e3": true, "o1": true}, kept: map[string]int{}, awayAt: 3}
	if refused, err := events.Deliver(t.Context(), log.Append, "t", anyBatch(5, 5, 1)); !errors.Is(err, errAway) || refused.Records != 0 {
		t.Errorf("refused %d, %v", refused.Records, err)
	}
	if refused, err := events.Deliver(t.Context(), log.Append, "t", anyBatch(5, 5, 1)); err != nil || refused.Records != 2 || len(log.kept) != 9 {
		t.Errorf("the second time: refused %d, kept %v, %v", refused.Records, log.kept, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log = &picky{bad: map[string]bool{"e3": true}, kept: map[string]int{}}
	if _, err := events.Deliver(ctx, log.Append, "t", anyBatch(5, 5, 1)); !errors.Is(err, context.Canceled) || log.calls != 1 {
		t.Errorf("canceled: %v after %d calls", err, log.calls)
	}
}
