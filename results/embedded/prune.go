package embedded

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// pruned bounds what is deleted at once, and for how long links wait.
const pruned = 5000

// Prune implements events.Log. What outcomes said of users goes with them.
func (l *Log) Prune(ctx context.Context, before events.Millis) error {
	if err := l.prune(ctx, before); err != nil {
		return fmt.Errorf("pruning %s: %w", l.dir, explained(err))
	}
	return nil
}

func (l *Log) prune(ctx context.Context, before events.Millis) error {
	for _, kind := range [...]byte{aliasKind, exposureKind, outcomeKind} {
		if err := l.pruneRecords(ctx, kind, before); err != nil {
			return err
		}
	}
	return l.pruneLinks(ctx, before)
}

// timeOf reads the time of a record's key. It is the earliest for a copy, which
// is no record (see upgrade).
func timeOf(key []byte) (events.Millis, error) {
	r := reader{rest: key[1:]}
	r.string() // tenant
	switch key[0] {
	case exposureKind:
		r.string()
		r.string()
		r.unit()
	case outcomeKind:
		r.string()
		r.unit()
	case aliasKind:
		r.alias()
		r.string()
	}
	t := r.time()
	if key[0] == outcomeKind {
		r.string()
		r.value()
		if r.byte() != direct {
			t = math.MinInt64
		}
	}
	if r.bad {
		return 0, unreadable(key)
	}
	return t, nil
}

func (l *Log) pruneRecords(ctx context.Context, kind byte, before events.Millis) error {
	old := func(it *pebble.Iterator) (bool, error) {
		t, err := timeOf(it.Key())
		return t < before, err
	}
	return l.inBatches(ctx, kind, old, func(keys [][]byte) error {
		b := l.db.NewBatch()
		for _, key := range keys {
			if err := b.Delete(key, nil); err != nil {
				return err
			}
		}
		return l.remove(ctx, b)
	})
}

func (l *Log) pruneLinks(ctx context.Context, before events.Millis) error {
	old := func(it *pebble.Iterator) (bool, error) {
		r := reader{rest: it.Value()}
		t := r.time()
		if r.bad {
			return false, unreadable(it.Key())
		}
		return t < before, nil
	}
	return l.inBatches(ctx, linkKind, old, func(keys [][]byte) error {
		for len(keys) > 0 {
			r := reader{rest: keys[0][1:]}
			tenant := string(r.string())
			if r.bad {
				return unreadable(keys[0])
			}
			of := prefix(linkKind, tenant)
			n := slices.IndexFunc(keys, func(key []byte) bool { return !bytes.HasPrefix(key, of) })
			if n < 0 {
				n = len(keys)
			}
			if err := l.pruneTenantLinks(ctx, tenant, keys[:n], before); err != nil {
				return err
			}
			keys = keys[n:]
		}
		return nil
	})
}

// pruneTenantLinks deletes those of the keys whose time is still before.
func (l *Log) pruneTenantLinks(ctx context.Context, tenant string, keys [][]byte, before events.Millis) error {
	done, err := l.links.take(ctx, tenant)
	if err != nil {
		return err
	}
	defer done()
	b := l.db.NewBatch()
	for _, key := range keys {
		t, known, err := latest(l.db, key)
		if err != nil {
			return err
		}
		if !known || t >= before {
			continue // an append has renewed it meanwhile
		}
		if err := b.Delete(key, nil); err != nil {
			return err
		}
	}
	return l.remove(ctx, b)
}

// inBatches passes the keys of a kind that are old to do, some at a time.
func (l *Log) inBatches(
	ctx context.Context, kind byte, old func(*pebble.Iterator) (bool, error), do func(keys [][]byte) error,
) error {
	var keys [][]byte
	err := l.eachOf(ctx, kind, func(it *pebble.Iterator) error {
		is, err := old(it)
		if err != nil {
			return err
		}
		if is {
			keys = append(keys, bytes.Clone(it.Key()))
		}
		if len(keys) == pruned {
			if err := do(keys); err != nil {
				return err
			}
			keys = keys[:0]
		}
		return nil
	})
	if err := cmp.Or(err, ctx.Err()); err != nil || len(keys) == 0 {
		return err
	}
	return do(keys)
}

// eachOf calls do for each key of a kind.
func (l *Log) eachOf(ctx context.Context, kind byte, do func(*pebble.Iterator) error) (err error) {
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = closeErr
		}
	}()
	n := 0
	for it.First(); it.Valid(); it.Next() {
		if n++; n%often == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := do(it); err != nil {
			return err
		}
	}
	return it.Error()
}
