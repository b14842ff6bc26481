package results

import (
	"maps"
	"math"
	"slices"
)

// growth is the ratio of neighbouring buckets: a value read back is off by at
// most one percent.
const growth = 1.02

// Histogram counts values in buckets whose bounds grow by two percent, so that
// quantiles and caps can be found from counts that add up exactly. Zero has its
// own bucket, negative values mirror the positive ones. The zero value is
// empty.
type Histogram struct {
	// N counts the values.
	N int64 `json:"n"`
	// Zero counts the zeros.
	Zero int64 `json:"zero,omitempty"`
	// Above and Below count the positive and negative values by bucket: b holds
	// the absolute values from 1.02^b up to 1.02^(b+1).
	Above map[int]int64 `json:"above,omitempty"`
	Below map[int]int64 `json:"below,omitempty"`
}

// Add counts a value; it refuses, and returns false for, what is not finite.
func (h *Histogram) Add(v float64) bool {
	if !isFinite(v) {
		return false
	}
	h.N++
	switch {
	case v == 0:
		h.Zero++
	case v > 0:
		if h.Above == nil {
			h.Above = map[int]int64{}
		}
		h.Above[bucketOf(v)]++
	default:
		if h.Below == nil {
			h.Below = map[int]int64{}
		}
		h.Below[bucketOf(-v)]++
	}
	return true
}

func bucketOf(v float64) int { return int(math.Floor(math.Log(v) / math.Log(growth))) }

// Merge adds the values of other.
func (h *Histogram) Merge(other Histogram) {
	h.N += other.N
	h.Zero += other.Zero
	for b, n := range other.Above {
		if h.Above == nil {
			h.Above = map[int]int64{}
		}
		h.Above[b] += n
	}
	for b, n := range other.Below {
		if h.Below == nil {
			h.Below = map[int]int64{}
		}
		h.Below[b] += n
	}
}

// Quantile is the p-quantile (0 to 1), to within one percent.
func (h Histogram) Quantile(p float64) (float64, State) {
	if h.N == 0 {
		return 0, TooFewUnits
	}
	if !(p >= 0 && p <= 1) {
		return 0, InvalidInput
	}
	rank := int64(math.Floor(p * float64(h.N-1)))
	below := slices.Sorted(maps.Keys(h.Below))
	slices.Reverse(below)
	for _, b := range below {
		if rank < h.Below[b] {
			return -middle(b), OK
		}
		rank -= h.Below[b]
	}
	if rank < h.Zero {
		return 0, OK
	}
	rank -= h.Zero
	above := slices.Sorted(maps.Keys(h.Above))
	for _, b := range above {
		if rank < h.Above[b] {
			return middle(b), OK
		}
		rank -= h.Above[b]
	}
	return 0, InvalidInput // the counts do not sum to N
}

// Nonzero is the histogram without its zeros, for the cap.
func (h Histogram) Nonzero() Histogram {
	h.N -= h.Zero
	h.Zero = 0
	return h
}

// QuantileArm is the quantile nu with the variance its order statistics give,
// for comparing quantiles. values is how many values there are, units how many
// units they came from: where units have several, the variance grows by
// values/units.
func (h Histogram) QuantileArm(nu float64, units int64) Arm {
	if h.N < 2 || units < 2 || units > h.N {
		return Arm{Units: h.N, State: TooFewUnits}
	}
	low, high := QuantileRanks(nu, h.N)
	quantile, state := h.Quantile(nu)
	lower, other := h.Quantile(low)
	upper, third := h.Quantile(high)
	if state = worst(state, other, third); state != OK {
		return Arm{State: state}
	}
	a := QuantileArm(h.N, h.N, quantile, lower, upper)
	a.Variance *= float64(h.N) / float64(units)
	return a
}

// middle is the value that stands for a bucket.
func middle(b int) float64 { return math.Exp((float64(b) + 0.5) * math.Log(growth)) }
