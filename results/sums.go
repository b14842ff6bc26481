package results

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
)

// Unit is what one unit (device, user) did in its window, aggregated to one
// number per part. A plain metric has a Value only.
type Unit struct {
	// Value is the metric's value, 0 or 1 for a conversion metric.
	Value float64
	// Denominator is what a ratio metric divides by, 0 otherwise.
	Denominator float64
	// Covariate is the same metric's value before the exposure, for CUPED.
	Covariate float64
	// CovariateDenominator is the denominator before the exposure.
	CovariateDenominator float64
}

// part indexes the numbers of a Unit.
type part int

const (
	value part = iota
	denominator
	covariate
	covariateDenominator
	parts
)

// Sums are the sufficient statistics of one variation (in one segment): all the
// statistics of this package are functions of them. They add up: the sums of
// two disjoint sets of units are their Merge, in any order and any split, to
// the last bit. The zero value is no units. A plain copy shares memory with its
// original; see Clone.
type Sums struct {
	// Units counts the units added.
	Units int64
	// Events counts the units whose value is not zero: of a conversion metric,
	// the conversions.
	Events int64

	first  [parts]Total
	second [parts][parts]Total // of the upper triangle, i <= j
	// rounded says that some of the sums were rounded outside of this package.
	rounded bool
}

// Add adds a unit. It refuses, and returns false for, a unit with a number that
// is not finite or exceeds LargestValue.
func (s *Sums) Add(u Unit) bool {
	numbers := [parts]float64{u.Value, u.Denominator, u.Covariate, u.CovariateDenominator}
	for _, x := range numbers {
		if !(math.Abs(x) <= LargestValue) {
			return false
		}
	}
	s.Units++
	if u.Value != 0 {
		s.Events++
	}
	for i, x := range numbers {
		if x == 0 {
			continue
		}
		s.first[i].Add(x)
		for j := i; j < int(parts); j++ {
			if numbers[j] != 0 {
				s.second[i][j].addProduct(x, numbers[j])
			}
		}
	}
	return true
}

// Merge adds the units of other.
func (s *Sums) Merge(other Sums) {
	s.Units += other.Units
	s.Events += other.Events
	s.rounded = s.rounded || other.rounded
	for i := range s.first {
		s.first[i].Merge(other.first[i])
		for j := i; j < int(parts); j++ {
			s.second[i][j].Merge(other.second[i][j])
		}
	}
}

// Clone copies the sums: a plain copy shares memory with its original, so that
// only one of them may be added to.
func (s Sums) Clone() Sums {
	var copied Sums
	copied.Merge(s)
	return copied
}

// Totals are Sums as plain numbers, the form in which a database computes them
// next to the data: Y is the value, D the denominator, X the covariate, E its
// denominator; YY is the sum of squares of the value, YD the sum of products of
// value and denominator, and so on.
type Totals struct {
	Units  int64   `json:"units"`
	Events int64   `json:"events"`
	Y      float64 `json:"y"`
	YY     float64 `json:"yy"`
	D      float64 `json:"d,omitempty"`
	DD     float64 `json:"dd,omitempty"`
	YD     float64 `json:"yd,omitempty"`
	X      float64 `json:"x,omitempty"`
	XX     float64 `json:"xx,omitempty"`
	YX     float64 `json:"yx,omitempty"`
	DX     float64 `json:"dx,omitempty"`
	E      float64 `json:"e,omitempty"`
	EE     float64 `json:"ee,omitempty"`
	YE     float64 `json:"ye,omitempty"`
	DE     float64 `json:"de,omitempty"`
	XE     float64 `json:"xe,omitempty"`
}

func (t *Totals) numbers() (first [parts]*float64, second [parts][parts]*float64) {
	return [parts]*float64{&t.Y, &t.D, &t.X, &t.E}, [parts][parts]*float64{
		{&t.YY, &t.YD, &t.YX, &t.YE},
		{nil, &t.DD, &t.DX, &t.DE},
		{nil, nil, &t.XX, &t.XE},
		{nil, nil, nil, &t.EE},
	}
}

