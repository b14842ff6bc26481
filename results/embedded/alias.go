package embedded

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// alias stands for units: a user for those that were seen with it, a foreign
// exposure id for those that have exposures with it. A user may stand for
// foreign ids too, and by them for their units.
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

func (l link) key(tenant string) []byte {
	key := append(l.from.append(prefix(linkKind, tenant)), l.kind)
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

// namedKey is that of namedKind.
func namedKey(tenant, foreign, user string) []byte { return prefix(namedKind, tenant, foreign, user) }

// aliases reads and changes what is known of a tenant's aliases. It is consistent
// with itself: what it has set, it sees.
type aliases struct {
	tenant string
	reader pebble.Reader
	writer *pebble.Batch // nil where nothing is changed
}

// each calls do with the key of everything below a prefix, behind the tenant,
// until do says that it is enough.
func (a *aliases) each(below []byte, do func(r *reader) (more bool, err error)) (err error) {
	it, err := a.reader.NewIter(&pebble.IterOptions{LowerBound: below, UpperBound: after(below)})
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

// units gives the units that an alias stands for, at most limit; 0 is no limit.
func (a *aliases) units(of alias, limit int) ([]string, error) {
	var found []string
	seen := map[string]bool{}
	err := a.each(of.append(prefix(linkKind, a.tenant)), func(r *reader) (bool, error) {
		l := r.link()
		more := []string{l.to}
		if l.kind == toForeign {
			var err error
			if more, err = a.units(alias{byForeign, l.to}, limit); err != nil {
				return false, err
			}
		}
		for _, unit := range more {
			if !seen[unit] && (limit == 0 || len(found) < limit) {
				seen[unit] = true
				found = append(found, unit)
			}
		}
		return limit == 0 || len(found) < limit, nil
	})
	return found, err
}

// homes gives the outcomes that are kept under an alias.
func (a *aliases) homes(of alias, do func(o *events.Outcome) error) error {
	return a.each(of.append(prefix(aliasKind, a.tenant)), func(r *reader) (bool, error) {
		o := r.home()
		return true, do(&o)
	})
}

// users gives the users that stand for a foreign id.
func (a *aliases) users(foreign string) ([]alias, error) {
	var found []alias
	err := a.each(prefix(namedKind, a.tenant, foreign), func(r *reader) (bool, error) {
		r.string()
		found = append(found, alias{byUser, string(r.string())})
		return true, nil
	})
	return found, err
}

// several marks a copy whose user may have other units. It may be there in vain,
// never be missing.
var several = []byte{1}

// copy puts an outcome of an alias under one of its units.
func (a *aliases) copy(of alias, unit string, o *events.Outcome, shared bool) error {
	var mark []byte
	if shared {
		mark = several
	}
	return a.writer.Set(appendOutcome(nil, a.tenant, []byte(unit), o, of.kind, of.name), mark, nil)
}

// link keeps a link, with the copies that come of it.
func (a *aliases) link(l link, t events.Millis) error {
	key := l.key(a.tenant)
	known, err := a.latest(key)
	if err == nil && known >= t {
		return nil
	}
	if err != nil && !errors.Is(err, pebble.ErrNotFound) {
		return err
	}
	if err == nil {
		return a.writer.Set(key, appendTime(nil, t), nil)
	}
	users, err := a.usersOf(l)
	if err != nil {
		return err
	}
	before := make([][]string, len(users))
	for i, user := range users {
		if before[i], err = a.units(user, 2); err != nil {
			return err
		}
	}
	units, err := a.set(l, t)
	if err != nil {
		return err
	}
	for i, user := range users {
		if err := a.grow(user, before[i], units); err != nil {
			return err
		}
	}
	return nil
}

// usersOf gives the users that have units by a link.
func (a *aliases) usersOf(l link) ([]alias, error) {
	if l.from.kind == byUser {
		return []alias{l.from}, nil
	}
	return a.users(l.from.name)
}

// set writes a new link, and gives the units that it leads to.
func (a *aliases) set(l link, t events.Millis) ([]string, error) {
	if err := a.writer.Set(l.key(a.tenant), appendTime(nil, t), nil); err != nil {
		return nil, err
	}
	if l.kind == toForeign {
		if err := a.writer.Set(namedKey(a.tenant, l.to, l.from.name), nil, nil); err != nil {
			return nil, err
		}
		return a.units(alias{byForeign, l.to}, 0)
	}
	if l.from.kind == byForeign {
		return []string{l.to}, a.copyAll(l.from, l.to, false)
	}
	return []string{l.to}, nil
}

// latest gives the time of a link.
func (a *aliases) latest(key []byte) (events.Millis, error) {
	value, closer, err := a.reader.Get(key)
	if err != nil {
		return 0, err
	}
	defer closer.Close() //nolint:errcheck // it only gives memory back
	if len(value) != 8 {
		return 0, unreadable(key)
	}
	return events.Millis(binary.BigEndian.Uint64(value) ^ 1<<63), nil
}

// copyAll puts all outcomes of an alias under one of its units.
func (a *aliases) copyAll(of alias, unit string, shared bool) error {
	return a.homes(of, func(o *events.Outcome) error { return a.copy(of, unit, o, shared) })
}

// grow gives a user more units than it had before, of which two are enough.
func (a *aliases) grow(user alias, before, units []string) error {
	shared := len(before) > 1
	if all := union(before, units); !shared && len(all) > 1 {
		units, shared = all, true // those before are to be marked
	}
	for _, unit := range units {
		if err := a.copyAll(user, unit, shared); err != nil {
			return err
		}
	}
	return nil
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// unlink forgets a link, with the copies that came of it.
func (a *aliases) unlink(l link) error {
	if err := a.writer.Delete(l.key(a.tenant), nil); err != nil {
		return err
	}
	lost := []string{l.to}
	var err error
	switch {
	case l.from.kind == byForeign:
		err = a.remove(l.from, l.to)
	case l.kind == toForeign:
		if err = a.writer.Delete(namedKey(a.tenant, l.to, l.from.name), nil); err == nil {
			lost, err = a.units(alias{byForeign, l.to}, 0)
		}
	}
	if err != nil {
		return err
	}
	users, err := a.usersOf(l)
	if err != nil {
		return err
	}
	for _, user := range users {
		if err := a.shrink(user, lost); err != nil {
			return err
		}
	}
	return nil
}

// shrink takes units from a user that it does not have in another way.
func (a *aliases) shrink(user alias, lost []string) error {
	kept, err := a.units(user, 0)
	if err != nil {
		return err
	}
	for _, unit := range lost {
		if slices.Contains(kept, unit) {
			continue
		}
		if err := a.remove(user, unit); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes the copies of an alias's outcomes under a unit.
func (a *aliases) remove(of alias, unit string) error {
	return a.homes(of, func(o *events.Outcome) error {
		return a.writer.Delete(appendOutcome(nil, a.tenant, []byte(unit), o, of.kind, of.name), nil)
	})
}
