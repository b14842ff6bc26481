package results

import (
	"encoding/json"
	"math"
)

// State names why a number is missing. The zero value means nothing is
// missing. A result whose state is not OK carries no p-value and no interval:
// a named state takes the place of NaN, of an infinity, and of numbers like
// "p = 1" that look like an answer.
type State string

// The states. Where several hold, the first of this list is the one given.
const (
	// OK is the empty state: the result is complete.
	OK State = ""
	// InvalidInput: a setting or a number is outside its range, or not finite.
	InvalidInput State = "INVALID_INPUT"
	// TooFewUnits: a variation has fewer than two units (none, for a posterior).
	TooFewUnits State = "TOO_FEW_UNITS"
	// NoEvents: no variation has a single event, so nothing can be compared.
	NoEvents State = "NO_EVENTS"
	// ZeroDenominator: the denominator of a ratio metric sums to zero.
	ZeroDenominator State = "ZERO_DENOMINATOR"
	// BaselineZero: the control's mean is zero, a relative difference has no
	// meaning; the absolute one still has.
	BaselineZero State = "BASELINE_ZERO"
	// ZeroVariance: the values of a variation do not vary, or their sum of
	// squares contradicts their sum (negative variance).
	ZeroVariance State = "ZERO_VARIANCE"
	// TooFewEvents: a variation has fewer than five conversions, too few for an
	// interval of the relative difference.
	TooFewEvents State = "TOO_FEW_EVENTS"
	// CovariateConstant: the values before the experiment do not vary, they
	// cannot explain anything.
	CovariateConstant State = "COVARIATE_CONSTANT"
	// CovariateImbalance: the variations differed before the experiment began;
	// adjusting for that would hide a broken assignment.
	CovariateImbalance State = "COVARIATE_IMBALANCE"
	// WeightsChanged: the weights were changed, so that all units together cannot
	// be compared, only those of each time by themselves.
	WeightsChanged State = "WEIGHTS_CHANGED"
	// Unreachable: no sample size or effect can give the wanted power.
	Unreachable State = "UNREACHABLE"
)

// Interval is a range of plausible values. An end of ±Inf is open, as in
// one-sided intervals, and null in JSON.
type Interval struct {
	Lower, Upper float64
}

// Width is Upper - Lower.
func (i Interval) Width() float64 { return i.Upper - i.Lower }

// Contains reports whether x lies in the interval, ends included.
func (i Interval) Contains(x float64) bool { return i.Lower <= x && x <= i.Upper }

// MarshalJSON writes {"lower": …, "upper": …} with null for open ends.
func (i Interval) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Lower *float64 `json:"lower"`
		Upper *float64 `json:"upper"`
	}{finite(i.Lower), finite(i.Upper)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (i *Interval) UnmarshalJSON(text []byte) error {
	var ends struct{ Lower, Upper *float64 }
	if err := json.Unmarshal(text, &ends); err != nil {
		return err
	}
	*i = Interval{Lower: math.Inf(-1), Upper: math.Inf(1)}
	if ends.Lower != nil {
		i.Lower = *ends.Lower
	}
	if ends.Upper != nil {
		i.Upper = *ends.Upper
	}
	return nil
}

// finite is x, or nil where JSON has no number for it.
func finite(x float64) *float64 {
	if !isFinite(x) {
		return nil
	}
	return &x
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// worst is the first state of the list above that is among the given ones.
func worst(states ...State) State {
	for _, s := range [...]State{InvalidInput, TooFewUnits, NoEvents, ZeroDenominator, BaselineZero,
		ZeroVariance, TooFewEvents, CovariateConstant, CovariateImbalance, WeightsChanged, Unreachable} {
		for _, given := range states {
			if given == s {
				return s
			}
		}
	}
	return OK
}
