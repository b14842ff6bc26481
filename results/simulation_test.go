package results

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The seeds are fixed, so each simulation has one result; the bounds are what
// chance exceeds about once in ten thousand times.

func drawNormal(r *rand.Rand, n int, mean, sd float64) Sums {
	var s Sums
	for range n {
		s.Add(Unit{Value: mean + sd*r.NormFloat64()})
	}
	return s
}

func drawEvents(r *rand.Rand, n int, p float64) int64 {
	var events int64
	for range n {
		if r.Float64() < p {
			events++
		}
	}
	return events
}

func TestIntervalsCover(t *testing.T) {
	const runs = 4000
	r := rand.New(rand.NewPCG(1, 2))
	var welch, ratio, credible, newcombe, quantity int
	for range runs {
		c, tr := drawNormal(r, 12, 10, 3).MeanArm(), drawNormal(r, 30, 11, 1).MeanArm()
		if Compare(c, tr, Absolute).Welch(0.05, TwoSided).Interval.Contains(1) {
			welch++
		}
		x, y := drawEvents(r, 400, 0.1), drawEvents(r, 400, 0.12)
		rates := [2]Sums{{Units: 400, Events: x}, {Units: 400, Events: y}}
		if i, state := RatioInterval(rates[0].ProportionArm(), rates[1].ProportionArm(), 0.05); state == OK && i.Contains(1.2) {
			ratio++
		}
		if i, _ := NewcombeInterval(Rate{x, 400}, Rate{y, 400}, 0.05); i.Contains(0.02) {
			newcombe++
		}
		// A rate drawn from the prior is in its credible interval as often as
		// the level says, exactly.
		p := r.Float64()
		if (Beta{1, 1}).Update(drawEvents(r, 60, p), 60).Interval(0.9).Contains(p) {
			credible++
		}
		if e := Compare(c, tr, Relative); e.Welch(0.05, TwoSided).Interval.Contains(0.1) {
			quantity++
		}
	}
	for _, check := range []struct {
		name   string
		got    int
		lo, hi float64
	}{{"Welch", welch, 0.936, 0.964}, {"log ratio", ratio, 0.936, 0.966}, {"Newcombe", newcombe, 0.936, 0.966},
		{"credible", credible, 0.882, 0.918}, {"relative delta", quantity, 0.93, 0.966}} {
		if share := float64(check.got) / runs; share < check.lo || share > check.hi {
			t.Errorf("the %s interval covers in %.4f of the runs, want between %g and %g", check.name, share, check.lo, check.hi)
		}
	}
}

// furthest is the Kolmogorov-Smirnov distance of p-values from uniform ones,
// times the root of their number; chance exceeds 2.23 once in ten thousand.
func furthest(p []float64) float64 {
	slices.Sort(p)
	var distance float64
	n := float64(len(p))
	for i, x := range p {
		distance = max(distance, math.Abs(x-float64(i)/n), math.Abs(x-float64(i+1)/n))
	}
	return distance * math.Sqrt(n)
}

func TestPValuesAreUniformWithoutEffect(t *testing.T) {
	const runs = 3000
	r := rand.New(rand.NewPCG(3, 4))
	p := map[string][]float64{}
	for range runs {
		c, tr := drawNormal(r, 40, 5, 2), drawNormal(r, 30, 5, 2)
		test := Compare(c.MeanArm(), tr.MeanArm(), Absolute).Welch(0.05, TwoSided)
		p["Welch"] = append(p["Welch"], *test.P)
		p["pooled"] = append(p["pooled"], *PooledTest(c.MeanArm(), tr.MeanArm(), 0.05).P)
		var split [3]int64
		for range 6000 {
			split[r.IntN(3)]++
		}
		p["split"] = append(p["split"], *SplitTest(split[:], []float64{1, 1, 1}).P)
		var before, after Sums
		for i := range 60 {
			s := &before
			if i%2 == 1 {
				s = &after
			}
			x := r.NormFloat64()
			s.Add(Unit{Value: 3 + x + r.NormFloat64(), Covariate: x})
		}
		e, _ := CompareAdjusted(before, after, false, Absolute)
		p["CUPED"] = append(p["CUPED"], *e.Welch(0.05, TwoSided).P)
		var attempts [2]Sums
		for i := range 160 {
			d := 1 + float64(r.IntN(4))
			attempts[i%2].Add(Unit{Value: d * (0.5 + 0.3*r.NormFloat64()), Denominator: d})
		}
		p["ratio"] = append(p["ratio"], *Compare(attempts[0].RatioArm(), attempts[1].RatioArm(), Absolute).Welch(0.05, TwoSided).P)
	}
	for name, values := range p {
		if d := furthest(values); d > 2.23 {
			t.Errorf("the p-values of %s are not uniform: distance %.2f", name, d)
		}
	}
}

