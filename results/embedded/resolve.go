package embedded

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// resolver finds the units that outcomes under an alias count for: of a foreign
// id all, of a user the one that was exposed first. It joins the outcomes with
// the links, both in the order of the aliases, and puts what is found onto a
// shelf in the order of the units, in which a scan needs it. An alias is
// resolved once; the work is that of reading its links and its outcomes.
//
// Only what the records say is read, no index of the links by unit: a log of any
// age and one that is only read is queried in the same way, appending writes no
// more than a key for each link, and nothing can disagree with the links.
type resolver struct {
	plan  *plan
	from  pebble.Reader
	steps *strides
	// exposed is nil if there is nothing to resolve.
	exposed *unitSet
	// order has the plan's events in the order of their names.
	order []int

	exposures, foreign *cursor
	firsts             map[string]first // by foreign id, as in keys

	// Scratch of an alias: its name as in keys, and its outcomes.
	alias, target, text []byte
	loaded              []loaded
}

// loaded are the outcomes of one event.
type loaded struct {
	event int
	rows  [][2]int // in the text
	// more reports that there are others.
	more bool
}

// inlined bounds the rows that are made of the outcomes of one alias and event.
// Where there would be more, the rows have the alias, and its outcomes are read
// when the unit is: else those of a foreign id would be multiplied by its units.
const inlined = 64

// remembered bounds the foreign ids that are remembered.
const remembered = 50_000

func newResolver(ctx context.Context, p *plan, from pebble.Reader) (r *resolver, err error) {
	r = &resolver{plan: p, from: from, steps: &strides{ctx: ctx}, firsts: map[string]first{}}
	if len(p.events) == 0 {
		return r, nil
	}
	any := false
	err = each(from, prefix(aliasKind, p.query.Tenant), func(*reader) (bool, error) {
		any = true
		return false, nil
	})
	if err != nil || !any {
		return r, err
	}
	for i := range p.events {
		r.order = append(r.order, i)
	}
	slices.SortFunc(r.order, func(a, b int) int { return cmp.Compare(p.events[a], p.events[b]) })
	if r.exposed, err = exposedUnits(ctx, p, from); err != nil {
		return r, err
	}
	if r.exposures, err = newCursor(from, p.exposures(), nil, nil); err != nil {
		return r, err
	}
	r.foreign, err = newCursor(from, append(prefix(linkKind, p.query.Tenant), byForeign), nil, nil)
	return r, err
}

func (r *resolver) close() error {
	var errs []error
	for _, c := range []*cursor{r.exposures, r.foreign} {
		if c != nil {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(errs...)
}

// resolve fills a shelf of about that room with what counts for units from low
// on. The shelf's end is where it must go on.
func (r *resolver) resolve(low []byte, room int) (*shelf, error) {
	s := &shelf{low: low, room: room}
	if r.exposed == nil {
		return s, nil
	}
	for _, kind := range [...]byte{byForeign, byUser} {
		if err := r.join(s, kind); err != nil {
			return nil, err
		}
	}
	s.sort()
	return s, nil
}

// join resolves the aliases of a kind.
func (r *resolver) join(s *shelf, kind byte) (err error) {
	tenant := r.plan.query.Tenant
	homes, err := newCursor(r.from, append(prefix(aliasKind, tenant), kind), nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, homes.close()) }()
	links, err := newCursor(r.from, append(prefix(linkKind, tenant), kind), nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, links.close()) }()
	for homes.valid() && links.valid() {
		if err := r.steps.step(); err != nil {
			return err
		}
		if err := r.name(links); err != nil {
			return err
		}
		if homes.reach(r.alias) {
			if err := r.settle(s, kind, homes, links); err != nil {
				return err
			}
			links.reach(after(r.alias))
		} else if homes.valid() {
			if err := r.name(homes); err != nil {
				return err
			}
			links.reach(r.alias)
		}
	}
	return nil // a cursor's error comes when it is closed
}

// name takes the alias of the key that a cursor is at.
func (r *resolver) name(c *cursor) error {
	rest := c.rest()
	name := reader{rest: rest}
	name.string()
	if name.bad {
		return unreadable(c.iterator.Key())
	}
	r.alias = append(r.alias[:0], rest[:len(rest)-len(name.rest)]...)
	return nil
}

// settle resolves the alias that links and outcomes are at.
func (r *resolver) settle(s *shelf, kind byte, homes, links *cursor) error {
	if kind == byUser {
		best, err := r.owner(links)
		if err != nil || best.unit == "" || !s.wants([]byte(best.unit)) {
			return err
		}
		if err := r.load(homes); err != nil {
			return err
		}
		r.put(s, []byte(best.unit), kind, 1)
		return nil
	}
	for n := 0; links.at(r.alias); links.next() {
		if err := r.steps.step(); err != nil {
			return err
		}
		_, unit, err := r.leads(links)
		if err != nil {
			return err
		}
		if !r.exposed.has(unit) || !s.wants(unit) {
			continue
		}
		if n == 0 {
			if err := r.load(homes); err != nil || len(r.loaded) == 0 {
				return err
			}
		}
		n++
		r.put(s, unit, kind, n)
	}
	return nil
}

