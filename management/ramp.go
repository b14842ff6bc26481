package management

import (
	"net/http"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// rampView is how an experiment's ramp has moved.
type rampView struct {
	ExperimentID string `json:"experiment_id"`
	FromLevel    int    `json:"from_level"`
	ToLevel      int    `json:"to_level"`
	CurrentLevel int    `json:"current_level"`
}

// advanceRamp takes the ramp of an active experiment to its next level. Asking for
// the level that it is at changes nothing, so that a request can be repeated.
func advanceRamp(c *call) (answer, *refusal) {
	target, problem := decoded(c, engine.DecodeRampBody)
	if problem != nil {
		return answer{}, problem
	}
	return c.change(func(document *engine.Document) (changed, *refusal) {
		e, _, problem := c.expectedExperiment(document)
		if problem != nil {
			return changed{}, problem
		}
		if len(e.Levels) == 0 {
			return changed{}, failed(CodeExperimentNoRamp, "")
		}
		from := e.Level()
		moved := rampView{ExperimentID: e.ID, FromLevel: from, ToLevel: target, CurrentLevel: target}
		if target == from && e.CurrentLevel != nil {
			return changed{answer: answer{status: http.StatusOK, body: moved}, nothing: true}, nil
		}
		if e.Status != engine.ExperimentActive {
			return changed{}, failed(CodeExperimentNotActive, "The ramp of an experiment in %s status cannot be advanced; activate it first.", e.Status)
		}
		if target == from { // a document that leaves the first level to be understood
			return changed{answer: answer{status: http.StatusOK, body: moved}, nothing: true}, nil
		}
		next, more := e.NextLevel()
		switch {
		case !more:
			return changed{}, failed(CodeExperimentNotNextLevel, "target_level: the ramp is at %d, its last level; got %d.", from, target)
		case target != next:
			return changed{}, failed(CodeExperimentNotNextLevel, "target_level: must be %d, the level after %d; got %d.", next, from, target)
		}
		e.CurrentLevel, e.UpdatedAt = &next, c.stamp()
		return changed{answer: answer{status: http.StatusOK, body: moved}, id: e.ID}, nil
	})
}