// An experiment without effect that is looked at every day for four weeks: the
// probability to be best names a winner in many, the sequence in few.
func TestLookingEveryDay(t *testing.T) {
	const runs, looks, perLook = 1000, 28, 100
	r := rand.New(rand.NewPCG(5, 6))
	var stopped, fooled, missed, alarmed, shown int
	for range runs {
		var c, tr, better Sums
		var split [2]int64
		var stop, fool, miss, alarm, show bool
		for range looks {
			for _, arm := range []struct {
				s *Sums
				p float64
			}{{&c, 0.2}, {&tr, 0.2}, {&better, 0.26}} {
				arm.s.Units += perLook
				arm.s.Events += drawEvents(r, perLook, arm.p)
			}
			first := drawEvents(r, 2*perLook, 0.5)
			split[0] += first
			split[1] += 2*perLook - first
			e := Compare(c.ProportionArm(), tr.ProportionArm(), Absolute)
			stop = stop || Decide([]Candidate{{"t", e.Estimate, e.Sequence(0.05, 2*looks*perLook, TwoSided).P}}, 0.05, false, true).SafeToStop
			win := e.Posterior(EffectPrior{}, 0.9, false).ChanceToWin
			fool = fool || win > 0.95 || win < 0.05
			sequence := Compare(c.ProportionArm(), better.ProportionArm(), Absolute).Sequence(0.05, 2*looks*perLook, TwoSided)
			miss = miss || !sequence.Interval.Contains(0.06)
			show = show || *sequence.P < 0.05
			alarm = alarm || CheckSplit(split[:], []float64{1, 1}, 0).ProbabilityOfMismatch >= MismatchProbability
		}
		for flag, count := range map[*bool]*int{&stop: &stopped, &fool: &fooled, &miss: &missed, &alarm: &alarmed, &show: &shown} {
			if *flag {
				*count++
			}
		}
	}
	t.Logf("of %d: stopped %d, P(best) fooled %d, interval missed %d, split alarmed %d, true effect shown %d", runs, stopped, fooled, missed, alarmed, shown)
	if stopped >= 50 {
		t.Errorf("%d of %d experiments without effect were safe to stop, want less than 5 %%", stopped, runs)
	}
	if missed >= 50 {
		t.Errorf("%d of %d sequences missed the true difference at some look, want less than 5 %%", missed, runs)
	}
	if fooled < 300 {
		t.Errorf("P(best) named a winner in %d of %d: the simulation does not show what the sequence is for", fooled, runs)
	}
	if alarmed > 20 {
		t.Errorf("%d of %d fair splits raised the alarm, want at most 2 %%", alarmed, runs)
	}
	if shown < runs*8/10 {
		t.Errorf("%d of %d true effects were shown, want at least 80 %%", shown, runs)
	}
}

// P(best) is calibrated: where it says 80 %, the named one is the best in 80 %.
func TestBestIsCalibrated(t *testing.T) {
	const runs = 600
	r := rand.New(rand.NewPCG(7, 8))
	var claimed, right float64
	for range runs {
		var rates [3]float64
		var posteriors []Beta
		for i := range rates {
			rates[i] = r.Float64()
			posteriors = append(posteriors, Beta{1, 1}.Update(drawEvents(r, 30, rates[i]), 30))
		}
		ranks, _ := RankRates(posteriors, false)
		for i, rank := range ranks {
			if rank.Best > 0.5 {
				claimed += rank.Best
				if rates[i] == slices.Max(rates[:]) {
					right++
				}
			}
		}
	}
	if math.Abs(claimed-right) > 3.9*math.Sqrt(claimed*0.25) {
		t.Errorf("the winners named were right %g times, claimed %g", right, claimed)
	}
}
