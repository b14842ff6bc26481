package results

import "math"

// EffectPrior is a normal belief about the difference before the data. The zero
// value is no belief (flat).
type EffectPrior struct {
	Mean float64 `json:"mean"`
	// Variance is above 0; 0 means a flat prior.
	Variance float64 `json:"variance"`
	// Scale is what Mean and Variance are measured in; a prior on relative
	// differences is rescaled by the control's mean where an absolute one is
	// estimated, and the other way round.
	Scale Scale `json:"-"`
}

// EffectPosterior is what is believed about a difference after the data.
type EffectPosterior struct {
	// Distribution is the posterior of the difference.
	Distribution Normal `json:"distribution"`
	// ChanceToWin is the probability that the treatment is better, 0 to 1.
	ChanceToWin float64 `json:"chanceToWin"`
	// Interval is the equal-tailed credible interval; absent with a State.
	Interval *Interval `json:"interval,omitempty"`
	// LossTreatment and LossControl are what is expected to be lost by choosing
	// the one if the other is better, in the scale of the effect.
	LossTreatment float64 `json:"lossTreatment"`
	LossControl   float64 `json:"lossControl"`
	State         State   `json:"state,omitempty"`
}

// Posterior combines the effect with a prior, weighing both by their precision:
// 1/s² = 1/se² + 1/v, mu = s²(d/se² + m/v). The level, 0 to 1, is the interval's.
func (e Effect) Posterior(prior EffectPrior, level float64, lowerIsBetter bool) EffectPosterior {
	if e.State != OK {
		return EffectPosterior{State: e.State}
	}
	mean, variance := prior.Mean, prior.Variance
	if !(level > 0 && level < 1) || !(variance >= 0) || math.IsInf(variance, 1) || !isFinite(mean) {
		return EffectPosterior{State: InvalidInput}
	}
	d := Normal{e.Estimate, e.SE}
	if variance > 0 {
		if baseline := math.Abs(e.ControlMean); prior.Scale != e.Scale {
			if baseline == 0 {
				return EffectPosterior{State: BaselineZero}
			}
			if e.Scale == Relative {
				baseline = 1 / baseline
			}
			mean *= baseline
			variance *= baseline * baseline
		}
		// As a share of weights no square of a small number can vanish.
		weight := variance / (variance + e.SE*e.SE)
		d = Normal{weight*e.Estimate + (1-weight)*mean, e.SE * math.Sqrt(weight)}
	}
	if !isFinite(d.Mu) || !(d.Sigma > 0) || !isFinite(d.Sigma) {
		return EffectPosterior{State: InvalidInput}
	}
	interval := d.Interval(level)
	out := EffectPosterior{Distribution: d, Interval: &interval}
	out.LossTreatment, out.LossControl = d.Loss()
	out.ChanceToWin = d.Survival(0)
	if lowerIsBetter {
		out.ChanceToWin = d.CDF(0)
		out.LossTreatment, out.LossControl = out.LossControl, out.LossTreatment
	}
	return out
}
