package results

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
)

// The values are worked out in 50 digits by testdata/tails.py.
func TestTails(t *testing.T) {
	text, err := os.ReadFile("testdata/tails.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Beta []struct {
			A, B, X      float64
			Lower, Upper string
		}
		Student []struct {
			DF, T float64
			Upper string
		}
		Chi []struct {
			DF    int
			X     float64
			Upper string
		}
		Normal []struct {
			Z   float64
			Log string
		}
		Loss []struct {
			K    float64
			Loss string
		}
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	near := func(got float64, text string, tolerance float64, what string, args ...float64) {
		t.Helper()
		wanted, err := strconv.ParseFloat(text, 64)
		if err != nil && wanted != 0 {
			t.Fatal(err)
		}
		if !(math.Abs(got-wanted) <= tolerance*math.Abs(wanted)+1e-307) {
			t.Errorf("%s%v = %.17g, want %.17g (off by %.2g of it)", what, args, got, wanted, math.Abs(got-wanted)/wanted)
		}
	}
	for _, b := range want.Beta {
		lower, upper := incompleteBeta(b.A, b.B, b.X, 1-b.X)
		// What rounding 1-x costs grows with the parameters.
		tolerance := 5e-12 + 2e-19*math.Max(b.A, b.B)
		near(lower, b.Lower, tolerance, "lower tail of Beta", b.A, b.B, b.X)
		near(upper, b.Upper, tolerance, "upper tail of Beta", b.A, b.B, b.X)
	}
	for _, s := range want.Student {
		near(studentSurvival(s.T, s.DF), s.Upper, 2e-12, "upper tail of Student", s.DF, s.T)
		if p, _ := strconv.ParseFloat(s.Upper, 64); p > 1e-300 && p < 0.5 {
			near(studentUpperQuantile(p, s.DF), strconv.FormatFloat(s.T, 'g', -1, 64), 1e-10, "quantile of Student", p, s.DF)
		}
	}
	for _, c := range want.Chi {
		near(chiSquareSurvival(c.X, c.DF), c.Upper, 1e-10, "upper tail of chi-square", float64(c.DF), c.X)
	}
	for _, n := range want.Normal {
		near(-logNormalCDF(n.Z), n.Log[1:], 1e-13, "-ln Phi", n.Z)
	}
	for _, l := range want.Loss {
		near(partialMean(l.K), l.Loss, 1e-12, "partial mean", l.K)
	}
}

func TestBetaQuantilesInvert(t *testing.T) {
	for _, d := range []Beta{{0.5, 0.5}, {1, 1}, {1, 1e9}, {0.5, 1e6}, {101, 901}, {1e6, 3e6}, {1e9, 1e9}} {
		for _, p := range []float64{1e-12, 1e-3, 0.05, 0.5, 0.95, 0.999} {
			if got := d.CDF(d.Quantile(p)); math.Abs(got-p) > 1e-9*p+1e-8*math.Min(p, 1-p) {
				t.Errorf("CDF(Quantile(%g)) of %v = %g", p, d, got)
			}
		}
		for _, level := range []float64{0.5, 0.9, 0.999} {
			equal, shortest := d.Interval(level), d.ShortestInterval(level)
			if shortest.Width() > equal.Width()*(1+1e-9) {
				t.Errorf("the shortest interval %v of %v is longer than %v", shortest, d, equal)
			}
			if got := d.CDF(shortest.Upper) - d.CDF(shortest.Lower); math.Abs(got-level) > 1e-8 {
				t.Errorf("the shortest interval of %v holds %g, want %g", d, got, level)
			}
		}
	}
}
