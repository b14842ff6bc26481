package results

import (
	"math"
	"reflect"
	"testing"
)

// sampled are sums with the given mean and sample standard deviation.
func sampled(n int64, mean, sd float64) Sums {
	count := float64(n)
	s, err := Totals{Units: n, Events: n, Y: count * mean, YY: (count-1)*sd*sd + count*mean*mean}.Sums()
	if err != nil {
		panic(err)
	}
	return s
}

func converted(conversions, n int64) Sums {
	s, err := Totals{Units: n, Events: conversions, Y: float64(conversions), YY: float64(conversions)}.Sums()
	if err != nil {
		panic(err)
	}
	return s
}

func pair(control, treatment Sums) []Variation {
	return []Variation{
		{ID: "c", Name: "control", Control: true, Weight: 50, Traffic: control.Units, Sums: control},
		{ID: "t", Name: "treatment", Weight: 50, Traffic: treatment.Units, Sums: treatment},
	}
}

func wantNear(t *testing.T, what string, got *float64, want, tolerance float64) {
	t.Helper()
	if got == nil || !(math.Abs(*got-want) <= tolerance) {
		value := math.NaN()
		if got != nil {
			value = *got
		}
		t.Errorf("%s = %.10g, want %.10g", what, value, want)
	}
}

// The numbers follow from LaunchDarkly's published methodology, worked out in
// plain Python.
func TestControlPrior(t *testing.T) {
	a := Analyze(pair(converted(100, 1000), converted(120, 1000)), Settings{Kind: Conversion, Prior: ControlPrior})
	c, r := a.TreatmentResults[0], a.TreatmentResults[1]
	if *c.BayesianBeta != (BetaModel{DataWeight: 1000.0 / 1002, PriorAlpha: 1, PriorBeta: 1, PriorMean: 0.5}) {
		t.Errorf("control's model is %+v", *c.BayesianBeta)
	}
	wantNear(t, "control's mean", c.Mean, 0.100798403, 1e-9)
	wantNear(t, "control's lower end", &c.CredibleInterval.Lower, 0.0851207, 1e-7)
	wantNear(t, "control's upper end", &c.CredibleInterval.Upper, 0.1163203, 1e-7)
	wantNear(t, "prior alpha", &r.BayesianBeta.PriorAlpha, 18.26734694, 1e-8)
	wantNear(t, "prior beta", &r.BayesianBeta.PriorBeta, 164.40612245, 1e-8)
	wantNear(t, "data weight", &r.BayesianBeta.DataWeight, 0.845541923, 1e-9)
	wantNear(t, "mean", r.Mean, 0.116910838, 1e-9)
	wantNear(t, "lower end", &r.CredibleInterval.Lower, 0.1015099, 1e-7)
	wantNear(t, "upper end", &r.CredibleInterval.Upper, 0.1321848, 1e-7)
	wantNear(t, "pBest", r.PBest, 0.886710932, 1e-9)
	d := r.RelativeDifferences[0]
	wantNear(t, "relative difference", d.Estimate, 0.159848120, 1e-9)
	wantNear(t, "its lower end", d.Lower, -0.0759426, 1e-7)
	wantNear(t, "its upper end", d.Upper, 0.3956388, 1e-7)

	a = Analyze(pair(converted(20, 200), converted(30, 200)), Settings{Kind: Conversion, Prior: ControlPrior})
	r = a.TreatmentResults[1]
	wantNear(t, "mean of 30/200", r.Mean, 0.132799537, 1e-9)
	wantNear(t, "pBest of 30/200", r.PBest, 0.841989417, 1e-9)

	a = Analyze(pair(sampled(500, 10, 4), sampled(500, 10.6, 4.2)), Settings{Prior: ControlPrior})
	c, r = a.TreatmentResults[0], a.TreatmentResults[1]
	wantNear(t, "control's mean", c.Mean, 10, 1e-9)
	wantNear(t, "control's lower end", &c.CredibleInterval.Lower, 9.7057596, 1e-7)
	wantNear(t, "mean", r.Mean, 10.598380076, 1e-9)
	wantNear(t, "sigma", finite(r.Distribution.Parameters["sigma"]), 0.187575981, 1e-9)
	wantNear(t, "data weight", &r.BayesianNormal.DataWeight, 0.997300127, 1e-9)
	wantNear(t, "pBest", r.PBest, 0.989516085, 1e-9)
	wantNear(t, "relative difference", r.RelativeDifferences[0].Estimate, 0.059838008, 1e-9)
	wantNear(t, "its lower end", r.RelativeDifferences[0].Lower, 0.0159697, 1e-7)
	wantNear(t, "its upper end", r.RelativeDifferences[0].Upper, 0.1037063, 1e-7)
}