// Sums takes totals that were computed elsewhere, in float64. It refuses
// numbers that are negative where they cannot be, or not finite.
func (t Totals) Sums() (Sums, error) {
	if t.Units < 0 || t.Events < 0 || t.Events > t.Units {
		return Sums{}, fmt.Errorf("reading totals: %d events of %d units", t.Events, t.Units)
	}
	s := Sums{Units: t.Units, Events: t.Events, rounded: true}
	first, second := t.numbers()
	for i := range first {
		if !isFinite(*first[i]) {
			return Sums{}, fmt.Errorf("reading totals: a sum is %v", *first[i])
		}
		s.first[i].Add(*first[i])
		for j := i; j < int(parts); j++ {
			if !isFinite(*second[i][j]) {
				return Sums{}, fmt.Errorf("reading totals: a sum of products is %v", *second[i][j])
			}
			s.second[i][j].Add(*second[i][j])
		}
	}
	return s, nil
}

// Totals are the sums, each rounded once.
func (s Sums) Totals() Totals {
	t := Totals{Units: s.Units, Events: s.Events}
	first, second := t.numbers()
	for i := range first {
		*first[i] = s.first[i].Float64()
		for j := i; j < int(parts); j++ {
			*second[i][j] = s.second[i][j].Float64()
		}
	}
	return t
}

// sum is the sum of one part, over all units.
func (s Sums) sum(p part) float64 { return s.first[p].Float64() }

// mean is the mean of one part; 0 without units.
func (s Sums) mean(p part) float64 {
	if s.Units == 0 {
		return 0
	}
	return s.sum(p) / float64(s.Units)
}

// covariance is the sample covariance (n-1) of two parts, of a part with itself
// its variance. The numerator n*Sum(xy) - Sum(x)*Sum(y) is formed exactly, so
// that values far from zero, like times since 1970, lose nothing.
func (s Sums) covariance(p, q part) float64 {
	if s.Units < 2 {
		return 0
	}
	if p > q {
		p, q = q, p
	}
	n := new(big.Float).SetInt64(s.Units)
	squares := new(big.Float).SetPrec(exactBits).Mul(n, s.second[p][q].exact())
	square := new(big.Float).SetPrec(exactBits).Mul(s.first[p].exact(), s.first[q].exact())
	numerator, _ := new(big.Float).SetPrec(exactBits).Sub(squares, square).Float64()
	if scale, _ := square.Float64(); s.rounded && p == q && math.Abs(numerator) <= 1e-13*scale {
		// Rounded sums of equal values leave a rest that is no variance.
		return 0
	}
	return numerator / (float64(s.Units) * float64(s.Units-1))
}

// stored is the JSON of Sums. Sums that were never rounded keep every digit.
type stored struct {
	Units   int64            `json:"units"`
	Events  int64            `json:"events"`
	Rounded bool             `json:"rounded,omitempty"`
	Sums    map[string]Total `json:"sums,omitempty"`
}

var letters = [parts]string{"y", "d", "x", "e"}

// MarshalJSON writes the exact sums; equal sums have equal JSON.
func (s Sums) MarshalJSON() ([]byte, error) {
	out := stored{Units: s.Units, Events: s.Events, Rounded: s.rounded, Sums: map[string]Total{}}
	for i := range s.first {
		if len(s.first[i].parts) > 0 {
			out.Sums[letters[i]] = s.first[i]
		}
		for j := i; j < int(parts); j++ {
			if len(s.second[i][j].parts) > 0 {
				out.Sums[letters[i]+letters[j]] = s.second[i][j]
			}
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Sums) UnmarshalJSON(text []byte) error {
	var in stored
	if err := json.Unmarshal(text, &in); err != nil {
		return fmt.Errorf("reading sums: %w", err)
	}
	*s = Sums{Units: in.Units, Events: in.Events, rounded: in.Rounded}
	for i := range s.first {
		s.first[i] = in.Sums[letters[i]]
		for j := i; j < int(parts); j++ {
			s.second[i][j] = in.Sums[letters[i]+letters[j]]
		}
	}
	return nil
}
