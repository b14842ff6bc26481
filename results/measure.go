package results

import (
	"cmp"
	"math"
)

// measurement holds the variations of an analysis on their way to results.
type measurement struct {
	Settings
	variations []Variation
	control    int
	all        Sums
	arms       []Arm        // of the plain metric
	adjusted   []Arm        // of the adjusted one; equal to arms without CUPED
	posteriors []*posterior // nil where there is none
	out        []TreatmentResult
}

func measure(variations []Variation, control int, settings Settings) *measurement {
	m := &measurement{Settings: settings, variations: variations, control: control,
		arms: make([]Arm, len(variations)), adjusted: make([]Arm, len(variations)),
		posteriors: make([]*posterior, len(variations)), out: make([]TreatmentResult, len(variations))}
	for i, v := range variations {
		m.all.Merge(v.Sums)
		m.arms[i] = settings.Kind.Arm(v.Sums)
		if v.Arm != nil {
			m.arms[i] = *v.Arm
		}
	}
	copy(m.adjusted, m.arms)
	return m
}

// Arm is what is compared of sums: a rate, a ratio or a mean.
func (k Kind) Arm(s Sums) Arm {
	switch k {
	case Conversion:
		return s.ProportionArm()
	case Ratio:
		return s.RatioArm()
	}
	return s.MeanArm()
}

// effect estimates the difference of variation i from variation j without
// adjustment: period by period, where there were several.
func (m *measurement) effect(i, j int, scale Scale) Effect {
	treatment, control := m.variations[i], m.variations[j]
	if len(treatment.Periods) < 2 || len(control.Periods) != len(treatment.Periods) {
		return Compare(m.arms[j], m.arms[i], scale)
	}
	return m.Kind.ComparePeriods(control.Periods, treatment.Periods, scale)
}

// ComparePeriods estimates the difference of treatment from control in each of
// several periods by itself, and joins the effects. The periods are the same in
// both.
func (k Kind) ComparePeriods(control, treatment []Sums, scale Scale) Effect {
	periods := make([]Effect, len(treatment))
	for i := range periods {
		periods[i] = Compare(k.Arm(control[i]), k.Arm(treatment[i]), scale)
	}
	return Combine(periods)
}

func (m *measurement) results() []TreatmentResult {
	for i, v := range m.variations {
		m.out[i] = TreatmentResult{TreatmentID: v.ID, TreatmentName: v.Name, Units: v.Sums.Units, Traffic: v.Traffic,
			EventValuesSum: v.Sums.sum(value), State: m.arms[i].State, RelativeDifferences: []DifferenceFromArm{}}
		r, a := &m.out[i], m.arms[i]
		if a.State == OK || a.State == ZeroVariance && a.Variance == 0 {
			r.DataMean = finite(a.Mean)
			r.DataStdDev = finite(math.Sqrt(a.Variance))
		}
		r.LowData = m.Kind == Conversion && v.Sums.Events < lowData
		if m.CUPED && m.Kind != Ratio && v.Arm == nil {
			m.adjust(i)
		}
	}
	m.refuse()
	m.believe(m.control, nil)
	for i := range m.variations {
		if i != m.control {
			m.believe(i, m.posteriors[m.control])
		}
		if p := m.posteriors[i]; p != nil {
			p.expose(&m.out[i], m.Level, m.Prior == ControlPrior)
		}
	}
	m.rank()
	for i := range m.variations {
		m.compare(i)
	}
	return m.out
}

// adjust replaces an arm by the one adjusted for what its units were before:
// y - beta (x - mean of x over all). The slope is that of the arm alone and its
// standard error that of the analysis of covariance (Yang and Tsiatis 2001,
// "ANCOVA 3"), as LaunchDarkly's methodology has it.
func (m *measurement) adjust(i int) {
	s := m.variations[i].Sums
	c := &CovariateAdjustment{}
	m.out[i].CovariateAdjustment = c
	n := float64(s.Units)
	vx, vy, vyx := s.covariance(covariate, covariate), s.covariance(value, value), s.covariance(value, covariate)
	switch {
	case len(m.variations[i].Periods) > 1:
		c.CovariateState = WeightsChanged
	case s.Units < 3:
		c.CovariateState = TooFewUnits
	case !(vx > 0):
		c.CovariateState = CovariateConstant
	case !(vy > 0):
		c.CovariateState = ZeroVariance
	}
	if c.CovariateState != OK {
		return
	}
	off := s.mean(covariate) - m.all.mean(covariate)
	r := vyx / math.Sqrt(vx) / math.Sqrt(vy)
	left := 1 - r*r
	variance := vy * left * (n - 1) / (n - 2) * (1 + n*off*off/((n-1)*vx))
	a := arm(s.Units, s.mean(value)-vyx/vx*off, variance)
	if a.State != OK || !isFinite(r) {
		c.CovariateState = worst(a.State, ZeroVariance)
		return
	}
	adjustment := CovariateAdjustment{VarianceReduction: 1 - variance/vy, Correlation: r, StandardDeviationRatio: math.Sqrt(vy / vx), CovariateImbalance: off}
	if !isFinite(adjustment.VarianceReduction) || !isFinite(adjustment.StandardDeviationRatio) || !isFinite(off) {
		c.CovariateState = InvalidInput
		return
	}
	*c = adjustment
	if i != m.control {
		c.CovariateState = Adjust(m.variations[m.control].Sums, s, false).State
	}
	m.adjusted[i] = a
}