func TestWeakPrior(t *testing.T) {
	a := Analyze(pair(converted(100, 1000), converted(120, 1000)), Settings{Kind: Conversion})
	c, r := a.TreatmentResults[0], a.TreatmentResults[1]
	if *r.BayesianBeta != (BetaModel{DataWeight: 1000.0 / 1002, PriorAlpha: 1, PriorBeta: 1, PriorMean: 0.5}) {
		t.Errorf("the model is %+v", *r.BayesianBeta)
	}
	if got := *c.PBest + *r.PBest; math.Abs(got-1) > 1e-15 {
		t.Errorf("the probabilities to be best sum to %g", got)
	}
	d := r.RelativeDifferences[0]
	if d.IntervalKind != "logRatio" || !(*d.Lower < *d.Estimate && *d.Estimate < *d.Upper) || math.Abs(*d.Estimate-0.2) > 1e-12 {
		t.Errorf("the relative difference is %+v", d)
	}
	if !reflect.DeepEqual(a.Decision, Decision{Status: Undecided}) {
		t.Errorf("the decision is %+v", a.Decision)
	}
	a = Analyze(pair(converted(100, 1000), converted(250, 1000)), Settings{Kind: Conversion})
	if !reflect.DeepEqual(a.Decision, Decision{Status: Winner, SafeToStop: true, VariationID: "t"}) {
		t.Errorf("the decision is %+v", a.Decision)
	}
	a = Analyze(pair(converted(100, 1000), converted(250, 1000)), Settings{Kind: Conversion, LowerIsBetter: true})
	if !reflect.DeepEqual(a.Decision, Decision{Status: Loser, SafeToStop: true, Worse: []string{"t"}}) || *a.TreatmentResults[0].PBest < 0.999 {
		t.Errorf("the decision is %+v, P(control is best) %g", a.Decision, *a.TreatmentResults[0].PBest)
	}
}

func TestProbabilityOfMismatch(t *testing.T) {
	tests := []struct {
		units   []int64
		weights []float64
		want    float64
	}{
		{[]int64{0, 0}, []float64{0.5, 0.5}, 0.5},
		{[]int64{5000, 5000}, []float64{0.5, 0.5}, 0.4142105294},
		{[]int64{5100, 4900}, []float64{1, 1}, 0.6577943745},
		{[]int64{5200, 4800}, []float64{50, 50}, 0.9747629378},
		{[]int64{5300, 4700}, []float64{0.5, 0.5}, 0.9998258143},
		{[]int64{4000, 6000}, []float64{0.5, 0.5}, 1},
		{[]int64{50000, 51500}, []float64{0.5, 0.5}, 0.9998614774},
		{[]int64{60, 64, 33}, []float64{0.4, 0.4, 0.2}, 0.4964991545},
		{[]int64{900, 100}, []float64{0.9, 0.1}, 0.4880865678},
		{[]int64{880, 120}, []float64{0.9, 0.1}, 0.5362561498},
	}
	for _, test := range tests {
		if got := CheckSplit(test.units, test.weights, 0).ProbabilityOfMismatch; math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%v of %v: %.10f, want %.10f", test.units, test.weights, got, test.want)
		}
	}
}
