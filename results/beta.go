package results

import "math"

// Beta is a Beta distribution: the posterior of a conversion rate. Both
// parameters are above 0.
type Beta struct {
	Alpha float64 `json:"alpha"`
	Beta  float64 `json:"beta"`
}

// Update is the posterior after conversions among units.
func (d Beta) Update(conversions, units int64) Beta {
	return Beta{d.Alpha + float64(conversions), d.Beta + float64(units-conversions)}
}

func (d Beta) valid() bool {
	return d.Alpha > 0 && d.Beta > 0 && isFinite(d.Alpha+d.Beta)
}

// Mean is alpha/(alpha+beta).
func (d Beta) Mean() float64 { return d.Alpha / (d.Alpha + d.Beta) }

// Variance is alpha beta / ((alpha+beta)² (alpha+beta+1)).
func (d Beta) Variance() float64 {
	n := d.Alpha + d.Beta
	return d.Alpha / n * (d.Beta / n) / (n + 1)
}

// CDF is P(X <= x), Survival P(X > x); both are exact in their tails.
func (d Beta) CDF(x float64) float64 {
	lower, _ := incompleteBeta(d.Alpha, d.Beta, x, 1-x)
	return lower
}

// Survival is P(X > x).
func (d Beta) Survival(x float64) float64 {
	_, upper := incompleteBeta(d.Alpha, d.Beta, x, 1-x)
	return upper
}

// Quantile is the x with CDF(x) = p, 0 < p < 1.
func (d Beta) Quantile(p float64) float64 {
	x, _ := fromOdds(d.oddsQuantile(p, 1-p))
	return x
}

// oddsQuantile is the quantile in log odds, where both ends have all the room
// they need, for the lower tail p and the upper tail q = 1-p.
func (d Beta) oddsQuantile(p, q float64) float64 {
	if p <= 0 {
		return math.Inf(-1)
	}
	if q <= 0 {
		return math.Inf(1)
	}
	off := func(z float64) float64 {
		x, y := fromOdds(z)
		lower, upper := incompleteBeta(d.Alpha, d.Beta, x, y)
		if p < q {
			return math.Log(lower) - math.Log(p)
		}
		return math.Log(q) - math.Log(upper)
	}
	center := math.Log(d.Alpha / d.Beta)
	step := math.Sqrt(1/d.Alpha + 1/d.Beta)
	if off(center) > 0 {
		step = -step
	}
	lo, hi, ok := widen(off, center, step, math.Copysign(740, step))
	if !ok {
		return math.Copysign(740, step)
	}
	return crossing(off, lo, hi)
}

// Interval is the equal-tailed interval holding the share level (0 to 1).
func (d Beta) Interval(level float64) Interval {
	tail := (1 - level) / 2
	lower, _ := fromOdds(d.oddsQuantile(tail, 1-tail))
	upper, _ := fromOdds(d.oddsQuantile(1-tail, tail))
	return Interval{lower, upper}
}

// ShortestInterval is the highest-density interval: the shortest one that holds
// the share level. With a mode at an end of [0, 1] it begins there; with two
// modes, at both ends, there is none, and it is the equal-tailed one.
func (d Beta) ShortestInterval(level float64) Interval {
	spare := 1 - level
	switch {
	case d.Alpha <= 1 && d.Beta <= 1:
		return d.Interval(level)
	case d.Alpha <= 1:
		return Interval{0, d.Quantile(level)}
	case d.Beta <= 1:
		x, _ := fromOdds(d.oddsQuantile(spare, level))
		return Interval{x, 1}
	}
	ends := func(below float64) (lo, hi float64) {
		return d.oddsQuantile(below, 1-below), d.oddsQuantile(level+below, spare-below)
	}
	// The density is equal at both ends of the shortest interval.
	excess := func(below float64) float64 {
		lo, hi := ends(below)
		return d.logDensity(lo) - d.logDensity(hi)
	}
	below := crossing(excess, spare*1e-9, spare*(1-1e-9))
	lo, hi := ends(below)
	lower, _ := fromOdds(lo)
	upper, _ := fromOdds(hi)
	return Interval{lower, upper}
}

// logDensity is the logarithm of the density of X (not of its log odds) at the
// log odds z.
func (d Beta) logDensity(z float64) float64 {
	x, y := fromOdds(z)
	return logBetaPower(d.Alpha, d.Beta, x, y) - math.Log(x) - math.Log(y)
}

// MatchBeta is the Beta distribution with the given mean and variance. It fails
// where there is none: a mean outside (0, 1), or a variance of mean(1-mean) or
// more.
func MatchBeta(mean, variance float64) (Beta, State) {
	if !(mean > 0 && mean < 1) || !(variance > 0 && variance < mean*(1-mean)) {
		return Beta{}, InvalidInput
	}
	units := mean*(1-mean)/variance - 1
	matched := Beta{mean * units, (1 - mean) * units}
	if !matched.valid() {
		return Beta{}, InvalidInput
	}
	return matched, OK
}

// BetaDifference is the posterior of a difference of two rates.
type BetaDifference struct {
	// Better is P(treatment > control), or < where lower is better.
	Better float64 `json:"pTreatmentBetter"`
	// Mean is the expected difference, treatment less control.
	Mean float64 `json:"difference"`
	// Interval is the equal-tailed credible interval of the difference.
	Interval      Interval `json:"interval"`
	LossTreatment float64  `json:"lossTreatment"`
	LossControl   float64  `json:"lossControl"`
}

// CompareRates is the posterior of treatment - control for independent Beta
// posteriors, by quadrature. level, 0 to 1, is the interval's.
func CompareRates(control, treatment Beta, level float64, lowerIsBetter bool) (BetaDifference, State) {
	if !control.valid() || !treatment.valid() || !(level > 0 && level < 1) {
		return BetaDifference{}, InvalidInput
	}
	ranking, state := RankRates([]Beta{control, treatment}, lowerIsBetter)
	if state != OK {
		return BetaDifference{}, state
	}
	d := BetaDifference{Better: ranking[1].Best, Mean: treatment.Mean() - control.Mean(),
		LossControl: ranking[0].Loss, LossTreatment: ranking[1].Loss}
	points := rated(control).grid([]candidate{rated(control), rated(treatment)})
	// P(T - C <= difference), integrated over the control's rate.
	below := func(difference float64) float64 {
		var sum float64
		for _, at := range points {
			x, _ := fromOdds(at.z)
			lower, _ := incompleteBeta(treatment.Alpha, treatment.Beta, x+difference, 1-x-difference)
			sum += at.weight * rated(control).density(at.z) * lower
		}
		return sum
	}
	tail := (1 - level) / 2
	d.Interval.Lower = crossing(func(x float64) float64 { return below(x) - tail }, -1, 1)
	d.Interval.Upper = crossing(func(x float64) float64 { return below(x) - 1 + tail }, -1, 1)
	return d, OK
}
