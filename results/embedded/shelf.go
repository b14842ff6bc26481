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
	// blocks have the text of the rows. They do not move as the shelf grows.
	blocks [][]byte
	rows   []row
	held   int // of bytes, with the rows
}

// row is a part of a block.
type row struct {
	head              uint64 // the first bytes, which most comparisons need only
	block, begin, end uint32
}

const (
	rowSize   = 24
	shelfPart = 256 << 10 // of a block, unless a row needs more
)

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
	size := len(unit) + 4 + 1
	for _, part := range parts {
		size += len(part)
	}
	text := append(appendRow(s.space(size), unit, event), form)
	for _, part := range parts {
		text = append(text, part...)
	}
	s.place(text)
	if s.held > s.room {
		s.cut()
	}
}

// space returns where a row is to be written.
func (s *shelf) space(size int) []byte {
	last := len(s.blocks) - 1
	if last < 0 || cap(s.blocks[last])-len(s.blocks[last]) < size {
		s.blocks = append(s.blocks, make([]byte, 0, max(size, min(shelfPart, s.room))))
		last++
	}
	block := s.blocks[last]
	return block[len(block):]
}

// place adds a row that was written into the last block's space.
func (s *shelf) place(text []byte) {
	last := len(s.blocks) - 1
	begin := len(s.blocks[last])
	s.blocks[last] = s.blocks[last][:begin+len(text)]
	var head [8]byte
	copy(head[:], text)
	s.rows = append(s.rows, row{binary.BigEndian.Uint64(head[:]), uint32(last), uint32(begin), uint32(begin + len(text))})
	s.held += len(text) + rowSize
}

func (s *shelf) of(r row) []byte { return s.blocks[r.block][r.begin:r.end] }

func (s *shelf) sort() {
	slices.SortFunc(s.rows, func(a, b row) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return bytes.Compare(s.of(a), s.of(b))
	})
}

// cut gives up the units behind the half of what is held. What is of one unit
// cannot be cut: where it takes more, there is room for twice of it from then on.
func (s *shelf) cut() {
	s.sort()
	half, i := s.held/2, 0
	for n := 0; i < len(s.rows) && n <= half; i++ {
		n += rowSize + len(s.of(s.rows[i]))
	}
	first, middle := s.unit(0), s.unit(i-1)
	if bytes.Equal(first, middle) {
		i := s.search(after(first))
		if i == len(s.rows) {
			s.end = after(first)
			s.room = 2 * s.held
			return
		}
		middle = s.unit(i)
	}
	s.end = bytes.Clone(middle)
	old := *s
	s.blocks, s.rows, s.held = nil, make([]row, 0, len(old.rows)), 0
	for _, r := range old.rows[:old.search(s.end)] {
		text := old.of(r)
		s.place(append(s.space(len(text)), text...))
	}
	if s.held > s.room/2 {
		s.room = 2 * s.held
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
