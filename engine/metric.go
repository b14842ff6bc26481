package engine

import (
	"slices"
	"time"
)

// Metric says what is made of the events that follow an exposure. The words that
// it leaves out have defaults; see Completed.
type Metric struct {
	Key         string `json:"key"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Kind        string `json:"kind,omitempty"`
	EventKey    string `json:"event_key"`
	// IsNumeric says that the events' values count, not just that there are any.
	IsNumeric           bool   `json:"is_numeric,omitempty"`
	UnitAggregationType string `json:"unit_aggregation_type,omitempty"`
	SuccessCriteria     string `json:"success_criteria,omitempty"`
	// Unit is the unit of measure.
	Unit         string        `json:"unit,omitempty"`
	EventDefault *EventDefault `json:"event_default,omitempty"`
	AnalysisType string        `json:"analysis_type,omitempty"`
	// PercentileValue is the percentile, 1 to 99, that AnalysisPercentile looks at.
	PercentileValue int `json:"percentile_value,omitempty"`
	// DenominatorEventKey makes the metric a ratio of two sums.
	DenominatorEventKey string `json:"denominator_event_key,omitempty"`
	// Window is how long after the exposure events count, as a Go duration; empty:
	// until the iteration ends.
	Window string `json:"window,omitempty"`
	// Cap is the quantile of the units' values that are not zero at which they are
	// capped.
	Cap                *float64 `json:"cap,omitempty"`
	RandomizationUnits []string `json:"randomization_units,omitempty"`
	// Selector and URLs say what a click or a view is to whoever sends the events;
	// IsActive is whether that one is to send any. What arrives counts all the same.
	Selector     string      `json:"selector,omitempty"`
	URLs         []MetricURL `json:"urls,omitempty"`
	IsActive     *bool       `json:"is_active,omitempty"`
	MaintainerID string      `json:"maintainer_id,omitempty"`
	Tags         []string    `json:"tags,omitempty"`
	CreatedAt    *time.Time  `json:"created_at,omitempty"`
	UpdatedAt    *time.Time  `json:"updated_at,omitempty"`
}

// MetricURL is a page, or a form of addresses, that clicks and views are on. The
// kind says which of the other fields it has.
type MetricURL struct {
	Kind      string `json:"kind"`
	URL       string `json:"url,omitempty"`
	Substring string `json:"substring,omitempty"`
	Pattern   string `json:"pattern,omitempty"`
}

// EventDefault is the value of a unit without events. Disabled leaves such units
// out.
type EventDefault struct {
	Disabled bool    `json:"disabled,omitempty"`
	Value    float64 `json:"value,omitempty"`
}

// MetricGroup is a list of metrics that are looked at together.
type MetricGroup struct {
	Key         string          `json:"key"`
	Name        string          `json:"name,omitempty"`
	Description string          `json:"description,omitempty"`
	Kind        string          `json:"kind"`
	Metrics     []GroupedMetric `json:"metrics"`
	// Version counts the changes; one that was never changed has none.
	Version      int        `json:"version,omitempty"`
	MaintainerID string     `json:"maintainer_id,omitempty"`
	Tags         []string   `json:"tags,omitempty"`
	CreatedAt    *time.Time `json:"created_at,omitempty"`
	UpdatedAt    *time.Time `json:"updated_at,omitempty"`
}

// GroupedMetric is a metric in a group, with the name that it has there.
type GroupedMetric struct {
	Key  string `json:"key"`
	Name string `json:"name,omitempty"`
}

// RandomizationUnit is a kind of unit that experiments may be randomized by.
type RandomizationUnit struct {
	Unit     string `json:"randomization_unit"`
	Standard string `json:"standard_randomization_unit,omitempty"`
	Default  bool   `json:"default,omitempty"`
	Hidden   bool   `json:"hidden,omitempty"`
}

// The words of metrics, each with its default first, and of metric groups.
const (
	MetricCustom   = "custom"
	MetricClick    = "click"
	MetricPageview = "pageview"

	AggregationAverage = "average"
	AggregationSum     = "sum"

	HigherThanBaseline = "HigherThanBaseline"
	LowerThanBaseline  = "LowerThanBaseline"

	AnalysisMean       = "mean"
	AnalysisPercentile = "percentile"

	URLExact     = "exact"
	URLCanonical = "canonical"
	URLSubstring = "substring"
	URLRegex     = "regex"

	GroupFunnel   = "funnel"
	GroupStandard = "standard"
)

// Completed is the metric with its defaults in the place of what it leaves out.
func (m Metric) Completed() Metric {
	complete := func(word *string, missing string) {
		if *word == "" {
			*word = missing
		}
	}
	complete(&m.Name, m.Key)
	complete(&m.Kind, MetricCustom)
	complete(&m.UnitAggregationType, AggregationAverage)
	complete(&m.SuccessCriteria, HigherThanBaseline)
	complete(&m.AnalysisType, AnalysisMean)
	return m
}

// BuiltInMetrics are the metrics that every document has without naming them.
func BuiltInMetrics() []Metric {
	metrics := []Metric{
		{Key: "login", EventKey: "s", Description: "somebody logged in"},
		{Key: "signup", EventKey: "ss", Description: "somebody signed up"},
		{Key: "failed_login", EventKey: "f", Description: "a login failed", SuccessCriteria: LowerThanBaseline},
		{
			Key: "login_ms", EventKey: "login_ms", Description: "how long a login took", IsNumeric: true, Unit: "ms",
			SuccessCriteria: LowerThanBaseline, EventDefault: &EventDefault{Disabled: true},
		},
	}
	for i, m := range metrics {
		metrics[i] = m.Completed()
	}
	return metrics
}

// Metric finds a metric by its key, built-in or the document's own.
func (d *Document) Metric(key string) (Metric, bool) {
	for _, metrics := range [][]Metric{BuiltInMetrics(), d.Metrics} {
		if i := slices.IndexFunc(metrics, func(m Metric) bool { return m.Key == key }); i >= 0 {
			return metrics[i], true
		}
	}
	return Metric{}, false
}

// MetricGroup finds a metric group by its key.
func (d *Document) MetricGroup(key string) (MetricGroup, bool) {
	if i := slices.IndexFunc(d.MetricGroups, func(g MetricGroup) bool { return g.Key == key }); i >= 0 {
		return d.MetricGroups[i], true
	}
	return MetricGroup{}, false
}
