package engine

import (
	"math"
	"strconv"
	"time"
)

func (d *decoder) metric(n node, at *path) Metric {
	var out Metric
	percentile := false // is given
	d.object(n, at, []string{"key", "event_key"}, func(name string, v node, at *path) bool {
		switch name {
		case "name":
			out.Name = d.string(v, at)
		case "kind":
			out.Kind = word(d, v, at, MetricCustom, MetricClick, MetricPageview)
		case "event_key":
			out.EventKey = d.label(v, at)
		case "is_numeric":
			out.IsNumeric = d.boolean(v, at)
		case "unit_aggregation_type":
			out.UnitAggregationType = word(d, v, at, AggregationAverage, AggregationSum)
		case "success_criteria":
			out.SuccessCriteria = word(d, v, at, HigherThanBaseline, LowerThanBaseline)
		case "unit":
			out.Unit = d.string(v, at)
		case "event_default":
			out.EventDefault = d.eventDefault(v, at)
		case "analysis_type":
			out.AnalysisType = word(d, v, at, AnalysisMean, AnalysisPercentile)
		case "percentile_value":
			percentile, out.PercentileValue = true, d.percentile(v, at)
		case "denominator_event_key":
			out.DenominatorEventKey = d.label(v, at)
		case "window":
			out.Window = d.window(v, at)
		case "cap":
			out.Cap = d.quantile(v, at)
		case "randomization_units":
			out.RandomizationUnits = list(d, v, at, d.label)
		case "selector":
			out.Selector = d.string(v, at)
		case "urls":
			out.URLs = list(d, v, at, d.metricURL)
		case "is_active":
			active := d.boolean(v, at)
			out.IsActive = &active
		default:
			return d.recorded(name, v, at, record{&out.Key, &out.Description, &out.MaintainerID, &out.Tags, &out.CreatedAt, &out.UpdatedAt})
		}
		return true
	})
	if out.AnalysisType == AnalysisPercentile && !percentile {
		d.fault(n, &path{parent: at, name: "percentile_value"}, "is missing; analysis_type percentile needs it")
	}
	return out
}

// record is where the fields go that metrics and groups of them have in common.
type record struct {
	key, text, maintainer *string
	tags                  *[]string
	createdAt, updatedAt  **time.Time
}

// recorded reads a field that metrics and groups have in common, and answers false
// for others.
func (d *decoder) recorded(field string, v node, at *path, to record) bool {
	switch field {
	case "key":
		*to.key = d.key(v, at)
	case "description":
		*to.text = d.string(v, at)
	case "maintainer_id":
		*to.maintainer = d.string(v, at)
	case "tags":
		*to.tags = list(d, v, at, d.string)
	case "created_at":
		*to.createdAt = d.time(v, at)
	case "updated_at":
		*to.updatedAt = d.time(v, at)
	default:
		return false
	}
	return true
}

func (d *decoder) eventDefault(n node, at *path) *EventDefault {
	var out EventDefault
	d.object(n, at, nil, func(name string, v node, at *path) bool {
		switch name {
		case "disabled":
			out.Disabled = d.boolean(v, at)
		case "value":
			out.Value = d.number(v, at)
		default:
			return false
		}
		return true
	})
	return &out
}

func (d *decoder) metricURL(n node, at *path) MetricURL {
	var out MetricURL
	d.object(n, at, []string{"kind"}, func(name string, v node, at *path) bool {
		switch name {
		case "kind":
			out.Kind = word(d, v, at, URLExact, URLCanonical, URLSubstring, URLRegex)
		case "url":
			out.URL = d.string(v, at)
		case "substring":
			out.Substring = d.string(v, at)
		case "pattern":
			out.Pattern = d.string(v, at)
		default:
			return false
		}
		return true
	})
	return out
}

func (d *decoder) metricGroup(n node, at *path) MetricGroup {
	out := MetricGroup{Metrics: []GroupedMetric{}}
	d.object(n, at, []string{"key", "kind", "metrics"}, func(name string, v node, at *path) bool {
		switch name {
		case "name":
			out.Name = d.string(v, at)
		case "kind":
			out.Kind = word(d, v, at, GroupFunnel, GroupStandard)
		case "metrics":
			out.Metrics = list(d, v, at, d.groupedMetric)
		case "version":
			out.Version = int(d.integer(v, at, 1))
		default:
			return d.recorded(name, v, at, record{&out.Key, &out.Description, &out.MaintainerID, &out.Tags, &out.CreatedAt, &out.UpdatedAt})
		}
		return true
	})
	return out
}

func (d *decoder) groupedMetric(n node, at *path) GroupedMetric {
	var out GroupedMetric
	d.object(n, at, []string{"key"}, func(name string, v node, at *path) bool {
		switch name {
		case "key":
			out.Key = d.key(v, at)
		case "name":
			out.Name = d.string(v, at)
		default:
			return false
		}
		return true
	})
	return out
}

func (d *decoder) randomizationUnit(n node, at *path) RandomizationUnit {
	var out RandomizationUnit
	d.object(n, at, []string{"randomization_unit"}, func(name string, v node, at *path) bool {
		switch name {
		case "randomization_unit":
			out.Unit = d.label(v, at)
		case "standard_randomization_unit":
			out.Standard = d.string(v, at)
		case "default":
			out.Default = d.boolean(v, at)
		case "hidden":
			out.Hidden = d.boolean(v, at)
		default:
			return false
		}
		return true
	})
	return out
}

func (d *decoder) percentile(n node, at *path) int {
	percentile := d.integer(n, at, 1)
	if percentile > 99 {
		d.fault(n, at, "must be a whole number from 1 to 99, got %s", n.source())
	}
	return int(percentile)
}

// window reads how long events count.
func (d *decoder) window(n node, at *path) string {
	text := d.string(n, at)
	if n.kind() != stringNode {
		return text
	}
	if length, err := time.ParseDuration(text); err != nil || length <= 0 {
		d.fault(n, at, "must be a duration above zero like 90s, 30m or 24h, got %q", text)
	}
	return text
}

func (d *decoder) quantile(n node, at *path) *float64 {
	quantile := d.number(n, at)
	if n.kind() == numberNode && (quantile <= 0.5 || quantile >= 1) {
		d.fault(n, at, "must be a number above 0.5 and below 1, got %s", n.source())
	}
	return &quantile
}

func (d *decoder) number(n node, at *path) float64 {
	if !d.is(n, at, numberNode) {
		return 0
	}
	value, err := strconv.ParseFloat(n.string(), 64)
	if err != nil || math.IsInf(value, 0) {
		d.fault(n, at, "must be a number within the range of a float64, got %s", n.source())
	}
	return value
}
