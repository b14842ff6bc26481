package engine

import "strings"

// The prefixes of the ids of each kind of entity. What follows is one or more
// characters of the base58 alphabet (no 0, O, I or l).
const (
	FlagPrefix       = "flg_"
	VariationPrefix  = "var_"
	SegmentPrefix    = "seg_"
	ExperimentPrefix = "exp_"
	IterationPrefix  = "itr_"
)

// ValidID reports whether id is prefix followed by at least one base58
// character and nothing else.
func ValidID(prefix, id string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok || rest == "" {
		return false
	}
	for i := range len(rest) {
		if !base58(rest[i]) {
			return false
		}
	}
	return true
}

func base58(c byte) bool {
	switch {
	case c == '0' || c == 'O' || c == 'I' || c == 'l':
		return false
	case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		return true
	}
	return false
}
