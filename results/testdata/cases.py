#!/usr/bin/env python3
"""Works out testdata/cases.json, the small reference cases that are shipped.

Every expected value comes by another way than the package takes: from the raw
values where the package has sums, from exact fractions, from mpmath's integrals
in 30 digits, from scipy's tests, or from a table in print, which the case names.

    apt-get install python3-scipy python3-mpmath && python3 cases.py > cases.json
"""
import json, random
from fractions import Fraction as F
from math import comb, log, sqrt
import numpy as np
from mpmath import mp, mpf, quad, npdf, ncdf, erfinv, beta as B, betainc, findroot, log as mlog
from scipy import stats

mp.dps = 30
rng = random.Random(20240229)
cases = []


def case(id, method, inputs, expected, source, rel=1e-9, abs=0):
    def plain(v):
        if isinstance(v, dict):
            return {k: plain(x) for k, x in v.items()}
        if isinstance(v, (list, tuple)):
            return [plain(x) for x in v]
        return v if isinstance(v, (str, bool, int)) or v is None else float(v)
    cases.append(dict(id=id, method=method, source=source, inputs=plain(inputs), expected=plain(expected), abs_tol=abs, rel_tol=rel))


z = lambda p: mp.sqrt(2) * erfinv(2 * mpf(p) - 1)
draw = lambda n, mu, sd: [round(rng.gauss(mu, sd), 3) for _ in range(n)]
sums = lambda v: dict(n=len(v), sum=float(sum(map(F, v))), sum_squares=float(sum(F(x) ** 2 for x in v)))

# Welch, from the raw values
a, b = draw(17, 20, 4), draw(23, 23, 6)
w = stats.ttest_ind(b, a, equal_var=False)
case("welch-raw", "welch_absolute", dict(control=sums(a), treatment=sums(b), alpha=0.05),
     dict(estimate=np.mean(b) - np.mean(a), t=w.statistic, p_value=w.pvalue), "scipy.stats.ttest_ind on the raw values")
for side, word in (("greater", "greater"), ("less", "lesser")):
    w = stats.ttest_ind(b, a, equal_var=False, alternative=side)
    case("welch-" + word, "welch_one_sided_%s_absolute" % word, dict(control=sums(a), treatment=sums(b), alpha=0.05), dict(p_value=w.pvalue),
         "scipy.stats.ttest_ind on the raw values")
w = stats.ttest_ind(b, a)
case("student-raw", "student_pooled", dict(control=sums(a), treatment=sums(b)), dict(t=w.statistic, p_value=w.pvalue), "scipy.stats.ttest_ind on the raw values")

# a relative difference by the variance of linearised values
def linear(c, t):
    mc, mt = np.mean(c), np.mean(t)
    return np.sqrt(np.var(np.array(t) / mc, ddof=1) / len(t) + np.var(np.array(c) * mt / mc ** 2, ddof=1) / len(c))
case("relative-raw", "welch_relative", dict(control=sums(a), treatment=sums(b), alpha=0.05),
     dict(estimate=np.mean(b) / np.mean(a) - 1, se=linear(a, b)), "standard error from linearised raw values")

# a ratio metric, by linearised values per unit
den = [[rng.randint(1, 5) for _ in range(40)] for _ in (0, 1)]
num = [[round(d * rng.uniform(0.2, 0.9), 3) for d in ds] for ds in den]
def ratio_sums(n, d):
    return dict(n=len(n), num_sum=sum(n), num_sum_squares=sum(x * x for x in n), den_sum=sum(d), den_sum_squares=sum(x * x for x in d),
                num_den_sum_products=sum(x * y for x, y in zip(n, d)))
R = [sum(n) / sum(d) for n, d in zip(num, den)]
lin = [(np.array(n) - r * np.array(d)) / np.mean(d) for n, d, r in zip(num, den, R)]
se = np.sqrt(np.var(lin[1], ddof=1) / 40 / R[0] ** 2 + np.var(lin[0], ddof=1) / 40 * R[1] ** 2 / R[0] ** 4)
case("ratio-raw", "ratio_delta_relative", dict(control=ratio_sums(num[0], den[0]), treatment=ratio_sums(num[1], den[1]), alpha=0.05),
     dict(estimate=R[1] / R[0] - 1, se=se), "linearised raw values")

