package engine

import (
	"bytes"
	"fmt"
	"strings"
)

// Fault is one reason why a document cannot be used: which field, and the rule
// that it breaks.
type Fault struct {
	// Path is the field in the form experiments[0].allocations[1].weight;
	// empty for the document as a whole.
	Path string
	// Line is where the field's value starts, counted from 1; 0 if the fault
	// does not come from a text.
	Line int
	// Rule says what is wrong and, where it helps, what would be right.
	Rule string
}

// Error formats the fault with its line and path.
func (f Fault) Error() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", f.Line)
	}
	if f.Path != "" {
		b.WriteString(f.Path)
		b.WriteString(": ")
	}
	b.WriteString(f.Rule)
	return b.String()
}

// Faults are all reasons found why a document cannot be used, at most
// maxFaults, in the order of the text.
type Faults []Fault

// maxFaults bounds the list, so that a hostile document cannot make a huge one.
const maxFaults = 20

// Error lists the faults, separated by semicolons.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i, fault := range f {
		texts[i] = fault.Error()
	}
	return strings.Join(texts, "; ")
}

// longestFault bounds, in bytes, each of path and rule: both quote the document,
// and its names and numbers can be as long as itself.
const longestFault = 400

func newFault(text []byte, start int, at *path, rule string) Fault {
	return Fault{Path: clip(at.String()), Line: lineAt(text, start), Rule: clip(rule)}
}

func clip(s string) string {
	if len(s) <= longestFault {
		return s
	}
	return strings.ToValidUTF8(s[:longestFault], "") + "…"
}

// lineAt is the line of an offset in a text, counted from 1.
func lineAt(text []byte, at int) int {
	return 1 + bytes.Count(text[:at], []byte{'\n'})
}
