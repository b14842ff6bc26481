package launchdarkly

import (
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// maxTags bounds the tags of a metric or group.
const maxTags = 50

// What the pages of a metric may be at most.
const (
	maxURLs    = 50
	longestURL = 2048
)

// readMetric reads a metric. One that is no custom metric may leave out its
// event: it is its key then.
func readMetric(o object) (engine.Metric, error) {
	var m engine.Metric
	if e, there := o.need("key"); there {
		m.Key = e.key()
	}
	if e, there := o.need("kind"); there {
		m.Kind = e.word(engine.MetricCustom, engine.MetricClick, engine.MetricPageview)
	}
	m.Name = o.optionalText("name", longestName)
	m.Description = o.optionalText("description", longestText)
	m.MaintainerID = o.optionalText("maintainerId", longestName)
	m.Tags = o.optionalTexts("tags", maxTags, entry.name)
	m.Unit = o.optionalText("unit", longestName)
	m.IsNumeric = o.optionalBool("isNumeric")
	m.RandomizationUnits = readMetricUnits(o)
	readEvent(o, &m)
	readPages(o, &m)
	readAnalysis(o, &m)
	o.complete()
	return m, o.err()
}

// readMetricUnits reads the units that a metric is measured by, which later clients
// call by another name.
func readMetricUnits(o object) []string {
	units := o.optionalTexts("randomizationUnits", maxUnits, entry.label)
	e, there := o.find("analysisUnits")
	if !there {
		return units
	}
	analysis := o.optionalTexts("analysisUnits", maxUnits, entry.label)
	if len(units) > 0 && !slices.Equal(units, analysis) {
		e.refuse("must be randomizationUnits, where both are there")
	}
	return analysis
}

// readPages reads what clicks and views are, and where the events come from.
func readPages(o object, m *engine.Metric) {
	m.Selector = o.optionalText("selector", longestURL)
	if e, there := o.find("urls"); there {
		for _, item := range e.items(maxURLs) {
			m.URLs = append(m.URLs, readURL(item.object()))
		}
	}
	if e, there := o.find("isActive"); there {
		active := e.boolean()
		m.IsActive = &active
	}
	if e, there := o.find("dataSource"); there {
		source := e.object()
		if e, there := source.need("key"); there {
			e.word(dataSource)
		}
		source.complete()
	}
}

// readURL reads a page, or a form of addresses. Each kind has one member of its own.
func readURL(o object) engine.MetricURL {
	var u engine.MetricURL
	e, there := o.need("kind")
	if !there {
		return u
	}
	u.Kind = e.word(engine.URLExact, engine.URLCanonical, engine.URLSubstring, engine.URLRegex)
	name, to := "url", &u.URL
	switch u.Kind {
	case engine.URLSubstring:
		name, to = "substring", &u.Substring
	case engine.URLRegex:
		name, to = "pattern", &u.Pattern
	}
	if e, there := o.need(name); there {
		if *to = e.text(longestURL); *to == "" {
			e.refuse("must not be empty")
		}
	}
	for _, other := range []string{"url", "substring", "pattern"} {
		if e, there := o.find(other); there && other != name && e.value != "" {
			e.refuse("must not be there beside kind %s", u.Kind)
		}
	}
	o.complete()
	return u
}

// readEvent reads what is measured.
func readEvent(o object, m *engine.Metric) {
	if e, there := o.said("eventKey"); there {
		m.EventKey = e.label()
	} else if m.Kind == engine.MetricCustom {
		o.need("eventKey")
	} else {
		m.EventKey = m.Key
	}
	if e, there := o.said("denominatorEventKey"); there {
		m.DenominatorEventKey = e.label()
	}
	if e, there := o.find("eventDefault"); there {
		member := e.object()
		given := engine.EventDefault{Disabled: member.optionalBool("disabled")}
		if e, there := member.find("value"); there {
			given.Value = e.number()
		}
		member.complete()
		m.EventDefault = &given
	}
	if e, there := o.said("window"); there {
		m.Window = e.text(longestName)
		if length, err := time.ParseDuration(m.Window); *e.fault == nil && (err != nil || length <= 0) {
			e.refuse("must be a duration above zero like 90s, 30m or 24h")
		}
	}
	if e, there := o.find("cap"); there {
		quantile := e.number()
		if *e.fault == nil && (quantile <= 0.5 || quantile >= 1) {
			e.refuse("must be a number above 0.5 and below 1")
		}
		m.Cap = &quantile
	}
}

// readAnalysis reads what is made of it.
func readAnalysis(o object, m *engine.Metric) {
	if e, there := o.said("unitAggregationType"); there {
		m.UnitAggregationType = e.word(engine.AggregationAverage, engine.AggregationSum)
	}
	if e, there := o.said("successCriteria"); there {
		m.SuccessCriteria = e.word(engine.HigherThanBaseline, engine.LowerThanBaseline)
	}
	if e, there := o.said("analysisType"); there {
		m.AnalysisType = e.word(engine.AnalysisMean, engine.AnalysisPercentile)
	}
	e, there := o.find("percentileValue")
	if there {
		m.PercentileValue = int(e.integer())
		if *e.fault == nil && (m.PercentileValue < 1 || m.PercentileValue > 99) {
			e.refuse("must be a whole number from 1 to 99")
		}
	} else if m.AnalysisType == engine.AnalysisPercentile {
		o.need("percentileValue")
	}
}