// refuse takes all adjustments back if one variation has none: an adjusted mean
// must not be compared with a plain one.
func (m *measurement) refuse() {
	reason := OK
	for _, r := range m.out {
		if c := r.CovariateAdjustment; c != nil && reason == OK {
			reason = c.CovariateState
		}
	}
	for i := range m.out {
		switch c := m.out[i].CovariateAdjustment; {
		case c == nil:
		case reason == OK:
			m.out[i].DataMean = finite(m.adjusted[i].Mean)
		case c.CovariateState == OK:
			c.CovariateState = reason
		}
	}
	if reason != OK {
		copy(m.adjusted, m.arms)
	}
}

// believe forms the posterior of a variation; control is that of the control,
// nil for the control itself.
func (m *measurement) believe(i int, control *posterior) {
	a, r := m.adjusted[i], &m.out[i]
	informed := m.Prior == ControlPrior && control != nil
	if m.Kind == Conversion && !m.isAdjusted(i) {
		s := m.variations[i].Sums
		prior := Beta{1, 1}
		base := m.arms[m.control]
		if informed && base.State == OK {
			spread := base.Mean*base.Mean*m.PriorSpread + base.ofMean()
			if matched, state := MatchBeta(base.Mean, spread); state == OK {
				prior = matched
			}
		}
		after := prior.Update(s.Events, s.Units)
		if s.Units < 0 || s.Events < 0 || s.Events > s.Units || !after.valid() {
			return
		}
		m.posteriors[i] = &posterior{beta: &after}
		n := float64(s.Units)
		r.BayesianBeta = &BetaModel{DataWeight: n / (n + prior.Alpha + prior.Beta), PriorAlpha: prior.Alpha, PriorBeta: prior.Beta, PriorMean: prior.Mean()}
		return
	}
	if a.State != OK {
		return
	}
	after, model := Normal{a.Mean, math.Sqrt(a.ofMean())}, &NormalModel{DataWeight: 1}
	if base := m.adjusted[m.control]; informed && base.State == OK {
		spread := base.Mean*base.Mean*m.PriorSpread + base.ofMean()
		weight := spread / (spread + a.ofMean())
		model = &NormalModel{DataWeight: weight, PriorMean: finite(base.Mean)}
		after = Normal{weight*a.Mean + (1-weight)*base.Mean, math.Sqrt(weight * a.ofMean())}
	}
	if isFinite(after.Mu) && isFinite(after.Sigma) && after.Sigma > 0 {
		m.posteriors[i] = &posterior{normal: &after}
		r.BayesianNormal = model
	}
}

// rank gives every variation its probability to be best, where all have a
// posterior. After a change of weights there is none: the units of all times
// together are different kinds of units in each variation.
func (m *measurement) rank() {
	if m.changed() {
		return
	}
	var rates []Beta
	var means []Normal
	for _, p := range m.posteriors {
		switch {
		case p == nil:
			return
		case p.beta != nil:
			rates = append(rates, *p.beta)
		}
		means = append(means, p.asNormal())
	}
	ranks, state := RankMeans(means, m.LowerIsBetter)
	if len(rates) == len(means) {
		ranks, state = RankRates(rates, m.LowerIsBetter)
	}
	if state != OK {
		return
	}
	for i, r := range ranks {
		m.out[i].PBest, m.out[i].ExpectedLoss = finite(r.Best), finite(r.Loss)
	}
}

