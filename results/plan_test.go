package results

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestPowerAndItsInverses(t *testing.T) {
	for _, scale := range []Scale{Relative, Absolute} {
		plan := Plan{Mean: 4, Variance: 9, UnitsPerArm: 5000, Alpha: 0.05, Scale: scale}
		for _, power := range []float64{0.06, 0.5, 0.8, 0.999} {
			effect, state := plan.MDE(power)
			got, _ := plan.Power(effect)
			if state != OK || math.Abs(got-power) > 1e-9 {
				t.Errorf("the power at the MDE of %g is %g (%s)", power, got, state)
			}
		}
	}
	n, _ := SampleSize(9, 9, 0.5, 0.05, 0.8)
	if got, _ := (Plan{Variance: 9, UnitsPerArm: n, Alpha: 0.05, Scale: Absolute}).Power(0.5); math.Abs(got-0.8) > 1e-5 {
		t.Errorf("the power of the sample size is %g", got)
	}
	n, _ = RatePlan{0.1, 0.12, 0.05}.Units(0.9)
	if got, _ := (RatePlan{0.1, 0.12, 0.05}).Power(n); math.Abs(got-0.9) > 1e-12 {
		t.Errorf("the power of the number of units is %g", got)
	}
	if _, state := (Plan{Mean: 0.001, Variance: 1, UnitsPerArm: 10, Alpha: 0.05}).MDE(0.8); state != Unreachable {
		t.Errorf("an MDE without end has the state %q", state)
	}
	if _, state := SampleSize(1, 1, 0, 0.05, 0.8); state != Unreachable {
		t.Errorf("no difference has the state %q", state)
	}
	if d, state := Duration(1001, 400, 0.5); d != 6*24*time.Hour || state != OK {
		t.Errorf("the duration is %v (%s)", d, state)
	}
	if _, state := Duration(1000, 0, 0.5); state != Unreachable {
		t.Errorf("without traffic the state is %q", state)
	}
}

// Jennison and Turnbull 2000, table 7.1 ff.: five equal looks, 5 % two-sided,
// spending like O'Brien and Fleming; and Pocock's fixed exponent 1.
func TestSpendingBounds(t *testing.T) {
	looks := []float64{0.2, 0.4, 0.6, 0.8, 1}
	got, state := Spending{Alpha: 0.05}.Bounds(looks)
	for i, want := range []float64{4.8769, 3.3569, 2.6803, 2.2898, 2.0310} {
		if state != OK || math.Abs(got[i]-want) > 2e-4 {
			t.Errorf("bound %d is %.4f, want %.4f", i+1, got[i], want)
		}
	}
	if got, _ := (Spending{Alpha: 0.05, Exponent: 1}).AdjustedAlpha([]float64{1}); math.Abs(got[0]-0.05) > 1e-12 {
		t.Errorf("a single look may use %g of 0.05", got[0])
	}
	if again, _ := (Spending{Alpha: 0.05}).Bounds([]float64{0.5, 0.5, 1}); again[0] != again[1] {
		t.Errorf("a look without news changes the bound: %v", again)
	}
	for _, bad := range [][]float64{{0}, {0.5, 0.4}, {math.NaN()}, {math.Inf(1)}} {
		if _, state := (Spending{Alpha: 0.05}).Bounds(bad); state != InvalidInput {
			t.Errorf("looks at %v have the state %q", bad, state)
		}
	}
}

