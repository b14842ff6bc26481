package launchdarkly

import (
	"cmp"
	"maps"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// The most entries of the lists in an iteration.
const (
	maxTreatments = 20
	maxMetrics    = 50
	maxAttributes = 20
)

// iterationInput is what a client asks of an iteration, with the paths of what
// it refers to.
type iterationInput struct {
	at                  string
	hypothesis          string
	canReshuffleTraffic bool
	metrics             []engine.IterationMetric
	primaryMetric       string
	primaryGroup        string
	treatments          []treatmentInput
	flag                flagInput
	unit                string
	attributes          []string
}

type treatmentInput struct {
	at        string
	name      string
	baseline  bool
	weight    engine.Weight
	flagKey   string
	variation string
}

type flagInput struct {
	at            string
	key           string
	rule          string
	configVersion int64
	rest          string // the variation of those outside of the experiment
}

// readIteration reads an iteration. What it refers to is looked up later.
func readIteration(o object) (iterationInput, error) {
	in := iterationInput{at: o.at, canReshuffleTraffic: true}
	if e, there := o.need("hypothesis"); there {
		in.hypothesis = e.text(longestText)
	}
	if e, there := o.find("canReshuffleTraffic"); there {
		in.canReshuffleTraffic = e.boolean()
	}
	in.unit = o.optionalText("randomizationUnit", longestName)
	in.attributes = o.optionalTexts("attributes", maxAttributes, entry.label)
	in.readMetrics(o)
	if e, there := o.need("treatments"); there {
		for _, item := range e.items(maxTreatments) {
			in.treatments = append(in.treatments, readTreatment(item))
		}
	}
	if e, there := o.need("flags"); there {
		in.flag = readFlag(e)
	}
	o.complete()
	if err := o.err(); err != nil {
		return in, err
	}
	return in, in.check()
}

// readMetrics reads the metrics, of which one is the primary one. Older clients
// mark it, newer ones name it.
func (in *iterationInput) readMetrics(o object) {
	in.primaryMetric = o.optionalText("primarySingleMetricKey", longestName)
	in.primaryGroup = o.optionalText("primaryFunnelKey", longestName)
	e, there := o.need("metrics")
	if !there {
		return
	}
	for _, item := range e.items(maxMetrics) {
		entry := item.object()
		var m engine.IterationMetric
		if e, there := entry.need("key"); there {
			m.Key = e.text(longestName)
		}
		m.IsGroup = entry.optionalBool("isGroup")
		if !slices.Contains(in.metrics, m) {
			in.metrics = append(in.metrics, m)
		}
		marked := entry.optionalBool("primary")
		entry.complete()
		switch {
		case !marked || in.primaryMetric != "" || in.primaryGroup != "":
		case m.IsGroup:
			in.primaryGroup = m.Key
		default:
			in.primaryMetric = m.Key
		}
	}
	if primary := in.primary(); primary.Key != "" && !slices.Contains(in.metrics, primary) {
		in.metrics = slices.Insert(in.metrics, 0, primary)
	}
}

func (in *iterationInput) primary() engine.IterationMetric {
	if in.primaryGroup != "" {
		return engine.IterationMetric{Key: in.primaryGroup, IsGroup: true}
	}
	return engine.IterationMetric{Key: in.primaryMetric}
}

func readTreatment(e entry) treatmentInput {
	o := e.object()
	in := treatmentInput{at: o.at}
	if e, there := o.need("name"); there {
		in.name = e.name()
	}
	if e, there := o.need("baseline"); there {
		in.baseline = e.boolean()
	}
	if e, there := o.need("allocationPercent"); there {
		text := e.text(longestName)
		weight, err := engine.ParseWeight(text)
		if *e.fault == nil && err != nil {
			e.refuse("%s", err)
		}
		in.weight = weight
	}
	e, there := o.need("parameters")
	o.complete()
	if !there {
		return in
	}
	parameters := e.items(maxTreatments)
	if *e.fault == nil && len(parameters) != 1 {
		e.refuse("must have exactly one entry: an experiment has one flag")
	}
	for _, item := range parameters {
		parameter := item.object()
		if e, there := parameter.need("flagKey"); there {
			in.flagKey = e.text(longestName)
		}
		if e, there := parameter.need("variationId"); there {
			in.variation = e.text(longestName)
		}
		parameter.complete()
	}
	return in
}

func readFlag(e entry) flagInput {
	o := e.object()
	keys := slices.Sorted(maps.Keys(o.members))
	if *e.fault == nil && len(keys) != 1 {
		e.refuse("must have exactly one entry: an experiment has one flag")
	}
	if *e.fault != nil {
		return flagInput{}
	}
	item, there := o.need(keys[0])
	if !there {
		return flagInput{}
	}
	flag := item.object()
	in := flagInput{at: flag.at, key: keys[0]}
	if e, there := flag.need("ruleId"); there {
		in.rule = e.name()
	}
	if e, there := flag.need("flagConfigVersion"); there {
		in.configVersion = e.integer()
	}
	in.rest = flag.optionalText("notInExperimentVariationId", longestName)
	flag.complete()
	return in
}

// check refuses what no document could make possible.
func (in *iterationInput) check() error {
	switch {
	case in.primaryMetric != "" && in.primaryGroup != "":
		return invalid(in.at+"primaryFunnelKey", "must not be there beside primarySingleMetricKey")
	case in.primary().Key == "":
		return invalid(in.at+"primarySingleMetricKey", "is missing; either it or primaryFunnelKey must be there")
	}
	var sum engine.Weight
	baselines := 0
	for _, t := range in.treatments {
		sum += t.weight
		if t.baseline {
			baselines++
		}
		if t.flagKey != in.flag.key {
			return invalid(t.at+"parameters[0].flagKey", "must be %q, the key in flags", clip(in.flag.key))
		}
	}
	switch {
	case sum > engine.WholeWeight:
		return invalid(in.at+"treatments", "the allocationPercent of all must sum to at most 100, they sum to %s", sum)
	case baselines > 1:
		return invalid(in.at+"treatments", "only one may be the baseline, %d are", baselines)
	}
	return nil
}

// iteration makes an iteration that has not started of what is asked for. What
// it refers to must be there.
func (in *iterationInput) iteration(document *engine.Document, flag *engine.FeatureFlag) (engine.Iteration, error) {
	can := in.canReshuffleTraffic
	it := engine.Iteration{
		Status: engine.IterationNotStarted, Hypothesis: in.hypothesis,
		Metrics: in.metrics, PrimaryMetric: in.primaryMetric, PrimaryGroup: in.primaryGroup,
		RandomizationUnit: cmp.Or(in.unit, defaultUnit(document)), Attributes: in.attributes, CanReshuffleTraffic: &can,
		Flag: &engine.IterationFlag{Key: flagKey(document, flag), RuleID: in.flag.rule, ConfigVersion: in.flag.configVersion},
	}
	if !enabledUnit(document, it.RandomizationUnit) {
		return it, invalid(in.at+"randomizationUnit", "%q is not among the randomization units in the project's experimentation settings", clip(it.RandomizationUnit))
	}
	for _, t := range in.treatments {
		variation, ok := variationOf(flag, t.variation)
		if !ok {
			return it, invalid(t.at+"parameters[0].variationId", "flag %s has no variation %q", in.flag.key, clip(t.variation))
		}
		if slices.ContainsFunc(it.Treatments, func(t engine.IterationTreatment) bool { return t.VariationID == variation.ID }) {
			return it, invalid(t.at+"parameters[0].variationId", "another treatment has variation %s already", variation.ID)
		}
		it.Treatments = append(it.Treatments, engine.IterationTreatment{VariationID: variation.ID, Name: t.name, Baseline: t.baseline, Weight: t.weight})
		if t.baseline {
			it.Flag.NotInExperimentVariationID = variation.ID
		}
	}
	if in.flag.rest != "" {
		variation, ok := variationOf(flag, in.flag.rest)
		if !ok {
			return it, invalid(in.flag.at+"notInExperimentVariationId", "flag %s has no variation %q", in.flag.key, clip(in.flag.rest))
		}
		it.Flag.NotInExperimentVariationID = variation.ID
	}
	return it, in.measurable(document, it.RandomizationUnit)
}

// measurable looks the metrics up.
func (in *iterationInput) measurable(document *engine.Document, unit string) error {
	for _, m := range in.metrics {
		at := in.at + "metrics"
		if m == in.primary() {
			at = in.at + "primarySingleMetricKey"
			if m.IsGroup {
				at = in.at + "primaryFunnelKey"
			}
		}
		keys := []string{m.Key}
		if m.IsGroup {
			group, known := document.MetricGroup(m.Key)
			if !known {
				return invalid(at, "there is no metric group %q", clip(m.Key))
			}
			if m == in.primary() && group.Kind != engine.GroupFunnel {
				return invalid(at, "metric group %q is no funnel", m.Key)
			}
			keys = nil
			for _, grouped := range group.Metrics {
				keys = append(keys, grouped.Key)
			}
		}
		for _, key := range keys {
			metric, known := document.Metric(key)
			switch {
			case !known:
				return invalid(at, "there is no metric %q", clip(key))
			case len(metric.RandomizationUnits) > 0 && !slices.Contains(metric.RandomizationUnits, unit):
				return invalid(at, "metric %q is not measured by the randomization unit %q", key, unit)
			}
		}
	}
	return nil
}