# CUPED: the slope of a least-squares line through all units
x = [draw(30, 5, 2), draw(35, 5, 2)]
y = [[round(1.5 * v + rng.gauss(3 + i, 1), 3) for v in xs] for i, xs in enumerate(x)]
slope = np.polyfit(x[0] + x[1], y[0] + y[1], 1)[0]
adj = [np.array(q) - slope * np.array(p) for p, q in zip(x, y)]
w = stats.ttest_ind(adj[1], adj[0], equal_var=False)
cu = lambda x, y: dict(n=len(x), y_sum=sum(y), y_sum_squares=sum(v * v for v in y), x_sum=sum(x), x_sum_squares=sum(v * v for v in x), xy_sum_products=sum(p * q for p, q in zip(x, y)))
case("cuped-raw", "cuped_absolute", dict(control=cu(x[0], y[0]), treatment=cu(x[1], y[1])),
     dict(theta=slope, estimate=np.mean(adj[1]) - np.mean(adj[0]), p_value=w.pvalue), "numpy.polyfit and scipy.stats.ttest_ind on adjusted raw values", rel=1e-8)

# posteriors: sums over binomial coefficients and mpmath's integrals
def beats(c, t):  # P(T > C), integer parameters: Evan Miller's closed form
    (a1, b1), (a2, b2) = c, t
    return sum(B(a1 + i, b1 + b2) / ((b2 + i) * B(1 + i, b2) * B(a1, b1)) for i in range(a2))
for i, (c, n, t, m) in enumerate([(3, 40, 7, 41), (0, 12, 2, 12), (120, 2500, 150, 2450)]):
    case("beats-%d" % i, "beta_binomial_pairwise_exact", dict(control=dict(n=n, conversions=c), treatment=dict(n=m, conversions=t), prior=[1, 1]),
         dict(p_treatment_better=beats((c + 1, n - c + 1), (t + 1, m - t + 1))), "closed form for integer parameters (E. Miller)")
arms = [(3, 20), (5, 22), (4, 19)]
pdf = lambda a, b, t: t ** (a - 1) * (1 - t) ** (b - 1) / B(a, b)
cdf = lambda a, b, t: betainc(a, b, 0, t, regularized=True)
post = [(k + 1, n - k + 1) for k, n in arms]
best = [quad(lambda t: pdf(*p, t) * cdf(*post[(i + 1) % 3], t) * cdf(*post[(i + 2) % 3], t), [0, 0.1, 0.2, 0.3, 0.5, 1]) for i, p in enumerate(post)]
top = 1 - quad(lambda t: cdf(*post[0], t) * cdf(*post[1], t) * cdf(*post[2], t), [0, 0.1, 0.2, 0.3, 0.5, 1])
case("best-of-3", "beta_binomial_p_best", dict(n=[20, 22, 19], successes=[3, 5, 4], prior=[1, 1]),
     dict(p_best=best, expected_loss=[top - mpf(p[0]) / (p[0] + p[1]) for p in post]), "mpmath.quad")
case("beta-interval", "beta_posterior_interval", dict(successes=3, n=20, prior=[1, 1], alpha=0.1),
     dict(ci=[findroot(lambda q: cdf(4, 18, q) - mpf(p), g) for p, g in (("0.05", 0.07), ("0.95", 0.33))]), "mpmath.betainc")
mu, sd = mpf("0.02"), mpf("0.005")
case("loss-4-sigma", "expected_loss_normal", dict(mu=0.02, sigma=0.005),
     dict(risk_treatment=quad(lambda d: -d * npdf(d, mu, sd), [-0.06, -0.02, 0]), risk_control=quad(lambda d: d * npdf(d, mu, sd), [0, 0.02, 0.08])), "mpmath.quad", rel=1e-9)
case("loss-12-sigma", "expected_loss_normal", dict(mu=0.012, sigma=0.001),
     dict(risk_treatment=mpf("0.001") * (npdf(12) - 12 * ncdf(-12))), "the closed form in 30 digits", rel=1e-12)
case("prior", "bayes_normal_prior_absolute", dict(control=sums(a), treatment=sums(b), prior_mean=0.0, prior_variance=4.0, prior_scale="absolute", alpha=0.05),
     (lambda d, v: dict(estimate=quad(lambda t: t * npdf(t, d, sqrt(v)) * npdf(t, 0, 2), [-20, 0, 2, 5, 20]) / quad(lambda t: npdf(t, d, sqrt(v)) * npdf(t, 0, 2), [-20, 0, 2, 5, 20])))(
         np.mean(b) - np.mean(a), np.var(a, ddof=1) / 17 + np.var(b, ddof=1) / 23), "mpmath.quad of prior times likelihood")

# tables in print
case("newcombe-1998-b", "newcombe_hybrid_score", dict(treatment=dict(n=10, conversions=9), control=dict(n=10, conversions=3), alpha=0.05),
     dict(difference_ci=[0.1705, 0.8090]), "Newcombe 1998, table II, method 10, (9/10) - (3/10)", rel=0, abs=6e-5)
