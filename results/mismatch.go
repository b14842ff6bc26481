package results

import "math"

// The limits of the sample ratio checks.
const (
	// MismatchThreshold is the p-value below which a chi-square test calls the
	// split mismatched: at 28 daily looks a fair split is called so in 0.8 %.
	MismatchThreshold = 0.001
	// MismatchProbability is the posterior probability from which the
	// sequential test calls the split mismatched.
	MismatchProbability = 0.99
	// MismatchConcentration is the weight, in units, of the belief that a
	// mismatched split is near the planned one (the default of Optimizely's
	// ssrm).
	MismatchConcentration = 10_000

	fewestForMismatch = 100
	fewestExpected    = 5
)

// SplitTest is Pearson's chi-square of the numbers of units against the planned
// weights, which need not sum to 1. Variations of weight 0 are left out. With
// fewer than two variations, or no unit, nothing can differ and p is 1. It says
// nothing about too few units; CheckSplit does.
func SplitTest(units []int64, weights []float64) ChiSquareTest {
	counts, shares, state := planned(units, weights)
	if state != OK {
		return ChiSquareTest{State: state}
	}
	var total float64
	for _, n := range counts {
		total += n
	}
	one := 1.0
	if len(counts) < 2 || total == 0 {
		return ChiSquareTest{P: &one}
	}
	var statistic float64
	for i, n := range counts {
		expected := total * shares[i]
		statistic += (n - expected) * (n - expected) / expected
	}
	if !isFinite(statistic) {
		return ChiSquareTest{State: InvalidInput}
	}
	p := chiSquareSurvival(statistic, len(counts)-1)
	return ChiSquareTest{Statistic: statistic, DF: len(counts) - 1, P: &p}
}

// planned keeps the variations with a weight, and makes the weights shares.
func planned(units []int64, weights []float64) (counts, shares []float64, state State) {
	if len(units) != len(weights) {
		return nil, nil, InvalidInput
	}
	var sum float64
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 1) || units[i] < 0 {
			return nil, nil, InvalidInput
		}
		if w > 0 {
			counts = append(counts, float64(units[i]))
			shares = append(shares, w)
			sum += w
		}
	}
	for i := range shares {
		shares[i] /= sum
	}
	return counts, shares, OK
}

// SplitSequence is the sequential test of a split: a Dirichlet-multinomial model
// against the planned multinomial (Lindon, Malek, "Anytime-valid inference for
// multinomial count data", arXiv 2011.03567). It is valid at every look, and
// while the weights stay the same needs the numbers of units only.
type SplitSequence struct {
	// LogMismatched and LogPlanned are the log likelihoods of all increments
	// under either model.
	LogMismatched, LogPlanned float64
	// LogBayesFactor is their difference.
	LogBayesFactor float64
	// P is the smallest 1/BF of any look, at most 1.
	P float64

	alpha, shares, counts []float64
	logPriorOdds          float64
}

// NewSplitSequence begins a test. alpha are the parameters of the Dirichlet
// distribution, above 0, one for each weight; nil takes MismatchConcentration
// times the planned shares. Prior odds of 1 give both models the same chance.
func NewSplitSequence(weights, alpha []float64, priorOdds float64) (*SplitSequence, State) {
	_, shares, state := planned(make([]int64, len(weights)), weights)
	if state != OK || len(shares) != len(weights) || len(weights) == 0 || !(priorOdds > 0) || math.IsInf(priorOdds, 1) {
		return nil, InvalidInput
	}
	if alpha == nil {
		for _, share := range shares {
			alpha = append(alpha, share*MismatchConcentration)
		}
	}
	if len(alpha) != len(shares) {
		return nil, InvalidInput
	}
	for _, a := range alpha {
		if !(a > 0) || math.IsInf(a, 1) {
			return nil, InvalidInput
		}
	}
	return &SplitSequence{P: 1, alpha: alpha, shares: shares, counts: make([]float64, len(shares)), logPriorOdds: math.Log(priorOdds)}, OK
}

// Add takes the units that came since the last look, by variation.
func (s *SplitSequence) Add(units []int64) State {
	if len(units) != len(s.counts) {
		return InvalidInput
	}
	var before, after, planned, orders, n float64
	var sumBefore float64
	for i, u := range units {
		if u < 0 {
			return InvalidInput
		}
		x := float64(u)
		n += x
		sumBefore += s.alpha[i] + s.counts[i]
		orders -= logGammaGrowth(1, x)
		planned += x * math.Log(s.shares[i])
		after += logGammaGrowth(s.alpha[i]+s.counts[i], x)
	}
	before = logGammaGrowth(sumBefore, n)
	orders += logGammaGrowth(1, n)
	for i, u := range units {
		s.counts[i] += float64(u)
	}
	s.LogMismatched += orders + after - before
	s.LogPlanned += orders + planned
	s.LogBayesFactor += after - before - planned
	s.P = math.Min(s.P, math.Exp(-s.LogBayesFactor))
	return OK
}

