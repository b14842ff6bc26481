package results

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Normal is a normal distribution: the posterior of a mean or of a difference.
// Sigma, its standard deviation, is in the same unit as Mu and above 0.
type Normal struct {
	Mu    float64 `json:"mu"`
	Sigma float64 `json:"sigma"`
}

// CDF is P(X <= x).
func (n Normal) CDF(x float64) float64 { return normalCDF((x - n.Mu) / n.Sigma) }

// Survival is P(X > x), exact in the far tail where 1-CDF(x) is 0.
func (n Normal) Survival(x float64) float64 { return normalCDF((n.Mu - x) / n.Sigma) }

// Quantile is the x with CDF(x) = p, 0 < p < 1.
func (n Normal) Quantile(p float64) float64 { return n.Mu + n.Sigma*normalQuantile(p) }

// Interval is the equal-tailed interval holding the given share (0 to 1) of
// the distribution; for a normal it is the shortest one too.
func (n Normal) Interval(level float64) Interval {
	half := n.Sigma * upperQuantile((1-level)/2)
	return Interval{n.Mu - half, n.Mu + half}
}

// Loss is what is expected to be lost by a choice whose advantage has this
// distribution: E[max(-X, 0)] for choosing it, E[max(X, 0)] for not choosing
// it, in the unit of Mu. With k = Mu/Sigma they are Sigma*(phi(k) - k*(1-Phi(k)))
// and Sigma*(phi(k) + k*Phi(k)); beyond |k| = 37 their limits max(-Mu, 0) and
// max(Mu, 0).
func (n Normal) Loss() (choosing, forgoing float64) {
	if n.Sigma <= 0 || math.Abs(n.Mu) > 37*n.Sigma {
		return math.Max(-n.Mu, 0), math.Max(n.Mu, 0)
	}
	k := n.Mu / n.Sigma
	return n.Sigma * partialMean(k), n.Sigma * partialMean(-k)
}

// partialMean is E[max(Z-k, 0)] of a standard normal Z. For large k the
// difference phi(k) - k*(1-Phi(k)) cancels; the continued fraction of Mills'
// ratio (Laplace 1805; Abramowitz & Stegun 26.2.14) has no difference.
func partialMean(k float64) float64 {
	if k < 4 {
		return normalDensity(k) - k*normalCDF(-k)
	}
	tail := k
	for i := 120; i >= 2; i-- {
		tail = k + float64(i)/tail
	}
	// Mills' ratio is 1/(k + 1/tail); one minus k times it is what is left.
	return normalDensity(k) / (tail * (k + 1/tail))
}

func normalDensity(z float64) float64 {
	return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
}

// normalCDF keeps its relative precision in the lower tail, down to z = -37.
func normalCDF(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

// logNormalCDF is ln Phi(z), also where Phi(z) is below the smallest float64.
func logNormalCDF(z float64) float64 {
	if z > -20 {
		if z > 5 {
			return math.Log1p(-normalCDF(-z))
		}
		return math.Log(normalCDF(z))
	}
	// Abramowitz & Stegun 26.2.12; at -20 the twelfth term is below 1e-18.
	square, term, sum := z*z, 1.0, 0.0
	for i := 1; i <= 12; i++ {
		term *= -float64(2*i-1) / square
		sum += term
	}
	return -square/2 - math.Log(-z) - 0.5*math.Log(2*math.Pi) + math.Log1p(sum)
}

// normalQuantile is the z with Phi(z) = p.
func normalQuantile(p float64) float64 {
	switch {
	case p <= 0:
		return math.Inf(-1)
	case p >= 1:
		return math.Inf(1)
	case p > 0.5:
		return upperQuantile(1 - p)
	}
	return mathext.NormalQuantile(p)
}

// upperQuantile is the z with P(Z > z) = p: for a small p it keeps the digits
// that 1-p would lose.
func upperQuantile(p float64) float64 {
	if p <= 0 {
		return math.Inf(1)
	}
	if p >= 1 {
		return math.Inf(-1)
	}
	return -mathext.NormalQuantile(p)
}
