package results

import "math"

// crossing finds x in [lo, hi] with f(x) = 0 for a function that changes its
// sign once in between, to the last bits of a float64. It takes Brent's steps:
// inverse interpolation where the function is smooth, halving where it is not.
// Without a change of sign it returns the end whose value is nearer to zero.
func crossing(f func(float64) float64, lo, hi float64) float64 {
	a, b := lo, hi
	fa, fb := f(a), f(b)
	if fa == 0 {
		return a
	}
	if fb == 0 {
		return b
	}
	if (fa > 0) == (fb > 0) {
		if math.Abs(fa) < math.Abs(fb) {
			return a
		}
		return b
	}
	c, fc := a, fa
	step := b - a
	before := step
	for range 300 {
		if (fb > 0) == (fc > 0) {
			c, fc = a, fa
			step = b - a
			before = step
		}
		if math.Abs(fc) < math.Abs(fb) {
			a, b, c = b, c, b
			fa, fb, fc = fb, fc, fb
		}
		tolerance := 2*epsilon*math.Abs(b) + math.SmallestNonzeroFloat64
		half := (c - b) / 2
		if math.Abs(half) <= tolerance || fb == 0 {
			return b
		}
		if math.Abs(before) >= tolerance && math.Abs(fa) > math.Abs(fb) {
			step, before = interpolate(a, b, c, fa, fb, fc, half, step, before, tolerance)
		} else {
			step, before = half, half
		}
		a, fa = b, fb
		if math.Abs(step) > tolerance {
			b += step
		} else {
			b += math.Copysign(tolerance, half)
		}
		fb = f(b)
	}
	return b
}

// epsilon is the distance from 1 to the next float64.
const epsilon = 0x1p-52

// interpolate proposes the next step from the last three points, or halves
// where the proposal would leave the bracket or shrinks too slowly.
func interpolate(a, b, c, fa, fb, fc, half, step, before, tolerance float64) (next, last float64) {
	var p, q float64
	s := fb / fa
	if a == c {
		p, q = 2*half*s, 1-s
	} else {
		u, r := fa/fc, fb/fc
		p = s * (2*half*u*(u-r) - (b-a)*(r-1))
		q = (u - 1) * (r - 1) * (s - 1)
	}
	if p > 0 {
		q = -q
	}
	p = math.Abs(p)
	if 2*p < math.Min(3*half*q-math.Abs(tolerance*q), math.Abs(before*q)) {
		return p / q, step
	}
	return half, half
}

// widen moves from start in steps that double until f changes its sign, and
// returns the bracket; ok is false if limit is reached first.
func widen(f func(float64) float64, start, step, limit float64) (lo, hi float64, ok bool) {
	positive := f(start) > 0
	previous := start
	for range 2100 {
		x := previous + step
		if step > 0 && x > limit || step < 0 && x < limit {
			x = limit
		}
		if (f(x) > 0) != positive {
			return math.Min(previous, x), math.Max(previous, x), true
		}
		if x == limit {
			break
		}
		previous = x
		step *= 2
	}
	return 0, 0, false
}
