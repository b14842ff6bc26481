package report

import (
	"math"
	"slices"
	"strconv"
)

// Round writes a value with three digits that matter.
func Round(value float64) string {
	if value == 0 || math.IsNaN(value) || math.IsInf(value, 0) {
		return strconv.FormatFloat(value, 'g', -1, 64)
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(math.Abs(value)))))
	scale := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(value))))
	text := strconv.FormatFloat(math.Round(value*scale)/scale, 'f', decimals, 64)
	return thousands(text)
}

// Count writes a number of things.
func Count(n int) string { return thousands(strconv.Itoa(n)) }

// thousands sets commas into a whole number.
func thousands(text string) string {
	for _, c := range text {
		if c == '.' {
			return text
		}
	}
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Median gives the middle of values, and the interval in which the middle of all
// that could have been measured lies with 95 % confidence, by rank: it assumes
// nothing of how values are spread. For fewer than six it is all there is.
func Median(values []float64) (median, low, high float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	median = sorted[n/2]
	if n%2 == 0 {
		median = (sorted[n/2-1] + sorted[n/2]) / 2
	}
	rank := int(math.Floor((float64(n)-1.96*math.Sqrt(float64(n)))/2)) - 1
	rank = max(rank, 0)
	return median, sorted[rank], sorted[n-1-rank]
}
