package results

import "math"

// Kind says what a metric measures per unit.
type Kind string

const (
	// Conversion: did it happen, 0 or 1.
	Conversion Kind = "conversion"
	// Numeric: a count, a sum, a mean, milliseconds.
	Numeric Kind = "numeric"
	// Ratio: a sum over a sum, Value over Denominator.
	Ratio Kind = "ratio"
)

// Prior names what is believed of the variations before the data.
type Prior string

const (
	// WeakPrior believes next to nothing: Beta(1, 1) for rates, flat for means.
	// Credible intervals are equal-tailed.
	WeakPrior Prior = ""
	// ControlPrior expects every treatment to be near the control, as
	// LaunchDarkly does; credible intervals are the shortest ones.
	ControlPrior Prior = "control"
)

// Variation is what an analysis gets of one variation.
type Variation struct {
	ID, Name string
	Control  bool
	// Weight is the planned share, in any unit; 0 gets no units.
	Weight float64
	// Traffic is the number of exposed units. Sums.Units may be fewer, where
	// units without an event are left out instead of counted as 0.
	Traffic int64
	Sums    Sums
	// Periods are the sums of each time of constant weights, in the same order
	// for all variations, where there were several; Sums are of all of them. The
	// effect of each is then estimated by itself and Combine joins them.
	Periods []Sums
	// Arm stands in for the mean of Sums where another number is compared, such as
	// a quantile; nil for the mean.
	Arm *Arm
	// Earlier are the iteration's earlier looks.
	Earlier Looks
}

// Settings of an analysis. The zero value takes the defaults.
type Settings struct {
	Kind          Kind
	LowerIsBetter bool
	// Level is that of credible intervals, 0 to 1; 0 takes 0.9.
	Level float64
	// Alpha is the error rate of the sequences, 0 to 1/2; 0 takes 0.05.
	Alpha float64
	// PlannedUnits is the planned number of units of a treatment and the
	// control, fixed for the iteration; 0 takes DefaultTuningUnits.
	PlannedUnits int64
	Prior        Prior
	// PriorSpread is the variance of relative differences among experiments
	// that ControlPrior assumes; 0 takes 0.04 for rates and 0.13 for means.
	PriorSpread float64
	// CUPED adjusts by the values before the exposure.
	CUPED bool
	// DeltaInterval gives relative differences the delta method's interval even
	// where the logarithm of the ratio could be taken.
	DeltaInterval bool
	// UnknownUnits are those of variations the experiment does not have.
	UnknownUnits int64
	// Seen says whether there was any outcome, where that is known otherwise than
	// by values that are not zero.
	Seen *bool
	// Split is what is known of the split already; nil has the traffic tested
	// against the weights. Where the weights changed it must be given.
	Split *SplitCheck
}

func (s Settings) filled() (Settings, State) {
	if s.Level == 0 {
		s.Level = 0.9
	}
	if s.Alpha == 0 {
		s.Alpha = 0.05
	}
	if s.PlannedUnits == 0 {
		s.PlannedUnits = DefaultTuningUnits
	}
	if s.Kind == "" {
		s.Kind = Numeric
	}
	if s.PriorSpread == 0 {
		s.PriorSpread = 0.13
		if s.Kind == Conversion && !s.CUPED {
			s.PriorSpread = 0.04
		}
	}
	if !(s.Level > 0 && s.Level < 1) || !(s.Alpha > 0 && s.Alpha < 0.5) || s.PlannedUnits < 1 ||
		!(s.PriorSpread > 0) || math.IsInf(s.PriorSpread, 1) || s.Prior != WeakPrior && s.Prior != ControlPrior ||
		s.Kind != Conversion && s.Kind != Numeric && s.Kind != Ratio {
		return s, InvalidInput
	}
	return s, OK
}

// Analysis is the result of one metric.
type Analysis struct {
	// TreatmentResults are in the order of the variations.
	TreatmentResults []TreatmentResult `json:"treatmentResults"`
	// MetricSeen is false as long as no unit has an event.
	MetricSeen bool `json:"metricSeen"`
	// Split is the sample ratio check of the traffic.
	Split    SplitCheck `json:"srm"`
	Decision Decision   `json:"decision"`
	// IntervalLevel is the level of every credible interval and of the relative
	// differences; SequenceLevel that of the sequences.
	IntervalLevel float64 `json:"intervalLevel"`
	SequenceLevel float64 `json:"sequenceLevel"`
	State         State   `json:"state,omitempty"`
}

// fewConversions is what a relative interval needs in each arm: with five
// expected conversions the delta interval misses in 9 % of cases what it
// promises to miss in 5 %. Below lowData conversions a result is marked.
const (
	fewConversions = 5
	lowData        = 25
)

// Analyze computes everything that is said about one metric of one iteration
// (or of one slice of it). There must be one control.
func Analyze(variations []Variation, settings Settings) Analysis {
	settings, state := settings.filled()
	a := Analysis{State: state, TreatmentResults: []TreatmentResult{}, Split: SplitCheck{Status: SplitUntested, ProbabilityOfMismatch: 0.5},
		Decision: Decision{Status: Collecting}, IntervalLevel: settings.Level, SequenceLevel: 1 - settings.Alpha}
	control, controls := -1, 0
	units, weights := make([]int64, len(variations)), make([]float64, len(variations))
	for i, v := range variations {
		if v.Control {
			control, controls = i, controls+1
		}
		units[i], weights[i] = v.Traffic, v.Weight
		a.MetricSeen = a.MetricSeen || v.Sums.Events > 0
	}
	if settings.Seen != nil {
		a.MetricSeen = *settings.Seen
	}
	if controls != 1 {
		a.State = InvalidInput
	}
	if a.State != OK {
		a.IntervalLevel, a.SequenceLevel = 0.9, 0.95
		return a
	}
	if settings.Split != nil {
		a.Split = *settings.Split
	} else {
		a.Split = CheckSplit(units, weights, settings.UnknownUnits)
	}
	m := measure(variations, control, settings)
	a.TreatmentResults = m.results()
	if !a.MetricSeen && settings.Kind == Conversion {
		a.State = NoEvents
		for i := range a.TreatmentResults { // nothing tells them apart, whatever their numbers of units
			if r := &a.TreatmentResults[i]; r.PBest != nil {
				r.PBest = finite(1 / float64(len(variations)))
			}
		}
	}
	var candidates []Candidate
	for i := range a.TreatmentResults {
		if r := &a.TreatmentResults[i]; i != control {
			r.SmallestP = variations[i].Earlier.At(r.Difference, r.Sequential.P)
			candidates = append(candidates, Candidate{r.TreatmentID, r.Difference, r.SmallestP})
		}
	}
	a.Decision = Decide(candidates, settings.Alpha, settings.LowerIsBetter, a.Split.Status != SplitMismatched)
	return a
}
