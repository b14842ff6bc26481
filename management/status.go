package management

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// transitions are where an experiment can go from each status.
var transitions = map[engine.ExperimentStatus][]engine.ExperimentStatus{
	engine.ExperimentDraft:     {engine.ExperimentActive, engine.ExperimentArchived},
	engine.ExperimentActive:    {engine.ExperimentPaused, engine.ExperimentCompleted},
	engine.ExperimentPaused:    {engine.ExperimentActive, engine.ExperimentCompleted, engine.ExperimentArchived},
	engine.ExperimentCompleted: {engine.ExperimentArchived},
	engine.ExperimentArchived:  nil,
}

func updateExperimentStatus(c *call) (answer, *refusal) {
	status, problem := decoded(c, func(text []byte) (engine.ExperimentStatus, error) {
		return engine.DecodeStatusBody(text, engine.ExperimentActive, engine.ExperimentPaused,
			engine.ExperimentCompleted, engine.ExperimentArchived)
	})
	if problem != nil {
		return answer{}, problem
	}
	return c.change(func(document *engine.Document) (changed, *refusal) {
		e, flag, problem := c.expectedExperiment(document)
		if problem != nil {
			return changed{}, problem
		}
		if problem := c.transition(document, e, flag, status); problem != nil {
			return changed{}, problem
		}
		e.UpdatedAt = c.stamp()
		return changed{answer: entity(http.StatusOK, viewExperiment(document, e)), id: e.ID}, nil
	})
}

// transition moves an experiment to another status. started_at is when it first
// became active and stays; ended_at is when it was completed. What runs in between is
// one iteration, through pauses too. The ramp begins with the first activation, and
// every activation records the configuration that it has found.
func (c *call) transition(document *engine.Document, e *engine.Experiment, flag *engine.FeatureFlag, status engine.ExperimentStatus) *refusal {
	if e.Status == engine.ExperimentCompleted && status == engine.ExperimentActive {
		return failed(CodeExperimentCompleted, "")
	}
	if !slices.Contains(transitions[e.Status], status) {
		return failed(CodeExperimentTransition, "Status transition is not allowed: %s to %s.", e.Status, status)
	}
	switch status {
	case engine.ExperimentActive:
		if blockers := c.blockers(document, e, flag); len(blockers) > 0 {
			return notReady(blockers)
		}
		if e.StartedAt == nil {
			e.StartedAt = c.stamp()
		}
		e.BeginRamp()
		e.Snapshot = engine.ConfigurationOf(document, e)
		if e.Status == engine.ExperimentDraft {
			beginIteration(e, c.now)
		}
	case engine.ExperimentCompleted:
		endIteration(e, c.now)
		e.EndedAt = c.stamp()
	case engine.ExperimentArchived:
		if e.Status == engine.ExperimentPaused {
			endIteration(e, c.now)
		}
		e.ArchivedAt = c.stamp()
	}
	e.Status = status
	return nil
}

// notReady puts everything that is in the way into one message. The code is the
// blocker's own where there is only one.
func notReady(blockers []engine.Blocker) *refusal {
	texts := make([]string, len(blockers))
	for i, blocker := range blockers {
		texts[i] = blocker.Message
	}
	code := CodeExperimentNotReady
	if len(blockers) == 1 {
		code = blockers[0].Code
	}
	return failed(code, "Experiment cannot be activated: validation failed. %s.", strings.Join(texts, "; "))
}
