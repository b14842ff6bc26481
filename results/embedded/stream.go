package embedded

import (
	"bytes"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// stream has the outcomes of one event, unit after unit: those under the unit,
// and those under aliases.
type stream struct {
	outcomes *cursor
	rows     *reading
	event    int // of the plan's
	name     string
	tenant   string
	from     pebble.Reader
	// homes is opened for the first alias whose outcomes are not on the shelf.
	homes *cursor

	// Scratch of a unit: what was found, and the ids that there were, one after
	// the other, and where they end; as a set too when they are many.
	found []occurrence
	ids   []byte
	ends  []int
	many  map[string]struct{}
	// Scratch of a unit that has outcomes under aliases: their keys behind the
	// event or the unit.
	text  []byte
	parts [][2]int
	// shared has what there is under aliases of many outcomes.
	shared map[string][]occurrence
	held   int
}

func (s *stream) close() error {
	err := s.outcomes.close()
	if s.homes != nil {
		err = errors.Join(err, s.homes.close())
	}
	return err
}

// of returns the outcomes of a unit by time, those with equal ids being one. They
// must not be changed and are valid until the next call.
func (s *stream) of(unit []byte, steps *strides) ([]occurrence, error) {
	if rows := s.rows.of(unit, s.event); len(rows) > 0 {
		return s.mixed(unit, rows, steps)
	}
	s.begin()
	if s.outcomes.reach(unit) {
		for ; s.outcomes.at(unit); s.outcomes.next() {
			if err := s.take(s.outcomes, len(unit)); err != nil {
				return nil, err
			}
		}
	}
	return s.found, s.outcomes.iterator.Error()
}

func (s *stream) begin() { s.found, s.ids, s.ends = s.found[:0], s.ids[:0], s.ends[:0] }

// take adds the outcome that a cursor is at.
func (s *stream) take(at *cursor, behind int) error {
	r := reader{rest: at.rest()[behind:]}
	o, id := readDone(&r)
	copied := at == s.outcomes && r.byte() != direct
	if r.bad {
		return unreadable(at.iterator.Key())
	}
	if !copied && s.fresh(id) {
		s.found = append(s.found, o)
	}
	return nil
}

// readDone reads what keys have behind the event, or behind the unit.
func readDone(r *reader) (o occurrence, id []byte) {
	o.t = r.time()
	id = r.string()
	o.value, o.hasValue = r.value()
	return o, id
}

// mixed puts together what is under the unit with what rows tell of.
func (s *stream) mixed(unit []byte, rows []row, steps *strides) ([]occurrence, error) {
	s.text, s.parts = s.text[:0], s.parts[:0]
	if s.outcomes.reach(unit) {
		for ; s.outcomes.at(unit); s.outcomes.next() {
			rest := s.outcomes.rest()[len(unit):]
			r := reader{rest: rest}
			readDone(&r)
			end := len(rest) - len(r.rest)
			if copied := r.byte() != direct; r.bad {
				return nil, unreadable(s.outcomes.iterator.Key())
			} else if !copied {
				s.part(rest[:end])
			}
		}
	}
	if err := s.outcomes.iterator.Error(); err != nil {
		return nil, err
	}
	for _, row := range rows {
		form, rest := s.rows.behind(row)
		if form == rowOutcome {
			s.part(rest)
			continue
		}
		if len(rows) == 1 && len(s.parts) == 0 {
			return s.all(rest, steps)
		}
		err := s.under(rest, steps, func(behind int) error {
			s.part(s.homes.rest()[behind:])
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return s.sorted()
}

// part keeps what one outcome's key has behind the event or the unit.
func (s *stream) part(rest []byte) {
	begin := len(s.text)
	s.text = append(s.text, rest...)
	s.parts = append(s.parts, [2]int{begin, len(s.text)})
}

// sorted returns the outcomes whose keys were kept.
func (s *stream) sorted() ([]occurrence, error) {
	slices.SortFunc(s.parts, func(a, b [2]int) int { return bytes.Compare(s.text[a[0]:a[1]], s.text[b[0]:b[1]]) })
	s.begin()
	for _, part := range s.parts {
		r := reader{rest: s.text[part[0]:part[1]]}
		o, id := readDone(&r)
		if r.bad {
			return nil, unreadable(s.text[part[0]:part[1]])
		}
		if s.fresh(id) {
			s.found = append(s.found, o)
		}
	}
	return s.found, nil
}

// under calls do with the cursor of homes at each outcome of an alias (as in
// keys).
func (s *stream) under(alias []byte, steps *strides, do func(behind int) error) error {
	if s.homes == nil {
		var err error
		if s.homes, err = newCursor(s.from, prefix(aliasKind, s.tenant), nil, nil); err != nil {
			return err
		}
	}
	what := appendString(bytes.Clone(alias), s.name)
	for s.homes.jump(what); s.homes.at(what); s.homes.next() {
		if err := steps.step(); err != nil {
			return err
		}
		if err := do(len(what)); err != nil {
			return err
		}
	}
	return s.homes.iterator.Error()
}

// sharing bounds the outcomes of aliases that are remembered.
const sharing = 1 << 18

// all returns the outcomes of an alias, for a unit that has no others: the same
// for all units of a foreign id.
func (s *stream) all(alias []byte, steps *strides) ([]occurrence, error) {
	if known, ok := s.shared[string(alias)]; ok {
		return known, nil
	}
	s.begin()
	if err := s.under(alias, steps, func(behind int) error { return s.take(s.homes, behind) }); err != nil {
		return nil, err
	}
	if len(s.found) > sharing {
		return s.found, nil
	}
	if s.held += len(s.found); s.shared == nil || s.held > sharing {
		s.shared, s.held = map[string][]occurrence{}, len(s.found)
	}
	s.shared[string(alias)] = slices.Clone(s.found)
	return s.found, nil
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
