package results

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// singleMethods are the methods of the reference cases that are one function
// each.
var singleMethods = map[string]func(inputs) answer{
	"edge_error": func(in inputs) answer {
		if in["engine"] == "bayes" {
			return solveEffect("bayes", nil, in)
		}
		return solveEffect("welch", nil, in)
	},
	"attribution_window":                 solveWindow,
	"bernoulli_confidence_sequence":      solveBernoulli,
	"beta_posterior_interval":            solveBetaInterval,
	"ci_from_adjusted_p":                 solveAdjustedInterval,
	"cuped_adjusted_stddev":              solveAdjustedDeviations,
	"cuped_theta":                        solveTheta,
	"delta_variance":                     solveDeltaVariance,
	"expected_loss_normal":               solveLoss,
	"k_proportion_chi_square":            solveAllRates,
	"lan_demets_obf_adjusted_alpha":      solveLanDeMets,
	"log_ratio_interval":                 solveRatioInterval,
	"newcombe_hybrid_score":              solveNewcombe,
	"normal_mixture_boundary_one_sided":  func(in inputs) answer { return solveMixture(in, Greater) },
	"normal_mixture_boundary_two_sided":  func(in inputs) answer { return solveMixture(in, TwoSided) },
	"obrien_fleming_spending_confidence": solveOBrienFleming,
	"p_adjust_bh":                        func(in inputs) answer { return adjusted(BenjaminiHochberg(in.list("p"))) },
	"p_adjust_holm":                      func(in inputs) answer { return adjusted(Holm(in.list("p"))) },
	"power_prop_test":                    solveRatePlan,
	"quantile_type7": func(in inputs) answer {
		q, state := Quantile(in.list("values"), in.number("p"))
		return answer{"quantile": q}.state(state)
	},
	"relative_difference_sign": func(in inputs) answer {
		d, state := RelativeDifference(in.number("control_mean"), in.number("treatment_mean"),
			in.or("control_mean_unadjusted", in.number("control_mean")))
		return answer{"relative": d}.state(state)
	},
	"srm_chi_square":                       solveSplit,
	"srm_sequential_dirichlet_multinomial": solveSplitSequence,
	"student_pooled":                       solvePooled,
	"two_proportion_z":                     solveTwoRates,
	"wilson_interval": func(in inputs) answer {
		i, state := Rate{in.int("successes"), in.int("n")}.Wilson(in.or("alpha", 0.05))
		return answer{"ci": i}.state(state)
	},
	"winsorize_upper": solveWinsor,
}

func solveWindow(in inputs) answer {
	counts := map[string]any{}
	for _, hours := range []int{1, 2, 3, 6, 12, 24, 36, 48, 72, 96, 120, 144, 168, 240, 336, 720} {
		n := 0
		units, _ := in["units"].([]any)
		for _, u := range units {
			unit := inputs(u.(map[string]any))
			if !unit.has("event") {
				continue
			}
			exposure, err := time.Parse(time.RFC3339, unit["exposure"].(string))
			event, err2 := time.Parse(time.RFC3339, unit["event"].(string))
			if err == nil && err2 == nil && Within(exposure, event, 0, time.Duration(hours)*time.Hour) {
				n++
			}
		}
		counts[fmt.Sprint(hours)] = n
	}
	return answer{"conversions_within_hours": counts}
}

func solveBernoulli(in inputs) answer {
	i, state := RateSequence(in.int("successes"), in.int("n"), in.or("alpha", 0.05), in.number("t_opt"))
	if state == TooFewUnits {
		state = OK // the whole range is the right answer of a sequence
	}
	return answer{"ci": i}.state(state)
}

func prior(in inputs) Beta {
	if p := in.list("prior"); len(p) == 2 {
		return Beta{p[0], p[1]}
	}
	return Beta{1, 1}
}

func solveBetaInterval(in inputs) answer {
	p := prior(in).Update(in.int("successes"), in.int("n"))
	return answer{"ci": p.Interval(1 - in.or("alpha", 0.05)), "posterior_mean": p.Mean()}
}

