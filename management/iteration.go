package management

import (
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// beginIteration starts the iteration of an experiment that becomes active: the
// one that is prepared, else a new one with what the allocations say. It does
// nothing while one is running.
func beginIteration(e *engine.Experiment, now time.Time) {
	if current := e.CurrentIteration(); current != nil && current.Status == engine.IterationRunning {
		return
	}
	startIteration(e, stamped(now))
}

// endIteration stops the running iteration. One that an experiment ran without
// having it recorded is recorded.
func endIteration(e *engine.Experiment, now time.Time) {
	current := e.CurrentIteration()
	if current == nil {
		current = startIteration(e, e.StartedAt)
	}
	if current.Status != engine.IterationRunning {
		return
	}
	current.Status, current.EndedAt = engine.IterationStopped, stamped(now)
	if current.Flag == nil {
		current.Treatments = joined(treatmentsOf(e), current.Treatments)
	}
}

// joined are the treatments that an iteration ends with and, without a share, those
// that it had before: allocations can be changed while an experiment is paused, and
// not after its end without changing what its results are about.
func joined(last, before []engine.IterationTreatment) []engine.IterationTreatment {
	for _, t := range before {
		if !slices.ContainsFunc(last, func(l engine.IterationTreatment) bool { return l.VariationID == t.VariationID }) {
			last = append(last, engine.IterationTreatment{VariationID: t.VariationID, Name: t.Name})
		}
	}
	return last
}

// startIteration has an iteration run since a time that may not be known.
func startIteration(e *engine.Experiment, since *time.Time) *engine.Iteration {
	prepared := preparedIteration(e)
	if prepared == nil {
		e.Iterations = append(e.Iterations, newIteration(e, since))
		prepared = &e.Iterations[len(e.Iterations)-1]
	}
	if len(prepared.Treatments) == 0 {
		prepared.Treatments = treatmentsOf(e)
	}
	prepared.Status, prepared.StartedAt = engine.IterationRunning, since
	return prepared
}

// preparedIteration is the newest iteration that has not started, nil if there is
// none.
func preparedIteration(e *engine.Experiment) *engine.Iteration {
	for i := len(e.Iterations) - 1; i >= 0; i-- {
		if e.Iterations[i].Status == engine.IterationNotStarted {
			return &e.Iterations[i]
		}
	}
	return nil
}

// newIteration makes an iteration that has not started. One that is not the
// experiment's first has other buckets than those before.
func newIteration(e *engine.Experiment, created *time.Time) engine.Iteration {
	it := engine.Iteration{ID: engine.FirstIterationID(e.ID), Status: engine.IterationNotStarted, CreatedAt: created}
	if len(e.Iterations) > 0 {
		it.ID = newID(engine.IterationPrefix)
		it.Salt = it.ID
	}
	return it
}

// treatmentsOf are the variations that an experiment gives, one treatment each.
func treatmentsOf(e *engine.Experiment) []engine.IterationTreatment {
	var out []engine.IterationTreatment
	places := map[string]int{}
	for _, a := range e.Allocations {
		place, known := places[a.VariationID]
		if !known {
			place = len(out)
			places[a.VariationID] = place
			out = append(out, engine.IterationTreatment{VariationID: a.VariationID})
		}
		treatment := &out[place]
		treatment.Baseline = treatment.Baseline || a.IsControl
		if e.Strategy == engine.StrategyPercentage && a.Weight != nil {
			treatment.Weight = min(treatment.Weight+*a.Weight, engine.WholeWeight)
		}
	}
	return out
}

// reallocate gives an experiment other allocations. Shares that an iteration
// divides the former ones into do not outlast them, and the iteration that an
// experiment which never ran has prepared starts with the new ones.
func reallocate(e *engine.Experiment, allocations []engine.Allocation) {
	e.Allocations = allocations
	if current := e.CurrentIteration(); current != nil {
		current.Shares = nil
		return
	}
	prepared := preparedIteration(e)
	if prepared == nil {
		return
	}
	prepared.Shares = nil
	if !ran(e) {
		prepared.Treatments = renamed(treatmentsOf(e), prepared.Treatments)
	}
}

// renamed gives treatments the names that others have for the same variations.
func renamed(treatments, named []engine.IterationTreatment) []engine.IterationTreatment {
	for i := range treatments {
		t := &treatments[i]
		if j := slices.IndexFunc(named, func(n engine.IterationTreatment) bool { return n.VariationID == t.VariationID }); j >= 0 {
			t.Name = named[j].Name
		}
	}
	return treatments
}

// ran reports whether an experiment has ever been active, recorded or not.
func ran(e *engine.Experiment) bool {
	switch e.Status {
	case engine.ExperimentActive, engine.ExperimentPaused, engine.ExperimentCompleted:
		return true
	}
	return e.StartedAt != nil || e.CurrentIteration() != nil
}

// stamped is a time as it is stored: precise enough to order what is made one
// after the other.
func stamped(t time.Time) *time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}
