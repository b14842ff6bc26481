package launchdarkly

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// start starts the iteration that is prepared. One that is running ends with it.
func start(justification string) instruction {
	return func(p *patch) error {
		e := p.experiment
		if e.Status == engine.ExperimentArchived {
			return Refuse(http.StatusBadRequest, "the experiment is archived: restore it first")
		}
		e.Iterations = slices.Clone(history(e))
		next, now := last(e.Iterations, engine.IterationNotStarted), last(e.Iterations, engine.IterationRunning)
		switch {
		case now != nil && justification == "":
			return Refuse(http.StatusBadRequest, "changeJustification: is missing; iteration %s is running", now.ID)
		case next == nil && now != nil:
			return Refuse(http.StatusBadRequest, "there is no iteration to start: iteration %s is running, and no other was created", now.ID)
		case next == nil:
			return Refuse(http.StatusBadRequest, "there is no iteration to start: create one first")
		}
		if err := p.startable(next); err != nil {
			return err
		}
		if err := p.unclaimed(next); err != nil {
			return err
		}
		if err := seed(e, next, now); err != nil {
			return err
		}
		if now != nil {
			now.Status, now.EndedAt = engine.IterationStopped, p.stamp()
		}
		p.activate(next)
		p.changed = true
		return nil
	}
}

// activate has the experiment give what an iteration says.
func (p *patch) activate(it *engine.Iteration) {
	e := p.experiment
	it.Status, it.StartedAt = engine.IterationRunning, p.stamp()
	if e.Strategy == engine.StrategyPercentage {
		e.Allocations = allocationsOf(it)
	}
	e.Status, e.EndedAt = engine.ExperimentActive, nil
	if e.StartedAt == nil {
		e.StartedAt = p.stamp()
	}
	e.BeginRamp()
	e.Snapshot = engine.ConfigurationOf(p.document, e)
}

// startable refuses an iteration that could not run.
func (p *patch) startable(it *engine.Iteration) error {
	refuse := func(format string, args ...any) error {
		return Refuse(http.StatusBadRequest, "iteration %s cannot be started: "+format, append([]any{it.ID}, args...)...)
	}
	if p.flag.Status != engine.FlagActive {
		return refuse("flag %q is not on: it is in %s status", flagKey(p.document, p.flag), p.flag.Status)
	}
	if it.RandomizationUnit == "" {
		it.RandomizationUnit = defaultUnit(p.document)
	}
	if !enabledUnit(p.document, it.RandomizationUnit) {
		return refuse("its randomization unit %q is not among those in the project's experimentation settings", it.RandomizationUnit)
	}
	if err := p.given(it); err != nil && p.experiment.Strategy == engine.StrategyPercentage {
		return refuse("%s", err)
	}
	for _, m := range it.Metrics {
		_, metric := p.document.Metric(m.Key)
		_, group := p.document.MetricGroup(m.Key)
		if m.IsGroup && !group || !m.IsGroup && !metric {
			return refuse("there is no metric %q any more", m.Key)
		}
	}
	trial := *p.experiment
	if trial.Strategy == engine.StrategyPercentage {
		trial.Allocations, trial.Status, trial.Iterations = allocationsOf(it), engine.ExperimentDraft, []engine.Iteration{*it}
	}
	var texts []string
	if blocker := engine.FlowBlocker(p.experiment); blocker != nil {
		texts = append(texts, blocker.Message)
	}
	for _, blocker := range engine.Readiness(&trial, p.flag, engine.Efforts(p.document)) {
		texts = append(texts, blocker.Message)
	}
	if len(texts) > 0 {
		return refuse("%s", strings.Join(texts, "; "))
	}
	return nil
}

// given checks the treatments of an iteration.
func (p *patch) given(it *engine.Iteration) *Error {
	var sum engine.Weight
	baselines := 0
	for _, t := range it.Treatments {
		sum += t.Weight
		if t.Baseline {
			baselines++
		}
		if _, ok := variationOf(p.flag, t.VariationID); !ok {
			return Refuse(http.StatusBadRequest, "variation %s of its treatments is gone", t.VariationID)
		}
	}
	switch {
	case len(it.Treatments) < 2:
		return Refuse(http.StatusBadRequest, "it needs at least two treatments, it has %d", len(it.Treatments))
	case baselines != 1:
		return Refuse(http.StatusBadRequest, "exactly one of its treatments must be the baseline, %d are", baselines)
	case sum == 0:
		return Refuse(http.StatusBadRequest, "at least one of its treatments must have an allocationPercent above 0")
	case sum > engine.WholeWeight:
		return Refuse(http.StatusBadRequest, "the allocationPercent of its treatments must sum to at most 100, they sum to %s", sum)
	}
	if it.Flag != nil && it.Flag.NotInExperimentVariationID != "" {
		if _, ok := variationOf(p.flag, it.Flag.NotInExperimentVariationID); !ok {
			return Refuse(http.StatusBadRequest, "its notInExperimentVariationId %s is gone", it.Flag.NotInExperimentVariationID)
		}
	}
	return nil
}

// unclaimed refuses an iteration whose rule another experiment has, or for which
// there is no room beside those that are active. Both last until somebody does
// something about it, so the one who is in the way is named.
func (p *patch) unclaimed(it *engine.Iteration) error {
	for i := range p.document.Experiments {
		other := &p.document.Experiments[i]
		if other.ID == p.experiment.ID || other.FeatureFlagID != p.experiment.FeatureFlagID {
			continue
		}
		if theirs := running(other); theirs != nil && rule(theirs) == rule(it) {
			return conflict("rule %q of flag %q belongs to the running experiment %q: stop that one first", rule(it), flagKey(p.document, p.flag), experimentKey(p.document, other))
		}
	}
	active := slices.DeleteFunc(engine.Deciding(p.document.Experiments), func(e *engine.Experiment) bool { return e.ID == p.experiment.ID })
	if !engine.MayDecide(append(active, p.experiment), len(active), p.api.config.MaxActive) {
		limit := p.api.config.MaxActive
		return conflict("experiment %q is active already, and at most %d may be: stop it first", experimentKey(p.document, active[0]), limit)
	}
	return nil
}
