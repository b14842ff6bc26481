package results

import (
	"math"
	"slices"
)

// DefaultCap is the quantile of the non-zero values at which sums and counts
// per unit are capped.
const DefaultCap = 0.999

// Quantile is the p-quantile (0 to 1) of values by linear interpolation at
// (n-1)p, type 7 of Hyndman and Fan (1996). The values need no order.
func Quantile(values []float64, p float64) (float64, State) {
	if len(values) == 0 {
		return 0, TooFewUnits
	}
	if !(p >= 0 && p <= 1) || slices.ContainsFunc(values, math.IsNaN) {
		return 0, InvalidInput
	}
	sorted := slices.Sorted(slices.Values(values))
	at := float64(len(sorted)-1) * p
	i := int(at)
	if i == len(sorted)-1 {
		return sorted[i], OK
	}
	fraction := at - float64(i)
	if fraction == 0 {
		return sorted[i], OK
	}
	return sorted[i]*(1-fraction) + sorted[i+1]*fraction, OK
}

// Cap is where the values of all variations together are capped: the quantile p
// of those that are not zero, so that a metric most units have no event of is
// not capped at zero. ok is false where there is no such value, and nothing is
// to be capped. Conversions are never capped.
func Cap(values []float64, p float64) (limit float64, ok bool) {
	var positive []float64
	for _, v := range values {
		if v != 0 {
			positive = append(positive, v)
		}
	}
	limit, state := Quantile(positive, p)
	return limit, state == OK
}

// Winsorize sets the values above limit to limit, in place.
func Winsorize(values []float64, limit float64) {
	for i, v := range values {
		values[i] = math.Min(v, limit)
	}
}

// QuantileRanks are the ranks, as shares of n, whose order statistics bound the
// quantile nu with the confidence 95 %: nu ± z sqrt(nu(1-nu)/n), cut at 0 and 1.
func QuantileRanks(nu float64, n int64) (lower, upper float64) {
	half := upperQuantile(0.025) * math.Sqrt(nu*(1-nu)/float64(n))
	return math.Max(nu-half, 0), math.Min(nu+half, 1)
}
