package results

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mathext"
)

// incompleteBeta is the regularised incomplete beta function I_x(a, b) and its
// complement, each with its full relative precision. y must be 1-x: callers
// who know it exactly save what the subtraction would lose.
//
// The library's RegIncBeta forms the difference of logarithms of gamma
// functions: with parameters of 1e8, a hundred million units, that leaves seven
// digits, at the mean of the distribution even values above 1. Here the power
// term comes from its saddle point (Loader, "Fast and accurate computation of
// binomial probabilities", 2000) and loses nothing.
func incompleteBeta(a, b, x, y float64) (lower, upper float64) {
	switch {
	case x <= 0:
		return 0, 1
	case y <= 0:
		return 1, 0
	}
	if math.Min(a, b) > 2000 {
		return integratedBeta(a, b, x, y)
	}
	power := betaPower(a, b, x, y)
	if excess := a*y - b*x; excess > 0 {
		lower = math.Min(power*betaFraction(a, b, x, y, excess), 1)
		return lower, 1 - lower
	} else {
		upper = math.Min(power*betaFraction(b, a, y, x, -excess), 1)
	}
	return 1 - upper, upper
}

// betaPower is x^a y^b / B(a, b): the density of the log odds of a Beta(a, b).
func betaPower(a, b, x, y float64) float64 {
	return math.Exp(logBetaPower(a, b, x, y))
}

func logBetaPower(a, b, x, y float64) float64 {
	if x <= 0 || y <= 0 {
		return math.Inf(-1)
	}
	n := a + b
	excess := a*y - b*x // a - n*x, without the cancellation
	return 0.5*math.Log(a/n*b/(2*math.Pi)) + stirlingRest(n) - stirlingRest(a) - stirlingRest(b) -
		deviance(a, n*x, excess) - deviance(b, n*y, -excess)
}

// deviance is k*ln(k/m) - (k-m) for k = m + excess, without cancellation near
// k = m.
func deviance(k, m, excess float64) float64 {
	u := excess / m
	if math.Abs(u) > 0.1 {
		return k*math.Log(k/m) - excess
	}
	// m*((1+u)ln(1+u) - u) as the series u^2/2 - u^3/6 + u^4/12 - …
	sum, power := 0.0, u
	for i := 2; i < 24; i++ {
		power *= -u
		term := -power / float64(i*(i-1))
		sum += term
		if math.Abs(term) < epsilon*math.Abs(sum)/4 {
			break
		}
	}
	return m * sum
}

// stirlingRest is ln Gamma(z) minus Stirling's formula (z-1/2)ln z - z + ln(2 pi)/2.
func stirlingRest(z float64) float64 {
	if z < 15 {
		lg, _ := math.Lgamma(z)
		return lg - (z-0.5)*math.Log(z) + z - 0.5*math.Log(2*math.Pi)
	}
	s := 1 / (z * z)
	return (1.0/12 - s*(1.0/360-s*(1.0/1260-s*(1.0/1680-s*(1.0/1188-s*691.0/360360))))) / z
}

// betaFraction is I_x(a, b) divided by its power term, for x below the mean:
// the even part of the continued fraction of Abramowitz & Stegun 26.5.8, in the
// form of DiDonato & Morris (ACM TOMS 18, 1992, algorithm 708), which needs the
// excess a - (a+b)x and so stays exact where x or y is close to 1; by Lentz's
// method.
func betaFraction(a, b, x, y, excess float64) float64 {
	first := (1 + excess) / (1 + 1/a)
	c, d := first, 0.0
	h := first
	p, s := 1.0, a+1
	for i := 1; i < 100_000; i++ {
		n := float64(i)
		t := n / a
		w := n * (b - n) * x
		e := a / s
		alpha := p * (p + b/a) * e * e * w * x
		beta := n + w/s + (1+t)/(1+1/a+2*t)*(1+excess+n*(1+y))
		d = 1 / (beta + alpha*d)
		c = beta + alpha/c
		h *= c * d
		if math.Abs(c*d-1) < epsilon {
			break
		}
		p = 1 + t
		s += 2
	}
	return 1 / h
}

