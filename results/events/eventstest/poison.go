package eventstest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// Poison returns batches of records that logs may refuse, one in each, by what is
// wrong with them. Their ids begin with "bad".
func Poison() map[string]*events.Batch {
	outcome := func(change func(*events.Outcome)) *events.Batch {
		o := events.Outcome{ID: "bad", Event: "s", Unit: "bad", Time: 1_700_000_000_000}
		change(&o)
		return &events.Batch{Outcomes: []events.Outcome{o}}
	}
	value := func(v float64) *events.Batch { return outcome(func(o *events.Outcome) { o.Value = &v }) }
	weights := func(w map[string]float64) *events.Batch {
		return &events.Batch{Splits: []events.Split{{Experiment: "bad", Iteration: "1", WeightsVersion: "bad", Weights: w}}}
	}
	// Long texts do not get shorter by being compressed.
	r := rand.New(rand.NewPCG(1, 1))
	long := func(n int) string {
		var b strings.Builder
		for b.Len() < n {
			fmt.Fprintf(&b, "%c", '!'+rune(r.IntN(90)))
		}
		return b.String()
	}
	all := map[string]*events.Batch{
		"value is no number":     value(math.NaN()),
		"value is infinite":      value(math.Inf(1)),
		"value is too small":     value(math.Inf(-1)),
		"weight is no number":    weights(map[string]float64{"a": math.NaN()}),
		"weight is infinite":     weights(map[string]float64{"a": math.Inf(1), "b": 1}),
		"weights are too long":   weights(map[string]float64{long(1 << 20): 1}),
		"outcome is nobody's":    outcome(func(o *events.Outcome) { o.Unit = "" }),
		"outcome's id is long":   outcome(func(o *events.Outcome) { o.ID = "bad" + long(1<<20) }),
		"outcome's id is wide":   outcome(func(o *events.Outcome) { o.ID = "bad" + long(4000) }),
		"outcome's user is long": outcome(func(o *events.Outcome) { o.UserID = long(1 << 20) }),
		"exposure's unit is long": {Exposures: []events.Exposure{{
			ID: "bad", Experiment: "e", Iteration: "1", Unit: long(1 << 20), Variation: "v", Source: "bucket", Time: 1_700_000_000_000,
		}}},
	}
	return all
}

// Good returns a batch of outcomes with the given ids, which every log keeps.
func Good(ids ...string) *events.Batch {
	b := &events.Batch{}
	for _, id := range ids {
		b.Outcomes = append(b.Outcomes, events.Outcome{ID: id, Event: "s", Unit: "good", Time: 1_700_000_000_000})
	}
	return b
}

// poison delivers such records between good ones.
func (c *conformance) poison(t *testing.T) {
	log := c.open(t)
	defer closed(t, log)
	var want []string
	all := &events.Batch{}
	for name, bad := range Poison() {
		err := log.Append(context.Background(), tenants[0], bad)
		if err != nil && !errors.Is(err, events.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		want = append(want, name)
		all.Merge(Good(name))
		all.Merge(bad)
	}
	refused, err := events.Deliver(context.Background(), log.Append, tenants[0], all)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d are refused, the first: %v", refused.Records, len(want), refused.Reason)
	if refused.Records > len(want) {
		t.Errorf("%d were refused, but only %d are bad", refused.Records, len(want))
	}
	var got []string
	err = log.Export(context.Background(), tenants[0], func(b *events.Batch) error {
		for _, o := range b.Outcomes {
			if o.Unit == "good" {
				got = append(got, o.ID)
			}
		}
		return nil
	})
	slices.Sort(want)
	if slices.Sort(got); err != nil || !slices.Equal(got, want) {
		t.Errorf("of the good ones there are %q, %v", got, err)
	}
}
