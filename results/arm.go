package results

import "math"

// Arm is what a comparison of means has to know of one variation: how many
// units, their mean, and the variance of one unit (not of the mean), in the
// metric's unit and its square. With a State the numbers mean nothing.
type Arm struct {
	Units    int64
	Mean     float64
	Variance float64
	State    State
}

// MeanArm is the mean of the values per unit with its sample variance (n-1).
func (s Sums) MeanArm() Arm {
	return arm(s.Units, s.mean(value), s.covariance(value, value))
}

// ProportionArm is the share of units with an event, for conversion metrics;
// its variance is p(1-p).
func (s Sums) ProportionArm() Arm {
	if s.Units == 0 {
		return Arm{State: TooFewUnits}
	}
	p := float64(s.Events) / float64(s.Units)
	return arm(s.Units, p, p*(1-p))
}

// QuantileArm is a quantile (say the 90th percentile of a latency) of n values,
// with the interval [lower, upper] that the order statistics at the ranks
// nu ± z(0.975) sqrt(nu(1-nu)/n) give. Where units have several values each,
// nStar is the number of values the ranks were computed with. The variance of
// one value is nStar/n (n-1) ((upper-lower) / 2z)^2, at least 1e-5: equal order
// statistics do not make a quantile certain (GrowthBook, quantile metrics).
func QuantileArm(n, nStar int64, quantile, lower, upper float64) Arm {
	if n < 2 || nStar < 1 {
		return Arm{Units: n, State: TooFewUnits}
	}
	half := (upper - lower) / (2 * upperQuantile(0.025))
	variance := float64(nStar) / float64(n) * float64(n-1) * half * half
	return arm(n, quantile, math.Max(variance, 1e-5))
}

func arm(units int64, mean, variance float64) Arm {
	a := Arm{Units: units, Mean: mean, Variance: variance}
	switch {
	case !isFinite(mean) || !isFinite(variance):
		return Arm{Units: units, State: InvalidInput}
	case units < 2:
		a.State = TooFewUnits
	case variance <= 0:
		a.State = ZeroVariance
	}
	return a
}

// ofMean is the variance of the arm's mean.
func (a Arm) ofMean() float64 { return a.Variance / float64(a.Units) }

// Scale says what a difference is measured in.
type Scale int

const (
	// Relative differences are shares of the control's mean: 0.1 is 10 % more.
	Relative Scale = iota
	// Absolute differences are in the metric's unit.
	Absolute
)

// Effect is an estimated difference of a treatment from the control. All
// inference starts from it: Welch, Sequence, Posterior.
type Effect struct {
	// Estimate is the difference, in the unit its Scale says.
	Estimate float64
	// SE is its standard error.
	SE float64
	// DF are the degrees of freedom by Welch and Satterthwaite.
	DF float64
	// Units is the number of units of both arms.
	Units int64
	Scale Scale
	// ControlMean is what a relative estimate was divided by.
	ControlMean float64
	State       State
}

// Compare estimates the difference of treatment from control. The relative
// difference is (mT-mC)/|mC|: dividing by the absolute value keeps its sign the
// sign of the difference. Its variance is by the delta method for independent
// arms, vT/nT/mC^2 + vC/nC mT^2/mC^4; the absolute one's is vT/nT + vC/nC.
func Compare(control, treatment Arm, scale Scale) Effect {
	e := Effect{Scale: scale, Units: control.Units + treatment.Units, State: worst(control.State, treatment.State)}
	if scale == Relative && e.State != TooFewUnits && e.State != InvalidInput && control.Mean == 0 {
		e.State = worst(e.State, BaselineZero)
	}
	if e.State != OK {
		return e
	}
	variance := DifferenceVariance(control, treatment, scale)
	e.Estimate = treatment.Mean - control.Mean
	if scale == Relative {
		e.Estimate /= math.Abs(control.Mean)
	}
	e.SE = math.Sqrt(variance)
	e.DF = welchDF(control, treatment)
	e.ControlMean = control.Mean
	return e.checked()
}

// DifferenceVariance is the variance of the difference of two means by the
// delta method, as Compare takes it.
func DifferenceVariance(control, treatment Arm, scale Scale) float64 {
	if scale == Absolute {
		return treatment.ofMean() + control.ofMean()
	}
	ratio := treatment.Mean / control.Mean
	return (treatment.ofMean() + control.ofMean()*ratio*ratio) / (control.Mean * control.Mean)
}

// RelativeDifference is (treatment-control)/|control|. With the mean of an
// adjusted metric, the baseline it is divided by is the unadjusted mean.
func RelativeDifference(control, treatment, baseline float64) (float64, State) {
	switch difference := (treatment - control) / math.Abs(baseline); {
	case baseline == 0:
		return 0, BaselineZero
	case !isFinite(difference):
		return 0, InvalidInput
	default:
		return difference, OK
	}
}

// welchDF is Satterthwaite's approximation (Welch 1947), formed from the share
// each arm has in the variance so that no power overflows.
func welchDF(control, treatment Arm) float64 {
	c, t := control.ofMean(), treatment.ofMean()
	share := c / (c + t)
	rest := t / (c + t)
	return 1 / (share*share/float64(control.Units-1) + rest*rest/float64(treatment.Units-1))
}

// checked gives an effect whose numbers left float64 a state.
func (e Effect) checked() Effect {
	if !isFinite(e.Estimate) || !isFinite(e.SE) || !isFinite(e.DF) {
		return Effect{Scale: e.Scale, Units: e.Units, State: InvalidInput}
	}
	if e.SE == 0 {
		return Effect{Scale: e.Scale, Units: e.Units, State: ZeroVariance}
	}
	return e
}

// Combine joins the effects of periods that each had constant weights, by the
// inverse of their variances. Pooling the raw counts instead would let a change
// of weights look like an effect (Simpson's paradox). Periods without an
// estimate are left out; the state is that of the first where none has one.
func Combine(periods []Effect) Effect {
	var out Effect
	var precision, weighted, freedom float64
	for i, e := range periods {
		if e.State != OK || !(e.SE > 0) || i > 0 && e.Scale != periods[0].Scale {
			continue
		}
		p := 1 / e.SE / e.SE
		precision += p
		weighted += p * e.Estimate
		freedom += p * p / e.DF
		out.Units += e.Units
		out.ControlMean += p * e.ControlMean
	}
	if precision == 0 {
		if len(periods) == 0 {
			return Effect{State: TooFewUnits}
		}
		return Effect{Scale: periods[0].Scale, State: worst(periods[0].State, ZeroVariance)}
	}
	out.Scale = periods[0].Scale
	out.Estimate = weighted / precision
	out.ControlMean /= precision
	out.SE = math.Sqrt(1 / precision)
	out.DF = precision * precision / freedom
	return out.checked()
}
