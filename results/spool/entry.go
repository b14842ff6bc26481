package spool

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// Entry is what was appended at once, or a part of it.
type Entry struct {
	// Seq is greater than that of all entries before.
	Seq    uint64
	Tenant string
	// Lines are records as events.Batch.AppendNDJSON writes them.
	Lines []byte
}

// An entry is kept as
//
//	magic 4, length of the rest 4, CRC-32C of length and rest 4,
//	seq 8, length of the tenant 2, tenant, lines
//
// with all numbers in big endian.
const (
	magic      = "\xc3EV\x01"
	headSize   = 4 + 4 + 4
	fixedSize  = 8 + 2
	maxTenant  = 256
	maxEntry   = 64 << 20
	greatest   = 1 << 62 // of sequence numbers: there is always a next one
	scanFactor = 8       // how often a byte may be looked at to get over damage
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendEntry(dst []byte, e Entry) []byte {
	begin := len(dst)
	dst = append(dst, magic...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(fixedSize+len(e.Tenant)+len(e.Lines)))
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, e.Seq)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(e.Tenant)))
	dst = append(dst, e.Tenant...)
	dst = append(dst, e.Lines...)
	binary.BigEndian.PutUint32(dst[begin+8:], checksum(dst[begin:]))
	return dst
}

func checksum(text []byte) uint32 {
	sum := crc32.Update(0, castagnoli, text[4:8])
	return crc32.Update(sum, castagnoli, text[headSize:])
}

func sizeOf(tenant string, lines []byte) int { return headSize + fixedSize + len(tenant) + len(lines) }

// verdict is what stands at a place.
type verdict uint8

const (
	good verdict = iota
	bad
	short // it would be longer than there is text
)

// entryAt reads the entry that a text begins with. Its lines are a part of the
// text.
func entryAt(text []byte) (e Entry, size int, v verdict) {
	if len(text) < headSize {
		return e, 0, short
	}
	if string(text[:4]) != magic {
		return e, 0, bad
	}
	length := int(binary.BigEndian.Uint32(text[4:]))
	if length < fixedSize || length > maxEntry {
		return e, 0, bad
	}
	if len(text)-headSize < length {
		return e, 0, short
	}
	text = text[:headSize+length]
	tenant := int(binary.BigEndian.Uint16(text[headSize+8:]))
	if tenant > length-fixedSize || checksum(text) != binary.BigEndian.Uint32(text[8:]) {
		return e, len(text), bad
	}
	rest := text[headSize+fixedSize:]
	return Entry{Seq: binary.BigEndian.Uint64(text[headSize:]), Tenant: string(rest[:tenant]), Lines: rest[tenant:]}, len(text), good
}

// reading goes through the text of a segment. Entries are in order; what is not
// counts as damaged.
type reading struct {
	text   []byte
	at     int    // the end of what was read
	last   uint64 // the number that was read last
	budget int
	// whole says that the segment ends where the text does. If not, what is
	// damaged is left to be read again with more of it.
	whole bool
	// damage has the places of what was skipped.
	damage []int
}

// next gives the next entry. If there is none, all from at on is no entry.
func (r *reading) next() (Entry, bool) {
	e, size, v := r.entry(r.at)
	if v == good {
		r.take(e, r.at+size)
		return e, true
	}
	if !r.whole || r.at == len(r.text) {
		return Entry{}, false
	}
	if r.budget == 0 {
		r.budget = scanFactor*len(r.text) + 1
	}
	for at := r.at + 1; r.budget > 0; at++ {
		next := bytes.Index(r.text[at:], []byte(magic))
		if next < 0 {
			break
		}
		at += next
		e, size, v := r.entry(at)
		r.budget -= size
		if v == good {
			r.damage = append(r.damage, r.at)
			r.take(e, at+size)
			return e, true
		}
	}
	r.budget = -1
	return Entry{}, false
}

func (r *reading) entry(at int) (Entry, int, verdict) {
	e, size, v := entryAt(r.text[at:])
	if v == good && (e.Seq <= r.last || e.Seq >= greatest) {
		v = bad
	}
	return e, size, v
}

func (r *reading) take(e Entry, end int) { r.at, r.last = end, e.Seq }
