package embedded

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// perRecord is about the size of a record in a batch.
const perRecord = 160

// Append implements events.Log. All of the batch is added or nothing. A record
// is one key, with at most one link beside it: what an append costs grows with
// the batch only, whatever it refers to.
func (l *Log) Append(ctx context.Context, tenant string, batch *events.Batch) error {
	if err := l.append(ctx, tenant, batch); err != nil {
		return fmt.Errorf("appending to %s: %w", l.dir, explained(err))
	}
	return nil
}

func (l *Log) append(ctx context.Context, tenant string, batch *events.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := check(tenant, batch); err != nil || batch.Len() == 0 {
		return err
	}
	a := appending{tenant: tenant, batch: l.db.NewBatchWithSize(batch.Len() * perRecord), links: map[link]events.Millis{}}
	if err := a.add(batch); err != nil {
		return err
	}
	if len(a.links) > 0 {
		done, err := l.links.take(ctx, tenant)
		if err != nil {
			return err
		}
		defer done()
		if err := a.renew(ctx, l.db); err != nil {
			return err
		}
	}
	return l.commit(ctx, a.batch)
}

// appending is a batch on its way.
type appending struct {
	tenant string
	batch  *pebble.Batch
	key    []byte // scratch
	// links are those that the batch's records tell of, with the latest time.
	links map[link]events.Millis
}

func (a *appending) add(b *events.Batch) error {
	for i := range b.Exposures {
		e := &b.Exposures[i]
		if err := a.set(appendExposure(a.key[:0], a.tenant, e)); err != nil {
			return err
		}
		if _, ours := events.UnitOf(e.ID); !ours {
			a.link(link{alias{byForeign, e.ID}, toUnit, string(appendUnit(nil, e.Unit))}, e.Time)
		}
	}
	for i := range b.Outcomes {
		if err := a.outcome(&b.Outcomes[i]); err != nil {
			return err
		}
	}
	for i := range b.Splits {
		key, err := appendSplit(a.key[:0], a.tenant, &b.Splits[i])
		if err != nil {
			return err
		}
		if err := a.set(key); err != nil {
			return err
		}
	}
	return nil
}

// set keeps the key's memory for the next one.
func (a *appending) set(key []byte) error {
	a.key = key
	return a.batch.Set(key, nil, nil)
}

func (a *appending) link(l link, t events.Millis) {
	if before, ok := a.links[l]; !ok || t > before {
		a.links[l] = t
	}
}

func (a *appending) outcome(o *events.Outcome) error {
	unit := o.Unit
	if unit == "" {
		unit, _ = events.UnitOf(o.ExposureID)
	}
	_, ours := events.UnitOf(o.ExposureID)
	user := alias{byUser, o.UserID}
	if o.Unit != "" || ours {
		var room [packedSize]byte
		encoded := appendUnit(room[:0], unit)
		if o.UserID != "" {
			a.link(link{user, toUnit, string(encoded)}, o.Time)
		}
		return a.set(appendOutcome(a.key[:0], a.tenant, encoded, o, direct, o.UserID))
	}
	of := user
	if o.ExposureID != "" {
		of = alias{byForeign, o.ExposureID}
		if o.UserID != "" {
			a.link(link{user, toForeign, o.ExposureID}, o.Time)
		}
	}
	return a.set(appendHome(a.key[:0], a.tenant, of, o))
}

// renew adds the links that are new or have a later time than the one that is
// kept.
func (a *appending) renew(ctx context.Context, db *pebble.DB) error {
	value := make([]byte, 0, 8)
	// In the order of the keys, what is read of one is near what was read of the
	// one before.
	for i, l := range slices.SortedFunc(maps.Keys(a.links), link.compare) {
		if i%often == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		a.key = l.append(a.key[:0], a.tenant)
		t := a.links[l]
		before, known, err := latest(db, a.key)
		if err != nil {
			return err
		}
		if known && before >= t {
			continue
		}
		if err := a.batch.Set(a.key, appendTime(value, t), nil); err != nil {
			return err
		}
	}
	return nil
}