// Probability is the posterior probability of a mismatch, 0 to 1.
func (s *SplitSequence) Probability() float64 {
	return 1 / (1 + math.Exp(-s.LogBayesFactor-s.logPriorOdds))
}

// logGammaGrowth is ln Gamma(z+n) - ln Gamma(z), without the cancellation of two
// huge logarithms.
func logGammaGrowth(z, n float64) float64 {
	if n == 0 {
		return 0
	}
	// Stirling at both ends: (z+n-1/2) ln(z+n) - (z-1/2) ln z - n + rests
	return n*math.Log(z+n) + (z-0.5)*math.Log1p(n/z) - n + stirlingRest(z+n) - stirlingRest(z)
}

// SplitStatus is the verdict on a split.
type SplitStatus string

const (
	// SplitFine: nothing speaks against the planned weights.
	SplitFine SplitStatus = "ok"
	// SplitMismatched: the units do not follow the planned weights; results
	// must not be trusted.
	SplitMismatched SplitStatus = "mismatch"
	// SplitUntested: fewer than 100 units, an expected count below 5, or fewer
	// than two variations with a weight.
	SplitUntested SplitStatus = "too_few_units"
	// SplitNotRandom: variations were not given by chance, so there is no planned
	// split that the units could differ from.
	SplitNotRandom SplitStatus = "not_random"
	// SplitLeaking: units on variations that should get none.
	SplitLeaking SplitStatus = "leak"
)

// SplitCheck is everything that is said about a split.
type SplitCheck struct {
	Status SplitStatus `json:"status"`
	// P is that of the chi-square test; absent where it was not made.
	P *float64 `json:"p,omitempty"`
	// ProbabilityOfMismatch is the posterior probability of the sequential
	// test, valid at every look, 0 to 1.
	ProbabilityOfMismatch float64 `json:"probabilityOfMismatch"`
	// Leaked counts the units on variations of weight 0 and on unknown ones.
	Leaked int64 `json:"leaked,omitempty"`
	State  State `json:"state,omitempty"`
}

// CheckSplit tests the numbers of units of one period of constant weights.
// unknown counts the units whose variation the experiment does not have. Units
// are counted, never hits; forced, bot and fallback assignments do not belong
// here.
func CheckSplit(units []int64, weights []float64, unknown int64) SplitCheck {
	counts, shares, state := planned(units, weights)
	if state != OK || unknown < 0 {
		return SplitCheck{Status: SplitUntested, ProbabilityOfMismatch: 0.5, State: InvalidInput}
	}
	c := SplitCheck{Status: SplitUntested, ProbabilityOfMismatch: 0.5, Leaked: unknown}
	var total float64
	kept := make([]int64, len(counts))
	for i, n := range counts {
		total += n
		kept[i] = int64(n)
	}
	for i, w := range weights {
		if w == 0 {
			c.Leaked += units[i]
		}
	}
	enough := len(shares) >= 2 && total >= fewestForMismatch
	for _, share := range shares {
		enough = enough && total*share >= fewestExpected
	}
	if len(shares) >= 2 {
		if s, state := NewSplitSequence(shares, nil, 1); state == OK {
			s.Add(kept)
			c.ProbabilityOfMismatch = s.Probability()
		}
	}
	if enough {
		c.Status = SplitFine
		c.P = SplitTest(units, weights).P
	}
	if c.P != nil && *c.P < MismatchThreshold || c.ProbabilityOfMismatch >= MismatchProbability {
		c.Status = SplitMismatched
	} else if float64(c.Leaked) > math.Max(5, 1e-4*total) {
		c.Status = SplitLeaking
	}
	return c
}

// CrossoverStatus judges the share of units that were seen under two
// variations.
type CrossoverStatus string

const (
	// CrossoverFine: below 1 %.
	CrossoverFine CrossoverStatus = "ok"
	// CrossoverWarning: from 1 %; leaving such units out skews uneven splits.
	CrossoverWarning CrossoverStatus = "warning"
	// CrossoverBlocking: from 5 %; the result must not be trusted.
	CrossoverBlocking CrossoverStatus = "blocking"
)

// CheckCrossover judges how many of all units were seen under two variations.
func CheckCrossover(crossed, units int64) CrossoverStatus {
	switch share := float64(crossed) / float64(units); {
	case crossed <= 0 || units <= 0 || share < 0.01:
		return CrossoverFine
	case share < 0.05:
		return CrossoverWarning
	}
	return CrossoverBlocking
}
