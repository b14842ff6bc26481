package results

import (
	"math"
	"time"
)

// SampleSize is the number of units each arm needs for a two-sided test:
// (z(1-alpha/2) + z(power))² (v1+v2) / delta². v1 and v2 are the variances of
// one unit in either arm, delta the absolute difference to find. With several
// treatments give alpha divided by their number. The number is not rounded.
func SampleSize(v1, v2, delta, alpha, power float64) (float64, State) {
	if !(v1 >= 0) || !(v2 >= 0) || !(alpha > 0 && alpha < 1) || !(power > 0 && power < 1) || math.IsNaN(delta) {
		return 0, InvalidInput
	}
	z := upperQuantile(alpha/2) + normalQuantile(power)
	n := z / delta * (z / delta) * (v1 + v2)
	if z <= 0 {
		return 0, OK // the test finds that often what is not there
	}
	if v1+v2 == 0 {
		return 0, ZeroVariance
	}
	if delta == 0 || !isFinite(n) {
		return 0, Unreachable
	}
	return n, OK
}

// RateVariance is p(1-p), the variance of a 0/1 value.
func RateVariance(p float64) float64 { return p * (1 - p) }

// Plan is a comparison of two arms of equal size and equal variance.
type Plan struct {
	// Mean and Variance are those of one unit of the control.
	Mean, Variance float64
	// UnitsPerArm may be a fraction.
	UnitsPerArm float64
	// Alpha is the two-sided error rate, 0 to 1.
	Alpha float64
	Scale Scale
}

func (p Plan) valid() State {
	switch {
	case !isFinite(p.Mean) || !(p.Variance >= 0) || math.IsInf(p.Variance, 1) || !(p.UnitsPerArm > 0) || math.IsInf(p.UnitsPerArm, 1) || !(p.Alpha > 0 && p.Alpha < 1):
		return InvalidInput
	case p.Variance == 0:
		return ZeroVariance
	case p.Scale == Relative && p.Mean == 0:
		return BaselineZero
	}
	return OK
}

// Power is the chance, 0 to 1, that the test finds a true difference of the
// given size (in the plan's scale), on either side. The relative difference's
// standard error grows with the difference itself, by the delta method.
func (p Plan) Power(effect float64) (float64, State) {
	if state := p.valid(); state != OK {
		return 0, state
	}
	if !isFinite(effect) {
		return 0, InvalidInput
	}
	z := upperQuantile(p.Alpha / 2)
	d := p.standardized(effect)
	return normalCDF(d-z) + normalCDF(-z-d), OK
}

// standardized is the effect in its own standard errors.
func (p Plan) standardized(effect float64) float64 {
	se := math.Sqrt(p.Variance / p.UnitsPerArm)
	if p.Scale == Absolute {
		return effect / (se * math.Sqrt2)
	}
	return effect * math.Abs(p.Mean) / (se * math.Hypot(1, 1+effect))
}

// MDE is the minimum detectable effect: the smallest increase, in the plan's
// scale, that is found with the given power. A relative one may be
// Unreachable, because its standard error grows with it.
func (p Plan) MDE(power float64) (float64, State) {
	if state := p.valid(); state != OK {
		return 0, state
	}
	if !(power > 0 && power < 1) {
		return 0, InvalidInput
	}
	if power <= p.Alpha {
		return 0, OK
	}
	short := func(effect float64) float64 {
		reached, _ := p.Power(effect)
		return reached - power
	}
	lo, hi, ok := widen(short, 0, 1e-9, 1e12)
	if p.Scale == Absolute {
		lo, hi, ok = widen(short, 0, math.Sqrt(p.Variance/p.UnitsPerArm)/8, math.MaxFloat64/4)
	}
	if !ok {
		return 0, Unreachable
	}
	return crossing(short, lo, hi), OK
}

// RatePlan is a two-sided comparison of two rates as R's power.prop.test has it
// (Fleiss 1981): the variance pooled under the null, one tail of the test, so
// that z(1-alpha/2) sqrt(2 p̄ q̄) + z(power) sqrt(p1 q1 + p2 q2) = sqrt(n)|p1-p2|.
type RatePlan struct {
	P1, P2, Alpha float64
}

func (p RatePlan) spreads() (pooled, separate float64, state State) {
	if !(p.P1 >= 0 && p.P1 <= 1 && p.P2 >= 0 && p.P2 <= 1 && p.Alpha > 0 && p.Alpha < 1) {
		return 0, 0, InvalidInput
	}
	mean := (p.P1 + p.P2) / 2
	pooled = math.Sqrt(2 * mean * (1 - mean))
	separate = math.Sqrt(RateVariance(p.P1) + RateVariance(p.P2))
	if separate == 0 {
		return 0, 0, ZeroVariance
	}
	return pooled, separate, OK
}

// Power is the chance to find the difference with n units per arm.
func (p RatePlan) Power(n float64) (float64, State) {
	pooled, separate, state := p.spreads()
	if state != OK {
		return 0, state
	}
	if !(n > 0) || math.IsInf(n, 1) {
		return 0, InvalidInput
	}
	return normalCDF((math.Sqrt(n)*math.Abs(p.P1-p.P2) - upperQuantile(p.Alpha/2)*pooled) / separate), OK
}

// Units is the number of units per arm that gives the power, not rounded.
func (p RatePlan) Units(power float64) (float64, State) {
	pooled, separate, state := p.spreads()
	if state != OK {
		return 0, state
	}
	if !(power > 0 && power < 1) {
		return 0, InvalidInput
	}
	root := (upperQuantile(p.Alpha/2)*pooled + normalQuantile(power)*separate) / math.Abs(p.P1-p.P2)
	if !isFinite(root) {
		return 0, Unreachable
	}
	return math.Max(root, 0) * math.Max(root, 0), OK
}

// Duration is how long it takes until every arm has its units, when the given
// number of units arrive per day of which an arm gets the share. It is rounded
// up to whole days; whole weeks are the better plan, because week days differ.
func Duration(unitsPerArm, unitsPerDay, smallestShare float64) (time.Duration, State) {
	days := math.Ceil(unitsPerArm / (unitsPerDay * smallestShare))
	switch {
	case !(unitsPerArm >= 0) || !(unitsPerDay >= 0) || !(smallestShare >= 0 && smallestShare <= 1):
		return 0, InvalidInput
	case !(days <= 100*365):
		return 0, Unreachable
	}
	return time.Duration(days) * 24 * time.Hour, OK
}