// leads reads where a link leads to: a unit or a foreign id, as in keys. The
// cursor is at one of the alias.
func (r *resolver) leads(links *cursor) (kind byte, to []byte, err error) {
	rest := links.rest()[len(r.alias):]
	l := reader{rest: rest}
	kind = l.byte()
	to = l.rest
	if kind == toUnit {
		l.unit()
	} else {
		l.string()
	}
	if l.bad {
		return 0, nil, unreadable(links.iterator.Key())
	}
	return kind, to[:len(to)-len(l.rest)], nil
}

// load reads the outcomes of the alias, up to some of each event.
func (r *resolver) load(homes *cursor) error {
	r.text, r.loaded = r.text[:0], r.loaded[:0]
	for _, event := range r.order {
		r.target = appendString(append(r.target[:0], r.alias...), r.plan.events[event])
		if !homes.reach(r.target) {
			continue
		}
		found := loaded{event: event}
		for ; homes.at(r.target); homes.next() {
			if len(found.rows) == inlined {
				found.more = true
				break
			}
			begin := len(r.text)
			r.text = append(r.text, homes.rest()[len(r.target):]...)
			found.rows = append(found.rows, [2]int{begin, len(r.text)})
		}
		r.loaded = append(r.loaded, found)
	}
	return homes.iterator.Error()
}

// put makes rows of what was loaded for a unit, which is the nth of the alias.
func (r *resolver) put(s *shelf, unit []byte, kind byte, nth int) {
	for _, found := range r.loaded {
		if found.more || len(found.rows)*nth > inlined {
			s.add(unit, found.event, rowAlias, []byte{kind}, r.alias)
			continue
		}
		for _, row := range found.rows {
			s.add(unit, found.event, rowOutcome, r.text[row[0]:row[1]])
		}
	}
}

// first is the unit that was exposed first of some. Its time is looked up only
// when there is another: most aliases have one unit.
type first struct {
	unit  string // as in keys; empty is none
	t     events.Millis
	known bool
}

// owner finds the unit that a user's outcomes count for.
func (r *resolver) owner(links *cursor) (best first, err error) {
	for ; links.at(r.alias); links.next() {
		if err := r.steps.step(); err != nil {
			return best, err
		}
		kind, to, err := r.leads(links)
		if err != nil {
			return best, err
		}
		var other first
		if kind == toForeign {
			other, err = r.firstOf(to)
		} else if r.exposed.has(to) {
			other.unit = string(to)
		}
		if err == nil {
			err = r.consider(&best, other)
		}
		if err != nil {
			return best, err
		}
	}
	return best, links.iterator.Error()
}

// firstOf finds the one of a foreign id's units.
func (r *resolver) firstOf(foreign []byte) (best first, err error) {
	if known, ok := r.firsts[string(foreign)]; ok {
		return known, nil
	}
	for r.foreign.jump(foreign); r.foreign.at(foreign); r.foreign.next() {
		if err := r.steps.step(); err != nil {
			return best, err
		}
		l := reader{rest: r.foreign.rest()[len(foreign):]}
		l.byte()
		unit := l.unit()
		if l.bad {
			return best, unreadable(r.foreign.iterator.Key())
		}
		if !r.exposed.has(unit) {
			continue
		}
		if err := r.consider(&best, first{unit: string(unit)}); err != nil {
			return best, err
		}
	}
	if err := r.foreign.iterator.Error(); err != nil {
		return best, err
	}
	if len(r.firsts) >= remembered {
		clear(r.firsts)
	}
	r.firsts[string(foreign)] = best
	return best, nil
}

// consider puts another unit in the place of the best where it was exposed
// earlier; of equal ones the smaller is better.
func (r *resolver) consider(best *first, other first) error {
	if other.unit == "" || other.unit == best.unit {
		return nil
	}
	if best.unit == "" {
		*best = other
		return nil
	}
	if err := errors.Join(r.look(best), r.look(&other)); err != nil || other.unit == "" {
		return err
	}
	if best.unit == "" || other.t < best.t ||
		other.t == best.t && unitName([]byte(other.unit)) < unitName([]byte(best.unit)) {
		*best = other
	}
	return nil
}

// look finds the time of a unit's first analysed exposure. A unit without one is
// none.
func (r *resolver) look(f *first) error {
	if f.known || f.unit == "" {
		return nil
	}
	unit := []byte(f.unit)
	for r.exposures.jump(unit); r.exposures.at(unit); r.exposures.next() {
		key := reader{rest: r.exposures.rest()[len(unit):]}
		e := readShown(&key)
		if key.bad {
			return unreadable(r.exposures.iterator.Key())
		}
		if e.within(r.plan) && e.analysed() {
			f.t, f.known = e.t, true
			return nil
		}
	}
	*f = first{}
	return r.exposures.iterator.Error()
}
