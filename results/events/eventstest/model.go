package eventstest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// Model is a log in memory by the plainest possible code. What the contract
// leaves open it settles like this:
//
//   - Bounds of a query are applied before anything else: an exposure outside of
//     them is as if it were not there, for Crossed and Apart too.
//   - Exposures that agree in time, variation and id are ordered by weights
//     version, device type, browser, country and region.
//   - An outcome with a value goes before one without, at equal times.
//   - The values of a unit are added exactly and rounded once.
//   - Numeric measures see no outcome without a value: a unit that has no others
//     is absent. Cell.Outcomes counts them nevertheless.
//   - A covariate is computed like the value, with Absent; neither it nor a
//     denominator is cut. Histograms and days are of cut values, Caps are those
//     of the whole answer, and there is one wherever there are values.
//   - A unit that is not matured is left out of everything in a measure's cells
//     and growths; chains and Traffic keep it.
//   - Where an outcome has a unit, its exposure's id does not matter. A foreign
//     id stands for all units that have exposures with it.
//   - Who was seen with whom is what the records say that are there: a log that
//     was pruned answers like one that never had what is gone.
//   - Of several splits with one weights version it is the one with the smallest
//     JSON of its weights.
//   - Groups, and days' groups, in which nothing is are left out.
type Model struct {
	mu      sync.Mutex
	tenants map[string]*records
}

// records are sets, by their JSON.
type records struct {
	exposures map[string]events.Exposure
	outcomes  map[string]events.Outcome
	splits    map[string]events.Split
}

// NewModel makes an empty log.
func NewModel() *Model { return &Model{tenants: map[string]*records{}} }

// Append implements events.Log.
func (m *Model) Append(ctx context.Context, tenant string, batch *events.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if batch.Len() == 0 {
		return ctx.Err()
	}
	if err := check(batch); err != nil {
		return err
	}
	r := m.tenants[tenant]
	if r == nil {
		r = &records{map[string]events.Exposure{}, map[string]events.Outcome{}, map[string]events.Split{}}
		m.tenants[tenant] = r
	}
	for _, e := range batch.Exposures {
		r.exposures[text(e)] = e
	}
	for _, o := range batch.Outcomes {
		if o.Value != nil {
			copied := *o.Value
			o.Value = &copied
		}
		r.outcomes[text(o)] = o
	}
	for _, s := range batch.Splits {
		s.Weights = maps.Clone(s.Weights)
		r.splits[text(s)] = s
	}
	return ctx.Err()
}

// check refuses what has no JSON.
func check(b *events.Batch) error {
	for _, o := range b.Outcomes {
		if o.Value != nil {
			if _, err := json.Marshal(*o.Value); err != nil {
				return fmt.Errorf("%w: outcome %q: %w", events.ErrRefused, o.ID, err)
			}
		}
	}
	for _, s := range b.Splits {
		if _, err := json.Marshal(s.Weights); err != nil {
			return fmt.Errorf("%w: split %q: %w", events.ErrRefused, s.WeightsVersion, err)
		}
	}
	return nil
}

// text is the JSON of a value.
func text(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encoding a %T: %v", value, err))
	}
	return string(text)
}

// sorted gives a set's records in the order of their JSON.
func sorted[T any](set map[string]T) []T {
	out := make([]T, 0, len(set))
	for _, key := range slices.Sorted(maps.Keys(set)) {
		out = append(out, set[key])
	}
	return out
}

// exported bounds the batches of an export.
const exported = 100

// Export implements events.Log.
func (m *Model) Export(ctx context.Context, tenant string, yield func(*events.Batch) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.tenants[tenant]
	if r == nil {
		return ctx.Err()
	}
	for part := range slices.Chunk(sorted(r.exposures), exported) {
		if err := yield(&events.Batch{Exposures: part}); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(sorted(r.outcomes), exported) {
		if err := yield(&events.Batch{Outcomes: part}); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(sorted(r.splits), exported) {
		if err := yield(&events.Batch{Splits: part}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Tenants implements events.Log.
func (m *Model) Tenants(ctx context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.tenants)), ctx.Err()
}

// Prune implements events.Log.
func (m *Model) Prune(ctx context.Context, before events.Millis) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for tenant, r := range m.tenants {
		maps.DeleteFunc(r.exposures, func(_ string, e events.Exposure) bool { return e.Time < before })
		maps.DeleteFunc(r.outcomes, func(_ string, o events.Outcome) bool { return o.Time < before })
		if len(r.exposures)+len(r.outcomes)+len(r.splits) == 0 {
			delete(m.tenants, tenant)
		}
	}
	return ctx.Err()
}

// Close implements events.Log.
func (m *Model) Close() error { return nil }

// Interface guard
var _ events.Log = (*Model)(nil)
