package results

import "math"

// NormalMixture is the boundary of Howard, Ramdas, McAuliffe and Sekhon
// ("Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021,
// propositions 5 and 6) for a sum S_t with accumulated variance V_t: the chance
// that S (two-sided: |S|) is ever at or above Boundary(V) is at most alpha.
type NormalMixture struct {
	// Rho is the variance the mixture is tuned by, above 0.
	Rho   float64
	Sided Side
}

// TuneMixture makes the boundary tightest about the accumulated variance v for
// the level alpha (0 to 1; one-sided 0 to 1/2).
func TuneMixture(v, alpha float64, side Side) (NormalMixture, State) {
	if side != TwoSided {
		alpha *= 2
	}
	if !(v > 0) || !(alpha > 0 && alpha < 1) || math.IsInf(v, 1) {
		return NormalMixture{}, InvalidInput
	}
	return NormalMixture{Rho: tunedRho(v, alpha), Sided: side}, OK
}

func tunedRho(v, alpha float64) float64 {
	return v / (-2*math.Log(alpha) + math.Log1p(-2*math.Log(alpha)))
}

// Log is the logarithm of the mixture martingale at the sum s and variance v.
func (m NormalMixture) Log(s, v float64) float64 {
	whole := v + m.Rho
	log := 0.5*math.Log(m.Rho/whole) + s*s/(2*whole)
	if m.Sided != TwoSided {
		log += math.Ln2 + logNormalCDF(s/math.Sqrt(whole))
	}
	return log
}

// Boundary is the sum at which the martingale reaches 1/alpha.
func (m NormalMixture) Boundary(v, alpha float64) (float64, State) {
	if !(v >= 0) || !(alpha > 0 && alpha < 1) || math.IsInf(v, 1) {
		return 0, InvalidInput
	}
	whole := v + m.Rho
	if m.Sided == TwoSided {
		return math.Sqrt(whole * (math.Log1p(v/m.Rho) - 2*math.Log(alpha))), OK
	}
	over := func(s float64) float64 { return m.Log(s, v) + math.Log(alpha) }
	lo, hi, ok := widen(over, 0, math.Sqrt(whole), math.MaxFloat64/4)
	if !ok {
		return 0, Unreachable
	}
	return crossing(over, lo, hi), OK
}

// RateSequence is a confidence sequence for the rate of a 0/1 event: at every
// number of trials n at once, the chance that the interval misses the true rate
// is at most alpha. It is the two-sided beta-binomial mixture of Howard et al.
// (2021, proposition 7), tuned to be tightest at about tuning trials for
// alpha = 0.05.
func RateSequence(successes, n int64, alpha, tuning float64) (Interval, State) {
	if n < 0 || successes < 0 || successes > n || !(alpha > 0 && alpha < 1) || !(tuning > 0) {
		return Interval{}, InvalidInput
	}
	whole := Interval{0, 1}
	if n == 0 {
		return whole, TooFewUnits
	}
	rate := float64(successes) / float64(n)
	// In log odds the ends keep their precision next to 0 and 1.
	over := func(z float64) float64 {
		x, y := fromOdds(z)
		return logRateMixture(float64(successes), float64(n), x, y, tuning) + math.Log(alpha)
	}
	const edge = 700
	center := math.Log(rate) - math.Log1p(-rate)
	if successes > 0 {
		if lo, hi, ok := widen(over, math.Min(center, edge), -0.1, -edge); ok {
			whole.Lower, _ = fromOdds(crossing(over, lo, hi))
		}
	}
	if successes < n {
		if lo, hi, ok := widen(over, math.Max(center, -edge), 0.1, edge); ok {
			whole.Upper, _ = fromOdds(crossing(over, lo, hi))
		}
	}
	return whole, OK
}

// logRateMixture is the logarithm of the mixture martingale against the rate x
// (y is 1-x): a Beta prior on the rate whose mean is x, over the likelihood at x.
func logRateMixture(successes, n, x, y, tuning float64) float64 {
	variance := x * y
	r := math.Max(tunedRho(tuning*variance, 0.05)-variance, 1e-3*variance)
	a, b := r/y, r/x
	failures := n - successes
	log := logBeta(a+successes, b+failures) - logBeta(a, b)
	if successes > 0 {
		log -= successes * math.Log(x)
	}
	if failures > 0 {
		log -= failures * math.Log(y)
	}
	return log
}

// logBeta is ln B(a, b), exact also where one parameter is huge.
func logBeta(a, b float64) float64 {
	n := a + b
	return 0.5*math.Log(2*math.Pi*(1/a+1/b)) + stirlingRest(a) + stirlingRest(b) - stirlingRest(n) -
		a*math.Log1p(b/a) - b*math.Log1p(a/b)
}

// fromOdds is the share whose log odds are z, and its complement.
func fromOdds(z float64) (x, y float64) {
	if z > 0 {
		e := math.Exp(-z)
		return 1 / (1 + e), e / (1 + e)
	}
	e := math.Exp(z)
	return e / (1 + e), 1 / (1 + e)
}
