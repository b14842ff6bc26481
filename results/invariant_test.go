package results

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

// Whatever the order, the split, and the merging: the same bytes.
func TestSumsDoNotDependOnOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	units := make([]Unit, 3000)
	for i := range units {
		units[i] = Unit{Value: math.Exp(20 * r.NormFloat64()), Denominator: float64(r.IntN(5)), Covariate: r.NormFloat64() * 1e-9, CovariateDenominator: 1}
		if i%7 == 0 {
			units[i] = Unit{Value: -units[i-i%7].Value}
		}
	}
	encode := func(shards int) []byte {
		r.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
		parts := make([]Sums, shards)
		for i, u := range units {
			if !parts[i%shards].Add(u) {
				t.Fatalf("%v was refused", u)
			}
		}
		r.Shuffle(shards, func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		var all Sums
		for _, p := range parts {
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var read Sums
			if err := json.Unmarshal(text, &read); err != nil {
				t.Fatal(err)
			}
			all.Merge(read)
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	want := encode(1)
	for _, shards := range []int{1, 2, 3, 17, 3000} {
		if got := encode(shards); !bytes.Equal(got, want) {
			t.Errorf("%d shards give other sums:\n%.200s\n%.200s", shards, got, want)
		}
	}
}

func TestSumsRefuse(t *testing.T) {
	var s Sums
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e101} {
		if s.Add(Unit{Value: x}) || s.Add(Unit{Covariate: x}) {
			t.Errorf("%v was taken", x)
		}
	}
	if s.Units != 0 {
		t.Errorf("%d units were counted", s.Units)
	}
	for _, totals := range []Totals{{Units: -1}, {Units: 1, Events: 2}, {Units: 1, Y: math.NaN()}, {Units: 1, YY: math.Inf(1)}} {
		if _, err := totals.Sums(); err == nil {
			t.Errorf("%+v was taken", totals)
		}
	}
}

// Values far from zero, like milliseconds since 1970, keep their variance.
func TestVarianceFarFromZero(t *testing.T) {
	var s Sums
	for i := range 1000 {
		s.Add(Unit{Value: 1.7e12 + float64(i%2)})
	}
	if got := s.MeanArm().Variance; math.Abs(got-250.0/999) > 1e-15 {
		t.Errorf("the variance is %.17g, want %.17g", got, 250.0/999)
	}
	var equal Sums
	for range 1000 {
		equal.Add(Unit{Value: 0.1})
	}
	if a := equal.MeanArm(); a.State != ZeroVariance {
		t.Errorf("equal values have %+v", a)
	}
	rounded, err := equal.Totals().Sums()
	if err != nil {
		t.Fatal(err)
	}
	if a := rounded.MeanArm(); a.State != ZeroVariance {
		t.Errorf("equal values whose sums were rounded have %+v", a)
	}
}

func TestUnitsOfMeasureAndLabels(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	var arms, thousandfold [2]Sums
	for i := range 400 {
		x := math.Exp(r.NormFloat64()) + float64(i%2)
		arms[i%2].Add(Unit{Value: x})
		thousandfold[i%2].Add(Unit{Value: x * 1024})
	}
	e := Compare(arms[0].MeanArm(), arms[1].MeanArm(), Relative)
	k := Compare(thousandfold[0].MeanArm(), thousandfold[1].MeanArm(), Relative)
	if e.Estimate != k.Estimate || math.Abs(e.SE-k.SE) > 1e-15 {
		t.Errorf("another unit of measure changes %+v to %+v", e, k)
	}
	there := Compare(arms[0].MeanArm(), arms[1].MeanArm(), Absolute)
	back := Compare(arms[1].MeanArm(), arms[0].MeanArm(), Absolute)
	if there.Estimate != -back.Estimate || *there.Welch(0.05, TwoSided).P != *back.Welch(0.05, TwoSided).P {
		t.Errorf("swapping the labels changes %+v to %+v", there, back)
	}
	ranks, _ := RankRates([]Beta{{3, 40}, {7, 50}, {2, 11}}, false)
	turned, _ := RankRates([]Beta{{2, 11}, {3, 40}, {7, 50}}, false)
	for i, r := range ranks {
		if other := turned[(i+1)%3]; math.Abs(r.Best-other.Best) > 1e-13 || math.Abs(r.Loss-other.Loss) > 1e-13 {
			t.Errorf("the order of the arms changes %+v to %+v", r, other)
		}
	}
}

func TestRanking(t *testing.T) {
	equal, _ := RankRates([]Beta{{1, 101}, {1, 101}, {1, 101}}, false)
	for _, r := range equal {
		if r.Best != 1.0/3 {
			t.Errorf("without events P(best) is %v, want exactly a third", r.Best)
		}
	}
	// A hundred million units in either arm, and two of a thousand million.
	huge, state := RankRates([]Beta{{1e7, 9e7}, {1.002e7, 8.998e7}, {1e8, 9e8}}, false)
	if state != OK || huge[1].Best < 0.9999 || !(huge[0].Loss > 1.99e-4 && huge[0].Loss < 2.01e-4) {
		t.Errorf("huge arms: %+v", huge)
	}
	// Rates and their normal approximations agree where both hold.
	a, b := Beta{20000, 80000}, Beta{20300, 79700}
	rates, _ := RankRates([]Beta{a, b}, true)
	means, _ := RankMeans([]Normal{posterior{beta: &a}.asNormal(), posterior{beta: &b}.asNormal()}, true)
	for i := range rates {
		if math.Abs(rates[i].Best-means[i].Best) > 2e-4 || math.Abs(rates[i].Loss-means[i].Loss) > 1e-6 {
			t.Errorf("rates %+v, means %+v", rates[i], means[i])
		}
	}
	three, _ := RankMeans([]Normal{{0, 1}, {0.5, 2}, {-300, 1}}, false)
	two, _ := RankMeans([]Normal{{0, 1}, {0.5, 2}}, false)
	for i := range two {
		if math.Abs(three[i].Best-two[i].Best) > 1e-12 || math.Abs(three[i].Loss-two[i].Loss) > 1e-12 {
			t.Errorf("by quadrature %+v, in closed form %+v", three[i], two[i])
		}
	}
}

// Nothing an analysis can be given makes it return what JSON has no number for.
func TestAnalysisIsAlwaysJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	numbers := []float64{0, 1, -1, 1e-300, -1e-300, 1e100, -1e100, 1e-100, 3, 0.1, 1e9, 5e-324}
	counts := []int64{0, 1, 2, 5, 1000, 1_000_000, 1_000_000_000_000}
	pick := func() float64 { return numbers[r.IntN(len(numbers))] }
	for i := range 600 {
		var variations []Variation
		for j := range 1 + r.IntN(4) {
			v := Variation{ID: string(rune('a' + j)), Control: j == 0, Weight: math.Abs(pick()), Traffic: counts[r.IntN(len(counts))]}
			switch r.IntN(3) {
			case 0:
				v.Sums = Sums{Units: v.Traffic}
				v.Sums.Events = min(v.Traffic, counts[r.IntN(len(counts))])
			case 1:
				for range r.IntN(6) {
					v.Sums.Add(Unit{pick(), pick(), pick(), pick()})
				}
			default:
				n := counts[r.IntN(len(counts))]
				v.Sums, _ = Totals{Units: n, Events: min(n, 1), Y: pick(), YY: pick(), D: pick(), DD: pick(), YD: pick(), X: pick(), XX: pick(), YX: pick(), E: pick(), EE: pick(), XE: pick()}.Sums()
			}
			variations = append(variations, v)
		}
		for _, kind := range []Kind{Conversion, Numeric, Ratio} {
			settings := Settings{Kind: kind, CUPED: i%2 == 0, LowerIsBetter: i%3 == 0, DeltaInterval: i%5 == 0, UnknownUnits: int64(i % 11)}
			if i%4 < 2 {
				settings.Prior = ControlPrior
			}
			a := Analyze(variations, settings)
			if _, err := json.Marshal(a); err != nil {
				t.Fatalf("%v\n%+v\n%+v", err, variations, settings)
			}
			for _, result := range a.TreatmentResults {
				if result.State != OK && result.Fixed != nil && result.Fixed.P != nil {
					t.Fatalf("state %s comes with a p-value", result.State)
				}
			}
			if c, n := variations[0].Sums, variations[len(variations)-1].Sums; len(variations) > 1 {
				theta, _ := RatioTheta(c, n)
				for _, scale := range []Scale{Relative, Absolute} {
					e := AdjustedRatio(c, n, theta, scale)
					for _, side := range []Side{TwoSided, Greater, Lesser} {
						if _, err := json.Marshal([]any{e, Adjust(c, n, i%2 == 0), e.Welch(0.05, side), e.Sequence(0.05, 5000, side), e.Posterior(EffectPrior{Variance: 1}, 0.9, false)}); err != nil {
							t.Fatalf("%v\n%+v", err, e)
						}
					}
				}
			}
		}
	}
}

