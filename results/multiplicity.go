package results

import (
	"cmp"
	"math"
	"slices"
)

// Holm adjusts p-values so that the chance of one wrong rejection among all is
// bounded (Holm 1979, step-down), in the order given. It needs no independence.
func Holm(p []float64) []float64 {
	adjusted := make([]float64, len(p))
	largest := 0.0
	for rank, i := range ascending(p) {
		largest = math.Max(largest, math.Min(1, p[i]*float64(len(p)-rank)))
		adjusted[i] = largest
	}
	return adjusted
}

// BenjaminiHochberg adjusts p-values so that the expected share of wrong ones
// among the rejections is bounded (Benjamini, Hochberg 1995, step-up), in the
// order given.
func BenjaminiHochberg(p []float64) []float64 {
	adjusted := make([]float64, len(p))
	smallest := 1.0
	order := ascending(p)
	for rank := len(order) - 1; rank >= 0; rank-- {
		i := order[rank]
		smallest = math.Min(smallest, p[i]*float64(len(p))/float64(rank+1))
		adjusted[i] = smallest
	}
	return adjusted
}

// ascending are the indices of p from the smallest value up.
func ascending(p []float64) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	return order
}

// AdjustedInterval is the interval of an estimate that agrees with its adjusted
// p-value: its standard deviation is |estimate / z(1-p/2)|, its half width
// z(1-alpha/2) of them. At p = 1 nothing is excluded, and there is no interval.
func AdjustedInterval(estimate, adjustedP, alpha float64) (Interval, State) {
	if !(adjustedP >= 0 && adjustedP <= 1) || !(alpha > 0 && alpha < 1) || !isFinite(estimate) {
		return Interval{}, InvalidInput
	}
	z := upperQuantile(adjustedP / 2)
	half := math.Abs(estimate) / z * upperQuantile(alpha/2)
	if z <= 0 || !isFinite(half) {
		return Interval{}, ZeroVariance
	}
	return Interval{estimate - half, estimate + half}, OK
}

// Role is what a metric is for in an experiment.
type Role string

const (
	// Primary is the one metric the experiment was made for; its p-value is
	// not adjusted.
	Primary Role = "primary"
	// Secondary metrics are adjusted together by Benjamini and Hochberg.
	Secondary Role = "secondary"
	// Guardrail metrics must not get worse: adjusting them would make a harm
	// harder to see, so they are not.
	Guardrail Role = "guardrail"
)

// Finding is a p-value of one metric and one treatment.
type Finding struct {
	Role Role
	// P is nil where there is none; it counts for nobody's adjustment.
	P *float64
}

// AdjustFindings returns the adjusted p-values of findings, in their order: the
// primary metric's and the guardrails' as they are, the secondary ones' adjusted
// together, over all of their treatments. With familywise all but the
// guardrails are one family under Holm's method.
func AdjustFindings(findings []Finding, familywise bool) []*float64 {
	out := make([]*float64, len(findings))
	var p []float64
	var from []int
	for i, f := range findings {
		if f.P == nil {
			continue
		}
		if f.Role == Secondary || familywise && f.Role == Primary {
			p = append(p, *f.P)
			from = append(from, i)
			continue
		}
		out[i] = f.P
	}
	adjusted := BenjaminiHochberg(p)
	if familywise {
		adjusted = Holm(p)
	}
	for j, i := range from {
		out[i] = &adjusted[j]
	}
	return out
}
