package launchdarkly

import (
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// maxTags bounds the tags of a metric or group.
const maxTags = 50

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
	m.RandomizationUnits = o.optionalTexts("randomizationUnits", maxUnits, entry.label)
	readEvent(o, &m)
	readAnalysis(o, &m)
	return m, o.err()
}

// readEvent reads what is measured.
func readEvent(o object, m *engine.Metric) {
	if e, there := o.find("eventKey"); there {
		m.EventKey = e.label()
	} else if m.Kind == engine.MetricCustom {
		o.need("eventKey")
	} else {
		m.EventKey = m.Key
	}
	if e, there := o.find("denominatorEventKey"); there {
		m.DenominatorEventKey = e.label()
	}
	if e, there := o.find("eventDefault"); there {
		member := e.object()
		given := engine.EventDefault{Disabled: member.optionalBool("disabled")}
		if e, there := member.find("value"); there {
			given.Value = e.number()
		}
		m.EventDefault = &given
	}
	if e, there := o.find("window"); there {
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
	if e, there := o.find("unitAggregationType"); there {
		m.UnitAggregationType = e.word(engine.AggregationAverage, engine.AggregationSum)
	}
	if e, there := o.find("successCriteria"); there {
		m.SuccessCriteria = e.word(engine.HigherThanBaseline, engine.LowerThanBaseline)
	}
	if e, there := o.find("analysisType"); there {
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
