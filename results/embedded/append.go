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

// Append implements events.Log. All of the batch is added or nothing.
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
	defer a.batch.Close() //nolint:errcheck // committed or not wanted
	if err := a.add(batch); err != nil {
		return err
	}
	if len(a.links)+len(a.homes) > 0 {
		// What is linked is found out from what is there, so that nobody else may
		// change it until it is.
		l.aliases.Lock()
		defer l.aliases.Unlock()
		if err := a.resolve(l.db); err != nil {
			return err
		}
	}
	return l.commit(a.batch)
}

// appending is a batch on its way.
type appending struct {
	tenant string
	batch  *pebble.Batch
	key    []byte // scratch
	links  map[link]events.Millis
	homes  []home
}

// home is an outcome without its unit.
type home struct {
	of      alias
	outcome *events.Outcome
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
	a.homes = append(a.homes, home{of, o})
	return nil
}

// resolve adds what links and aliases lead to.
func (a *appending) resolve(db *pebble.DB) error {
	indexed := db.NewIndexedBatch()
	defer indexed.Close() //nolint:errcheck // it is part of the other batch
	known := &aliases{tenant: a.tenant, reader: indexed, writer: indexed}
	// In the order of the keys, what is read of one is near what was read of the
	// one before.
	for _, l := range slices.SortedFunc(maps.Keys(a.links), link.compare) {
		if err := known.link(l, a.links[l]); err != nil {
			return err
		}
	}
	slices.SortStableFunc(a.homes, func(a, b home) int { return a.of.compare(b.of) })
	units := map[alias][]string{}
	for _, h := range a.homes {
		found, ok := units[h.of]
		if !ok {
			var err error
			if found, err = known.units(h.of, 0); err != nil {
				return err
			}
			units[h.of] = found
		}
		for _, unit := range found {
			if err := known.copy(h.of, unit, h.outcome, h.of.kind == byUser && len(found) > 1); err != nil {
				return err
			}
		}
		if err := a.set(appendHome(a.key[:0], a.tenant, h.of, h.outcome)); err != nil {
			return err
		}
	}
	return a.batch.Apply(indexed, nil)
}
