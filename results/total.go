package results

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
)

// LargestValue bounds the absolute value of what one unit may add: its square
// and the sum of any number of squares must stay within float64.
const LargestValue = 1e100

// Total is an exact sum of float64 numbers: whatever the order they are added
// in and however the work is split, equal numbers give equal totals, to the
// last bit. It keeps the sum as a few parts that do not overlap (Shewchuk,
// "Adaptive precision floating-point arithmetic", 1997). The zero value is 0.
type Total struct {
	parts []float64 // by increasing magnitude
}

// Add adds a finite number.
func (t *Total) Add(x float64) {
	kept := 0
	for _, y := range t.parts {
		if math.Abs(x) < math.Abs(y) {
			x, y = y, x
		}
		sum := x + y
		if rest := y - (sum - x); rest != 0 {
			t.parts[kept] = rest
			kept++
		}
		x = sum
	}
	t.parts = t.parts[:kept]
	if x != 0 {
		t.parts = append(t.parts, x)
	}
}

// addProduct adds x*y exactly: the rounded product and what rounding lost.
func (t *Total) addProduct(x, y float64) {
	product := x * y
	t.Add(product)
	if rest := math.FMA(x, y, -product); rest != 0 {
		t.Add(rest)
	}
}

// Merge adds another total.
func (t *Total) Merge(other Total) {
	for _, part := range other.parts {
		t.Add(part)
	}
}

// Float64 is the sum, rounded once.
func (t Total) Float64() float64 {
	switch len(t.parts) {
	case 0:
		return 0
	case 1:
		return t.parts[0]
	}
	f, _ := t.exact().Float64()
	return f
}

// exactBits holds every sum of float64 numbers below LargestValue squared.
const exactBits = 2200

func (t Total) exact() *big.Float {
	sum := new(big.Float).SetPrec(exactBits)
	for _, part := range t.parts {
		sum.Add(sum, new(big.Float).SetFloat64(part))
	}
	return sum
}

// MarshalJSON writes the exact sum in one way only: the rounded sum, then the
// rounded rest, until nothing is left. Equal totals have equal JSON.
func (t Total) MarshalJSON() ([]byte, error) {
	parts := []float64{}
	for rest := t.exact(); rest.Sign() != 0; {
		part, _ := rest.Float64()
		parts = append(parts, part)
		rest.Sub(rest, new(big.Float).SetFloat64(part))
	}
	return json.Marshal(parts)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Total) UnmarshalJSON(text []byte) error {
	var parts []float64
	if err := json.Unmarshal(text, &parts); err != nil {
		return fmt.Errorf("reading a total: %w", err)
	}
	*t = Total{}
	for _, part := range parts {
		t.Add(part)
	}
	return nil
}
