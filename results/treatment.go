package results

import "math"

// TreatmentResult is the result of one variation, in the names of
// LaunchDarkly's Experiments API where that has one. What a state forbids is
// absent.
type TreatmentResult struct {
	TreatmentID   string `json:"treatmentId"`
	TreatmentName string `json:"treatmentName"`
	// Mean is the posterior's, DataMean and DataStdDev are the sample's, per
	// unit, in the metric's unit.
	Mean       *float64 `json:"mean,omitempty"`
	DataMean   *float64 `json:"dataMean,omitempty"`
	DataStdDev *float64 `json:"dataStdDev,omitempty"`
	// CredibleInterval holds the mean with the analysis' IntervalLevel.
	CredibleInterval *Interval `json:"credibleInterval,omitempty"`
	// PBest is the probability to be the best of all variations, 0 to 1.
	PBest *float64 `json:"pBest,omitempty"`
	// ExpectedLoss is what choosing this variation is expected to lose, in the
	// metric's unit.
	ExpectedLoss        *float64            `json:"expectedLoss,omitempty"`
	RelativeDifferences []DifferenceFromArm `json:"relativeDifferences"`
	Units               int64               `json:"units"`
	Traffic             int64               `json:"traffic"`
	EventValuesSum      float64             `json:"eventValuesSum"`
	Distribution        *Distribution       `json:"distribution,omitempty"`
	Model               string              `json:"model,omitempty"`
	BayesianBeta        *BetaModel          `json:"bayesianBeta,omitempty"`
	BayesianNormal      *NormalModel        `json:"bayesianNormal,omitempty"`
	// What CUPED did; absent without it.
	*CovariateAdjustment
	// Sequential compares with the control, in the metric's unit, validly at
	// every look; Fixed by Welch's test, valid at a single planned look.
	// Difference is the estimate of both. The control has none.
	Difference float64 `json:"difference,omitempty"`
	Sequential *Test   `json:"sequential,omitempty"`
	Fixed      *Test   `json:"fixed,omitempty"`
	// SmallestP is the smallest sequential p-value of all looks so far, the one
	// that decides.
	SmallestP *float64 `json:"smallestP,omitempty"`
	// DifferenceInterval is Newcombe's interval of the difference of rates,
	// which is there with no conversions too.
	DifferenceInterval *Interval `json:"differenceInterval,omitempty"`
	// LowData marks a conversion metric with fewer than 25 conversions.
	LowData bool  `json:"lowData,omitempty"`
	State   State `json:"state,omitempty"`
}

// DifferenceFromArm is a relative difference from another variation: 0.1 is 10 %
// more.
type DifferenceFromArm struct {
	FromTreatmentID string   `json:"fromTreatmentId"`
	Estimate        *float64 `json:"estimate,omitempty"`
	Lower           *float64 `json:"lower,omitempty"`
	Upper           *float64 `json:"upper,omitempty"`
	// Variance is that of the relative difference by the delta method.
	Variance *float64 `json:"variance,omitempty"`
	// VarianceReduction is what CUPED removed of it, as a share.
	VarianceReduction *float64 `json:"varianceReduction,omitempty"`
	// IntervalKind is logRatio or delta.
	IntervalKind string `json:"intervalKind,omitempty"`
	State        State  `json:"state,omitempty"`
}

// Distribution is the posterior of a variation's mean.
type Distribution struct {
	// Kind is normal or beta.
	Kind string `json:"kind"`
	// Parameters are mu and sigma, or alpha and beta.
	Parameters map[string]float64 `json:"parameters"`
}

// BetaModel says how the posterior of a rate came about.
type BetaModel struct {
	// DataWeight is the share of the data in the posterior's mean, 0 to 1.
	DataWeight float64 `json:"dataWeight"`
	PriorAlpha float64 `json:"priorAlpha"`
	PriorBeta  float64 `json:"priorBeta"`
	PriorMean  float64 `json:"priorMean"`
}

// NormalModel says how the posterior of a mean came about.
type NormalModel struct {
	// DataWeight is the share of the data in the posterior's mean, 0 to 1; 1
	// without a prior.
	DataWeight float64 `json:"dataWeight"`
	// PriorMean is absent without a prior.
	PriorMean *float64 `json:"priorMean,omitempty"`
}

// CovariateAdjustment is what CUPED did to one variation's mean.
type CovariateAdjustment struct {
	// VarianceReduction is the share of the mean's variance that was removed.
	VarianceReduction float64 `json:"varianceReduction"`
	// Correlation is that of the values before and after the exposure.
	Correlation float64 `json:"correlation"`
	// StandardDeviationRatio is sd(after)/sd(before).
	StandardDeviationRatio float64 `json:"standardDeviationRatio"`
	// CovariateImbalance is the variation's mean before, less that of all.
	CovariateImbalance float64 `json:"covariateImbalance"`
	// CovariateState says why there was no adjustment.
	CovariateState State `json:"covariateState,omitempty"`
}

// posterior is either a Beta or a normal distribution.
type posterior struct {
	beta   *Beta
	normal *Normal
}

// asNormal is the normal distribution of the same mean and variance.
func (p posterior) asNormal() Normal {
	if p.beta != nil {
		return Normal{p.beta.Mean(), math.Sqrt(p.beta.Variance())}
	}
	return *p.normal
}

// expose writes the posterior into a result.
func (p posterior) expose(r *TreatmentResult, level float64, shortest bool) {
	var interval Interval
	if p.beta != nil {
		r.Model = "bayesianBeta"
		r.Distribution = &Distribution{Kind: "beta", Parameters: map[string]float64{"alpha": p.beta.Alpha, "beta": p.beta.Beta}}
		r.Mean = finite(p.beta.Mean())
		interval = p.beta.Interval(level)
		if shortest {
			interval = p.beta.ShortestInterval(level)
		}
	} else {
		r.Model = "bayesianNormal"
		r.Distribution = &Distribution{Kind: "normal", Parameters: map[string]float64{"mu": p.normal.Mu, "sigma": p.normal.Sigma}}
		r.Mean = finite(p.normal.Mu)
		interval = p.normal.Interval(level)
	}
	r.CredibleInterval = &interval
}
