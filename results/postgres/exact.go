package postgres

import (
	"fmt"
	"math/big"

	"github.com/caddy-experiments/caddy-experiments/results"
)

// The sum of double precision numbers depends on their order, and its rounding
// adds up. So a number is taken apart into two integers: how many units of
// 2^-shift it has, and how many of 2^-(shift+62) are left. Sums of bigint are
// exact and cheap. Numbers that are too large for that, or so small that digits
// would be lost, are added as numeric, in their shortest decimal form.
const partBits = 62

// precision holds all such sums.
const precision = 2200

// shift is how a number is taken apart.
type shift int

// Single numbers are exact from 2e-9 to 4e12, products of two from 2e-6 to 4e15.
const (
	ofSingle  shift = 20
	ofProduct shift = 10
)

func shiftOf(factors int) shift {
	if factors == 1 {
		return ofSingle
	}
	return ofProduct
}

// isTame is the condition for numbers that the integers hold exactly.
func (b shift) isTame(x string) string {
	return fmt.Sprintf("abs(%s) BETWEEN %s AND %s", x, double(-int(b)-9), double(partBits-int(b)-1))
}

// parts gives the SQL of what is to be added of a number: the integers, and the
// number as it is if they do not hold it. Nothing is added of 0.
func (b shift) parts(x string) [3]string {
	scaled := fmt.Sprintf("(%s * %s)", x, double(int(b)))
	tame := b.isTame(x)
	return [3]string{
		fmt.Sprintf("CASE WHEN %s THEN trunc(%s)::bigint END", tame, scaled),
		fmt.Sprintf("CASE WHEN %s THEN ((%s - trunc(%[2]s)) * %s)::bigint END", tame, scaled, double(partBits)),
		fmt.Sprintf("CASE WHEN %s <> 0 AND NOT %s THEN %[1]s::text::numeric END", x, tame),
	}
}

// number gives the SQL of the number that is nearest to the sum of such parts.
func (b shift) number(parts [3]string) string {
	return fmt.Sprintf("(least(greatest(%s * %s::numeric + %s + %s * %s::numeric, -1e300::numeric), 1e300::numeric)::double precision / %s)",
		parts[0], power(partBits), parts[1], parts[2], power(partBits+uint(b)), double(partBits+int(b)))
}

// sum reads the sums of the parts.
func (b shift) sum(texts []*string) (*big.Float, error) {
	sum := new(big.Float).SetPrec(precision)
	for i, exponent := range []int{-int(b), -int(b) - partBits, 0} {
		part, err := read(texts[i])
		if err != nil {
			return nil, err
		}
		sum.Add(sum, part.SetMantExp(part, exponent))
	}
	return sum, nil
}

// read reads a sum.
func read(text *string) (*big.Float, error) {
	if text == nil {
		return new(big.Float), nil // nothing was added
	}
	sum, _, err := big.ParseFloat(*text, 10, precision, big.ToNearestEven)
	if err != nil {
		return nil, fmt.Errorf("reading the sum %q: %w", *text, err)
	}
	return sum, nil
}

func power(bits uint) string { return new(big.Int).Lsh(big.NewInt(1), bits).String() }

// double gives the SQL of a power of two.
func double(exponent int) string {
	power, _ := new(big.Float).SetMantExp(big.NewFloat(1), exponent).Float64()
	return fmt.Sprintf("'%.17g'::double precision", power)
}

// total gives an exact sum as such.
func total(sum *big.Float) results.Total {
	var t results.Total
	rest := new(big.Float).SetPrec(precision).Set(sum)
	for range 8 { // more than the digits that sums have
		part, _ := rest.Float64()
		if part == 0 {
			break
		}
		t.Add(part)
		rest.Sub(rest, new(big.Float).SetFloat64(part))
	}
	return t
}
