package engine

import (
	"bytes"
	"encoding/json"
	"iter"
)

type kind uint8

const (
	nullNode kind = iota
	booleanNode
	numberNode
	stringNode
	arrayNode
	objectNode
)

var kindNames = [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}

// tape is a parsed JSON text: its values in their order, each followed by what
// is inside it; a member is its name and then its value. An entry is small, so
// that a hostile text takes little more memory than itself.
type tape struct {
	text    []byte
	entries []entry
	names   map[string]string // few names, each used often
}

// mostNames bounds the names that are kept: the format's own and those of some
// parameters.
const mostNames = 256

type entry struct {
	kind       kind
	start, end uint32 // in the text
	after      uint32 // the entry that follows the value and all that is inside
}

// node is a value of a tape. It knows where it stands in the text, so that a
// fault can name its line and a parameter's value can be kept as written.
type node struct {
	*tape
	at uint32
}

func (n node) kind() kind { return n.entries[n.at].kind }

func (n node) start() int { return int(n.entries[n.at].start) }

func (n node) source() []byte { return n.text[n.entries[n.at].start:n.entries[n.at].end] }

// raw is a copy: a document does not hold on to the text it was read from.
func (n node) raw() []byte { return bytes.Clone(n.source()) }

// truth is the value of a boolean.
func (n node) truth() bool { return n.source()[0] == 't' }

// name is the text of a member's name.
func (n node) name() string {
	source := n.source()
	if known, ok := n.names[string(source)]; ok {
		return known
	}
	name := unquote(source)
	if len(n.names) < mostNames {
		n.names[string(source)] = name
	}
	return name
}

// string gives a string's characters, and any other value as written.
func (n node) string() string {
	if n.kind() == stringNode {
		return unquote(n.source())
	}
	return string(n.source())
}

// empty reports whether nothing is inside an array or object.
func (n node) empty() bool { return n.entries[n.at].after == n.at+1 }

// items visits the items of an array.
func (n node) items() iter.Seq2[int, node] {
	return func(yield func(int, node) bool) {
		end := n.entries[n.at].after
		for i, at := 0, n.at+1; at < end; i, at = i+1, n.entries[at].after {
			if !yield(i, node{n.tape, at}) {
				return
			}
		}
	}
}

// item gives the item of an array at an index that it has.
func (n node) item(index int) node {
	for i, item := range n.items() {
		if i == index {
			return item
		}
	}
	return node{}
}

// members visits the members of an object.
func (n node) members() iter.Seq2[node, node] {
	return func(yield func(name, value node) bool) {
		end := n.entries[n.at].after
		for at := n.at + 1; at < end; at = n.entries[at+1].after {
			if !yield(node{n.tape, at}, node{n.tape, at + 1}) {
				return
			}
		}
	}
}

// count is the number of items of an array or members of an object.
func (n node) count() int {
	count := 0
	end := n.entries[n.at].after
	for at := n.at + 1; at < end; at = n.entries[at].after {
		count++
	}
	if n.kind() == objectNode {
		count /= 2
	}
	return count
}

// member finds a member by name.
func (n node) member(name string) (node, bool) {
	for key, value := range n.members() {
		if key.name() == name {
			return value, true
		}
	}
	return node{}, false
}

// unquote gives the characters of a JSON string.
func unquote(source []byte) string {
	inside := source[1 : len(source)-1]
	if !bytes.ContainsRune(inside, '\\') {
		return string(inside)
	}
	var text string
	if err := json.Unmarshal(source, &text); err != nil {
		return "" // unreachable: the text is valid JSON
	}
	return text
}
