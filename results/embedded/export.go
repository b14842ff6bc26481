package embedded

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// exported bounds the batches of an export.
const exported = 5000

// recordKinds are those of keys that are records.
var recordKinds = []byte{exposureKind, outcomeKind, aliasKind, splitKind}

// Export implements events.Log. It gives what was there when it began.
func (l *Log) Export(ctx context.Context, tenant string, yield func(*events.Batch) error) error {
	if err := l.export(ctx, tenant, yield); err != nil {
		return fmt.Errorf("exporting from %s: %w", l.dir, explained(err))
	}
	return nil
}

func (l *Log) export(ctx context.Context, tenant string, yield func(*events.Batch) error) (err error) {
	from := l.db.NewSnapshot()
	defer func() { err = errors.Join(err, from.Close()) }()
	b := &events.Batch{}
	for _, kind := range recordKinds {
		n := 0
		err := each(from, prefix(kind, tenant), func(r *reader) (bool, error) {
			if n++; n%often == 0 && ctx.Err() != nil {
				return false, ctx.Err()
			}
			if err := collect(b, kind, r); err != nil || r.bad {
				return false, err
			}
			if b.Len() < exported {
				return true, nil
			}
			full := b
			b = &events.Batch{}
			return true, yield(full)
		})
		if err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil || b.Len() == 0 {
		return err
	}
	return yield(b)
}

// collect adds the record of a key; a copy is none.
func collect(b *events.Batch, kind byte, r *reader) error {
	switch kind {
	case exposureKind:
		b.Exposures = append(b.Exposures, r.exposure())
	case outcomeKind:
		if o, ok := r.outcome(); ok {
			b.Outcomes = append(b.Outcomes, o)
		}
	case aliasKind:
		b.Outcomes = append(b.Outcomes, r.home())
	case splitKind:
		s, err := r.split()
		if err != nil {
			return err
		}
		b.Splits = append(b.Splits, s)
	}
	return nil
}

// Tenants implements events.Log.
func (l *Log) Tenants(ctx context.Context) ([]string, error) {
	found := []string{}
	seen := map[string]bool{}
	for _, kind := range recordKinds {
		err := l.eachTenant(kind, func(tenant string) error {
			if !seen[tenant] {
				seen[tenant] = true
				found = append(found, tenant)
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, fmt.Errorf("listing the tenants of %s: %w", l.dir, explained(err))
		}
	}
	return found, nil
}

// eachTenant goes from the first key of one tenant to that of the next.
func (l *Log) eachTenant(kind byte, do func(tenant string) error) (err error) {
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = closeErr
		}
	}()
	for it.First(); it.Valid(); {
		r := reader{rest: it.Key()[1:]}
		tenant := string(r.string())
		if r.bad {
			return unreadable(it.Key())
		}
		if err := do(tenant); err != nil {
			return err
		}
		it.SeekGE(after(prefix(kind, tenant)))
	}
	return nil
}
