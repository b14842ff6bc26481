package results

import "math"

// Adjustment is what CUPED (Deng, Xu, Kohavi, Walker 2013) did to the
// comparison of one treatment with the control.
type Adjustment struct {
	// Theta is the slope of the value on the covariate, pooled over both arms.
	Theta float64 `json:"theta"`
	// Control and Treatment are the adjusted arms: mean y - theta x, variance
	// of y - theta x.
	Control   Arm `json:"-"`
	Treatment Arm `json:"-"`
	// VarianceReduction is the share of the difference's variance that the
	// adjustment removed, negative where it added some.
	VarianceReduction float64 `json:"varianceReduction"`
	// Correlation is that of value and covariate, pooled, -1 to 1.
	Correlation float64 `json:"correlation"`
	// StandardDeviationRatio is sd(value)/sd(covariate), pooled.
	StandardDeviationRatio float64 `json:"standardDeviationRatio"`
	// CovariateImbalance is the difference of the covariate's means, treatment
	// less control.
	CovariateImbalance float64 `json:"covariateImbalance"`
	// ImbalanceP is the Welch p-value of that difference; below 0.01 the state
	// is CovariateImbalance.
	ImbalanceP *float64 `json:"imbalanceP,omitempty"`
	State      State    `json:"state,omitempty"`
}

// imbalanceThreshold is the p-value below which the arms differed before the
// experiment: an adjustment would hide it.
const imbalanceThreshold = 0.01

// Adjust prepares the adjusted comparison of two arms by their values before
// the exposure (Unit.Covariate). Proportions have 0/1 values and covariates,
// whose variances and covariance are taken with n instead of n-1. The state
// CovariateImbalance is a warning: Effect still answers.
func Adjust(control, treatment Sums, proportions bool) Adjustment {
	pooled := control.Clone()
	pooled.Merge(treatment)
	if control.Units < 2 || treatment.Units < 2 {
		return Adjustment{State: TooFewUnits}
	}
	vx, vy := pooled.spread(covariate, covariate, proportions), pooled.spread(value, value, proportions)
	theta := pooled.spread(value, covariate, proportions) / vx
	if !(vx > 0) || !isFinite(theta) {
		return Adjustment{State: CovariateConstant}
	}
	if vy <= 0 {
		return Adjustment{State: ZeroVariance}
	}
	a := Adjustment{
		Theta:                  theta,
		Control:                control.adjusted(theta, proportions),
		Treatment:              treatment.adjusted(theta, proportions),
		Correlation:            theta * math.Sqrt(vx/vy),
		StandardDeviationRatio: math.Sqrt(vy / vx),
		CovariateImbalance:     treatment.mean(covariate) - control.mean(covariate),
	}
	if before := control.spread(value, value, proportions)/float64(control.Units) +
		treatment.spread(value, value, proportions)/float64(treatment.Units); before > 0 {
		a.VarianceReduction = 1 - (a.Control.ofMean()+a.Treatment.ofMean())/before
	}
	if !isFinite(a.Correlation) || !isFinite(a.StandardDeviationRatio) || !isFinite(a.CovariateImbalance) || !isFinite(a.VarianceReduction) {
		return Adjustment{State: InvalidInput}
	}
	imbalance := Compare(
		arm(control.Units, control.mean(covariate), control.covariance(covariate, covariate)),
		arm(treatment.Units, treatment.mean(covariate), treatment.covariance(covariate, covariate)), Absolute).Welch(0.05, TwoSided)
	a.ImbalanceP = imbalance.P
	a.State = worst(a.Control.State, a.Treatment.State)
	if a.State == OK && a.ImbalanceP != nil && *a.ImbalanceP < imbalanceThreshold {
		a.State = CovariateImbalance
	}
	return a
}

// CompareAdjusted estimates the difference of the adjusted means. The relative
// one divides by the control's unadjusted mean yC, and its variance is
//
//	(vyT + th² vxT - 2 th cT)/(nT yC²) + (vyC R² - 2 th cC R + th² vxC)/(nC yC²),  R = yT/yC
//
// because that mean is the divisor too: leaving R out under-covers.
func CompareAdjusted(control, treatment Sums, proportions bool, scale Scale) (Effect, Adjustment) {
	a := Adjust(control, treatment, proportions)
	e := Effect{Scale: scale, Units: control.Units + treatment.Units, State: a.State}
	if e.State == CovariateImbalance {
		e.State = OK
	}
	baseline := control.mean(value)
	if scale == Relative && baseline == 0 {
		e.State = worst(e.State, BaselineZero)
	}
	if e.State != OK {
		return e, a
	}
	e = Compare(a.Control, a.Treatment, Absolute)
	e.Scale, e.ControlMean = scale, baseline
	if e.State != OK {
		return Effect{Scale: scale, Units: e.Units, State: e.State}, a
	}
	if scale == Relative {
		ratio := treatment.mean(value) / baseline
		own := control.spread(value, value, proportions)*ratio*ratio -
			2*a.Theta*control.spread(value, covariate, proportions)*ratio +
			a.Theta*a.Theta*control.spread(covariate, covariate, proportions)
		variance := a.Treatment.ofMean() + own/float64(control.Units)
		if variance <= 0 {
			return Effect{Scale: scale, Units: e.Units, State: ZeroVariance}, a
		}
		e.Estimate /= math.Abs(baseline)
		e.SE = math.Sqrt(variance) / math.Abs(baseline)
	}
	return e.checked(), a
}

// adjusted is the arm of value - theta*covariate.
func (s Sums) adjusted(theta float64, proportions bool) Arm {
	variance := s.spread(value, value, proportions) + theta*theta*s.spread(covariate, covariate, proportions) -
		2*theta*s.spread(value, covariate, proportions)
	return arm(s.Units, s.mean(value)-theta*s.mean(covariate), variance)
}

// spread is the covariance of two parts, for proportions with n.
func (s Sums) spread(p, q part, proportions bool) float64 {
	if !proportions {
		return s.covariance(p, q)
	}
	if p == q {
		m := s.mean(p)
		return m * (1 - m)
	}
	n := float64(s.Units)
	return s.covariance(p, q) * (n - 1) / n
}
