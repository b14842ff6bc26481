package engine

import (
	"strconv"
	"strings"
	"unicode"
)

// path is where a value stands in a document, from the inside out. It costs
// nothing until a fault asks for its text.
type path struct {
	parent *path
	name   string // a member's name
	item   int    // an item's place counted from 1; 0 for a member
}

// String gives the path in the form experiments[0].allocations[1].weight. A
// name that would not be clear in it is quoted: parameters["a.b"].
func (p *path) String() string {
	if p == nil {
		return ""
	}
	parent := p.parent.String()
	switch {
	case p.item > 0:
		return parent + "[" + strconv.Itoa(p.item-1) + "]"
	case p.name == "" || strings.ContainsFunc(p.name, unclear):
		return parent + "[" + strconv.Quote(p.name) + "]"
	case parent == "":
		return p.name
	}
	return parent + "." + p.name
}

func unclear(r rune) bool {
	return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}
