package launchdarkly

import (
	"net/http"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// stop stops the iteration that is running. The winner, if there is one, is
// recorded.
func stop(at, winner, reason string) instruction {
	return func(p *patch) error {
		e := p.experiment
		e.Iterations = slices.Clone(history(e))
		it := current(e.Iterations)
		if !started(*it) {
			return Refuse(http.StatusBadRequest, "there is no iteration to stop: none is running")
		}
		if winner != "" {
			treatment, ok := treatmentOf(it, p.flag, winner)
			if !ok {
				return invalid(at+"winningTreatmentId", "iteration %s has no treatment %q", it.ID, clip(winner))
			}
			winner = treatment
		}
		if it.Status == engine.IterationStopped {
			if winner != "" && winner != it.WinningVariationID {
				return Refuse(http.StatusBadRequest, "there is no iteration to stop: iteration %s is stopped already", it.ID)
			}
			return nil
		}
		it.Status, it.EndedAt = engine.IterationStopped, p.stamp()
		it.WinningVariationID, it.WinningReason = winner, reason
		e.Status, e.EndedAt = engine.ExperimentCompleted, p.stamp()
		p.changed = true
		return nil
	}
}

// treatmentOf finds a treatment of an iteration as variationOf finds variations.
func treatmentOf(it *engine.Iteration, flag *engine.FeatureFlag, key string) (string, bool) {
	if variation, ok := variationOf(flag, key); ok {
		key = variation.ID
	}
	return key, slices.ContainsFunc(it.Treatments, func(t engine.IterationTreatment) bool { return t.VariationID == key })
}

func archive(p *patch) error {
	e := p.experiment
	if e.Status == engine.ExperimentArchived {
		return nil
	}
	if it := running(e); it != nil {
		return Refuse(http.StatusBadRequest, "the experiment cannot be archived: iteration %s is running; stop it first", it.ID)
	}
	e.Status, e.ArchivedAt, p.changed = engine.ExperimentArchived, p.stamp(), true
	return nil
}

func restore(p *patch) error {
	e := p.experiment
	if e.Status != engine.ExperimentArchived {
		return nil
	}
	status := engine.ExperimentDraft
	if ran(e) {
		status = engine.ExperimentCompleted
		e.Iterations = slices.Clone(history(e)) // which needs to know when it was archived
	}
	e.Status = status
	e.ArchivedAt, p.changed = nil, true
	return nil
}
