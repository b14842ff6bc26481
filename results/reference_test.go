package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// referenceCase is one worked example with its source.
type referenceCase struct {
	ID, Method string
	Inputs     inputs
	Expected   map[string]any
	AbsTol     float64 `json:"abs_tol"`
	RelTol     float64 `json:"rel_tol"`
}

// TestReferenceCases checks the cases of the file that STATISTICS_CASES names,
// of its list public or held_out. Without it, those of testdata, which
// testdata/cases.py works out by other methods, and those next to the
// repository, if they are there.
func TestReferenceCases(t *testing.T) {
	if path := os.Getenv("STATISTICS_CASES"); path != "" {
		checkCases(t, path)
		return
	}
	checkCases(t, "testdata/cases.json")
	const published = "../../shared/reference/statistics-cases.json"
	if _, err := os.Stat(published); !errors.Is(err, fs.ErrNotExist) {
		checkCases(t, published)
	}
}

func checkCases(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Public  []referenceCase
		HeldOut []referenceCase `json:"held_out"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	cases := append(file.Public, file.HeldOut...)
	if len(cases) == 0 {
		t.Fatalf("%s has no cases", path)
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			got, err := solve(c.Method, c.Inputs)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("the answer is no JSON: %v", err)
			}
			for name, want := range c.Expected {
				if c.Method == "edge_error" {
					checkEdge(t, name, want, got)
					continue
				}
				if why := c.differs(got[name], want); why != "" {
					t.Errorf("%s of %s: %s", name, c.Method, why)
				}
			}
		})
	}
}

// checkEdge wants a named state and no answer; the numbers a case has are what
// its source shows in place of an answer.
func checkEdge(t *testing.T, name string, want any, got answer) {
	t.Helper()
	state, _ := got["error"].(State)
	if state == OK || got["p_value"] != nil || got["ci"] != nil {
		t.Errorf("got state %q, p %v, interval %v; want a named state and nothing else", state, got["p_value"], got["ci"])
	}
	// Other systems have fewer names: one of theirs may stand for several of ours.
	ours := map[string][]State{
		"ZERO_NEGATIVE_VARIANCE":  {ZeroVariance, TooFewUnits, BaselineZero, ZeroDenominator},
		"BASELINE_VARIATION_ZERO": {BaselineZero, ZeroDenominator},
		"NO_UNITS_IN_VARIATION":   {TooFewUnits},
	}
	text, _ := want.(string)
	if wanted, named := ours[text]; name == "error" && named && !slices.Contains(wanted, state) {
		t.Errorf("got state %q for %v, want one of %q", state, want, wanted)
	}
}

func (c referenceCase) differs(got, want any) string {
	if list, ok := want.([]any); ok {
		numbers := asList(got)
		if len(numbers) != len(list) {
			return fmt.Sprintf("got %v, want %v", got, want)
		}
		for i := range list {
			if why := c.differs(numbers[i], list[i]); why != "" {
				return fmt.Sprintf("[%d] %s", i, why)
			}
		}
		return ""
	}
	if members, ok := want.(map[string]any); ok {
		have, _ := got.(map[string]any)
		for name, member := range members {
			if why := c.differs(have[name], member); why != "" {
				return name + ": " + why
			}
		}
		return ""
	}
	if want == nil {
		if got != nil {
			return fmt.Sprintf("got %v, want nothing", got)
		}
		return ""
	}
	wanted, isNumber := want.(float64)
	number, ok := asNumber(got)
	if !isNumber || !ok {
		if fmt.Sprint(got) == fmt.Sprint(want) {
			return ""
		}
		return fmt.Sprintf("got %v, want %v", got, want)
	}
	if !(math.Abs(number-wanted) <= c.AbsTol+c.RelTol*math.Abs(wanted)) {
		return fmt.Sprintf("got %.17g, want %.17g (off by %.3g)", number, wanted, math.Abs(number-wanted))
	}
	return ""
}

func asNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case *float64:
		if v != nil {
			return *v, true
		}
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	}
	return 0, false
}

func asList(v any) []any {
	var out []any
	switch v := v.(type) {
	case []any:
		return v
	case []float64:
		for _, x := range v {
			out = append(out, x)
		}
	case Interval:
		out = []any{v.Lower, v.Upper}
	case *Interval:
		if v != nil {
			out = []any{v.Lower, v.Upper}
		}
	}
	return out
}

// answer is what a method has computed, by the names of the cases.
type answer map[string]any

// state is an answer that may be none.
func (a answer) state(s State) answer {
	if s != OK {
		return answer{"error": s}
	}
	return a
}

func (a answer) with(more answer) answer {
	for name, v := range more {
		a[name] = v
	}
	return a
}

// inputs are the inputs of a case.
type inputs map[string]any

func (in inputs) has(name string) bool { return in[name] != nil }

func (in inputs) number(name string) float64 {
	x, _ := in[name].(float64)
	return x
}

func (in inputs) or(name string, otherwise float64) float64 {
	if in.has(name) {
		return in.number(name)
	}
	return otherwise
}

func (in inputs) int(name string) int64 { return int64(in.number(name)) }

func (in inputs) flag(name string) bool {
	b, _ := in[name].(bool)
	return b
}

func (in inputs) inner(name string) inputs {
	m, _ := in[name].(map[string]any)
	return m
}

func (in inputs) list(name string) []float64 {
	return numbers(in[name])
}

func numbers(v any) []float64 {
	list, _ := v.([]any)
	out := make([]float64, len(list))
	for i, x := range list {
		out[i], _ = x.(float64)
	}
	return out
}

func (in inputs) counts(name string) []int64 { return integers(in[name]) }

func integers(v any) []int64 {
	var out []int64
	for _, x := range numbers(v) {
		out = append(out, int64(x))
	}
	return out
}

func (in inputs) rate(name string) Rate {
	return Rate{in.inner(name).int("conversions"), in.inner(name).int("n")}
}

// sums are the sums of an arm, in whichever of the shapes of the cases.
func (in inputs) sums() Sums {
	t := Totals{Units: in.int("n")}
	switch {
	case in.has("m_post_sum"):
		t.Y, t.YY, t.D, t.DD = in.number("m_post_sum"), in.number("m_post_sum_squares"), in.number("d_post_sum"), in.number("d_post_sum_squares")
		t.X, t.XX, t.E, t.EE = in.number("m_pre_sum"), in.number("m_pre_sum_squares"), in.number("d_pre_sum"), in.number("d_pre_sum_squares")
		t.YX, t.DE, t.XE = in.number("m_post_m_pre"), in.number("d_post_d_pre"), in.number("m_pre_d_pre")
		t.YD, t.YE, t.DX = in.number("m_post_d_post"), in.number("m_post_d_pre"), in.number("m_pre_d_post")
	case in.has("y_sum"):
		t.Y, t.X, t.YX = in.number("y_sum"), in.number("x_sum"), in.number("xy_sum_products")
		t.YY, t.XX = in.or("y_sum_squares", t.Y), in.or("x_sum_squares", t.X)
	case in.has("num_sum"):
		t.Y, t.YY, t.D, t.DD, t.YD = in.number("num_sum"), in.number("num_sum_squares"), in.number("den_sum"), in.number("den_sum_squares"), in.number("num_den_sum_products")
	case in.has("conversions"):
		t.Y = in.number("conversions")
		t.YY, t.Events = t.Y, int64(t.Y)
	default:
		t.Y, t.YY = in.number("sum"), in.number("sum_squares")
	}
	s, _ := t.Sums() // none where they contradict themselves
	return s
}

// arm is the arm of a plain, ratio, or quantile metric.
func (in inputs) arm() Arm {
	switch {
	case in.has("quantile"):
		return QuantileArm(in.int("n"), in.int("n_star"), in.number("quantile"), in.number("lower"), in.number("upper"))
	case in.has("num_sum"):
		return in.sums().RatioArm()
	case in.has("conversions"):
		return in.sums().ProportionArm()
	}
	return in.sums().MeanArm()
}

// units are the sums of units listed one by one.
func (in inputs) units() Sums {
	var s Sums
	m, d, x, e := in.list("m_post"), in.list("d_post"), in.list("m_pre"), in.list("d_pre")
	for i := range m {
		s.Add(Unit{m[i], d[i], x[i], e[i]})
	}
	return s
}

// effect is the effect that the inputs describe, with what goes with it.
func (in inputs) effect(words map[string]bool) (Effect, answer) {
	scale := Relative
	if words["absolute"] || in["difference"] == "absolute" {
		scale = Absolute
	}
	control, treatment := in.inner("control"), in.inner("treatment")
	switch {
	case in.has("control_units"), control.has("m_post_sum"):
		c, t := control.sums(), treatment.sums()
		if in.has("control_units") {
			c, t = in.inner("control_units").units(), in.inner("treatment_units").units()
		}
		theta, state := RatioTheta(c, t)
		if in.has("theta") {
			theta = in.number("theta")
		}
		e := AdjustedRatio(c, t, theta, scale)
		e.State = worst(e.State, state)
		return e, answer{"theta": theta, "control_mean": c.RatioArm().Mean, "treatment_mean": t.RatioArm().Mean}
	case control.has("y_sum"):
		c, t := control.sums(), treatment.sums()
		proportions := words["proportion"] || !control.has("y_sum_squares")
		e, a := CompareAdjusted(c, t, proportions, scale)
		plain := Compare(c.adjusted(0, proportions), t.adjusted(0, proportions), scale)
		return e, answer{"theta": a.Theta, "estimate_unadjusted": plain.Estimate, "se_unadjusted": plain.SE,
			"control_mean_unadjusted": c.mean(value), "treatment_mean_unadjusted": t.mean(value),
			"control_mean": c.mean(value), "treatment_mean": t.mean(value)}
	}
	c, t := control.arm(), treatment.arm()
	return Compare(c, t, scale), answer{"control_mean": c.Mean, "treatment_mean": t.Mean}
}

// solveEffect answers the methods whose names are made of words: an engine, a
// kind of metric, a side, a scale.
func solveEffect(engine string, words map[string]bool, in inputs) answer {
	e, out := in.effect(words)
	if e.State != OK {
		return out.state(e.State)
	}
	side := TwoSided
	if words["greater"] {
		side = Greater
	} else if words["lesser"] {
		side = Lesser
	}
	alpha := in.or("alpha", 0.05)
	out.with(answer{"estimate": e.Estimate, "se": e.SE, "df": e.DF, "df_welch": e.DF})
	var test Test
	switch engine {
	case "asymptotic_cs":
		test = e.Sequence(alpha, in.or("tuning_n", DefaultTuningUnits), side)
	case "bayes":
		prior := EffectPrior{Mean: in.number("prior_mean"), Variance: in.number("prior_variance")}
		if in["prior_scale"] == "absolute" {
			prior.Scale = Absolute
		}
		p := e.Posterior(prior, 1-alpha, in.flag("lower_is_better") || words["inverse"])
		return out.with(answer{"estimate": p.Distribution.Mu, "se": p.Distribution.Sigma, "ci": p.Interval, "chance_to_win": p.ChanceToWin,
			"risk_treatment": p.LossTreatment, "risk_control": p.LossControl}).state(p.State)
	case "epstats":
		test = e.WelchTruncated(alpha, side)
	default:
		test = e.Welch(alpha, side)
	}
	if test.State != OK {
		return out.state(test.State)
	}
	return out.with(answer{"p_value": test.P, "ci": test.Interval, "t": test.Statistic, "z": test.Statistic,
		"ci_lower": finite(test.Interval.Lower), "ci_upper": finite(test.Interval.Upper), "ci_halfwidth": finite(test.Interval.Width() / 2)})
}

var effectWords = map[string]bool{"": true, "cuped": true, "ratio": true, "delta": true, "one": true, "two": true, "sided": true, "greater": true, "lesser": true,
	"relative": true, "absolute": true, "inverse": true, "flat": true, "normal": true, "prior": true, "quantile": true,
	"proportion": true, "mean": true, "units": true, "epstats": true, "informative": true}

// solve computes what a case asks for.
func solve(method string, in inputs) (answer, error) {
	if f, ok := singleMethods[method]; ok {
		return f(in), nil
	}
	for _, family := range []struct {
		prefix string
		f      func(string, inputs) answer
	}{{"sample_size_", solveSampleSize}, {"power_two_sided", solvePlan}, {"mde_two_sided", solvePlan}, {"beta_binomial_p_best", solveRates}, {"beta_binomial_pairwise", solvePair},
		{"normal_p_best", solveMeans}} {
		if strings.HasPrefix(method, family.prefix) {
			return family.f(method, in), nil
		}
	}
	for prefix, engine := range map[string]string{"asymptotic_cs_": "asymptotic_cs", "bayes_": "bayes", "welch_": "welch", "cuped_": "welch", "ratio_delta": "welch"} {
		rest, ok := strings.CutPrefix(method, prefix)
		if !ok {
			continue
		}
		words := map[string]bool{}
		for word := range strings.SplitSeq(rest, "_") {
			if !effectWords[word] {
				return nil, fmt.Errorf("unknown method %s", method)
			}
			words[word] = true
		}
		if words["epstats"] {
			engine = "epstats"
		}
		return solveEffect(engine, words, in), nil
	}
	return nil, fmt.Errorf("unknown method %s", method)
}
