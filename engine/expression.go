package engine

import (
	"encoding/json"
	"slices"
	"strings"
)

// Operator is how an expression compares an attribute with its values.
type Operator uint8

// The operators. OneOf is written as a plain array in JSON, the others as an
// object with the operator's name as its only key.
const (
	OneOf Operator = iota
	Contains
	StartsWith
	EndsWith
	Exists
)

var operatorNames = [...]string{Contains: "contains", StartsWith: "starts_with", EndsWith: "ends_with", Exists: "exists"}

// Expression is a condition on one attribute. It is true when the comparison
// holds for any of the values. An absent attribute makes it false, except for
// Exists with Present false.
type Expression struct {
	Operator Operator
	Values   []string
	// Present is what Exists asks for.
	Present bool
}

// MarshalJSON writes the expression in the form it is read in.
func (e Expression) MarshalJSON() ([]byte, error) {
	values := e.Values
	if values == nil {
		values = []string{}
	}
	switch e.Operator {
	case OneOf:
		return json.Marshal(values)
	case Exists:
		return json.Marshal(map[string]bool{operatorNames[Exists]: e.Present})
	}
	return json.Marshal(map[string][]string{operatorNames[e.Operator]: values})
}

// indexedFrom is the number of values from which looking a value up in a map is
// cheaper than comparing with each.
const indexedFrom = 8

// longestIndexed bounds the attribute values that the index can answer: they
// are folded to lower case in a buffer on the stack.
const longestIndexed = 128

// condition is an expression on one attribute, compiled: the values are in
// lower case, and long lists of them have an index.
type condition struct {
	attribute Attribute
	operator  Operator
	present   bool
	values    []string
	index     map[string]struct{}
}

func compileCondition(attribute Attribute, e Expression) condition {
	c := condition{attribute: attribute, operator: e.Operator, present: e.Present}
	for _, v := range e.Values {
		c.values = append(c.values, lowerASCII(v))
	}
	if e.Operator == OneOf && len(c.values) >= indexedFrom {
		c.index = make(map[string]struct{}, len(c.values))
		for _, v := range c.values {
			c.index[v] = struct{}{}
		}
	}
	return c
}

func (c *condition) holds(attributes *Attributes) bool {
	value := attributes[c.attribute]
	if c.operator == Exists {
		return (value != "") == c.present
	}
	if value == "" {
		return false
	}
	switch c.operator {
	case OneOf:
		if c.index != nil && len(value) <= longestIndexed {
			var folded [longestIndexed]byte
			for i := range len(value) {
				folded[i] = foldByte(value[i])
			}
			_, found := c.index[string(folded[:len(value)])]
			return found
		}
		for _, v := range c.values {
			if len(v) == len(value) && hasFoldedPrefix(value, v) {
				return true
			}
		}
	case StartsWith:
		for _, v := range c.values {
			if hasFoldedPrefix(value, v) {
				return true
			}
		}
	case EndsWith:
		for _, v := range c.values {
			if len(v) <= len(value) && hasFoldedPrefix(value[len(value)-len(v):], v) {
				return true
			}
		}
	case Contains:
		for _, v := range c.values {
			if containsFolded(value, v) {
				return true
			}
		}
	}
	return false
}

// rule is a compiled Rule; its conditions are ordered by attribute, so that
// compiling is deterministic.
type rule struct{ match, notMatch []condition }

func compileRule(r Rule) rule {
	return rule{match: compileConditions(r.Match), notMatch: compileConditions(r.NotMatch)}
}

func compileConditions(expressions map[Attribute]Expression) []condition {
	conditions := make([]condition, 0, len(expressions))
	for attribute, e := range expressions {
		conditions = append(conditions, compileCondition(attribute, e))
	}
	slices.SortFunc(conditions, func(a, b condition) int { return int(a.attribute) - int(b.attribute) })
	return conditions
}

func (r *rule) holds(attributes *Attributes) bool {
	for i := range r.match {
		if !r.match[i].holds(attributes) {
			return false
		}
	}
	for i := range r.notMatch {
		if r.notMatch[i].holds(attributes) {
			return false
		}
	}
	return true
}

// audience is a compiled segment.
type audience struct {
	id    string
	rules []rule
}

func compileAudience(s *Segment) *audience {
	a := &audience{id: s.ID}
	for _, r := range s.Rules {
		a.rules = append(a.rules, compileRule(r))
	}
	return a
}

func (a *audience) matches(attributes *Attributes) bool {
	for i := range a.rules {
		if a.rules[i].holds(attributes) {
			return true
		}
	}
	return false
}

func foldByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// lowerASCII leaves everything outside A to Z alone, unlike strings.ToLower:
// comparison ignores the case of ASCII letters only.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// containsFolded reports whether part, which is in lower case, stands in s.
func containsFolded(s, part string) bool {
	if part == "" {
		return true
	}
	lower, upper := part[0], part[0]
	if 'a' <= lower && lower <= 'z' {
		upper -= 'a' - 'A'
	}
	for i := 0; i+len(part) <= len(s); i++ {
		if (s[i] == lower || s[i] == upper) && hasFoldedPrefix(s[i:], part) {
			return true
		}
	}
	return false
}

// hasFoldedPrefix reports whether s starts with prefix, which is in lower case.
func hasFoldedPrefix(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if foldByte(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}