func solveRates(method string, in inputs) answer {
	n, successes := in.counts("n"), in.counts("successes")
	priors, _ := in["priors"].([]any)
	var posteriors []Beta
	var means []float64
	for i := range n {
		p := prior(in)
		if i < len(priors) {
			p = Beta{numbers(priors[i])[0], numbers(priors[i])[1]}
		}
		p = p.Update(successes[i], n[i])
		posteriors = append(posteriors, p)
		means = append(means, p.Mean())
	}
	ranks, state := RankRates(posteriors, in.flag("lower_is_better") || strings.HasSuffix(method, "_min"))
	return ranking(ranks).with(answer{"posterior_mean": means}).state(state)
}

func ranking(ranks []Rank) answer {
	var best, loss []float64
	for _, r := range ranks {
		best, loss = append(best, r.Best), append(loss, r.Loss)
	}
	return answer{"p_best": best, "expected_loss": loss}
}

func solvePair(_ string, in inputs) answer {
	c, t := in.rate("control"), in.rate("treatment")
	d, state := CompareRates(prior(in).Update(c.Conversions, c.Units), prior(in).Update(t.Conversions, t.Units), 1-in.or("alpha", 0.05), in.flag("lower_is_better"))
	return answer{"p_treatment_better": d.Better, "difference": d.Mean, "ci95": d.Interval, "ci": d.Interval,
		"loss_treatment": d.LossTreatment, "loss_control": d.LossControl}.state(state)
}

func solveMeans(method string, in inputs) answer {
	n, sum, squares := in.counts("n"), in.list("sum"), in.list("sum_squares")
	var posteriors []Normal
	for i := range n {
		s, err := Totals{Units: n[i], Y: sum[i], YY: squares[i]}.Sums()
		if err != nil {
			return answer{"error": InvalidInput}
		}
		a := s.MeanArm()
		if a.State != OK {
			return answer{"error": a.State}
		}
		posteriors = append(posteriors, Normal{a.Mean, math.Sqrt(a.ofMean())})
	}
	ranks, state := RankMeans(posteriors, in.flag("lower_is_better") || strings.HasSuffix(method, "_min"))
	return ranking(ranks).state(state)
}

func solveAdjustedInterval(in inputs) answer {
	i, state := AdjustedInterval(in.number("lift"), in.number("adjusted_p"), in.or("alpha", 0.05))
	return answer{"ci": i}.state(state)
}

func solveAdjustedDeviations(in inputs) answer {
	c := in.inner("control").sums()
	out := answer{"control_mean": c.mean(value)}
	treatments, _ := in["treatments"].([]any)
	for i, each := range treatments {
		t := inputs(each.(map[string]any)).sums()
		a := Adjust(c, t, !in.inner("control").has("y_sum_squares"))
		out["control_stddev"] = math.Sqrt(a.Control.Variance)
		out[fmt.Sprintf("treatment%d_stddev", i+1)] = math.Sqrt(a.Treatment.Variance)
		out[fmt.Sprintf("treatment%d_mean", i+1)] = t.mean(value)
	}
	return out
}

func solveTheta(in inputs) answer {
	var c, t Sums
	if pre, post := in.list("pre"), in.list("post"); len(pre) > 0 {
		for i := range pre {
			c.Add(Unit{Value: post[i], Covariate: pre[i]})
		}
		t = c.Clone()
	} else {
		c, t = in.inner("control").sums(), in.inner("treatment").sums()
	}
	return answer{"theta": Adjust(c, t, false).Theta}
}

func solveDeltaVariance(in inputs) answer {
	a := Arm{Units: in.int("n_a"), Mean: in.number("mean_a"), Variance: in.number("var_a")}
	b := Arm{Units: in.int("n_b"), Mean: in.number("mean_b"), Variance: in.number("var_b")}
	scale := Absolute
	if in.flag("relative") {
		scale = Relative
	}
	return answer{"variance": DifferenceVariance(a, b, scale)}
}

func solveLoss(in inputs) answer {
	choosing, forgoing := Normal{in.number("mu"), in.number("sigma")}.Loss()
	return answer{"risk_treatment": choosing, "risk_control": forgoing}
}