func TestEdgeStates(t *testing.T) {
	conversion := Settings{Kind: Conversion}
	nothing := Analyze(pair(converted(0, 500), converted(0, 500)), conversion)
	if nothing.State != NoEvents || nothing.MetricSeen || *nothing.TreatmentResults[0].PBest != 0.5 || nothing.TreatmentResults[1].Sequential.P != nil {
		t.Errorf("without events: %+v", nothing)
	}
	first := Analyze(pair(converted(0, 500), converted(40, 500)), conversion).TreatmentResults[1]
	if d := first.RelativeDifferences[0]; d.State != BaselineZero || d.Lower != nil || first.DifferenceInterval == nil || first.PBest == nil {
		t.Errorf("with no conversion in control: %+v", first)
	}
	few := Analyze(pair(converted(4, 500), converted(40, 500)), conversion).TreatmentResults[1]
	if d := few.RelativeDifferences[0]; d.State != TooFewEvents || d.Lower != nil || d.Estimate == nil {
		t.Errorf("with four conversions: %+v", d)
	}
	negative := Analyze(pair(sampled(50, -10, 2), sampled(50, -5, 2)), Settings{}).TreatmentResults[1].RelativeDifferences[0]
	if negative.IntervalKind != "delta" || math.Abs(*negative.Estimate-0.5) > 1e-12 {
		t.Errorf("with a negative baseline: %+v", negative)
	}
	one := Analyze(pair(sampled(1, 3, 0), sampled(50, 5, 2)), Settings{}).TreatmentResults
	if one[0].State != TooFewUnits || one[1].Fixed.P != nil || one[1].Fixed.State != TooFewUnits {
		t.Errorf("with one unit: %+v", one)
	}
	if a := Analyze([]Variation{{ID: "a"}, {ID: "b"}}, conversion); a.State != InvalidInput {
		t.Errorf("without a control: %+v", a)
	}
}

