package results

import (
	"cmp"
	"slices"
)

// Slice is the units of one value of one attribute: browser = Firefox.
type Slice struct {
	Attribute string `json:"attribute"`
	Value     string `json:"value"`
	// Units are by variation, in the order of the weights.
	Units []int64 `json:"-"`
}

// SliceCheck is what a split looks like within a slice.
type SliceCheck struct {
	Slice
	// Total is the number of units of the slice.
	Total int64 `json:"units"`
	// P is the chi-square p-value of the slice, AdjustedP the one adjusted over
	// all slices tested; absent where the slice is too small to be tested.
	P         *float64 `json:"p,omitempty"`
	AdjustedP *float64 `json:"adjustedP,omitempty"`
	// Mismatched: the adjusted p is below MismatchThreshold.
	Mismatched bool `json:"mismatched"`
	// Cause: the slice is mismatched and the rest of the experiment, without
	// it, is fine. It says where to look.
	Cause bool `json:"cause"`
	// RestP is the chi-square p-value of that rest; absent where nothing that
	// could be tested is left.
	RestP *float64 `json:"restP,omitempty"`
}

// DrillDown tests the split within every slice and names the cause of a
// mismatch, if one slice explains it. The p-values of all slices are adjusted
// together by Benjamini and Hochberg. The answer begins with the causes, then
// the mismatched ones, each from the smallest p-value up, then the others by
// attribute and value.
func DrillDown(found []Slice, weights []float64) []SliceCheck {
	checks := make([]SliceCheck, len(found))
	totals := map[string][]int64{} // of each attribute
	var p []float64
	var tested []int
	for i, s := range found {
		checks[i] = SliceCheck{Slice: s}
		if len(s.Units) != len(weights) {
			continue
		}
		if totals[s.Attribute] == nil {
			totals[s.Attribute] = make([]int64, len(weights))
		}
		for j, n := range s.Units {
			checks[i].Total += n
			totals[s.Attribute][j] += n
		}
		if check := CheckSplit(s.Units, weights, 0); check.P != nil {
			checks[i].P = check.P
			p = append(p, *check.P)
			tested = append(tested, i)
		}
	}
	for j, adjusted := range BenjaminiHochberg(p) {
		c := &checks[tested[j]]
		c.AdjustedP = &adjusted
		if c.Mismatched = adjusted < MismatchThreshold; !c.Mismatched {
			continue
		}
		rest := make([]int64, len(weights))
		for k, n := range totals[c.Attribute] {
			rest[k] = n - c.Units[k]
		}
		check := CheckSplit(rest, weights, 0)
		c.RestP = check.P
		c.Cause = check.P != nil && *check.P >= MismatchThreshold
	}
	slices.SortStableFunc(checks, func(a, b SliceCheck) int {
		return cmp.Or(order(b.Cause, a.Cause), order(b.Mismatched, a.Mismatched),
			comparePs(a, b), cmp.Compare(a.Attribute, b.Attribute), cmp.Compare(a.Value, b.Value))
	})
	return checks
}

// comparePs orders mismatched slices by their p-values, others not at all.
func comparePs(a, b SliceCheck) int {
	if !a.Mismatched || !b.Mismatched {
		return 0
	}
	return cmp.Compare(*a.P, *b.P)
}

func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
