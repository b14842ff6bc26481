package embedded

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// A key begins with its kind and its tenant. Everything that tells two records
// apart is in the key, so that the order of arrival cannot matter.
const (
	// formatKind has the format's version.
	formatKind = 'f'
	// exposureKind: experiment, iteration, unit, time, variation, id and all else.
	exposureKind = 'x'
	// outcomeKind: event, unit, time, id, value, origin, and the user or the
	// alias that the origin speaks of.
	outcomeKind = 'e'
	// aliasKind are outcomes whose unit is not in them: alias, event, time, id,
	// value, user.
	aliasKind = 'a'
	// linkKind: alias, and a unit or another alias that it stands for. The value
	// is the latest time at which a record said so.
	linkKind = 'l'
	// namedKind is of format 1 only; see upgrade.
	namedKind = 'r'
	// splitKind: experiment, iteration, weights version, weights.
	splitKind = 's'
)

// The kinds of an alias, and direct: the origin of an outcome under a unit. The
// other origins are those of copies; see upgrade.
const (
	direct = iota
	byForeign
	byUser
)

// A unit is packed where it is 16 bytes in base64, as all are that are hashed
// here.
const (
	plainUnit  = 1
	packedUnit = 2
	packedSize = 1 + 16
)

var base64Strict = base64.RawURLEncoding.Strict()

// appendString ends with a zero and a one; a zero within is followed by 0xff.
// The order of the keys is that of the strings.
func appendString(key []byte, s string) []byte {
	for i := range len(s) {
		key = append(key, s[i])
		if s[i] == 0 {
			key = append(key, 0xff)
		}
	}
	return append(key, 0, 1)
}

func appendUnit(key []byte, unit string) []byte {
	if base64Strict.EncodedLen(packedSize-1) == len(unit) {
		var raw [packedSize]byte
		if n, err := base64Strict.Decode(raw[:], []byte(unit)); err == nil && n == packedSize-1 {
			return append(append(key, packedUnit), raw[:n]...)
		}
	}
	return appendString(append(key, plainUnit), unit)
}

func appendTime(key []byte, t events.Millis) []byte {
	return binary.BigEndian.AppendUint64(key, uint64(t)^1<<63)
}

// appendValue puts nil after all values.
func appendValue(key []byte, value *float64) []byte {
	if value == nil {
		return append(key, 1)
	}
	bits := math.Float64bits(*value + 0) // of the zeros there is one
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(append(key, 0), bits)
}

// reader takes a key apart. What it gives is valid as long as the key.
type reader struct {
	rest []byte
	// bad says that the key is not one of ours.
	bad bool
}

func (r *reader) take(n int) []byte {
	if len(r.rest) < n {
		r.bad = true
		r.rest = nil
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte { return r.take(1)[0] }

func (r *reader) string() []byte {
	end := bytes.IndexByte(r.rest, 0)
	if end >= 0 && end+1 < len(r.rest) && r.rest[end+1] == 1 {
		s := r.rest[:end]
		r.rest = r.rest[end+2:]
		return s
	}
	return r.escaped()
}

func (r *reader) escaped() []byte {
	var s []byte
	for i := 0; i+1 < len(r.rest); i++ {
		if r.rest[i] != 0 {
			s = append(s, r.rest[i])
			continue
		}
		switch i++; r.rest[i] {
		case 1:
			r.rest = r.rest[i+1:]
			return s
		case 0xff:
			s = append(s, 0)
		default:
			i = len(r.rest)
		}
	}
	r.bad = true
	r.rest = nil
	return nil
}

// unit gives a unit as it is in the key.
func (r *reader) unit() []byte {
	whole := r.rest
	switch r.byte() {
	case packedUnit:
		r.take(packedSize - 1)
	case plainUnit:
		r.string()
	default:
		r.bad = true
	}
	if r.bad {
		return nil
	}
	return whole[:len(whole)-len(r.rest)]
}

// unitName is the unit that a key has as encoded.
func unitName(encoded []byte) string {
	r := reader{rest: encoded}
	if r.byte() == packedUnit {
		return base64Strict.EncodeToString(r.rest)
	}
	return string(r.string())
}

func (r *reader) time() events.Millis {
	return events.Millis(binary.BigEndian.Uint64(r.take(8)) ^ 1<<63)
}

func (r *reader) value() (value float64, ok bool) {
	if r.byte() == 1 {
		return 0, false
	}
	bits := binary.BigEndian.Uint64(r.take(8))
	if bits>>63 == 1 {
		bits &^= 1 << 63
	} else {
		bits = ^bits
	}
	return math.Float64frombits(bits), true
}

// pointer gives the value as a record has it.
func (r *reader) pointer() *float64 {
	if value, ok := r.value(); ok {
		return &value
	}
	return nil
}

// prefix begins a key.
func prefix(kind byte, tenant string, names ...string) []byte {
	key := appendString([]byte{kind}, tenant)
	for _, name := range names {
		key = appendString(key, name)
	}
	return key
}

// after is the smallest key that is greater than all with a prefix.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
