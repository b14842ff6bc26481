package results

import "math"

// RatioArm is a ratio of sums, like logins per attempt, whose unit is still the
// device or user: R = Sum(value)/Sum(denominator). Events of one unit are not
// independent, so its variance comes from the units by the delta method,
// vm/d^2 + vd m^2/d^4 - 2 cov m/d^3 with the means m and d per unit (Deng,
// Knoblich, Lu, "Applying the delta method in metric analytics", 2018).
func (s Sums) RatioArm() Arm {
	if s.Units < 2 {
		return Arm{Units: s.Units, State: TooFewUnits}
	}
	d := s.mean(denominator)
	if d == 0 {
		return Arm{Units: s.Units, State: ZeroDenominator}
	}
	g := ratioGradient(s.mean(value), d)
	variance := s.bilinear(g, g, value, value)
	return arm(s.Units, s.sum(value)/s.sum(denominator), variance)
}

// gradient is the derivative of a ratio m/d by m and by d.
type gradient [2]float64

func ratioGradient(m, d float64) gradient { return gradient{1 / d, -m / (d * d)} }

func (g gradient) times(factor float64) gradient { return gradient{g[0] * factor, g[1] * factor} }

// bilinear is the covariance of two linearised ratios whose numerators are the
// parts p and q and whose denominators are the parts that follow them.
func (s Sums) bilinear(g, h gradient, p, q part) float64 {
	var sum float64
	for i := range g {
		for j := range h {
			sum += g[i] * h[j] * s.covariance(p+part(i), q+part(j))
		}
	}
	return sum
}

// AdjustedRatio is CUPED for ratio metrics: it compares
// R_post - theta R_pre, both ratios linearised per unit, with the theta that
// RatioTheta finds, or another one. The variance is the full delta method over
// the four means of each arm. The lift divides by the control's unadjusted
// ratio.
func AdjustedRatio(control, treatment Sums, theta float64, scale Scale) Effect {
	e := Effect{Scale: scale, Units: control.Units + treatment.Units}
	c, t := control.ratios(), treatment.ratios()
	e.State = worst(c.state, t.state)
	if e.State == OK && scale == Relative && c.post == 0 {
		e.State = BaselineZero
	}
	if e.State != OK {
		return e
	}
	e.ControlMean = c.post
	e.Estimate = t.post - theta*t.pre - (c.post - theta*c.pre)
	divisor, own := 1.0, 1.0
	if scale == Relative {
		divisor = math.Abs(c.post)
		// The control's ratio moves the lift twice: as what is compared with
		// and as what is divided by.
		own = (t.post - theta*(t.pre-c.pre)) / c.post
	}
	e.Estimate /= divisor
	adjusted := func(s Sums, r ratios, factor float64) Arm {
		post, pre := r.postGradient.times(factor/divisor), r.preGradient.times(-theta/divisor)
		return Arm{Units: s.Units, Variance: s.bilinear(post, post, value, value) +
			2*s.bilinear(post, pre, value, covariate) + s.bilinear(pre, pre, covariate, covariate)}
	}
	variance := adjusted(control, c, own).ofMean() + adjusted(treatment, t, 1).ofMean()
	plainC, plainT := adjusted(control, c, 1), adjusted(treatment, t, 1)
	if !(plainC.Variance > 0 && plainT.Variance > 0 && variance > 0) {
		return Effect{Scale: scale, Units: e.Units, State: ZeroVariance}
	}
	e.SE = math.Sqrt(variance)
	e.DF = welchDF(plainC, plainT)
	return e.checked()
}

// RatioTheta is the theta that makes the adjusted ratios vary least: the
// covariance of the two linearised ratios, after and before the exposure, over
// the variance of the one before, summed over both arms.
func RatioTheta(control, treatment Sums) (float64, State) {
	var shared, before float64
	for _, s := range []Sums{control, treatment} {
		r := s.ratios()
		if r.state != OK {
			return 0, r.state
		}
		shared += s.bilinear(r.postGradient, r.preGradient, value, covariate)
		before += s.bilinear(r.preGradient, r.preGradient, covariate, covariate)
	}
	if theta := shared / before; before > 0 && isFinite(theta) {
		return theta, OK
	}
	return 0, CovariateConstant
}

type ratios struct {
	post, pre                 float64
	postGradient, preGradient gradient
	state                     State
}

func (s Sums) ratios() ratios {
	if s.Units < 2 {
		return ratios{state: TooFewUnits}
	}
	d, e := s.mean(denominator), s.mean(covariateDenominator)
	if d == 0 || e == 0 {
		return ratios{state: ZeroDenominator}
	}
	m, x := s.mean(value), s.mean(covariate)
	return ratios{post: m / d, pre: x / e, postGradient: ratioGradient(m, d), preGradient: ratioGradient(x, e)}
}