case("wilson-1927", "wilson_interval", dict(successes=0, n=10, alpha=0.05), dict(ci=[0, 0.2775]), "Newcombe 1998 (single proportion), Wilson's limits of 0/10", rel=0, abs=6e-5)
case("mendel", "srm_chi_square", dict(observed=[315, 108, 101, 32], weights=[9, 3, 3, 1]), dict(statistic=0.470024, p_value=0.9254), "Mendel's peas, as in Snedecor & Cochran", rel=0, abs=6e-5)
case("holm-hand", "p_adjust_holm", dict(p=[0.03, 0.01, 0.04]), dict(adjusted=[0.06, 0.03, 0.06]), "by hand")
case("bh-hand", "p_adjust_bh", dict(p=[0.03, 0.01, 0.04, 0.9]), dict(adjusted=[4 * 0.04 / 3, 0.04, 4 * 0.04 / 3, 0.9]), "by hand")
case("fleiss", "power_prop_test", dict(p1=0.6, p2=0.7, power=0.8, alpha=0.05), dict(n_per_arm=356), "Fleiss 1981, table A.3, without its continuity correction", rel=0, abs=1)
case("cohen", "sample_size_per_arm_mean", dict(mean=1, stddev=2, relative_mde=1, alpha=0.05, power=0.8), dict(n_per_arm=63), "Cohen 1988, table 2.4.1, d = 0.5: 64 with t, 63 with z", rel=0, abs=0.5)

# exact sums over all outcomes
obs, wts = [8, 3], [0.6, 0.4]
s = sum((o - 11 * w) ** 2 / (11 * w) for o, w in zip(obs, wts))
case("split", "srm_chi_square", dict(observed=obs, weights=wts), dict(statistic=s, p_value=2 * ncdf(-mp.sqrt(s))), "square of a normal")
case("split-far", "srm_chi_square", dict(observed=[60000, 50000], weights=[1, 1]), dict(p_value=mp.erfc(mp.sqrt(mpf(10000) ** 2 / 110000 / 2))), "mpmath.erfc", rel=1e-11)
al, th, S = [3, 5], [F(3, 8), F(5, 8)], [4, 2]
m1 = comb(6, 4) * B(al[0] + 4, al[1] + 2) / B(*al)
m0 = comb(6, 4) * th[0] ** 4 * th[1] ** 2
case("dirichlet", "srm_sequential_dirichlet_multinomial", dict(increments=[S], null_probabilities=[0.375, 0.625], dirichlet_alpha=al),
     dict(log_marginal_m1=[mlog(m1)], log_marginal_m0=[log(m0)], bayes_factor=m1 / mpf(m0.numerator) * m0.denominator), "beta-binomial, exact fractions")

# the asymptotic confidence sequence: the level at which it touches zero is its p
n = 40
d, se = mpf(np.mean(b) - np.mean(a)), mp.sqrt(mpf(np.var(a, ddof=1)) / 17 + mpf(np.var(b, ddof=1)) / 23)
r2 = (-2 * mlog(mpf("0.05")) + mlog(1 - 2 * mlog(mpf("0.05")))) / 100
half = lambda al: se * mp.sqrt(n) * mp.sqrt(2 * (n * r2 + 1) / (n * n * r2) * mlog(mp.sqrt(n * r2 + 1) / al))
case("sequence", "asymptotic_cs_absolute", dict(control=sums(a), treatment=sums(b), alpha=0.05, tuning_n=100),
     dict(ci=[d - half(mpf("0.05")), d + half(mpf("0.05"))], p_value=min(1, mp.exp(findroot(lambda al: half(mp.exp(al)) - d, -1)))), "p by root finding on the interval", rel=1e-8)
rho = findroot(lambda r: mp.diff(lambda q: (100 + q) * mlog((100 + q) / (q * mpf("0.05") ** 2)), r), 12.6)
case("mixture", "normal_mixture_boundary_two_sided", dict(v=100, v_opt=100, alpha_opt=0.05, alpha=0.05, s=10),
     dict(boundary=mp.sqrt((100 + rho) * mlog((100 + rho) / (rho * mpf("0.05") ** 2)))), "exact minimum; the tuning is its approximation", rel=0.003)

# edge states
for id, c, t in (("edge-none", dict(n=0, sum=0, sum_squares=0), dict(n=9, sum=3, sum_squares=3)), ("edge-one", dict(n=1, sum=2, sum_squares=4), dict(n=9, sum=3, sum_squares=3)),
                 ("edge-constant", dict(n=9, sum=18, sum_squares=36), dict(n=9, sum=3, sum_squares=3)), ("edge-baseline", dict(n=9, sum=0, sum_squares=4), dict(n=9, sum=3, sum_squares=3))):
    case(id, "edge_error", dict(control=c, treatment=t, difference="relative"), dict(error="any"), "the table of edge cases")

print(json.dumps(dict(about="Worked out by cases.py in this directory, by other methods than the package's.", public=cases), indent=1))