func solveAllRates(in inputs) answer {
	successes, n := in.counts("successes"), in.counts("n")
	var rates []Rate
	for i := range n {
		rates = append(rates, Rate{successes[i], n[i]})
	}
	test := CompareRatesAll(rates)
	return answer{"chi_square": test.Statistic, "statistic": test.Statistic, "df": test.DF, "p_value": test.P}.state(test.State)
}

func solveLanDeMets(in inputs) answer {
	n := in.list("cumulative_n")
	end := in.or("final_expected_n", 0)
	if len(n) > 0 {
		end = math.Max(end, slices.Max(n))
	}
	for i := range n {
		n[i] /= end
	}
	// The source spends alpha t², shared by the comparisons.
	s := Spending{Alpha: in.or("alpha", 0.05) / in.or("comparisons", 1), Exponent: in.or("rho", 2)}
	if !in.flag("two_sided") {
		s.Side = Greater
	}
	alpha, state := s.AdjustedAlpha(n)
	return answer{"adjusted_alpha": alpha}.state(state)
}

func solveRatioInterval(in inputs) answer {
	c, t := in.inner("control").arm(), in.inner("treatment").arm()
	i, state := RatioInterval(c, t, in.or("alpha", 0.05))
	return answer{"ratio_ci": i, "ratio": t.Mean / c.Mean, "lift_ci": Interval{i.Lower - 1, i.Upper - 1}, "ci": Interval{i.Lower - 1, i.Upper - 1}}.state(state)
}

func solveNewcombe(in inputs) answer {
	c, t := in.rate("control"), in.rate("treatment")
	i, state := NewcombeInterval(c, t, in.or("alpha", 0.05))
	return answer{"difference_ci": i, "ci": i, "difference": t.share() - c.share()}.state(state)
}

func solveMixture(in inputs, side Side) answer {
	m, state := TuneMixture(in.number("v_opt"), in.or("alpha_opt", 0.05), side)
	if state != OK {
		return answer{"error": state}
	}
	boundary, state := m.Boundary(in.number("v"), in.or("alpha", 0.05))
	return answer{"best_rho": m.Rho, "log_mixture_at_s": m.Log(in.number("s"), in.number("v")), "boundary": boundary}.state(state)
}

func solveOBrienFleming(in inputs) answer {
	c, state := OBrienFlemingConfidence(in.number("confidence"), in.number("day")/in.number("length"))
	// The source rounds to four digits and never shows certainty.
	return answer{"confidence_adjusted": math.Min(math.Round(c*1e4)/1e4, 0.9999)}.state(state)
}

func adjusted(p []float64) answer {
	rejected := 0
	for _, x := range p {
		if x <= 0.05 {
			rejected++
		}
	}
	return answer{"adjusted": p, "rejected_at_05": rejected}
}

func solveRatePlan(in inputs) answer {
	plan := RatePlan{in.number("p1"), in.number("p2"), in.or("alpha", 0.05)}
	n := in.or("n_per_arm", in.number("n"))
	switch {
	case !in.has("p2"):
		p2 := crossing(func(x float64) float64 {
			power, _ := RatePlan{plan.P1, x, plan.Alpha}.Power(n)
			return power - in.number("power")
		}, plan.P1, 1)
		return answer{"p2": p2}
	case n > 0 && in.has("power"): // what is asked for is the level
		alpha := crossing(func(x float64) float64 {
			power, _ := RatePlan{plan.P1, plan.P2, x}.Power(n)
			return power - in.number("power")
		}, 1e-12, 1-1e-12)
		return answer{"alpha": alpha}
	case n > 0:
		power, state := plan.Power(n)
		return answer{"power": power}.state(state)
	}
	n, state := plan.Units(in.number("power"))
	return answer{"n_per_arm": n, "n": n}.state(state)
}

