package results

import "math"

// DefaultTuningUnits is the number of units of both arms at which a confidence
// sequence is tightest where no sample size was planned.
const DefaultTuningUnits = 5000

// Sequence is the always-valid counterpart of Welch: the asymptotic confidence
// sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (arXiv
// 2103.06476v7, eq. 9; one-sided eq. 134). The chance that it ever excludes the
// true difference, at any of any number of looks, is at most alpha (0 to 1/2,
// exclusive). tuning is N*, the number of units of both arms at which it is
// tightest: what was planned for the iteration, never changed during it, or
// DefaultTuningUnits. With N = nC+nT:
//
//	r    = sqrt((-2 ln a + ln(1-2 ln a)) / N*)
//	half = se sqrt(N) sqrt(2(N r²+1)/(N² r²) ln(sqrt(N r²+1)/a))
//	p    = min(1, sqrt(N r²+1) exp(-r² N d²/se² / (2(N r²+1))))
//
// One-sided, r is that of 2a and the logarithm is ln(1 + sqrt(N r²+1)/(2a));
// its p is the level at which the interval reaches zero.
func (e Effect) Sequence(alpha, tuning float64, side Side) Test {
	if e.State != OK {
		return Test{State: e.State}
	}
	if !(alpha > 0 && alpha < 0.5) || !(tuning > 0) || math.IsInf(tuning, 1) {
		return Test{State: InvalidInput}
	}
	level := alpha
	if side != TwoSided {
		level = 2 * alpha
	}
	n := float64(e.Units)
	square := (-2*math.Log(level) + math.Log1p(-2*math.Log(level))) / tuning // r²
	grown := n*square + 1
	z := e.Estimate / e.SE
	exponent := z * z / 2 * (n * square / grown)
	half := e.SE * math.Sqrt(2*grown/(n*square))
	var p float64
	switch side {
	case TwoSided:
		half *= math.Sqrt(math.Log(grown)/2 - math.Log(alpha))
		p = math.Min(1, math.Exp(math.Log(grown)/2-exponent))
	default:
		half *= math.Sqrt(math.Log1p(math.Sqrt(grown) / (2 * alpha)))
		p = 1
		if towards := z > 0 == (side == Greater); towards && z != 0 {
			p = math.Min(1, math.Sqrt(grown)/(2*math.Expm1(exponent)))
		}
	}
	return e.test(z, 0, p, half, side)
}

// Status says where an experiment stands.
type Status string

const (
	// Collecting: too little data for any test.
	Collecting Status = "collecting"
	// Undecided: no difference is shown yet.
	Undecided Status = "undecided"
	// Winner: a treatment is better than the control.
	Winner Status = "winner"
	// Loser: every treatment is worse than the control.
	Loser Status = "loser"
	// Untrustworthy: the split is not the planned one, nothing may be concluded.
	Untrustworthy Status = "untrustworthy"
	// Untested: no decision is made of it, as of a slice, which is one of many.
	Untested Status = "untested"
	// Observational: segments decide and not chance, so that what differs between
	// the variations need not be their doing.
	Observational Status = "observational"
)

// Decision is what may be done now. P(best) is no stopping rule: looked at for
// 28 days it names a winner in almost half of the experiments without any
// difference. SafeToStop follows the confidence sequences alone.
type Decision struct {
	Status Status `json:"status"`
	// SafeToStop is true when a treatment is better than the control at the level,
	// or all of them are worse, whatever number of looks there were before.
	SafeToStop bool `json:"safeToStop"`
	// VariationID is the winner.
	VariationID string `json:"variationId,omitempty"`
	// Worse are the treatments that are shown to be worse than the control: each
	// may be taken out by itself.
	Worse []string `json:"worse,omitempty"`
}

// Candidate is a treatment that Decide weighs.
type Candidate struct {
	VariationID string
	// Estimate is its difference from the control.
	Estimate float64
	// P is the smallest always-valid p-value of the iteration so far, nil
	// without one.
	P *float64
}

// Decide names what the sequences show at the level alpha. With several
// treatments the p-values are adjusted by Holm's method, so that the chance of
// any wrong winner stays below alpha. Of several winners the largest effect is
// named. trustworthy is false when the sample ratio test is in alarm.
func Decide(candidates []Candidate, alpha float64, lowerIsBetter, trustworthy bool) Decision {
	if !trustworthy {
		return Decision{Status: Untrustworthy}
	}
	var tested []Candidate
	var p []float64
	for _, c := range candidates {
		if c.P != nil {
			tested = append(tested, c)
			p = append(p, *c.P)
		}
	}
	if len(tested) == 0 {
		return Decision{Status: Collecting}
	}
	d := Decision{Status: Undecided}
	best := 0.0
	for i, adjusted := range Holm(p) {
		if adjusted > alpha {
			continue
		}
		gain := tested[i].Estimate
		if lowerIsBetter {
			gain = -gain
		}
		switch {
		case gain < 0:
			d.Worse = append(d.Worse, tested[i].VariationID)
		case gain > best:
			best = gain
			d.Status, d.SafeToStop, d.VariationID = Winner, true, tested[i].VariationID
		}
	}
	if len(d.Worse) == len(candidates) {
		d.Status, d.SafeToStop = Loser, true
	}
	return d
}

// Looks are the smallest always-valid p-values of earlier looks, by the side of
// the control on which the treatment was. What was shown once stays shown, but a
// treatment that was worse then is not better now for that.
type Looks struct{ Above, Below *float64 }

// Add takes another look.
func (l *Looks) Add(estimate float64, p *float64) {
	if estimate < 0 {
		l.Below = SmallestP(l.Below, p)
	} else {
		l.Above = SmallestP(l.Above, p)
	}
}

// At is the smallest p-value of all looks on the side of the estimate.
func (l Looks) At(estimate float64, now *float64) *float64 {
	if estimate < 0 {
		return SmallestP(l.Below, now)
	}
	return SmallestP(l.Above, now)
}

// SmallestP keeps the running minimum of always-valid p-values over the looks
// of one iteration: what was shown once stays shown.
func SmallestP(before, now *float64) *float64 {
	if before == nil || now != nil && *now < *before {
		return now
	}
	return before
}
