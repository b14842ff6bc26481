package engine

import (
	"fmt"
	"strconv"
	"strings"
)

// Weight is an allocation's share in thousandths of a percent, 0 to 100,000.
// In JSON it is a number of percent with at most three decimals; integer
// arithmetic keeps sums exact, so that 33.333 + 33.333 + 33.334 is 100.
type Weight int

// WholeWeight is the sum the weights of a ready experiment have: 100 %.
const WholeWeight Weight = 100_000

// ParseWeight reads a JSON number of percent. It refuses numbers outside 0 to
// 100, with more than three decimals, or in exponent form, and what is no number.
func ParseWeight(number string) (Weight, error) {
	if strings.ContainsAny(number, "eE") {
		return 0, fmt.Errorf("must be a plain number of percent, got %s", number)
	}
	whole, decimals, fraction := strings.Cut(number, ".")
	if !digits(whole) || fraction && !digits(decimals) {
		return 0, fmt.Errorf("must be a number between 0 and 100, got %s", number)
	}
	decimals = strings.TrimRight(decimals, "0")
	if len(decimals) > 3 {
		return 0, fmt.Errorf("must have at most three decimals, got %s", number)
	}
	thousandths, err := strconv.Atoi(whole + (decimals + "000")[:3])
	if err != nil || Weight(thousandths) > WholeWeight {
		return 0, fmt.Errorf("must be a number between 0 and 100, got %s", number)
	}
	return Weight(thousandths), nil
}

// digits reports whether s is one or more decimal digits.
func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// String formats the weight as a number of percent without trailing zeros.
func (w Weight) String() string {
	return strconv.FormatFloat(float64(w)/1000, 'f', -1, 64)
}

// MarshalJSON writes the weight as a number of percent.
func (w Weight) MarshalJSON() ([]byte, error) { return []byte(w.String()), nil }
