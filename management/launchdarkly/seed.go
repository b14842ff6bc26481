package launchdarkly

import (
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// seed says how an iteration buckets: the experiment's first one without a salt,
// a later one with its own, so that it reshuffles. One that must not move anybody
// keeps the buckets of the one that is running.
func seed(e *engine.Experiment, next, now *engine.Iteration) error {
	next.Salt, next.Shares = "", nil
	switch {
	case now != nil && !reshuffles(next):
		shares, err := grown(e.Division(), next.Treatments)
		if err != nil {
			return err
		}
		next.Salt, next.Shares = now.Salt, shares
	case slices.ContainsFunc(e.Iterations, started):
		next.Salt = next.ID
	}
	return nil
}

// grown keeps all ranges where they are, and gives what the treatments grow by
// from the buckets behind, which nobody has.
func grown(shares []engine.Share, treatments []engine.IterationTreatment) ([]engine.Share, error) {
	out := slices.Clone(shares)
	before := map[string]engine.Weight{}
	for _, share := range shares {
		before[share.VariationID] += share.Weight
	}
	for _, t := range treatments {
		had := before[t.VariationID]
		delete(before, t.VariationID)
		switch {
		case t.Weight < had:
			return nil, shrinks(t.VariationID, had, t.Weight)
		case t.Weight == had:
		case len(out) > 0 && out[len(out)-1].VariationID == t.VariationID:
			out[len(out)-1].Weight += t.Weight - had
		default:
			out = append(out, engine.Share{VariationID: t.VariationID, Weight: t.Weight - had})
		}
	}
	for _, share := range shares {
		if had := before[share.VariationID]; had > 0 {
			return nil, shrinks(share.VariationID, had, 0)
		}
	}
	return out, nil
}

func shrinks(variation string, from, to engine.Weight) *Error {
	return invalid("canReshuffleTraffic", "is false, so nobody may be moved, but treatment %s shrinks from %s to %s percent", variation, from, to)
}
