package embedded

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
)

// shelf has outcomes that were kept under an alias in the order of the units
// that they count for: unit, event, and either the outcome or the alias under
// which all of them are. It holds the rows of a range of units, which it cuts
// shorter where there are more than it has room for.
type shelf struct {
	// low and end are units as in keys: low is the first that rows are of, end the
	// first that they are no longer of. nil is no bound.
	low, end []byte
	// room is how many bytes may be held.
	room int
	text []byte
	rows []row
}

// row is a part of a shelf's text.
type row struct {
	head       uint64 // the first bytes, which most comparisons need only
	begin, end int
}

const rowSize = 24

// The forms of a row. What follows is behind the event of a key of aliasKind:
// time, id, value; or is an alias as in keys.
const (
	rowOutcome = 0
	rowAlias   = 1
)

// wants reports whether rows of a unit are kept.
func (s *shelf) wants(unit []byte) bool {
	return bytes.Compare(unit, s.low) >= 0 && (s.end == nil || bytes.Compare(unit, s.end) < 0)
}

// appendRow begins a row; event is an index of the plan's.
func appendRow(text, unit []byte, event int) []byte {
	return binary.BigEndian.AppendUint32(append(text, unit...), uint32(event))
}

// add keeps a row of a unit, if it is wanted.
func (s *shelf) add(unit []byte, event int, form byte, parts ...[]byte) {
	if !s.wants(unit) {
		return
	}
	begin := len(s.text)
	s.text = append(appendRow(s.text, unit, event), form)
	for _, part := range parts {
		s.text = append(s.text, part...)
	}
	s.place(begin)
	if len(s.text)+len(s.rows)*rowSize > s.room {
		s.cut()
	}
}

// place adds the row that begins there and ends with the text.
func (s *shelf) place(begin int) {
	var head [8]byte
	copy(head[:], s.text[begin:])
	s.rows = append(s.rows, row{binary.BigEndian.Uint64(head[:]), begin, len(s.text)})
}

func (s *shelf) of(r row) []byte { return s.text[r.begin:r.end] }

func (s *shelf) sort() {
	slices.SortFunc(s.rows, func(a, b row) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return bytes.Compare(s.of(a), s.of(b))
	})
}

// cut gives up the units from the middle on. What is of one unit cannot be cut.
func (s *shelf) cut() {
	s.sort()
	first, middle := s.unit(0), s.unit(len(s.rows)/2)
	if bytes.Equal(first, middle) {
		i := s.search(after(first))
		if i == len(s.rows) {
			s.end = after(first)
			s.room *= 2
			return
		}
		middle = s.unit(i)
	}
	s.end = bytes.Clone(middle)
	kept := s.rows[:s.search(s.end)]
	s.rows = make([]row, 0, len(s.rows))
	old := s.text
	s.text = make([]byte, 0, len(old))
	for _, r := range kept {
		begin := len(s.text)
		s.text = append(s.text, old[r.begin:r.end]...)
		s.place(begin)
	}
	if held := len(s.text) + len(s.rows)*rowSize; held > s.room/2 {
		s.room = 2 * held
	}
}

// unit is that of a row.
func (s *shelf) unit(i int) []byte {
	r := reader{rest: s.of(s.rows[i])}
	return r.unit()
}

// search finds the first row that is not before what is given.
func (s *shelf) search(what []byte) int {
	return sort.Search(len(s.rows), func(i int) bool { return bytes.Compare(s.of(s.rows[i]), what) >= 0 })
}

// reading goes over a shelf that is sorted.
type reading struct {
	shelf *shelf
	next  int
	key   []byte // scratch
}

// read begins at a unit; nil is the first.
func (s *shelf) read(low []byte) *reading { return &reading{shelf: s, next: s.search(low)} }

// of returns the rows of a unit and event. What is asked for must be in the
// order of the rows.
func (r *reading) of(unit []byte, event int) []row {
	rows := r.shelf.rows
	if r.next == len(rows) {
		return nil
	}
	r.key = appendRow(r.key[:0], unit, event)
	for r.next < len(rows) && bytes.Compare(r.shelf.of(rows[r.next]), r.key) < 0 {
		r.next++
	}
	begin := r.next
	for r.next < len(rows) && bytes.HasPrefix(r.shelf.of(rows[r.next]), r.key) {
		r.next++
	}
	return rows[begin:r.next]
}

// behind is what follows the event of a row.
func (r *reading) behind(at row) (form byte, rest []byte) {
	text := r.shelf.of(at)[len(r.key):]
	return text[0], text[1:]
}
