package launchdarkly

import (
	"maps"
	"slices"
	"strings"
)

// What a filter may have at most.
const (
	maxTerms  = 20
	maxValues = 100
)

// term is one condition of a filter: a field, what is asked of it, and the values.
type term struct {
	field    string
	operator string // empty where the filter's form has none
	values   []string
}

// field makes of a term what items must be like.
type field[T any] func(term) (func(T) bool, error)

// keeping makes a test of the terms of a filter, all of which must hold.
func keeping[T any](terms []term, fields map[string]field[T]) (func(T) bool, error) {
	var all []func(T) bool
	for _, t := range terms {
		read, known := fields[t.field]
		if !known {
			return nil, invalid("filter", "the fields are %s, got %q", strings.Join(slices.Sorted(maps.Keys(fields)), ", "), clip(t.field))
		}
		keeps, err := read(t)
		if err != nil {
			return nil, err
		}
		all = append(all, keeps)
	}
	return func(item T) bool {
		return !slices.ContainsFunc(all, func(keeps func(T) bool) bool { return !keeps(item) })
	}, nil
}

// kept are the items of a list that a test keeps.
func kept[T any](all []T, keeps func(T) bool) []T {
	var out []T
	for _, item := range all {
		if keeps(item) {
			out = append(out, item)
		}
	}
	return out
}

// refuse refuses the value of a term.
func (t term) refuse(format string, args ...any) error {
	return invalid("filter", t.field+" "+format, args...)
}

// asks refuses a term that asks something else of its field.
func (t term) asks(operator string) error {
	if t.operator != operator {
		return t.refuse("must be followed by %s, got %q", operator, clip(t.operator))
	}
	return nil
}

// word reads one of some words.
func (t term) word(words ...string) (string, error) {
	if len(t.values) != 1 || !slices.Contains(words, t.values[0]) {
		return "", t.refuse("must be one of %s, got %q", strings.Join(words, ", "), clip(strings.Join(t.values, ",")))
	}
	return t.values[0], nil
}

// boolean reads a truth value.
func (t term) boolean() (bool, error) {
	word, err := t.word("true", "false")
	return word == "true", err
}

// spells reports whether one of the term's values is in one of some texts,
// whatever the case.
func (t term) spells(texts ...string) bool {
	return slices.ContainsFunc(t.values, func(value string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(value)) })
	})
}

// none keeps nothing: no item has what the field is about.
func none[T any](t term) (func(T) bool, error) {
	if t.operator != "" && t.operator != isEqual {
		return nil, t.asks(isEqual)
	}
	return func(T) bool { return false }, nil
}

// pairs reads a filter of the form field:value,field:value. A value may be a JSON
// object, in which commas separate nothing.
func pairs(texts []string) ([]term, error) {
	parts, err := split(strings.Join(texts, ","))
	if err != nil {
		return nil, err
	}
	var out []term
	for _, part := range parts {
		name, value, _ := strings.Cut(part, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case name == "" || value == "":
			return nil, invalid("filter", "%q must be a field with a value: field:value", clip(part))
		case len(out) == maxTerms:
			return nil, invalid("filter", "must have at most %d fields", maxTerms)
		}
		out = append(out, term{field: name, values: []string{value}})
	}
	return out, nil
}

// split splits a filter at the commas that are in no object.
func split(text string) ([]string, error) {
	var out []string
	from, depth, quoted := 0, 0, false
	add := func(part string) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case depth > 0 && c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == ',' && depth == 0:
			add(text[from:i])
			from = i + 1
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 || quoted {
		return nil, invalid("filter", "%q has a brace without its other one", clip(text))
	}
	add(text[from:])
	return out, nil
}