func TestFunnel(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(1_700_000_000+int64(seconds), 0) }
	tests := []struct {
		first []time.Time
		want  int
	}{
		{nil, 0}, {[]time.Time{at(1), at(2), at(2)}, 3}, {[]time.Time{at(1), {}, at(2)}, 1},
		{[]time.Time{at(5), at(2)}, 1}, {[]time.Time{{}, at(2)}, 0},
	}
	var f, other Funnel
	for _, test := range tests {
		if got := Steps(test.first); got != test.want {
			t.Errorf("%v reach step %d, want %d", test.first, got, test.want)
		}
		f.Add(test.want)
	}
	other.Add(2)
	f.Merge(other)
	if f.Exposed != 6 || !slices.Equal(f.Reached, []int64{4, 2, 1}) {
		t.Errorf("the funnel is %+v", f)
	}
	if a := f.Step(1).ProportionArm(); a.Units != 6 || math.Abs(a.Mean-1.0/3) > 1e-15 {
		t.Errorf("step 1 is %+v", a)
	}
	if rate := f.StepRate(1); rate == nil || *rate != 0.5 || f.StepRate(9) != nil || f.Step(9).Events != 0 {
		t.Errorf("the step rate is %v", rate)
	}
	day := 24 * time.Hour
	if !Within(at(0), at(0), 0, day) || Within(at(0), at(86400), 0, day) || Within(at(3), at(0), 2*time.Second, day) || !Within(at(2), at(0), 2*time.Second, 0) {
		t.Error("the window has other edges")
	}
	if !Matured(at(0), at(86400), day) || Matured(at(1), at(86400), day) {
		t.Error("a unit matures at another time")
	}
}

func TestHistogram(t *testing.T) {
	var values []float64
	var whole Histogram
	shards := make([]Histogram, 3)
	for i := range 10_000 {
		v := math.Exp(float64(i%100)/10) - 3
		if i%9 == 0 {
			v = 0
		}
		values = append(values, v)
		whole.Add(v)
		shards[i%3].Add(v)
	}
	var merged Histogram
	for _, s := range shards {
		merged.Merge(s)
	}
	one, _ := json.Marshal(whole)
	two, _ := json.Marshal(merged)
	if string(one) != string(two) {
		t.Error("the parts do not add up to the whole")
	}
	for _, p := range []float64{0, 0.01, 0.1, 0.3, 0.5, 0.9, 0.99, 1} {
		want := slices.Sorted(slices.Values(values))[int(p*9999)]
		got, state := whole.Quantile(p)
		if state != OK || math.Abs(got-want) > 0.0101*math.Abs(want) {
			t.Errorf("the quantile %g is %g, want %g", p, got, want)
		}
	}
	if n := whole.Nonzero(); n.N != whole.N-whole.Zero || n.Zero != 0 {
		t.Errorf("without zeros it holds %d", n.N)
	}
	if whole.Add(math.NaN()) || whole.Add(math.Inf(1)) {
		t.Error("what is no number was counted")
	}
	a, b := whole.QuantileArm(0.9, 10_000), whole.QuantileArm(0.9, 5000)
	if a.State != OK || math.Abs(b.Variance/a.Variance-2) > 1e-12 {
		t.Errorf("the arms are %+v and %+v", a, b)
	}
	if _, state := (Histogram{}).Quantile(0.5); state != TooFewUnits {
		t.Errorf("the empty one has the state %q", state)
	}
	limit, ok := Cap([]float64{0, 0, 0, 1, 2, 3, 100}, 0.5)
	if !ok || limit != 2.5 {
		t.Errorf("the cap is %v", limit)
	}
	if _, ok := Cap([]float64{0, 0}, 0.5); ok {
		t.Error("nothing but zeros has a cap")
	}
}

func TestAdjustFindings(t *testing.T) {
	p := func(x float64) *float64 { return &x }
	findings := []Finding{{Primary, p(0.04)}, {Secondary, p(0.03)}, {Guardrail, p(0.02)}, {Secondary, p(0.01)}, {Secondary, nil}}
	check := func(got []*float64, want ...float64) {
		t.Helper()
		for i, w := range want {
			if w < 0 {
				if got[i] != nil {
					t.Errorf("finding %d has %v", i, *got[i])
				}
			} else if got[i] == nil || math.Abs(*got[i]-w) > 1e-15 {
				t.Errorf("finding %d has %v, want %v", i, got[i], w)
			}
		}
	}
	check(AdjustFindings(findings, false), 0.04, 0.03, 0.02, 0.02, -1)
	check(AdjustFindings(findings, true), 0.06, 0.06, 0.02, 0.03, -1)
	if _, state := AdjustedInterval(0.1, 1, 0.05); state == OK {
		t.Error("p = 1 has an interval")
	}
}

