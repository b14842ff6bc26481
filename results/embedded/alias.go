package embedded

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// alias stands for units: a user for those that were seen with it, a foreign
// exposure id for those that have exposures with it. A user may stand for
// foreign ids too, and by them for their units.
//
// An outcome that names an alias is kept once, under the alias, however many
// units there are; queries find out which units it counts for (see resolver).
// Written under its units instead, the outcomes of a user with n units would
// take n times their room and, when the n units come after them, n times the
// work of one request.
type alias struct {
	kind byte // byForeign or byUser
	name string
}

func (a alias) append(key []byte) []byte { return appendString(append(key, a.kind), a.name) }

func (a alias) compare(other alias) int {
	return cmp.Or(cmp.Compare(a.kind, other.kind), cmp.Compare(a.name, other.name))
}

func (r *reader) alias() alias { return alias{kind: r.byte(), name: string(r.string())} }

// A link leads to a unit or to a foreign id.
const (
	toUnit    = 1
	toForeign = 2
)

// link says what an alias stands for.
type link struct {
	from alias
	kind byte
	// to is a unit, as in keys, or a foreign id.
	to string
}

func (l link) append(key []byte, tenant string) []byte {
	key = append(l.from.append(appendString(append(key, linkKind), tenant)), l.kind)
	if l.kind == toUnit {
		return append(key, l.to...)
	}
	return appendString(key, l.to)
}

func (l link) compare(other link) int {
	return cmp.Or(l.from.compare(other.from), cmp.Compare(l.kind, other.kind), cmp.Compare(l.to, other.to))
}

// link reads a key of linkKind, behind its tenant.
func (r *reader) link() link {
	l := link{from: r.alias(), kind: r.byte()}
	if l.kind == toUnit {
		l.to = string(r.unit())
	} else {
		l.to = string(r.string())
	}
	return l
}

// latest returns the time of a link, and whether there is one.
func latest(from pebble.Reader, key []byte) (t events.Millis, known bool, err error) {
	value, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer closer.Close() //nolint:errcheck // it only gives memory back
	if len(value) != 8 {
		return 0, false, unreadable(key)
	}
	return events.Millis(binary.BigEndian.Uint64(value) ^ 1<<63), true, nil
}

// each calls do with every key below a prefix, behind the tenant, until do
// reports that it wants no more.
func each(from pebble.Reader, below []byte, do func(r *reader) (more bool, err error)) (err error) {
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: below, UpperBound: after(below)})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = closeErr
		}
	}()
	for it.First(); it.Valid(); it.Next() {
		r := &reader{rest: it.Key()[1:]}
		r.string()
		more, err := do(r)
		if r.bad {
			return unreadable(it.Key())
		}
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func unreadable(key []byte) error { return fmt.Errorf("key %q cannot be read", key) }
