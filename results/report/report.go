package report

import (
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
)

// Report is everything that is said about one iteration.
type Report struct {
	ExperimentID   string    `json:"experimentId"`
	ExperimentName string    `json:"experimentName"`
	Iteration      Iteration `json:"iteration"`
	AsOf           time.Time `json:"asOf"`
	// Verdict is the answer in plain words.
	Verdict string `json:"verdict"`
	// Decision is that of the primary metric.
	Decision   results.Decision `json:"decision"`
	Variations []Variation      `json:"variations"`
	Split      Split            `json:"srm"`
	Health     Health           `json:"health"`
	// Metrics begin with the primary one; a funnel is one metric for each step.
	Metrics []Metric `json:"metrics"`
	// Slices are there where attributes were asked for.
	Slices []Slice `json:"slices,omitempty"`
	// Series is there where days were asked for.
	Series []Day `json:"series,omitempty"`
	// IntervalLevel is the level of the credible intervals.
	IntervalLevel float64 `json:"intervalLevel"`
}

// Iteration is the block of time that is reported on.
type Iteration struct {
	ID        string                 `json:"id"`
	Status    engine.IterationStatus `json:"status"`
	StartedAt *time.Time             `json:"startedAt,omitempty"`
	EndedAt   *time.Time             `json:"endedAt,omitempty"`
}

// Variation is one arm of the experiment.
type Variation struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	IsControl bool   `json:"isControl"`
	// Weight is the planned share in percent; absent where segments decide.
	Weight *float64 `json:"weight,omitempty"`
	// Units are those that were exposed and are analysed.
	Units int64 `json:"units"`
}

// Split is what is said about how the units were divided.
type Split struct {
	results.SplitCheck
	// Periods are those of constant weights, where there were several.
	Periods []Period `json:"periods,omitempty"`
	// Slices are those by whose attributes a mismatch can be explained, the
	// causes first; there only with a mismatch.
	Slices []results.SliceCheck `json:"bySegment,omitempty"`
}

// Period is the check of a time of constant weights.
type Period struct {
	WeightsVersion string             `json:"weightsVersion"`
	Weights        map[string]float64 `json:"weights,omitempty"`
	results.SplitCheck
}

// Health says what was kept out of the analysis, and what people should look at.
type Health struct {
	Excluded  Excluded                `json:"excluded"`
	Crossover results.CrossoverStatus `json:"crossover"`
	// Notes are sentences, the gravest first.
	Notes []string `json:"notes"`
}

// Excluded counts what the results do not contain.
type Excluded struct {
	// Multi counts units that were seen with several variations.
	Multi int64 `json:"multi"`
	// Bot and Forced count units that were kept apart: bots, and what an
	// override gave.
	Bot    int64 `json:"bot"`
	Forced int64 `json:"forced"`
	// Late counts outcomes of exposed units before their exposure or after the
	// metric's window, all metrics together.
	Late int64 `json:"late"`
	// Unknown counts units of variations that the experiment does not have.
	Unknown int64 `json:"unknown"`
}

// Metric is the result of one metric.
type Metric struct {
	Key string `json:"key"`
	// Name, Unit and so on are the metric's.
	Definition engine.Metric `json:"-"`
	Name       string        `json:"name"`
	Unit       string        `json:"unit,omitempty"`
	EventKey   string        `json:"eventKey"`
	// Kind is conversion, numeric or ratio.
	Kind          results.Kind `json:"kind"`
	LowerIsBetter bool         `json:"lowerIsBetter"`
	Role          results.Role `json:"role"`
	// Group is the key of the metric group that the metric stands in, if it does,
	// NameInGroup its name there. Of a funnel Step counts from 1.
	Group       string `json:"group,omitempty"`
	NameInGroup string `json:"nameInGroup,omitempty"`
	Step        int    `json:"step,omitempty"`
	// Cap is the value that unit values were cut at.
	Cap *float64 `json:"cap,omitempty"`
	// FirstSeen and LastSeen are the times of the outcomes.
	FirstSeen *time.Time `json:"firstSeen,omitempty"`
	LastSeen  *time.Time `json:"lastSeen,omitempty"`
	// AdjustedP are the p-values of the treatments in the order of the results,
	// adjusted for how many metrics are looked at; nil for the control.
	AdjustedP []*float64 `json:"adjustedP"`
	// DetectableEffect is the smallest relative difference that a look at as many
	// units as there are now would show with a chance of 80 %; 0.1 is 10 %.
	DetectableEffect *float64 `json:"detectableEffect,omitempty"`
	results.Analysis
}

// Slice is the result within one value of one attribute.
type Slice struct {
	Attribute string   `json:"attribute"`
	Value     string   `json:"attributeValue"`
	Metrics   []Metric `json:"metrics"`
}

// Day is how an iteration stood at the end of one day, UTC.
type Day struct {
	Date    string      `json:"date"`
	Metrics []DayMetric `json:"metrics"`
}

// DayMetric is one metric on one day.
type DayMetric struct {
	Key        string         `json:"key"`
	Variations []DayVariation `json:"variations"`
}

// DayVariation is one variation: what came that day, and how it stood.
type DayVariation struct {
	ID string `json:"id"`
	// NewUnits and NewEvents came on that day, Units and Mean are of all days up
	// to then.
	NewUnits  int64    `json:"newUnits"`
	NewEvents int64    `json:"newEvents"`
	NewValue  float64  `json:"newValue"`
	Units     int64    `json:"units"`
	Events    int64    `json:"events"`
	Mean      *float64 `json:"mean,omitempty"`
	// Interval is Mean's, at the report's IntervalLevel.
	Interval *results.Interval `json:"interval,omitempty"`
	// RelativeDifference from the control with its interval, and P the always-valid
	// p-value of that look; absent for the control.
	RelativeDifference *results.DifferenceFromArm `json:"relativeDifference,omitempty"`
	P                  *float64                   `json:"p,omitempty"`
}