// Weights of 90:10 and then 50:50 with another rate in each period: pooled,
// the raw counts show an effect that neither period has.
func TestCombinePeriods(t *testing.T) {
	effect := func(c, t Sums) Effect { return Compare(c.ProportionArm(), t.ProportionArm(), Absolute) }
	first := effect(converted(900, 9000), converted(100, 1000))
	second := effect(converted(1000, 5000), converted(1000, 5000))
	combined := Combine([]Effect{first, second})
	if math.Abs(combined.Estimate) > 1e-15 || combined.State != OK || combined.Units != 20000 || combined.SE >= second.SE {
		t.Errorf("combined: %+v", combined)
	}
	if pooled := effect(converted(1900, 14000), converted(1100, 6000)); pooled.Estimate < 0.04 {
		t.Errorf("pooled: %+v", pooled)
	}
	if none := Combine([]Effect{{State: TooFewUnits}}); none.State != TooFewUnits {
		t.Errorf("nothing to combine: %+v", none)
	}
}

func TestDecide(t *testing.T) {
	p := func(x float64) *float64 { return &x }
	tests := []struct {
		name        string
		candidates  []Candidate
		lower       bool
		trustworthy bool
		want        Decision
	}{
		{"nothing yet", []Candidate{{"a", 0, nil}}, false, true, Decision{Status: Collecting}},
		{"mismatch", []Candidate{{"a", 1, p(0)}}, false, false, Decision{Status: Untrustworthy}},
		{"undecided", []Candidate{{"a", 1, p(0.06)}}, false, true, Decision{Status: Undecided}},
		{"two treatments share the level", []Candidate{{"a", 1, p(0.03)}, {"b", 1, p(0.9)}}, false, true, Decision{Status: Undecided}},
		{"the larger winner", []Candidate{{"a", 1, p(0.01)}, {"b", 2, p(0.02)}}, false, true, Decision{Status: Winner, SafeToStop: true, VariationID: "b"}},
		{"a winner beside a loser", []Candidate{{"a", -1, p(0.01)}, {"b", 2, p(0.02)}}, false, true, Decision{Status: Winner, SafeToStop: true, VariationID: "b", Worse: []string{"a"}}},
		{"less is better", []Candidate{{"a", -1, p(0.01)}, {"b", 2, p(0.02)}}, true, true, Decision{Status: Winner, SafeToStop: true, VariationID: "a", Worse: []string{"b"}}},
		{"loser", []Candidate{{"a", -1, p(0.01)}}, false, true, Decision{Status: Loser, SafeToStop: true, Worse: []string{"a"}}},
		{"one bad one of two", []Candidate{{"a", -1, p(0.001)}, {"b", 1, p(0.2)}}, false, true, Decision{Status: Undecided, Worse: []string{"a"}}},
		{"one bad one, another without numbers", []Candidate{{"a", -1, p(0.001)}, {"b", 0, nil}}, false, true, Decision{Status: Undecided, Worse: []string{"a"}}},
		{"two bad ones", []Candidate{{"a", -1, p(0.001)}, {"b", -2, p(0.01)}}, false, true, Decision{Status: Loser, SafeToStop: true, Worse: []string{"a", "b"}}},
	}
	for _, test := range tests {
		if got := Decide(test.candidates, 0.05, test.lower, test.trustworthy); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
	if got := SmallestP(p(0.01), p(0.5)); *got != 0.01 {
		t.Errorf("the smallest p is %v", *got)
	}
	if got := SmallestP(nil, p(0.5)); *got != 0.5 {
		t.Errorf("the first p is %v", *got)
	}
}

func TestIntervalJSON(t *testing.T) {
	open := Interval{math.Inf(-1), 2.5}
	text, err := json.Marshal(open)
	if err != nil || string(text) != `{"lower":null,"upper":2.5}` {
		t.Errorf("%s, %v", text, err)
	}
	var read Interval
	if err := json.Unmarshal(text, &read); err != nil || read != open {
		t.Errorf("%+v, %v", read, err)
	}
}
