#!/usr/bin/env python3
"""Works out testdata/tails.json: distribution functions in 50 digits, far into
their tails and with parameters of a thousand million.

    apt-get install python3-mpmath && python3 tails.py > tails.json
"""
import json
from mpmath import mp, mpf, sqrt, loggamma, exp, log, erfc, gammainc, npdf, ncdf

mp.dps = 50


def fraction(a, b, x):
    """The continued fraction of the incomplete beta function, by Lentz."""
    tiny = mpf(10) ** -60
    keep = lambda v: v if abs(v) > tiny else tiny
    c, d = mpf(1), 1 / keep(1 - (a + b) * x / (a + 1))
    h = d
    for m in range(1, 400000):
        for f in (m * (b - m) * x / ((a - 1 + 2 * m) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 1 + 2 * m))):
            d, c = 1 / keep(1 + f * d), keep(1 + f / c)
            h *= d * c
        if abs(d * c - 1) < mpf(10) ** -30:
            return h
    raise ArithmeticError


def beta(a, b, x):
    """Lower and upper tail of Beta(a, b) at x."""
    a, b, x = mpf(a), mpf(b), mpf(x)
    power = exp(loggamma(a + b) - loggamma(a) - loggamma(b) + a * log(x) + b * log(1 - x))
    if x < (a + 1) / (a + b + 2):
        low = power * fraction(a, b, x) / a
        return low, 1 - low
    high = power * fraction(b, a, 1 - x) / b
    return 1 - high, high


out = dict(beta=[], student=[], chi=[], normal=[], loss=[])
text = lambda v: mp.nstr(v, 17)
for a, b in [(1, 1), (0.5, 0.5), (1, 1000), (0.5, 1e6), (1, 1e9), (3, 1e8), (50, 1e7), (101, 901), (2500, 2500), (1900, 1e6), (1e4, 1e4), (1e5, 3e6), (1e6, 1e6), (5e7, 5e8), (1e9, 1e9)]:
    m = mpf(a) / (a + b)
    s = sqrt(m * (1 - m) / (a + b + 1))
    for k in [-20, -6, -2, -0.5, 0, 0.7, 3, 8, 25]:
        x = float(m + k * s)
        if 0 < x < 1:
            low, high = beta(a, b, x)
            out["beta"].append(dict(a=a, b=b, x=x, lower=text(low), upper=text(high)))
for df in [1, 2, 5.5, 30, 55.309, 1e3, 1e6, 1e8]:
    for t in [0.1, 1, 2, 5, 10, 40]:
        out["student"].append(dict(df=df, t=t, upper=text(beta(mpf(df) / 2, mpf(1) / 2, mpf(df) / (mpf(df) + t * t))[0] / 2)))
for df in [1, 2, 3, 4, 9, 30]:
    for x in [0.01, 1, 10, 100, 400, 1300]:
        out["chi"].append(dict(df=df, x=x, upper=text(gammainc(mpf(df) / 2, mpf(x) / 2, mp.inf, regularized=True))))
for z in [-300, -37, -20.5, -19.5, -8, -1, 0, 1, 5.5]:
    z = mpf(z)
    out["normal"].append(dict(z=float(z), log=text(log(erfc(-z / sqrt(2)) / 2))))
for k in [-8, -1, 0, 0.5, 3.9, 4.1, 8, 20, 36.9]:
    k = mpf(k)
    out["loss"].append(dict(k=float(k), loss=text(npdf(k) - k * ncdf(-k))))
print(json.dumps(out, indent=1))
