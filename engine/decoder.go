package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder turns nodes into entities and collects what is wrong with them.
type decoder struct {
	text   []byte
	faults Faults
}

// full reports whether further faults would not be listed.
func (d *decoder) full() bool { return len(d.faults) >= maxFaults }

func (d *decoder) fault(n node, at *path, format string, args ...any) {
	if !d.full() {
		d.faults = append(d.faults, newFault(d.text, n.start(), at, fmt.Sprintf(format, args...)))
	}
}

// object visits the members of an object and checks that the required ones are
// there; visit answers false for a name it does not know.
func (d *decoder) object(n node, at *path, required []string, visit func(name string, v node, at *path) bool) {
	if !d.is(n, at, objectNode) {
		return
	}
	var there uint64 // those of the required ones, by their places
	for key, value := range n.members() {
		if d.full() {
			break
		}
		here := &path{parent: at, name: key.name()}
		if place := slices.Index(required, here.name); place >= 0 {
			there |= 1 << place
		}
		if !visit(here.name, value, here) {
			d.fault(value, here, "is no field here; check its spelling")
		}
	}
	for place, name := range required {
		if there&(1<<place) == 0 {
			d.fault(n, &path{parent: at, name: name}, "is missing")
		}
	}
}

func list[T any](d *decoder, n node, at *path, item func(node, *path) T) []T {
	if !d.is(n, at, arrayNode) {
		return nil
	}
	out := make([]T, 0, min(n.count(), 64))
	for i, value := range n.items() {
		if d.full() {
			break // so that a hostile list does not become a larger one of entities
		}
		out = append(out, item(value, &path{parent: at, item: i + 1}))
	}
	return out
}

func table[T any](d *decoder, n node, at *path, value func(node, *path) T) map[string]T {
	if !d.is(n, at, objectNode) {
		return nil
	}
	out := map[string]T{}
	for key, v := range n.members() {
		if d.full() {
			break
		}
		here := &path{parent: at, name: key.name()}
		out[here.name] = value(v, here)
	}
	return out
}

func word[T ~string](d *decoder, n node, at *path, words ...T) T {
	if !d.is(n, at, stringNode) {
		return ""
	}
	text := T(n.string())
	if !slices.Contains(words, text) {
		known := make([]string, len(words))
		for i, w := range words {
			known[i] = string(w)
		}
		d.fault(n, at, "must be one of %s, got %q", strings.Join(known, ", "), text)
		return ""
	}
	return text
}

func (d *decoder) is(n node, at *path, want kind) bool {
	if n.kind() != want {
		d.fault(n, at, "must be %s, got %s", kindNames[want], kindNames[n.kind()])
	}
	return n.kind() == want
}

func (d *decoder) string(n node, at *path) string {
	if !d.is(n, at, stringNode) {
		return ""
	}
	return n.string()
}

func (d *decoder) boolean(n node, at *path) bool {
	return d.is(n, at, booleanNode) && n.truth()
}

// name reads an entity's name, which must not be empty: it is what people see
// in lists and logs.
func (d *decoder) name(n node, at *path) string {
	text := d.string(n, at)
	if n.kind() == stringNode && strings.TrimSpace(text) == "" {
		d.fault(n, at, "must not be empty")
	}
	return text
}

func (d *decoder) id(n node, at *path, prefix string) string {
	text := d.string(n, at)
	if n.kind() == stringNode && !ValidID(prefix, text) {
		d.fault(n, at, "must be %s followed by base58 characters (letters and digits without 0, O, I and l), got %q", prefix, text)
	}
	return text
}

func (d *decoder) integer(n node, at *path, least int64) int64 {
	if !d.is(n, at, numberNode) {
		return 0
	}
	value, err := strconv.ParseInt(n.string(), 10, 53)
	if err != nil || value < least {
		d.fault(n, at, "must be a whole number from %d, got %s", least, n.source())
	}
	return value
}

func (d *decoder) weight(n node, at *path) *Weight {
	if !d.is(n, at, numberNode) {
		return nil
	}
	weight, err := ParseWeight(n.string())
	if err != nil {
		d.fault(n, at, "%v", err)
	}
	return &weight
}

func (d *decoder) time(n node, at *path) *time.Time {
	text := d.string(n, at)
	if n.kind() != stringNode {
		return nil
	}
	// time.Parse takes more than RFC 3339: hours of one digit, decimal commas,
	// and offsets of a day, which cannot be written as JSON again.
	t, err := time.Parse(time.RFC3339, text)
	if err == nil {
		_, err = t.MarshalText()
	}
	if err != nil || text[len("2006-01-02T15")] != ':' || strings.Contains(text, ",") {
		d.fault(n, at, "must be an RFC 3339 time like 2026-01-31T12:00:00Z, got %q", text)
	}
	return &t
}
