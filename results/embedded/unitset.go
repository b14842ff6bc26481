package embedded

import (
	"context"
	"errors"
	"hash/maphash"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/pace"
)

// unitSet tells most units that were not exposed in an iteration from those that
// were: a Bloom filter, each unit within one word. It may be wrong about a unit
// that is not in it, never about one that is. It takes 4 MiB, whatever is in it;
// of three million units it is wrong about one of a hundred others.
type unitSet struct {
	seed  maphash.Seed
	words []uint64
}

const unitWords = 1 << 19

func newUnitSet() *unitSet {
	return &unitSet{seed: maphash.MakeSeed(), words: make([]uint64, unitWords)}
}

// place returns a unit's word, and its bits there.
func (s *unitSet) place(unit []byte) (word int, bits uint64) {
	sum := maphash.Bytes(s.seed, unit)
	bits = 1<<(sum&63) | 1<<(sum>>6&63) | 1<<(sum>>12&63) | 1<<(sum>>18&63)
	return int(sum >> 40 % unitWords), bits
}

// add is safe for concurrent use.
func (s *unitSet) add(unit []byte) {
	word, bits := s.place(unit)
	atomic.OrUint64(&s.words[word], bits)
}

func (s *unitSet) has(unit []byte) bool {
	word, bits := s.place(unit)
	return s.words[word]&bits == bits
}

// exposedUnits returns the units of a plan's iteration. They need not have an
// exposure that counts.
func exposedUnits(ctx context.Context, p *plan, from pebble.Reader) (*unitSet, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	set := newUnitSet()
	bounds := divide(runtime.GOMAXPROCS(0), nil, nil)
	var working sync.WaitGroup
	for i := range len(bounds) - 1 {
		pace.Go(&working, func() {
			err := recovered(func() error {
				return inTurn(ctx, func(steps *strides) error { return set.fill(steps, p, from, bounds[i], bounds[i+1]) })
			})
			if err != nil {
				cancel(err)
			}
		})
	}
	working.Wait()
	return set, context.Cause(ctx)
}

func (s *unitSet) fill(steps *strides, p *plan, from pebble.Reader, low, high []byte) (err error) {
	exposures, err := newCursor(from, p.exposures(), low, high)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, exposures.close()) }()
	for ; exposures.valid(); exposures.next() {
		if err := steps.step(); err != nil {
			return err
		}
		r := reader{rest: exposures.rest()}
		unit := r.unit()
		if r.bad {
			return unreadable(exposures.iterator.Key())
		}
		s.add(unit)
	}
	return nil
}
