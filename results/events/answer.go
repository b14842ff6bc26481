package events

import (
	"cmp"

	"github.com/caddy-experiments/caddy-experiments/results"
)

// Answer is what a log knows of one iteration.
type Answer struct {
	// Groups are by weights version, then variation, both sorted.
	Groups []Group
	// Slices are in the order of the query's attributes, then by value. A unit
	// without a value is in the slice of the empty value. A slice's groups are
	// all groups of the answer that have units in it.
	Slices []Slice
	// Days are by time; days on which nothing grew are left out.
	Days []Day
	// Splits are those of the iteration, by weights version.
	Splits []Split
	// Caps are by measure, in the order of the query; nil where nothing is cut.
	Caps []*float64
	// Crossed counts units with several variations; CrossedFirst by their earliest
	// exposure, by weights version, then variation: where the split was made that
	// is to be judged.
	Crossed      int64
	CrossedFirst []CrossedUnits
	// Apart counts what is never analysed.
	Apart []Apart
	// FirstExposure and LastExposure are the earliest and the latest t0 of all
	// units; 0 without any.
	FirstExposure, LastExposure Millis
}

// Group is the units of one variation in one period of constant weights.
type Group struct {
	WeightsVersion string
	Variation      string
	// Traffic is the number of units.
	Traffic int64
	// Cells are by measure, Funnels by chain, in the order of the query.
	Cells   []Cell
	Funnels []results.Funnel
}

// Cell is one metric of one group.
type Cell struct {
	Sums results.Sums
	// Histogram of the unit values, where it was asked for.
	Histogram *results.Histogram
	// Outcomes counts those of Event that count for units of the group, Outside
	// those of its units that do not because of their time. Outcomes without a
	// value count here too.
	Outcomes, Outside int64
	// First and Last are the times of the outcomes that count; 0 without any.
	First, Last Millis
}

// Slice is the units with one value of one attribute.
type Slice struct {
	Attribute, Value string
	Groups           []Group
}

// Day is how much the sums grew on one day: what the groups of all days up to one
// add up to is what a query with Until at that day's end answers, outcomes being
// complete. Units count on the day of t0, outcomes on their own day, though not
// before that of t0. Neither slices, histograms, funnels, Absent values nor
// OnlyPresent are in it: units without outcomes have the value 0, and
// measures with OnlyPresent count a unit from the day of its first outcome.
type Day struct {
	// Start is midnight UTC.
	Start  Millis
	Groups []DayGroup
}

// DayGroup is the growth of one group. Growths are by measure; nil for measures
// with a Histogram.
type DayGroup struct {
	WeightsVersion, Variation string
	Traffic                   int64
	Growths                   []*Growth
}

// Growth is what is to be added to the Totals of the day before: the sums of
// value (Y), denominator (D) and their products, which may be negative.
type Growth struct {
	Units, Events    int64
	Y, YY, D, DD, YD results.Total
}

// CrossedUnits are those whose earliest exposure was to a variation, and that were
// seen with others too.
type CrossedUnits struct {
	WeightsVersion, Variation string
	Units                     int64
}

// Compare orders by weights version, then variation.
func (c CrossedUnits) Compare(other CrossedUnits) int {
	return cmp.Or(cmp.Compare(c.WeightsVersion, other.WeightsVersion), cmp.Compare(c.Variation, other.Variation))
}

// Apart counts units that are kept out of the analysis, by variation. A unit may
// be in several.
type Apart struct {
	Variation string
	// Bots and Forced count units with an exposure as a bot or by an override.
	Bots, Forced int64
}
