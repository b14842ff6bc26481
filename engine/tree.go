package engine

import "slices"

// tree is a set of texts in lower case as a tree of their bytes, and with its
// detours an Aho-Corasick automaton: what a lookup costs depends on the value
// that is looked at, not on the number of texts. Nodes are numbered level by
// level, so the children of a node are neighbors and a node takes ten bytes.
//
// It is immutable once built, and a lookup does not allocate.
type tree struct {
	labels []byte   // by node: the byte that leads to it from its parent
	ends   []bool   // by node: a text ends here, or, with detours, on the way back from here
	first  []uint32 // the children of node n are those from first[n] up to first[n+1]
	// detours lead from a node to that of the longest text that ends like the one
	// of the node. They are missing where a tree is not searched.
	detours []uint32
	initial [4]uint64 // the bytes that a text begins with, upper case included
}

// treeForm says what a tree is asked.
type treeForm uint8

const (
	// wholeTexts keeps every text, to find out whether a value is one of them.
	wholeTexts treeForm = iota
	// anyBeginning leaves out texts that begin with another one, which say nothing
	// new where it is asked whether a value begins with any.
	anyBeginning
	// anywhere is anyBeginning with detours.
	anywhere
)

// branch is a node that has no children yet: the sorted texts from low up to
// high go through it.
type branch struct{ low, high uint32 }

// newTree builds a tree. It sorts texts, which are in lower case.
func newTree(texts []string, form treeForm) *tree {
	slices.Sort(texts)
	t := &tree{labels: []byte{0}, ends: []bool{false}, first: []uint32{1}}
	level, next := []branch{{0, uint32(len(texts))}}, []branch(nil)
	for depth := 0; len(level) > 0; depth++ {
		begin := len(t.labels) - len(level)
		for i, b := range level {
			for b.low < b.high && len(texts[b.low]) == depth {
				t.ends[begin+i] = true
				b.low++
			}
			if t.ends[begin+i] && form != wholeTexts {
				b.low = b.high
			}
			for b.low < b.high {
				label, low := texts[b.low][depth], b.low
				for b.low < b.high && texts[b.low][depth] == label {
					b.low++
				}
				t.labels, t.ends = append(t.labels, label), append(t.ends, false)
				next = append(next, branch{low, b.low})
			}
			t.first = append(t.first, uint32(len(t.labels)))
		}
		level, next = next, level[:0]
	}
	t.labels, t.ends, t.first = slices.Clip(t.labels), slices.Clip(t.ends), slices.Clip(t.first)
	for _, label := range t.labels[t.first[0]:t.first[1]] {
		t.initial[label>>6] |= 1 << (label & 63)
		if 'a' <= label && label <= 'z' {
			label -= 'a' - 'A'
			t.initial[label>>6] |= 1 << (label & 63)
		}
	}
	if form == anywhere {
		t.lead()
	}
	return t
}

// lead adds the detours. They are shorter than the node's own text, so those of
// a node's parent are known before the node's.
func (t *tree) lead() {
	t.detours = make([]uint32, len(t.labels))
	for node := range uint32(len(t.labels)) {
		for child := t.first[node]; child < t.first[node+1]; child++ {
			if node > 0 {
				t.detours[child] = t.step(t.detours[node], t.labels[child])
			}
			if t.ends[t.detours[child]] {
				t.ends[child] = true
			}
		}
	}
}

// child returns the child of a node that a byte leads to, 0 if there is none.
func (t *tree) child(node uint32, c byte) uint32 {
	low, high := t.first[node], t.first[node+1]
	for high-low > 8 {
		if middle := (low + high) / 2; t.labels[middle] <= c {
			low = middle
		} else {
			high = middle
		}
	}
	for ; low < high; low++ {
		if t.labels[low] == c {
			return low
		}
	}
	return 0
}

// step returns where a byte leads in a search.
func (t *tree) step(node uint32, c byte) uint32 {
	for {
		if child := t.child(node, c); child != 0 {
			return child
		}
		if node == 0 {
			return 0
		}
		node = t.detours[node]
	}
}

// holds reports whether value is one of the texts.
func (t *tree) holds(value string) bool {
	var node uint32
	for i := range len(value) {
		if node = t.child(node, foldByte(value[i])); node == 0 {
			return false
		}
	}
	return t.ends[node]
}

// begins reports whether value begins with one of the texts.
func (t *tree) begins(value string) bool {
	var node uint32
	for i := 0; !t.ends[node]; i++ {
		if i == len(value) {
			return false
		}
		if node = t.child(node, foldByte(value[i])); node == 0 {
			return false
		}
	}
	return true
}

// finishes reports whether value ends with one of the texts, which are stored
// from back to front.
func (t *tree) finishes(value string) bool {
	var node uint32
	for i := len(value) - 1; !t.ends[node]; i-- {
		if i < 0 {
			return false
		}
		if node = t.child(node, foldByte(value[i])); node == 0 {
			return false
		}
	}
	return true
}

// occurs reports whether one of the texts occurs in value.
func (t *tree) occurs(value string) bool {
	if t.ends[0] {
		return true
	}
	var node uint32
	for i := range len(value) {
		c := value[i]
		if node == 0 && t.initial[c>>6]>>(c&63)&1 == 0 {
			continue
		}
		if node = t.step(node, foldByte(c)); t.ends[node] {
			return true
		}
	}
	return false
}

// reversed returns a text from back to front.
func reversed(text string) string {
	b := []byte(text)
	slices.Reverse(b)
	return string(b)
}
