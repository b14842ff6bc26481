package results

import "math"

// Side says which differences a test looks for.
type Side int

const (
	// TwoSided looks for any difference.
	TwoSided Side = iota
	// Greater looks for a treatment above the control; its interval has no
	// upper end.
	Greater
	// Lesser looks for a treatment below the control; its interval has no lower
	// end.
	Lesser
)

// Test is a significance test of a difference.
type Test struct {
	// Statistic is the estimate in standard errors.
	Statistic float64 `json:"statistic"`
	// DF are the degrees of freedom, 0 where the test has none.
	DF float64 `json:"df,omitempty"`
	// P is the p-value, 0 to 1; absent with a State.
	P *float64 `json:"p,omitempty"`
	// Interval holds the differences the data do not contradict at the level
	// 1-alpha; absent with a State.
	Interval *Interval `json:"interval,omitempty"`
	State    State     `json:"state,omitempty"`
}

// Welch tests the effect by Student's distribution with Welch's degrees of
// freedom (Welch 1947). alpha, 0 to 1, is the error rate of the interval. It is
// valid at one look only, fixed in advance; Sequence is valid at every look.
func (e Effect) Welch(alpha float64, side Side) Test {
	return e.student(alpha, side, e.DF)
}

// WelchTruncated is Welch with the degrees of freedom truncated to an integer,
// as ep-stats does.
func (e Effect) WelchTruncated(alpha float64, side Side) Test {
	return e.student(alpha, side, math.Max(math.Trunc(math.Round(e.DF*1e5)/1e5), 1))
}

func (e Effect) student(alpha float64, side Side, df float64) Test {
	if e.State != OK {
		return Test{State: e.State}
	}
	if !(alpha > 0 && alpha < 1) {
		return Test{State: InvalidInput}
	}
	t := e.Estimate / e.SE
	var p float64
	switch side {
	case Greater:
		p = studentSurvival(t, df)
	case Lesser:
		p = studentSurvival(-t, df)
	default:
		p = math.Min(2*studentSurvival(math.Abs(t), df), 1)
		alpha /= 2
	}
	return e.test(t, df, p, studentUpperQuantile(alpha, df)*e.SE, side)
}

// test puts a result together: half is the distance from the estimate to the
// ends of the interval.
func (e Effect) test(statistic, df, p, half float64, side Side) Test {
	interval := Interval{e.Estimate - half, e.Estimate + half}
	switch side {
	case Greater:
		interval.Upper = math.Inf(1)
	case Lesser:
		interval.Lower = math.Inf(-1)
	}
	if !isFinite(p) || math.IsNaN(half) || !isFinite(statistic) {
		return Test{State: InvalidInput}
	}
	return Test{Statistic: statistic, DF: df, P: &p, Interval: &interval}
}

// PooledTest is Student's two-sample test of the absolute difference with one
// variance for both arms (Student 1908), n1+n2-2 degrees of freedom. Arms are
// expected with sample variances.
func PooledTest(control, treatment Arm, alpha float64) Test {
	e := Compare(control, treatment, Absolute)
	if e.State != OK {
		return Test{State: e.State}
	}
	nc, nt := float64(control.Units), float64(treatment.Units)
	variance := ((nc-1)*control.Variance + (nt-1)*treatment.Variance) / (nc + nt - 2)
	e.SE = math.Sqrt(variance * (1/nc + 1/nt))
	return e.student(alpha, TwoSided, nc+nt-2)
}
