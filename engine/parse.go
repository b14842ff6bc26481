package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a document, parameter values included.
const maxDepth = 32

// parse reads one JSON value that makes up the whole text. It refuses what
// encoding/json lets pass: repeated keys, invalid UTF-8 and deep nesting.
func parse(text []byte) (node, Faults) { return parseInside(text, 0) }

// parseInside reads a value that stands at a depth inside of a document.
func parseInside(text []byte, depth int) (node, Faults) {
	if !utf8.Valid(text) {
		at := 0
		for at < len(text) {
			r, size := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		return node{}, Faults{{Line: lineAt(text, at), Rule: "the document is not valid UTF-8"}}
	}
	if uint64(len(text)) > math.MaxUint32 {
		return node{}, Faults{{Rule: "the document is larger than 4 GB"}}
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return node{}, Faults{{Rule: `the document is empty; an empty configuration is {}`}}
	}
	if !json.Valid(text) {
		return node{}, Faults{syntaxFault(text)}
	}
	p := parser{tape: &tape{text: text, names: map[string]string{}}, trail: make([]path, depth, depth+8)}
	p.value()
	return node{p.tape, 0}, p.faults
}

// syntaxFault says where a text stops being JSON.
func syntaxFault(text []byte) Fault {
	var none any
	err := json.Unmarshal(text, &none)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return Fault{Rule: "the document is not JSON"} // unreachable
	}
	// The offset counts the bytes read, the offending one included.
	return Fault{Line: lineAt(text, int(syntax.Offset)-1), Rule: "the document is not JSON: " + err.Error()}
}

// parser writes a tape from a text that is valid JSON; it need not look out for
// anything that valid JSON cannot have.
type parser struct {
	*tape
	at      int
	tooDeep bool
	faults  Faults
	trail   []path   // where the value being read stands, from the outside in
	open    []string // the names seen in the objects being read, the innermost last
}

func (p *parser) value() {
	p.space()
	at := len(p.entries)
	p.entries = append(p.entries, entry{start: uint32(p.at)})
	var k kind
	switch p.text[p.at] {
	case '{', '[':
		if len(p.trail) == maxDepth {
			p.tooDeep = true
			p.fault(p.at, fmt.Sprintf("is nested deeper than %d levels", maxDepth))
			return
		}
		if p.text[p.at] == '{' {
			k = objectNode
			p.members()
		} else {
			k = arrayNode
			p.items()
		}
	case '"':
		k = stringNode
		p.string()
	case 't', 'f':
		k = booleanNode
		p.word()
	case 'n':
		p.word()
	default:
		k = numberNode
		p.word()
	}
	e := &p.entries[at]
	e.kind, e.end, e.after = k, uint32(p.at), uint32(len(p.entries))
}

func (p *parser) items() {
	for i := 1; !p.tooDeep && p.next(i == 1); i++ {
		p.trail = append(p.trail, path{item: i})
		p.value()
		p.trail = p.trail[:len(p.trail)-1]
	}
}

func (p *parser) members() {
	var seen nameSet
	outer := len(p.open)
	for !p.tooDeep && p.next(len(p.open) == outer) {
		at := len(p.entries)
		start := p.at
		p.string()
		p.entries = append(p.entries, entry{kind: stringNode, start: uint32(start), end: uint32(p.at), after: uint32(at) + 1})
		name := node{p.tape, uint32(at)}.name()
		p.trail = append(p.trail, path{name: name})
		if seen.has(name, p.open[outer:]) {
			p.fault(start, "is given twice")
		}
		p.open = append(p.open, name)
		p.space()
		p.at++ // the colon
		p.value()
		p.trail = p.trail[:len(p.trail)-1]
	}
	p.open = p.open[:outer]
}

// next moves on to the next entry of an array or object: from the opening
// bracket to the first one, else from the end of the last one. It answers false
// when it has moved past the closing bracket.
func (p *parser) next(first bool) bool {
	if first {
		p.at++
	}
	p.space()
	switch p.text[p.at] {
	case ']', '}':
		p.at++
		return false
	case ',':
		p.at++
		p.space()
	}
	return true
}

// string moves past a string.
func (p *parser) string() {
	for p.at++; p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			p.at++
		}
	}
	p.at++
}

// word moves past a number, true, false or null.
func (p *parser) word() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n', ',', ']', '}':
			return
		}
		p.at++
	}
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) fault(start int, rule string) {
	if len(p.faults) >= maxFaults {
		return
	}
	var at *path
	for i := range p.trail {
		p.trail[i].parent = at
		at = &p.trail[i]
	}
	p.faults = append(p.faults, newFault(p.text, start, at, rule))
}

// nameSet finds repeated names among the members of one object.
type nameSet map[string]bool

// searchedUpTo is the number of members up to which comparing with each is
// cheaper than a map.
const searchedUpTo = 16

func (s *nameSet) has(name string, before []string) bool {
	if len(before) < searchedUpTo {
		return slices.Contains(before, name)
	}
	if *s == nil {
		*s = nameSet{}
		for _, other := range before {
			(*s)[other] = true
		}
	}
	known := (*s)[name]
	(*s)[name] = true
	return known
}
