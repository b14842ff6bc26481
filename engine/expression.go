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

// comparedUpTo is the number of values up to which comparing with each is the
// cheapest. Values of which one must only occur somewhere are never compared:
// even a single one could be looked for again at each byte.
const comparedUpTo = 7

// longestIndexed bounds the values that the index has: what it is asked for is
// folded to lower case in a buffer on the stack.
const longestIndexed = 128

// longestSearched bounds, in bytes, how much of an attribute is searched for the
// values of contains. Nothing that a provider takes for a client or a host is
// longer, and a User-Agent is cut before.
const longestSearched = 4096

// condition is an expression on one attribute, compiled. Its values are in lower
// case and either compared one by one, or in an index and a tree.
type condition struct {
	attribute Attribute
	operator  Operator
	present   bool
	compared  []string
	index     map[string]struct{} // OneOf; values of up to longestIndexed bytes
	tree      *tree               // the other values of OneOf, or all
	source    []string            // the values as they are written
}

func compileCondition(attribute Attribute, e Expression) condition {
	c := condition{attribute: attribute, operator: e.Operator, present: e.Present, source: e.Values}
	if len(e.Values) == 0 {
		return c
	}
	values := lowered(e.Values)
	switch {
	case e.Operator == Contains:
		c.tree = newTree(values, anywhere)
	case len(values) <= comparedUpTo:
		c.compared = values
	case e.Operator == StartsWith:
		c.tree = newTree(values, anyBeginning)
	case e.Operator == EndsWith:
		for i := range values {
			values[i] = reversed(values[i])
		}
		c.tree = newTree(values, anyBeginning)
	default:
		c.index = make(map[string]struct{}, len(values))
		var long []string
		for _, v := range values {
			if len(v) <= longestIndexed {
				c.index[v] = struct{}{}
			} else {
				long = append(long, v)
			}
		}
		if long != nil {
			c.tree = newTree(long, wholeTexts)
		}
	}
	return c
}

func lowered(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = lowerASCII(v)
	}
	return out
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
		if c.tree != nil {
			return c.tree.holds(value)
		}
		for _, v := range c.compared {
			if len(v) == len(value) && hasFoldedPrefix(value, v) {
				return true
			}
		}
	case StartsWith:
		if c.tree != nil {
			return c.tree.begins(value)
		}
		for _, v := range c.compared {
			if hasFoldedPrefix(value, v) {
				return true
			}
		}
	case EndsWith:
		if c.tree != nil {
			return c.tree.finishes(value)
		}
		for _, v := range c.compared {
			if len(v) <= len(value) && hasFoldedPrefix(value[len(value)-len(v):], v) {
				return true
			}
		}
	case Contains:
		return c.tree != nil && c.tree.occurs(value[:min(len(value), longestSearched)])
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
