package management

import (
	"net/http"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// MaxAllocations is how many allocations an experiment may have.
const MaxAllocations = 20

// experimentView is an experiment as the API shows it.
type experimentView struct {
	ID                 string                  `json:"id"`
	Name               string                  `json:"name"`
	Description        string                  `json:"description,omitempty"`
	FeatureFlagID      string                  `json:"feature_flag_id"`
	AuthenticationFlow string                  `json:"authentication_flow"`
	Strategy           engine.Strategy         `json:"allocation_strategy"`
	AssignmentConfig   engine.AssignmentConfig `json:"assignment_config"`
	Status             engine.ExperimentStatus `json:"status"`
	IsValid            bool                    `json:"is_valid"`
	Allocations        []engine.Allocation     `json:"allocations"`
	StartedAt          *time.Time              `json:"started_at,omitempty"`
	EndedAt            *time.Time              `json:"ended_at,omitempty"`
	CreatedAt          time.Time               `json:"created_at"`
	UpdatedAt          time.Time               `json:"updated_at"`
}

// viewExperiment works is_valid out anew: a person may have changed the document
// without it.
func viewExperiment(e *engine.Experiment, flag *engine.FeatureFlag, efforts map[string]engine.Effort) experimentView {
	return experimentView{
		ID: e.ID, Name: e.Name, Description: e.Description, FeatureFlagID: e.FeatureFlagID,
		AuthenticationFlow: e.AuthenticationFlow, Strategy: e.Strategy, AssignmentConfig: e.AssignmentConfig,
		Status: e.Status, IsValid: len(engine.Readiness(e, flag, efforts)) == 0,
		Allocations: append([]engine.Allocation{}, e.Allocations...),
		StartedAt:   e.StartedAt, EndedAt: e.EndedAt, CreatedAt: moment(e.CreatedAt), UpdatedAt: moment(e.UpdatedAt),
	}
}

func listExperiments(c *call) (answer, *refusal) {
	values, problem := c.query("from", "take", "status", "authentication_flow", "feature_flag_id")
	if problem != nil {
		return answer{}, problem
	}
	status, problem := choice(values, "status", engine.ExperimentDraft, engine.ExperimentActive,
		engine.ExperimentPaused, engine.ExperimentCompleted, engine.ExperimentArchived)
	if problem != nil {
		return answer{}, problem
	}
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	has := func(name, value string) bool { return !values.Has(name) || values.Get(name) == value }
	experiments, next, problem := page(values, document.Experiments,
		func(e *engine.Experiment) position { return placed(e.CreatedAt, e.ID) },
		func(e *engine.Experiment) bool {
			shown := status == e.Status || status == "" && e.Status != engine.ExperimentArchived
			return shown && has("authentication_flow", e.AuthenticationFlow) && has("feature_flag_id", e.FeatureFlagID)
		})
	if problem != nil {
		return answer{}, problem
	}
	list := struct {
		Experiments []experimentView `json:"experiments"`
		Next        string           `json:"next,omitempty"`
	}{make([]experimentView, 0, len(experiments)), next}
	flags, efforts := flagsByID(document), engine.Efforts(document)
	for _, e := range experiments {
		list.Experiments = append(list.Experiments, viewExperiment(e, flags[e.FeatureFlagID], efforts))
	}
	return answer{status: http.StatusOK, body: list}, nil
}

func getExperiment(c *call) (answer, *refusal) {
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	e, flag, problem := findExperiment(document, c.id())
	if problem != nil {
		return answer{}, problem
	}
	return entity(http.StatusOK, viewExperiment(e, flag, engine.Efforts(document))), nil
}

func createExperiment(c *call) (answer, *refusal) {
	body, problem := decoded(c, func(text []byte) (engine.ExperimentBody, error) {
		return engine.DecodeExperimentBody(text, engine.Create)
	})
	if problem == nil && len(body.Allocations) > MaxAllocations {
		problem = failed(CodeExperimentAllocationLimit, "")
	}
	if problem != nil {
		return answer{}, problem
	}
	id := newID(engine.ExperimentPrefix)
	return c.change(func(document *engine.Document) (changed, *refusal) {
		flag, problem := findFlag(document, body.FeatureFlagID)
		if problem != nil {
			return changed{}, problem
		}
		if flag.Status == engine.FlagArchived {
			return changed{}, failed(CodeFlagArchived, "")
		}
		if problem := checkAllocations(document, flag, body.Allocations); problem != nil {
			return changed{}, problem
		}
		if experimentNameTaken(document, *body.Name, "") {
			return changed{}, failed(CodeExperimentNameTaken, "")
		}
		made := engine.Experiment{
			ID: id, Name: *body.Name, Description: optional(body.Description), FeatureFlagID: flag.ID,
			AuthenticationFlow: body.AuthenticationFlow, Strategy: body.Strategy, AssignmentConfig: *body.AssignmentConfig,
			Status: engine.ExperimentDraft, Allocations: body.Allocations, CreatedAt: c.stamp(), UpdatedAt: c.stamp(),
		}
		document.Experiments = append(document.Experiments, made)
		return changed{answer: entity(http.StatusCreated, viewExperiment(&made, flag, engine.Efforts(document))), id: id}, nil
	})
}

func updateExperiment(c *call) (answer, *refusal) {
	body, problem := decoded(c, func(text []byte) (engine.ExperimentBody, error) {
		return engine.DecodeExperimentBody(text, engine.Patch)
	})
	if problem == nil && len(body.Allocations) > MaxAllocations {
		problem = failed(CodeExperimentAllocationLimit, "")
	}
	if problem != nil {
		return answer{}, problem
	}
	return c.change(func(document *engine.Document) (changed, *refusal) {
		e, flag, problem := c.expectedExperiment(document)
		if problem != nil {
			return changed{}, problem
		}
		if body.Allocations != nil {
			if e.Status == engine.ExperimentActive {
				return changed{}, failed(CodeExperimentRequiresPause, "")
			}
			if problem := checkAllocations(document, flag, body.Allocations); problem != nil {
				return changed{}, problem
			}
			reallocate(e, body.Allocations)
		}
		if body.Name != nil {
			if experimentNameTaken(document, *body.Name, e.ID) {
				return changed{}, failed(CodeExperimentNameTaken, "")
			}
			e.Name = *body.Name
		}
		if body.Description != nil {
			e.Description = *body.Description
		}
		if body.AssignmentConfig != nil {
			e.AssignmentConfig = *body.AssignmentConfig
		}
		e.UpdatedAt = c.stamp()
		return changed{answer: entity(http.StatusOK, viewExperiment(e, flag, engine.Efforts(document))), id: e.ID}, nil
	})
}

func deleteExperiment(c *call) (answer, *refusal) {
	return c.change(func(document *engine.Document) (changed, *refusal) {
		if _, _, problem := findExperiment(document, c.id()); problem != nil {
			return changed{answer: noContent, nothing: true}, nil
		}
		e, _, problem := c.expectedExperiment(document)
		if problem != nil {
			return changed{}, problem
		}
		if e.Status == engine.ExperimentActive {
			return changed{}, failed(CodeExperimentActive, "")
		}
		id := e.ID
		document.Experiments = slices.DeleteFunc(document.Experiments, func(e engine.Experiment) bool { return e.ID == id })
		return changed{answer: noContent, id: id}, nil
	})
}

// findExperiment gives an experiment with its flag.
func findExperiment(document *engine.Document, id string) (*engine.Experiment, *engine.FeatureFlag, *refusal) {
	for i := range document.Experiments {
		if e := &document.Experiments[i]; e.ID == id {
			flag, problem := findFlag(document, e.FeatureFlagID)
			return e, flag, problem
		}
	}
	return nil, nil, failed(CodeExperimentNotFound, "")
}

// expectedExperiment gives the experiment that the call wants to change, if it
// is as the call expects it.
func (c *call) expectedExperiment(document *engine.Document) (*engine.Experiment, *engine.FeatureFlag, *refusal) {
	e, flag, problem := findExperiment(document, c.id())
	if problem != nil {
		return nil, nil, problem
	}
	return e, flag, c.expected(viewExperiment(e, flag, engine.Efforts(document)))
}

func experimentNameTaken(document *engine.Document, name, except string) bool {
	return slices.ContainsFunc(document.Experiments, func(e engine.Experiment) bool { return e.Name == name && e.ID != except })
}

// checkAllocations checks what allocations refer to.
func checkAllocations(document *engine.Document, flag *engine.FeatureFlag, allocations []engine.Allocation) *refusal {
	for i, allocation := range allocations {
		if _, problem := findVariation(flag, allocation.VariationID); problem != nil {
			return failed(engine.CodeForeignVariation, "Variation does not belong to the referenced feature flag. %s: %s is no variation of %s.",
				engine.FieldPath("allocations", i, "variation_id"), allocation.VariationID, flag.ID)
		}
		if allocation.SegmentID == "" {
			continue
		}
		if _, problem := findSegment(document, allocation.SegmentID); problem != nil {
			return failed(CodeExperimentSegmentUnknown, "Segment not found. %s: there is no segment %s.",
				engine.FieldPath("allocations", i, "segment_id"), allocation.SegmentID)
		}
	}
	return nil
}
