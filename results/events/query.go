package events

import "time"

// Query asks for the sums of one iteration of one experiment.
//
// Units are those with analysed exposures in the iteration (Exposure.Analysed).
// A unit belongs to the variation, weights version and attributes of its earliest
// such exposure, at t0; of several at the same time, to the one that is first by
// (variation, id). A unit with analysed exposures of several variations belongs to none: it
// is Crossed.
//
// An outcome counts for a unit if t0-Skew <= t < t0+Window and t < Until, where
// a Window of 0 and an Until of 0 have no end. An outcome that was sent for a
// user counts for one unit: of those that were seen with the user, the one with
// the earliest t0 in this iteration (of equal ones the smallest unit), whether
// it is Crossed or not. Outcomes of one event and unit that have the same id are
// one (see Outcome); that is settled before windows are looked at.
type Query struct {
	Tenant, Experiment, Iteration string

	// From and Until bound the exposures: From <= t < Until. Outcomes must be
	// before Until too. 0 is no bound.
	From, Until Millis
	// Skew is what the clocks of edge and provider may differ.
	Skew time.Duration
	// Measures and Chains say what is computed; there may be none.
	Measures []Measure
	Chains   []Chain
	// Attributes are those by which the answer is sliced as well: device_type,
	// browser, country, region.
	Attributes []string
	// Days asks for the growth of the sums by day (UTC).
	Days bool
	// Covariate is how long before t0-Skew outcomes count as a unit's past:
	// t0-Skew-Covariate <= t < t0-Skew. 0 leaves covariates out.
	Covariate time.Duration
	// MaturedBy leaves out, for each measure and chain, the units whose window is
	// not over at that time: t0+Window > MaturedBy. It does nothing for one without
	// Window. 0 takes all.
	MaturedBy Millis
}

// DefaultSkew is enough for synchronized clocks: silent logins end within a
// tenth of a second, and a strict comparison would lose them unevenly.
const DefaultSkew = 2 * time.Second

// Aggregation is how a unit's outcomes become one number.
type Aggregation uint8

// The aggregations.
const (
	// Occurrence is 1 if there is an outcome, 0 if not.
	Occurrence Aggregation = iota
	// Count is the number of outcomes.
	Count
	// Sum adds the values of the outcomes, Average takes their mean. Outcomes
	// without a value are left out.
	Sum
	Average
)

// Measure is how one metric is computed.
type Measure struct {
	Key   string
	Event string
	// Denominator is the event whose outcomes, aggregated and bounded in the same
	// way, a ratio metric divides by; empty for other metrics.
	Denominator string
	Aggregation Aggregation
	// Absent is the value of a unit without outcomes; with OnlyPresent such a
	// unit is left out instead. For a ratio both only look at Event.
	Absent      float64
	OnlyPresent bool
	Window      time.Duration
	// Cap is the quantile of the non-zero unit values of all variations together
	// (by Histogram.Quantile of their absolute values' buckets) above which
	// values are cut; 0 cuts nothing. See results.Cap for why.
	Cap float64
	// Histogram asks for the distribution of the unit values.
	Histogram bool
}

// Chain is a funnel: a unit is at step k when its first outcome of that step's
// event that is not before its step k-1 exists, all within the bounds of an
// outcome. The first step has no step before it.
type Chain struct {
	Key    string
	Events []string
	Window time.Duration
}