func solvePlan(method string, in inputs) answer {
	sd := in.number("stddev")
	plan := Plan{Mean: in.number("mean"), Variance: sd * sd, UnitsPerArm: in.number("users_total") / in.or("variations", 2), Alpha: in.or("alpha", 0.05)}
	effect := in.number("relative_effect")
	if strings.Contains(method, "absolute") {
		plan.Scale, effect = Absolute, in.or("absolute_effect", in.number("effect"))
	}
	if strings.HasPrefix(method, "mde") {
		mde, state := plan.MDE(in.or("power", 0.8))
		return answer{"mde": mde}.state(state)
	}
	power, state := plan.Power(effect)
	return answer{"power": power}.state(state)
}

func solveSampleSize(method string, in inputs) answer {
	base := in.or("baseline", in.number("mean"))
	delta := in.or("abs_mde", in.number("relative_mde")*base)
	v1 := in.or("variance", in.number("stddev")*in.number("stddev"))
	v2 := v1
	if in["kind"] == "proportion" || strings.Contains(method, "proportion") {
		v1, v2 = RateVariance(base), RateVariance(base+delta)
	}
	arms := in.or("arms", 2)
	alpha := in.or("alpha", 0.05) / math.Max(arms-1, 1)
	n, state := SampleSize(v1, v2, delta, alpha, in.or("power", 0.8))
	return answer{"n_per_arm": n, "n_total": n * arms}.state(state)
}

func solveSplit(in inputs) answer {
	test := SplitTest(in.counts("observed"), in.list("weights"))
	return answer{"statistic": test.Statistic, "chi_square": test.Statistic, "df": test.DF, "p_value": test.P}.state(test.State)
}

func solveSplitSequence(in inputs) answer {
	weights := in.list("null_probabilities")
	var alpha []float64
	if in.has("dirichlet_alpha") {
		alpha = in.list("dirichlet_alpha")
	} else if in.has("dirichlet_concentration") {
		for _, w := range weights {
			alpha = append(alpha, w*in.number("dirichlet_concentration"))
		}
	}
	s, state := NewSplitSequence(weights, alpha, in.or("prior_odds", 1))
	if state != OK {
		return answer{"error": state}
	}
	series := map[string][]float64{}
	looks, _ := in["increments"].([]any)
	for _, look := range looks {
		if state := s.Add(integers(look)); state != OK {
			return answer{"error": state}
		}
		for name, x := range map[string]float64{"log_marginal_m1": s.LogMismatched, "log_marginal_m0": s.LogPlanned, "p_values": s.P,
			"posterior_probabilities": s.Probability(), "bayes_factors": math.Exp(s.LogBayesFactor), "log_bayes_factors": s.LogBayesFactor} {
			series[name] = append(series[name], x)
		}
	}
	out := answer{"p_value": s.P, "posterior_probability": s.Probability(), "bayes_factor": math.Exp(s.LogBayesFactor), "log_bayes_factor": s.LogBayesFactor}
	for name, list := range maps.All(series) {
		out[name] = list
	}
	return out
}

func solvePooled(in inputs) answer {
	c, t := in.inner("control").arm(), in.inner("treatment").arm()
	sign := 1.0
	if in.has("n1") {
		c = arm(in.int("n1"), in.number("mean1"), in.number("sd1")*in.number("sd1"))
		t = arm(in.int("n2"), in.number("mean2"), in.number("sd2")*in.number("sd2"))
		sign = -1 // the cases subtract the second sample
	}
	test := PooledTest(c, t, in.or("alpha", 0.05))
	return answer{"t": sign * test.Statistic, "df": test.DF, "p_value": test.P, "ci": test.Interval}.state(test.State)
}

func solveTwoRates(in inputs) answer {
	test := CompareTwoRates(in.rate("control"), in.rate("treatment"), in.or("alpha", 0.05))
	return answer{"difference": test.Difference, "chi_square": test.ChiSquare, "z": test.Statistic, "p_value": test.P, "ci": test.Interval}.state(test.State)
}

func solveWinsor(in inputs) answer {
	values := slices.Clone(in.list("values"))
	limit, state := Quantile(values, in.number("p"))
	Winsorize(values, limit)
	var s Sums
	for _, v := range values {
		s.Add(Unit{Value: v})
	}
	a := s.MeanArm()
	return answer{"mean": a.Mean, "variance": a.Variance, "cap": limit, "limit": limit, "quantile": limit}.state(worst(state, a.State))
}
