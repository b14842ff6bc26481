package geo

import (
	"math/bits"
	"sync/atomic"
)

const (
	minMemoSlots = 1 << 8
	maxMemoSlots = 1 << 15

	// A database holds roughly one distinct record in this many bytes, the
	// search tree counted in.
	memoBytesPerSlot = 256
)

// memo remembers the decoded records of one snapshot by their offset in its
// file, which decoding costs several times as much as finding. It is a
// direct-mapped table: a slot keeps the record last put there, so the size is
// fixed and there is nothing to lock or to evict. At its largest it takes
// about 2 MiB.
type memo struct {
	slots []atomic.Pointer[memoEntry]
	shift uint
}

// memoEntry is immutable once it is in a slot.
type memoEntry struct {
	offset   uintptr
	location Location
}

func newMemo(fileSize int) *memo {
	want := min(max(fileSize/memoBytesPerSlot, minMemoSlots), maxMemoSlots)
	exponent := uint(bits.Len(uint(want - 1)))
	return &memo{
		slots: make([]atomic.Pointer[memoEntry], 1<<exponent),
		shift: 64 - exponent,
	}
}

func (m *memo) get(offset uintptr) (Location, bool) {
	entry := m.slot(offset).Load()
	if entry == nil || entry.offset != offset {
		return Location{}, false
	}
	return entry.location, true
}

func (m *memo) put(offset uintptr, location Location) {
	m.slot(offset).Store(&memoEntry{offset: offset, location: location})
}

// slot spreads offsets, which share their low bits' patterns, by Fibonacci
// hashing: the product's high bits choose.
func (m *memo) slot(offset uintptr) *atomic.Pointer[memoEntry] {
	return &m.slots[uint64(offset)*0x9E3779B97F4A7C15>>m.shift]
}
