package launchdarkly

import (
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// history lists the iterations of an experiment in the order in which they were
// made. Where the document has none recorded of what ran, or is about to, it is
// there all the same: as the first one.
func history(e *engine.Experiment) []engine.Iteration {
	if slices.ContainsFunc(e.Iterations, started) || len(e.Iterations) > 0 && !ran(e) {
		return e.Iterations
	}
	first := implied(e)
	out := make([]engine.Iteration, 1, len(e.Iterations)+1)
	for _, it := range e.Iterations {
		if it.ID != first.ID {
			out = append(out, it)
			continue
		}
		it.Status, it.StartedAt, it.EndedAt = first.Status, first.StartedAt, first.EndedAt
		it.Treatments = first.Treatments
		first = it
	}
	out[0] = first
	return out
}

// implied is the first iteration of an experiment whose document does not say.
func implied(e *engine.Experiment) engine.Iteration {
	it := engine.Iteration{
		ID: engine.FirstIterationID(e.ID), Status: engine.IterationNotStarted, CreatedAt: e.CreatedAt,
		StartedAt: e.StartedAt, EndedAt: e.EndedAt, Treatments: treatmentsOf(e),
	}
	switch {
	case e.Status == engine.ExperimentActive || e.Status == engine.ExperimentPaused:
		it.Status = engine.IterationRunning
	case ran(e):
		it.Status = engine.IterationStopped
		if it.EndedAt == nil {
			it.EndedAt = e.ArchivedAt
		}
	}
	return it
}

// ran reports whether an experiment has ever been active.
func ran(e *engine.Experiment) bool {
	switch e.Status {
	case engine.ExperimentActive, engine.ExperimentPaused, engine.ExperimentCompleted:
		return true
	}
	return e.StartedAt != nil || slices.ContainsFunc(e.Iterations, started)
}

func started(it engine.Iteration) bool { return it.Status != engine.IterationNotStarted }

// treatmentsOf are the variations that an experiment gives, one treatment each.
func treatmentsOf(e *engine.Experiment) []engine.IterationTreatment {
	var out []engine.IterationTreatment
	for _, a := range e.Allocations {
		at := slices.IndexFunc(out, func(t engine.IterationTreatment) bool { return t.VariationID == a.VariationID })
		if at < 0 {
			at = len(out)
			out = append(out, engine.IterationTreatment{VariationID: a.VariationID})
		}
		out[at].Baseline = out[at].Baseline || a.IsControl
		if a.Weight != nil && e.Strategy == engine.StrategyPercentage {
			out[at].Weight = min(out[at].Weight+*a.Weight, engine.WholeWeight)
		}
	}
	return out
}

// allocationsOf is what an experiment gives in an iteration.
func allocationsOf(it *engine.Iteration) []engine.Allocation {
	out := make([]engine.Allocation, len(it.Treatments))
	for i, t := range it.Treatments {
		weight := t.Weight
		out[i] = engine.Allocation{VariationID: t.VariationID, Weight: &weight, IsControl: t.Baseline}
	}
	return out
}

// last is the newest iteration of a status; nil if there is none.
func last(iterations []engine.Iteration, status engine.IterationStatus) *engine.Iteration {
	for i := len(iterations) - 1; i >= 0; i-- {
		if iterations[i].Status == status {
			return &iterations[i]
		}
	}
	return nil
}

// current is the iteration that is running, else the one that was stopped last,
// else the draft.
func current(iterations []engine.Iteration) *engine.Iteration {
	for _, status := range []engine.IterationStatus{engine.IterationRunning, engine.IterationStopped, engine.IterationNotStarted} {
		if it := last(iterations, status); it != nil {
			return it
		}
	}
	return nil
}

// running is the iteration of an experiment that is running, recorded or not.
func running(e *engine.Experiment) *engine.Iteration {
	return last(history(e), engine.IterationRunning)
}

// rule is the rule of its flag that an iteration takes.
func rule(it *engine.Iteration) string {
	if it.Flag == nil || it.Flag.RuleID == "" {
		return fallthroughRule
	}
	return it.Flag.RuleID
}

// fallthroughRule is the rule of a flag that takes whom no other takes.
const fallthroughRule = "fallthrough"
