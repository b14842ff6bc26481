package results

import "time"

// Funnel counts, for one variation, how many exposed units reached each step of
// an ordered chain of events.
type Funnel struct {
	// Exposed is the number of units.
	Exposed int64 `json:"exposed"`
	// Reached is by step; a unit at step k is at every step before it too.
	Reached []int64 `json:"reached"`
}

// Steps is how far a unit came: the number of leading steps whose first times
// exist and do not go back. A zero time means the step never happened. A step
// counts only after the one before it.
func Steps(first []time.Time) int {
	for i, t := range first {
		if t.IsZero() || i > 0 && t.Before(first[i-1]) {
			return i
		}
	}
	return len(first)
}

// Add counts a unit that came as far as steps.
func (f *Funnel) Add(steps int) {
	f.Exposed++
	f.grow(steps)
	for i := range steps {
		f.Reached[i]++
	}
}

// Merge adds the units of other.
func (f *Funnel) Merge(other Funnel) {
	f.Exposed += other.Exposed
	f.grow(len(other.Reached))
	for i, n := range other.Reached {
		f.Reached[i] += n
	}
}

func (f *Funnel) grow(steps int) {
	for len(f.Reached) < steps {
		f.Reached = append(f.Reached, 0)
	}
}

// Step is the conversion metric of a step (from 0) over all exposed units. The
// base are the exposed, not those who reached the step before: who did is an
// effect of the variation too, and dividing by it would compare different kinds
// of units.
func (f Funnel) Step(step int) Sums {
	s := Sums{Units: f.Exposed}
	if step < 0 || step >= len(f.Reached) {
		return s
	}
	s.Events = f.Reached[step]
	s.first[value].Add(float64(s.Events))
	s.second[value][value].Add(float64(s.Events))
	return s
}

// StepRate is the share of those at the step before who reached this one, 0 to
// 1: a description, never a comparison. It is nil where nobody was there.
func (f Funnel) StepRate(step int) *float64 {
	if step < 0 || step >= len(f.Reached) {
		return nil
	}
	base := f.Exposed
	if step > 0 {
		base = f.Reached[step-1]
	}
	if base == 0 {
		return nil
	}
	rate := float64(f.Reached[step]) / float64(base)
	return &rate
}

// Within is the attribution rule: an event at t counts for a unit exposed at
// exposure if exposure-skew <= t < exposure+window. skew is what two clocks may
// differ; a window of 0 has no end.
func Within(exposure, t time.Time, skew, window time.Duration) bool {
	if t.Before(exposure.Add(-skew)) {
		return false
	}
	return window <= 0 || t.Before(exposure.Add(window))
}

// Matured reports whether a unit's window is over at now, so that its value
// cannot change any more.
func Matured(exposure, now time.Time, window time.Duration) bool {
	return !exposure.After(now.Add(-window))
}