// compare relates a variation to every other one, and tests it against the
// control.
func (m *measurement) compare(i int) {
	r := &m.out[i]
	for j, from := range m.variations {
		if i != j {
			d := m.relative(i, j)
			d.FromTreatmentID = from.ID
			r.RelativeDifferences = append(r.RelativeDifferences, d)
		}
	}
	if i == m.control {
		return
	}
	s, c := m.variations[i].Sums, m.variations[m.control].Sums
	e := m.effect(i, m.control, Absolute)
	if e.State == OK && m.isAdjusted(i) && m.isAdjusted(m.control) {
		if adjusted, a := CompareAdjusted(c, s, m.Kind == Conversion && c.binary() && s.binary(), Absolute); a.State == OK {
			e = adjusted
		}
	}
	sequential, fixed := e.Sequence(m.Alpha, float64(m.PlannedUnits), TwoSided), e.Welch(m.Alpha, TwoSided)
	r.Sequential, r.Fixed = &sequential, &fixed
	if e.State == OK {
		r.Difference = e.Estimate
	}
	if m.Kind == Conversion && !m.changed() {
		if interval, state := NewcombeInterval(Rate{c.Events, c.Units}, Rate{s.Events, s.Units}, 1-m.Level); state == OK {
			r.DifferenceInterval = &interval
		}
	}
}

// changed reports whether there were several times of constant weights.
func (m *measurement) changed() bool { return len(m.variations[m.control].Periods) > 1 }

func (m *measurement) isAdjusted(i int) bool {
	c := m.out[i].CovariateAdjustment
	return c != nil && c.CovariateState == OK
}

// binary reports whether values and covariates are all 0 or 1, as far as their
// sums can tell.
func (s Sums) binary() bool {
	return s.sum(value) == s.second[value][value].Float64() && s.sum(covariate) == s.second[covariate][covariate].Float64()
}

// relative is the relative difference of variation i from variation j.
func (m *measurement) relative(i, j int) DifferenceFromArm {
	if m.Prior == ControlPrior {
		return m.relativePosterior(i, j)
	}
	control, treatment := m.adjusted[j], m.adjusted[i]
	if m.Kind == Conversion {
		for _, k := range []int{i, j} {
			if m.variations[k].Sums.Events < fewConversions && m.variations[k].Sums.Units > 0 {
				if m.variations[j].Sums.Events == 0 {
					return DifferenceFromArm{State: BaselineZero}
				}
				estimate, state := RelativeDifference(control.Mean, treatment.Mean, control.Mean)
				if state != OK {
					return DifferenceFromArm{State: state}
				}
				return DifferenceFromArm{Estimate: &estimate, State: TooFewEvents}
			}
		}
	}
	e := Compare(control, treatment, Relative)
	periods := len(m.variations[i].Periods) > 1
	if periods {
		e = m.effect(i, j, Relative)
	}
	if e.State != OK {
		return DifferenceFromArm{State: e.State}
	}
	d := DifferenceFromArm{Estimate: finite(e.Estimate), Variance: finite(e.SE * e.SE), IntervalKind: "delta"}
	half := e.SE * upperQuantile((1-m.Level)/2)
	interval := Interval{e.Estimate - half, e.Estimate + half}
	if control.Mean > 0 && treatment.Mean > 0 && !m.DeltaInterval && !periods {
		if ratio, state := RatioInterval(control, treatment, 1-m.Level); state == OK {
			interval, d.IntervalKind = Interval{ratio.Lower - 1, ratio.Upper - 1}, "logRatio"
		}
	}
	d.Lower, d.Upper = finite(interval.Lower), finite(interval.Upper)
	if m.isAdjusted(i) && m.isAdjusted(j) {
		if plain := Compare(m.arms[j], m.arms[i], Relative); plain.State == OK {
			d.VarianceReduction = finite(1 - (e.SE/plain.SE)*(e.SE/plain.SE))
		}
	}
	return d
}

// relativePosterior is LaunchDarkly's: the delta method on the posteriors, a
// Beta taken as the normal of its moments.
func (m *measurement) relativePosterior(i, j int) DifferenceFromArm {
	if m.posteriors[i] == nil || m.posteriors[j] == nil {
		return DifferenceFromArm{State: cmp.Or(worst(m.adjusted[i].State, m.adjusted[j].State), TooFewUnits)}
	}
	v, w := m.posteriors[i].asNormal(), m.posteriors[j].asNormal()
	if w.Mu == 0 {
		return DifferenceFromArm{State: BaselineZero}
	}
	ratio := v.Mu / w.Mu
	d := Normal{(v.Mu - w.Mu) / math.Abs(w.Mu), math.Hypot(v.Sigma/w.Mu, w.Sigma/w.Mu*ratio)}
	if !isFinite(d.Mu) || !isFinite(d.Sigma) {
		return DifferenceFromArm{State: InvalidInput}
	}
	interval := d.Interval(m.Level)
	return DifferenceFromArm{Estimate: &d.Mu, Lower: &interval.Lower, Upper: &interval.Upper, Variance: finite(d.Sigma * d.Sigma), IntervalKind: "delta"}
}
