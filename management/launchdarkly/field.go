package launchdarkly

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// object is a JSON object of a body. A member that is null counts as absent. The
// first fault of a body is kept, and what is read with one is the zero value.
type object struct {
	fault   **Error
	at      string // its path with a dot behind; empty for the body
	members map[string]any
	asked   map[string]bool // what was looked for
}

func newObject(fault **Error, at string, members map[string]any) object {
	return object{fault, at, members, map[string]bool{}}
}

// entry is a value with its path.
type entry struct {
	fault **Error
	at    string
	value any
}

// The longest texts.
const (
	longestName = engine.LongestName
	longestText = 8 << 10
)

// err is the first fault.
func (o object) err() error {
	if *o.fault != nil {
		return *o.fault
	}
	return nil
}

func (e entry) refuse(format string, args ...any) {
	if *e.fault == nil {
		*e.fault = invalid(e.at, format, args...)
	}
}

// find gives a member that may be missing.
func (o object) find(name string) (entry, bool) {
	value := o.members[name]
	o.asked[name] = true
	return entry{o.fault, o.at + name, value}, value != nil
}

// said returns a member that may be missing, or empty: some clients send all that they
// know of.
func (o object) said(name string) (entry, bool) {
	e, there := o.find(name)
	return e, there && e.value != ""
}

// complete refuses members that were not looked for. What a client asks for and does
// not get is another thing than what it asks for.
func (o object) complete() {
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		if !o.asked[name] && o.members[name] != nil {
			entry{o.fault, o.at + clip(name), nil}.refuse("is not supported here; leave it out")
			return
		}
	}
}

// need gives a member that must be there.
func (o object) need(name string) (entry, bool) {
	e, there := o.find(name)
	if !there {
		e.refuse("is missing")
	}
	return e, there
}

func (e entry) text(longest int) string {
	text, ok := e.value.(string)
	switch {
	case !ok:
		e.refuse("must be a string")
	case utf8.RuneCountInString(text) > longest:
		e.refuse("must have at most %d characters", longest)
		return ""
	case strings.ContainsRune(text, 0):
		e.refuse("must not contain NUL")
		return ""
	case strings.ContainsFunc(text, func(r rune) bool { return engine.Unprintable(r) && (longest < longestText || !layout(r)) }):
		e.refuse("must not contain control characters or marks that change the direction of text")
		return ""
	}
	return text
}

// layout reports whether a character is a line end or a tab, which texts of
// several lines have.
func layout(r rune) bool { return r == '\n' || r == '\r' || r == '\t' }

// name reads a text that must say something.
func (e entry) name() string {
	text := e.text(longestName)
	if *e.fault == nil && strings.TrimSpace(text) == "" {
		e.refuse("must not be empty")
	}
	return text
}

func (e entry) key() string {
	text := e.text(longestName)
	if *e.fault == nil && !engine.ValidKey(text) {
		e.refuse("must be letters, digits, '_', '.' and '-', beginning with a letter or digit")
	}
	return text
}

// label reads a text that is compared as it is: the name of an event or a unit.
func (e entry) label() string {
	text := e.text(longestName)
	if *e.fault == nil && !engine.ValidEventKey(text) {
		e.refuse("must have 1 to %d bytes and no control characters", longestName)
	}
	return text
}

func (e entry) boolean() bool {
	value, ok := e.value.(bool)
	if !ok {
		e.refuse("must be true or false")
	}
	return value
}

func (e entry) integer() int64 {
	number, _ := e.value.(json.Number)
	value, err := strconv.ParseInt(string(number), 10, 32)
	if err != nil {
		e.refuse("must be a whole number of 32 bits")
	}
	return value
}

func (e entry) number() float64 {
	number, _ := e.value.(json.Number)
	value, err := number.Float64()
	if err != nil || math.IsInf(value, 0) {
		e.refuse("must be a number")
		return 0
	}
	return value
}

// word reads one of some words.
func (e entry) word(words ...string) string {
	text := e.text(longestName)
	for _, word := range words {
		if text == word {
			return text
		}
	}
	e.refuse("must be one of %s", strings.Join(words, ", "))
	return ""
}

func (e entry) object() object {
	members, ok := e.value.(map[string]any)
	if !ok {
		e.refuse("must be an object")
	}
	return newObject(e.fault, e.at+".", members)
}

// items reads a list of at most so many entries.
func (e entry) items(most int) []entry {
	list, ok := e.value.([]any)
	switch {
	case !ok:
		e.refuse("must be a list")
	case len(list) > most:
		e.refuse("must have at most %d entries", most)
		return nil
	}
	out := make([]entry, len(list))
	for i, value := range list {
		out[i] = entry{e.fault, e.at + "[" + strconv.Itoa(i) + "]", value}
	}
	return out
}

// optionalText reads a text that may be missing.
func (o object) optionalText(name string, longest int) string {
	if e, there := o.find(name); there {
		return e.text(longest)
	}
	return ""
}

// optionalBool reads a truth value that may be missing.
func (o object) optionalBool(name string) bool {
	e, there := o.find(name)
	return there && e.boolean()
}

// optionalTexts reads a list of texts that may be missing.
func (o object) optionalTexts(name string, most int, read func(entry) string) []string {
	e, there := o.find(name)
	if !there {
		return nil
	}
	var out []string
	for _, item := range e.items(most) {
		out = append(out, read(item))
	}
	return out
}