func TestCUPEDInAnAnalysis(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var arms [2]Sums
	for i := range 4000 {
		x := r.NormFloat64()
		arms[i%2].Add(Unit{Value: 10 + 2*x + r.NormFloat64() + 0.2*float64(i%2), Covariate: x})
	}
	plain := Analyze(pair(arms[0], arms[1]), Settings{}).TreatmentResults[1]
	adjusted := Analyze(pair(arms[0], arms[1]), Settings{CUPED: true}).TreatmentResults[1]
	// The covariate explains four fifths of the variance.
	if c := adjusted.CovariateAdjustment; c == nil || c.CovariateState != OK || math.Abs(c.VarianceReduction-0.8) > 0.03 || math.Abs(c.Correlation-math.Sqrt(0.8)) > 0.02 || math.Abs(c.StandardDeviationRatio-math.Sqrt(5)) > 0.1 {
		t.Fatalf("the adjustment is %+v", c)
	}
	if a, p := adjusted.Sequential.Interval.Width(), plain.Sequential.Interval.Width(); math.Abs(a/p-math.Sqrt(0.2)) > 0.03 {
		t.Errorf("the sequence is %.3f as wide, want %.3f", a/p, math.Sqrt(0.2))
	}
	if d := adjusted.RelativeDifferences[0]; d.VarianceReduction == nil || math.Abs(*d.VarianceReduction-0.8) > 0.03 {
		t.Errorf("the relative difference is %+v", d)
	}
	// Variations that differed before the experiment are not adjusted away.
	for range 300 {
		arms[1].Add(Unit{Value: 16, Covariate: 3})
	}
	skewed := Analyze(pair(arms[0], arms[1]), Settings{CUPED: true}).TreatmentResults[1]
	plain = Analyze(pair(arms[0], arms[1]), Settings{}).TreatmentResults[1]
	if skewed.CovariateState != CovariateImbalance || skewed.Difference != plain.Difference || *skewed.Mean != *plain.Mean {
		t.Errorf("the imbalance gives %+v, difference %g, want %g", skewed.CovariateAdjustment, skewed.Difference, plain.Difference)
	}
	var habits [2]Sums
	for i := range 4000 {
		x := float64(r.IntN(2))
		y := 0.0
		if r.Float64() < 0.2+0.6*x {
			y = 1
		}
		habits[i%2].Add(Unit{Value: y, Covariate: x})
	}
	before := Analyze(pair(habits[0], habits[1]), Settings{Kind: Conversion}).TreatmentResults[1]
	after := Analyze(pair(habits[0], habits[1]), Settings{Kind: Conversion, CUPED: true}).TreatmentResults[1]
	if after.Model != "bayesianNormal" || after.Fixed.Interval.Width() > 0.85*before.Fixed.Interval.Width() || after.PBest == nil {
		t.Errorf("adjusted conversions: %+v, plain ones %+v", after.Fixed, before.Fixed)
	}
	var same Sums
	for i := range 50 {
		same.Add(Unit{Value: float64(i), Covariate: 7})
	}
	if c := Analyze(pair(same, same.Clone()), Settings{CUPED: true}).TreatmentResults[1]; c.CovariateState != CovariateConstant || c.PBest == nil {
		t.Errorf("a constant covariate gives %+v", c)
	}
	// What an earlier look has shown stays shown.
	variations := pair(converted(100, 1000), converted(105, 1000))
	early := 0.001
	variations[1].Earlier.Add(1, &early)
	if d := Analyze(variations, Settings{Kind: Conversion}).Decision; !d.SafeToStop {
		t.Errorf("the decision forgets: %+v", d)
	}
	// What was worse is not better now for that.
	variations[1].Earlier = Looks{}
	variations[1].Earlier.Add(-1, &early)
	if d := Analyze(variations, Settings{Kind: Conversion}).Decision; d.SafeToStop {
		t.Errorf("a loss of long ago became a win: %+v", d)
	}
}
