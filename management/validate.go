package management

import (
	"net/http"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

func validateExperiment(c *call) (answer, *refusal) {
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	e, flag, problem := findExperiment(document, c.id())
	if problem != nil {
		return answer{}, problem
	}
	blockers := c.blockers(document, e, flag)
	return answer{status: http.StatusOK, body: struct {
		IsValid bool             `json:"is_valid"`
		Errors  []engine.Blocker `json:"errors"`
	}{len(blockers) == 0, append([]engine.Blocker{}, blockers...)}}, nil
}

// blockers is everything that keeps an experiment from assigning anybody, or
// would if it were active: its own faults, and others that come first.
func (c *call) blockers(document *engine.Document, e *engine.Experiment, flag *engine.FeatureFlag) []engine.Blocker {
	blockers := engine.Readiness(e, flag, engine.Efforts(document))
	if blocker := engine.FlowBlocker(e); blocker != nil {
		return append(blockers, *blocker)
	}
	if first, may := standing(document, e, c.api.config.MaxActive); !may {
		blockers = append(blockers, engine.Blocker{
			Code:    engine.CodeActiveLimitExceeded,
			Message: "another experiment is already active on this tenant: " + first.ID,
		})
	}
	return blockers
}

// standing reports whether an experiment may decide beside those that are active, or
// could if it were, and which of them comes first.
func standing(document *engine.Document, e *engine.Experiment, limit int) (first *engine.Experiment, may bool) {
	active := engine.Deciding(document.Experiments)
	place := slices.IndexFunc(active, func(other *engine.Experiment) bool { return other.ID == e.ID })
	if place < 0 {
		place, active = len(active), append(active, e)
	}
	return active[0], engine.MayDecide(active, place, limit)
}
