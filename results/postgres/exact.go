package postgres

import (
	"fmt"
	"math/big"

	"github.com/caddy-experiments/caddy-experiments/results"
)

// The sum of double precision numbers depends on their order, and its rounding
// adds up. So numbers are added as integers of the type numeric, in units of
// 2^-120. What is between 2^-67 and 2^63 is an integer then and stays exact;
// other numbers lose nothing that matters.
const (
	fractionBits = 120
	halfBits     = fractionBits / 2
)

// precision holds all such sums and sums of products.
const precision = 2200

// scale is how numbers are added: in units of 2^-bits.
type scale int

// Whole numbers are added as they are.
const (
	whole   scale = 0
	general scale = fractionBits
)

// of gives the SQL for a number as an integer.
func (sc scale) of(x string) string {
	if sc == whole {
		return x + "::bigint"
	}
	half, full := power(halfBits), power(fractionBits)
	fraction := fmt.Sprintf("((%s - trunc(%[1]s)) * %s::double precision)", x, half)
	return fmt.Sprintf(`CASE WHEN abs(%[1]s) >= 9e18 OR abs(%[1]s) < 1e-20 THEN %[1]s::text::numeric * %[2]s::numeric
		ELSE trunc(%[1]s)::bigint::numeric * %[2]s::numeric + trunc(%[3]s)::bigint::numeric * %[4]s::numeric
			+ trunc((%[3]s - trunc(%[3]s)) * %[4]s::double precision)::bigint::numeric END`, x, full, fraction, half)
}

// back gives the SQL for an integer, or a sum of them, as the nearest number.
func (sc scale) back(x string) string {
	if sc == whole {
		return fmt.Sprintf("(%s)::double precision", x)
	}
	return fmt.Sprintf("(least(greatest(%s, -1e300::numeric), 1e300::numeric)::double precision / %s::double precision)",
		x, power(fractionBits))
}

func power(bits uint) string { return new(big.Int).Lsh(big.NewInt(1), bits).String() }

// sum reads a sum of numbers, or of products of as many as factors.
func (sc scale) sum(text *string, factors int) (*big.Float, error) {
	if text == nil {
		return new(big.Float), nil // nothing was added
	}
	sum, _, err := big.ParseFloat(*text, 10, precision, big.ToNearestEven)
	if err != nil {
		return nil, fmt.Errorf("reading the sum %q: %w", *text, err)
	}
	return sum.SetMantExp(sum, -factors*int(sc)), nil
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
