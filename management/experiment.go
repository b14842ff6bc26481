package management

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// MaxAllocations is how many allocations an experiment may have.
const MaxAllocations = 20

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
	viewer := newViewer(document)
	for _, e := range experiments {
		list.Experiments = append(list.Experiments, viewer.experiment(e))
	}
	return answer{status: http.StatusOK, body: list}, nil
}

func getExperiment(c *call) (answer, *refusal) {
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	e, _, problem := findExperiment(document, c.id())
	if problem != nil {
		return answer{}, problem
	}
	return entity(http.StatusOK, viewExperiment(document, e)), nil
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
			AuthenticationFlow: body.AuthenticationFlow, Strategy: body.Strategy, Levels: body.Levels,
			AssignmentConfig: engine.AssignmentConfig{Subject: engine.SubjectDevice},
			Status:           engine.ExperimentDraft, Allocations: body.Allocations, CreatedAt: c.stamp(), UpdatedAt: c.stamp(),
		}
		if body.AssignmentConfig != nil {
			made.AssignmentConfig = *body.AssignmentConfig
		}
		if flag.Type == engine.TypeAuth0 {
			made.DefaultConfig = engine.DefaultConfigTenant
		}
		if problem := setDefaultConfig(&made, flag, body.DefaultConfig); problem != nil {
			return changed{}, problem
		}
		document.Experiments = append(document.Experiments, made)
		return changed{answer: entity(http.StatusCreated, viewExperiment(document, &made)), id: id}, nil
	})
}

// updateExperiment makes the edits first and then the transition, in one write.
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
		if problem := editExperiment(document, e, flag, &body); problem != nil {
			return changed{}, problem
		}
		if body.Status != "" && body.Status == e.Status && body.OnlyStatus() {
			return changed{answer: entity(http.StatusOK, viewExperiment(document, e)), nothing: true}, nil
		}
		if body.Status != "" && body.Status != e.Status {
			if problem := c.transition(document, e, flag, body.Status); problem != nil {
				return changed{}, problem
			}
		}
		e.UpdatedAt = c.stamp()
		return changed{answer: entity(http.StatusOK, viewExperiment(document, e)), id: e.ID}, nil
	})
}

// editExperiment makes the changes that a body asks for, apart from the status.
func editExperiment(document *engine.Document, e *engine.Experiment, flag *engine.FeatureFlag, body *engine.ExperimentBody) *refusal {
	if body.Allocations != nil {
		if e.Status == engine.ExperimentActive {
			return failed(CodeExperimentRequiresPause, "")
		}
		if problem := checkAllocations(document, flag, body.Allocations); problem != nil {
			return problem
		}
		reallocate(e, body.Allocations)
	}
	if body.Name != nil {
		if experimentNameTaken(document, *body.Name, e.ID) {
			return failed(CodeExperimentNameTaken, "")
		}
		e.Name = *body.Name
	}
	if body.Description != nil {
		e.Description = *body.Description
	}
	if body.AssignmentConfig != nil {
		e.AssignmentConfig = *body.AssignmentConfig
	}
	return editDraft(e, flag, body)
}

// editDraft makes the changes that only a draft takes. Another experiment does not
// mind them if they are what it has already.
func editDraft(e *engine.Experiment, flag *engine.FeatureFlag, body *engine.ExperimentBody) *refusal {
	fixed := func(field string) *refusal {
		return failed(CodeExperimentRequiresDraft, "%s: can only be changed while the experiment is a draft, it is in %s status.", field, e.Status)
	}
	draft := e.Status == engine.ExperimentDraft
	if flow := body.AuthenticationFlow; flow != "" && flow != e.AuthenticationFlow {
		if !slices.Contains(engine.Flows, flow) { // one generation has no other, the other changes none
			return failed(CodeInvalidBody, "Invalid request body. authentication_flow: cannot be changed to %q, only to one of %s.",
				clip(flow), strings.Join(engine.Flows, ", "))
		}
		if !draft {
			return fixed("authentication_flow")
		}
		e.AuthenticationFlow = flow
	}
	if body.Levels != nil && !slices.Equal(body.Levels, e.Levels) {
		if !draft {
			return fixed("levels")
		}
		e.Levels, e.CurrentLevel = body.Levels, nil
	}
	if body.DefaultConfig != "" && body.DefaultConfig != e.DefaultConfig && !draft {
		return fixed("default_config")
	}
	return setDefaultConfig(e, flag, body.DefaultConfig)
}

// setDefaultConfig sets where an experiment takes the parameters from that are not
// overridden, which there is no choice of for flags of one's own.
func setDefaultConfig(e *engine.Experiment, flag *engine.FeatureFlag, config engine.DefaultConfig) *refusal {
	switch {
	case config == "":
		return nil
	case flag.Type != engine.TypeAuth0:
		return failed(CodeExperimentDefaultConfig, "default_config: feature flag %s is not managed by Auth0; leave the field out.", flag.ID)
	}
	e.DefaultConfig = config
	return nil
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
	return e, flag, c.expected(viewExperiment(document, e))
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
		at, problem := findSegment(document, allocation.SegmentID)
		if problem != nil {
			return failed(CodeExperimentSegmentUnknown, "Segment not found. %s: there is no segment %s.",
				engine.FieldPath("allocations", i, "segment_id"), allocation.SegmentID)
		}
		if document.Segments[at].Status == engine.SegmentArchived {
			return failed(engine.CodeSegmentArchived, "%s: segment %s is archived; name an active one.",
				engine.FieldPath("allocations", i, "segment_id"), allocation.SegmentID)
		}
	}
	return nil
}
