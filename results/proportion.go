package results

import "math"

// Rate is a count of conversions among units.
type Rate struct {
	Conversions, Units int64
}

func (r Rate) state() State {
	switch {
	case r.Conversions < 0 || r.Conversions > r.Units:
		return InvalidInput
	case r.Units == 0:
		return TooFewUnits
	}
	return OK
}

func (r Rate) share() float64 { return float64(r.Conversions) / float64(r.Units) }

// failing is 1 - share without the subtraction.
func (r Rate) failing() float64 { return float64(r.Units-r.Conversions) / float64(r.Units) }

// Wilson is the score interval of a rate (Wilson 1927), without continuity
// correction; it keeps its meaning at 0 and at all conversions.
func (r Rate) Wilson(alpha float64) (Interval, State) {
	if state := r.state(); state != OK {
		return Interval{}, state
	}
	if !(alpha > 0 && alpha < 1) {
		return Interval{}, InvalidInput
	}
	z := upperQuantile(alpha / 2)
	n := float64(r.Units)
	whole := 1 + z*z/n
	center := (r.share() + z*z/(2*n)) / whole
	half := z / whole * math.Sqrt(r.share()*r.failing()/n+z*z/(4*n*n))
	i := Interval{math.Max(center-half, 0), math.Min(center+half, 1)}
	if r.Conversions == 0 {
		i.Lower = 0
	}
	if r.Conversions == r.Units {
		i.Upper = 1
	}
	return i, OK
}

// NewcombeInterval is the hybrid score interval of the difference
// treatment - control (Newcombe 1998, method 10): Wilson's limits l and u
// combine to d - sqrt((pT-lT)² + (uC-pC)²) and d + sqrt((uT-pT)² + (pC-lC)²).
func NewcombeInterval(control, treatment Rate, alpha float64) (Interval, State) {
	c, state := control.Wilson(alpha)
	t, other := treatment.Wilson(alpha)
	if state = worst(state, other); state != OK {
		return Interval{}, state
	}
	pc, pt := control.share(), treatment.share()
	return Interval{
		math.Max(pt-pc-math.Hypot(pt-t.Lower, c.Upper-pc), -1),
		math.Min(pt-pc+math.Hypot(t.Upper-pt, pc-c.Lower), 1),
	}, OK
}

// RatioInterval is the interval of mean(treatment)/mean(control) on the log
// scale, exp(ln(mT/mC) ± z sqrt(vT/(nT mT²) + vC/(nC mC²))); of rates the root is
// of 1/xT - 1/nT + 1/xC - 1/nC (Katz et al. 1978). Subtract 1 for the relative
// difference. Both means must be above 0. With few conversions it covers what
// it promises, where the delta interval misses on one side only.
func RatioInterval(control, treatment Arm, alpha float64) (Interval, State) {
	if state := worst(control.State, treatment.State); state != OK {
		// A rate of one does not vary and is known all the same.
		if state != ZeroVariance || control.Variance < 0 || treatment.Variance < 0 || control.Variance+treatment.Variance == 0 {
			return Interval{}, state
		}
	}
	switch {
	case control.Mean == 0 || treatment.Mean == 0:
		return Interval{}, BaselineZero
	case control.Mean < 0 || treatment.Mean < 0 || !(alpha > 0 && alpha < 1):
		return Interval{}, InvalidInput
	}
	relative := treatment.ofMean()/treatment.Mean/treatment.Mean + control.ofMean()/control.Mean/control.Mean
	half := upperQuantile(alpha/2) * math.Sqrt(relative)
	center := math.Log(treatment.Mean) - math.Log(control.Mean)
	i := Interval{math.Exp(center - half), math.Exp(center + half)}
	if !isFinite(i.Lower) || !isFinite(i.Upper) {
		return Interval{}, InvalidInput
	}
	return i, OK
}

// RateTest compares two rates.
type RateTest struct {
	// Difference is treatment - control.
	Difference float64 `json:"difference"`
	// ChiSquare is the square of the pooled z.
	ChiSquare float64 `json:"chiSquare"`
	Test
}

// CompareTwoRates is the z-test with the pooled variance, the same as
// Pearson's chi-square of the two by two table; its interval has the unpooled
// variance.
func CompareTwoRates(control, treatment Rate, alpha float64) RateTest {
	if state := worst(control.state(), treatment.state()); state != OK {
		return RateTest{Test: Test{State: state}}
	}
	if !(alpha > 0 && alpha < 1) {
		return RateTest{Test: Test{State: InvalidInput}}
	}
	d := treatment.share() - control.share()
	pooled := Rate{control.Conversions + treatment.Conversions, control.Units + treatment.Units}
	switch {
	case pooled.Conversions == 0:
		return RateTest{Test: Test{State: NoEvents}}
	case pooled.Conversions == pooled.Units:
		return RateTest{Test: Test{State: ZeroVariance}}
	}
	nc, nt := float64(control.Units), float64(treatment.Units)
	z := d / math.Sqrt(pooled.share()*pooled.failing()*(1/nc+1/nt))
	half := upperQuantile(alpha/2) * math.Sqrt(control.share()*control.failing()/nc+treatment.share()*treatment.failing()/nt)
	p := math.Min(math.Erfc(math.Abs(z)/math.Sqrt2), 1)
	return RateTest{Difference: d, ChiSquare: z * z,
		Test: Test{Statistic: z, P: &p, Interval: &Interval{d - half, d + half}}}
}

// ChiSquareTest is the result of a chi-square test.
type ChiSquareTest struct {
	// Statistic is chi-square, DF its degrees of freedom.
	Statistic float64 `json:"statistic"`
	DF        int     `json:"df"`
	// P is the p-value; absent with a State.
	P     *float64 `json:"p,omitempty"`
	State State    `json:"state,omitempty"`
}

// CompareRatesAll tests whether any of several rates differs from the others
// (Pearson's chi-square of the k by 2 table, without continuity correction).
func CompareRatesAll(rates []Rate) ChiSquareTest {
	var pooled Rate
	for _, r := range rates {
		if state := r.state(); state != OK {
			return ChiSquareTest{State: state}
		}
		pooled.Conversions += r.Conversions
		pooled.Units += r.Units
	}
	switch {
	case len(rates) < 2:
		return ChiSquareTest{State: InvalidInput}
	case pooled.Conversions == 0:
		return ChiSquareTest{State: NoEvents}
	case pooled.Conversions == pooled.Units:
		return ChiSquareTest{State: ZeroVariance}
	}
	var statistic float64
	for _, r := range rates {
		d := r.share() - pooled.share()
		statistic += float64(r.Units) * d * d
	}
	statistic /= pooled.share() * pooled.failing()
	p := chiSquareSurvival(statistic, len(rates)-1)
	return ChiSquareTest{Statistic: statistic, DF: len(rates) - 1, P: &p}
}
