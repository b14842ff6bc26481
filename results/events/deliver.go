package events

import (
	"context"
	"errors"
)

// Refused is what a log will never keep of a batch.
type Refused struct {
	// Records counts them all, Exposures and Outcomes those of a kind.
	Records, Exposures, Outcomes int
	// Reason is why the first of them was refused; nil if there are none.
	Reason error
}

// Add counts what else was refused.
func (r *Refused) Add(other Refused) {
	r.Records += other.Records
	r.Exposures += other.Exposures
	r.Outcomes += other.Outcomes
	if r.Reason == nil {
		r.Reason = other.Reason
	}
}

// Deliver appends a batch but for the records that are refused, which it counts.
// The function is the method Append of a log, or one with its contract.
//
// Every error but ErrRefused ends it and is returned, without a count. Some of the
// batch may have been added; to deliver it again is harmless. Of n records with k
// that are refused, about 2k*log2(n/k) batches are appended, and never more than 2n.
func Deliver(ctx context.Context, add func(ctx context.Context, tenant string, batch *Batch) error, tenant string, batch *Batch) (Refused, error) {
	err := add(ctx, tenant, batch)
	if err == nil || !errors.Is(err, ErrRefused) {
		return Refused{}, err
	}
	if err := ctx.Err(); err != nil {
		return Refused{}, err
	}
	n := batch.Len()
	if n <= 1 {
		return Refused{Records: n, Exposures: len(batch.Exposures), Outcomes: len(batch.Outcomes), Reason: err}, nil
	}
	refused, err := Deliver(ctx, add, tenant, batch.part(0, n/2))
	if err != nil {
		return Refused{}, err
	}
	others, err := Deliver(ctx, add, tenant, batch.part(n/2, n))
	if err != nil {
		return Refused{}, err
	}
	refused.Add(others)
	return refused, nil
}

// part returns the records from one index to before another: exposures come
// first, then outcomes, then splits. It shares their memory.
func (b *Batch) part(from, to int) *Batch {
	exposures, outcomes := len(b.Exposures), len(b.Exposures)+len(b.Outcomes)
	return &Batch{
		Exposures: within(b.Exposures, from, to),
		Outcomes:  within(b.Outcomes, from-exposures, to-exposures),
		Splits:    within(b.Splits, from-outcomes, to-outcomes),
	}
}

// within returns the part of a list between two indexes that may be outside of it.
func within[T any](list []T, from, to int) []T {
	from, to = min(max(from, 0), len(list)), min(max(to, 0), len(list))
	return list[from:to:to]
}
