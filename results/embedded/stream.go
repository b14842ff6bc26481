package embedded

import (
	"bytes"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// stream gives the outcomes of one event, unit after unit.
type stream struct {
	iterator *pebble.Iterator // ahead of what was asked for
	prefix   []byte
	seek     []byte // scratch
	owner    *owner

	// Scratch of a unit: the ids that there were, one after the other, and where
	// they end; as a set too when they are many.
	ids  []byte
	ends []int
	many map[string]struct{}
}

// near is how many units without an exposure are passed one by one before the
// iterator seeks.
const near = 8

// reach goes to the first outcome of a unit; it is not ok without any.
func (s *stream) reach(unit []byte) (ok bool) {
	n := len(s.prefix)
	for passed := 0; s.iterator.Valid(); passed++ {
		rest := s.iterator.Key()[n:]
		if bytes.HasPrefix(rest, unit) {
			return true
		}
		if bytes.Compare(rest, unit) > 0 {
			return false
		}
		if passed < near {
			s.iterator.Next()
			continue
		}
		s.seek = append(append(s.seek[:0], s.prefix...), unit...)
		s.iterator.SeekGE(s.seek)
	}
	return false
}

// of adds the outcomes of a unit to those given.
func (s *stream) of(unit []byte, t0 events.Millis, to []occurrence) ([]occurrence, error) {
	s.ids, s.ends = s.ids[:0], s.ends[:0]
	if !s.reach(unit) {
		return to, s.iterator.Error()
	}
	begin := len(s.prefix) + len(unit)
	for ; s.iterator.Valid(); s.iterator.Next() {
		key := s.iterator.Key()
		if !bytes.HasPrefix(key[len(s.prefix):], unit) {
			break
		}
		r := reader{rest: key[begin:]}
		o := occurrence{t: r.time()}
		id := r.string()
		o.value, o.hasValue = r.value()
		origin, of := r.byte(), r.string()
		if r.bad {
			return to, unreadable(key)
		}
		if origin == byUser && len(s.iterator.Value()) > 0 {
			if mine, err := s.owner.is(of, unit); err != nil {
				return to, err
			} else if !mine {
				continue
			}
		}
		if s.fresh(id) {
			to = append(to, o)
		}
	}
	return to, s.iterator.Error()
}

// few is how many ids are looked through one by one.
const few = 8

// fresh reports whether an id has not been there, of the unit; it has then.
func (s *stream) fresh(id []byte) bool {
	if len(s.ends) > few {
		if _, ok := s.many[string(id)]; ok {
			return false
		}
		s.many[string(id)] = struct{}{}
		return true
	}
	begin := 0
	for _, end := range s.ends {
		if bytes.Equal(s.ids[begin:end], id) {
			return false
		}
		begin = end
	}
	s.ids = append(s.ids, id...)
	s.ends = append(s.ends, len(s.ids))
	if len(s.ends) > few {
		s.spread()
	}
	return true
}

// spread makes a set of the ids.
func (s *stream) spread() {
	if s.many == nil {
		s.many = map[string]struct{}{}
	}
	clear(s.many)
	begin := 0
	for _, end := range s.ends {
		s.many[string(s.ids[begin:end])] = struct{}{}
		begin = end
	}
}

// owner finds the unit that a user's outcomes count for.
type owner struct {
	plan      *plan
	aliases   *aliases
	exposures *pebble.Iterator
	prefix    []byte // of the exposures' keys
	known     map[string]string
}

// remembered bounds the users that are remembered.
const remembered = 10_000

func newOwner(p *plan, from pebble.Reader, prefix []byte) (*owner, error) {
	it, err := between(from, prefix, nil, nil)
	if err != nil {
		return nil, err
	}
	return &owner{
		plan: p, exposures: it, prefix: prefix, known: map[string]string{},
		aliases: &aliases{tenant: p.query.Tenant, reader: from},
	}, nil
}

func (o *owner) close() error { return o.exposures.Close() }

// is reports whether a unit is the one.
func (o *owner) is(user, unit []byte) (bool, error) {
	first, ok := o.known[string(user)]
	if !ok {
		var err error
		if first, err = o.find(string(user)); err != nil {
			return false, err
		}
		if len(o.known) >= remembered {
			clear(o.known)
		}
		o.known[string(user)] = first
	}
	return first == string(unit), nil
}

// find gives the one of a user's units that was exposed first; of equal ones
// the smallest.
func (o *owner) find(user string) (string, error) {
	units, err := o.aliases.units(alias{byUser, user}, 0)
	if err != nil {
		return "", err
	}
	var best, name string
	var at events.Millis
	for _, unit := range units {
		t, ok, err := o.exposed(unit)
		if err != nil {
			return "", err
		}
		if !ok || best != "" && t > at {
			continue
		}
		if other := unitName([]byte(unit)); best == "" || t < at || other < name {
			best, name, at = unit, other, t
		}
	}
	return best, nil
}

// exposed gives the time of a unit's first analysed exposure.
func (o *owner) exposed(unit string) (t events.Millis, ok bool, err error) {
	start := append(slices.Clone(o.prefix), unit...)
	for o.exposures.SeekGE(start); o.exposures.Valid(); o.exposures.Next() {
		key := o.exposures.Key()
		if !bytes.HasPrefix(key, start) {
			break
		}
		r := reader{rest: key[len(start):]}
		e := readShown(&r)
		if r.bad {
			return 0, false, unreadable(key)
		}
		if e.within(o.plan) && e.analysed() {
			return e.t, true, nil
		}
	}
	return 0, false, o.exposures.Error()
}