// integratedBeta integrates the density of the log odds from x outwards, away
// from the mean. With both parameters large it is close to a normal curve,
// where panels of Gauss-Legendre points reach full precision within
// microseconds; the continued fraction would need ever more terms.
func integratedBeta(a, b, x, y float64) (lower, upper float64) {
	sd := math.Sqrt(1/a + 1/b) // of the log odds, to first order
	z := math.Log(x / y)
	distance := (a*y - b*x) / ((a + b) * math.Sqrt(x*y)) / sd // in standard deviations
	if math.Abs(z) > 1 {
		distance = (math.Log(a/b) - z) / sd
	}
	direction := -1.0
	if distance < 0 {
		direction = 1
	}
	width := sd / (1 + math.Abs(distance)/4)
	var tail, from float64
	for range 400 {
		panel := 0.0
		for i, node := range panelNodes {
			shift := direction * (from + width*(node+1)/2)
			px, py := shiftOdds(x, y, shift)
			panel += panelWeights[i] * betaPower(a, b, px, py)
		}
		panel *= width / 2
		tail += panel
		if panel <= tail*epsilon/8 {
			break
		}
		from += width
	}
	tail = math.Min(tail, 1)
	if direction < 0 {
		return tail, 1 - tail
	}
	return 1 - tail, tail
}

// shiftOdds multiplies the odds x/y by e^shift, keeping the precision of both.
func shiftOdds(x, y, shift float64) (float64, float64) {
	grow := math.Expm1(shift)
	whole := 1 + x*grow
	return x * (1 + grow) / whole, y / whole
}

// panelNodes and panelWeights are the Gauss-Legendre rule on [-1, 1] that every
// integral of this package is made of.
var panelNodes, panelWeights = legendre(20)

func legendre(n int) (nodes, weights []float64) {
	nodes, weights = make([]float64, n), make([]float64, n)
	quad.Legendre{}.FixedLocations(nodes, weights, -1, 1)
	return nodes, weights
}

// chiSquareSurvival is P(X > x) of a chi-square distribution, exact far into
// the tail.
func chiSquareSurvival(x float64, df int) float64 {
	if x <= 0 || df < 1 {
		return 1
	}
	switch df {
	case 1:
		return math.Erfc(math.Sqrt(x / 2))
	case 2:
		return math.Exp(-x / 2)
	}
	if x > 3000 {
		// The library's complement gives 0 here; so is the true value, at the
		// degrees of freedom an experiment can have.
		if p := math.Exp(-x/2 + float64(df)/2*math.Log(x*math.E/float64(df))); p == 0 {
			return 0
		}
	}
	p := mathext.GammaIncRegComp(float64(df)/2, x/2)
	return math.Min(math.Max(p, 0), 1)
}

// studentSurvival is P(T > t) of Student's distribution with df degrees of
// freedom, df > 0, +Inf for the normal.
func studentSurvival(t, df float64) float64 {
	if math.IsInf(df, 1) {
		return normalCDF(-t)
	}
	// Both parts of one are quotients, none is 1 minus the other.
	whole := df + t*t
	x, y := df/whole, t/whole*t
	if math.IsInf(whole, 1) {
		x, y = df/t/t, 1
	}
	outside, inside := incompleteBeta(df/2, 0.5, x, y)
	if t > 0 {
		return outside / 2
	}
	return 0.5 + inside/2
}

// studentUpperQuantile is the t with P(T > t) = p.
func studentUpperQuantile(p, df float64) float64 {
	switch {
	case p == 0.5:
		return 0
	case p > 0.5:
		return -studentUpperQuantile(1-p, df)
	}
	start := upperQuantile(p)
	if math.IsInf(df, 1) || math.IsInf(start, 1) {
		return start
	}
	// The tail of Student's distribution is the heavier one: the quantile lies
	// above the normal's.
	target := math.Log(p)
	off := func(t float64) float64 { return math.Log(studentSurvival(t, df)) - target }
	lo, hi, ok := widen(off, start*(1-1e-9), math.Max(start, 1e-9)/8, math.MaxFloat64/4)
	if !ok {
		return start
	}
	return crossing(off, lo, hi)
}
