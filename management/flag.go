package management

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// flagView is a feature flag as the API shows it: without its variations.
type flagView struct {
	ID          string                      `json:"id"`
	Name        string                      `json:"name"`
	Description string                      `json:"description,omitempty"`
	Type        engine.EntityType           `json:"type"`
	Status      engine.FlagStatus           `json:"status"`
	Parameters  map[string]engine.Parameter `json:"parameters,omitempty"`
	CreatedAt   time.Time                   `json:"created_at"`
	UpdatedAt   time.Time                   `json:"updated_at"`
}

func viewFlag(flag *engine.FeatureFlag) flagView {
	view := flagView{
		ID: flag.ID, Name: flag.Name, Description: flag.Description, Type: flag.Type, Status: flag.Status,
		Parameters: flag.Parameters, CreatedAt: moment(flag.CreatedAt), UpdatedAt: moment(flag.UpdatedAt),
	}
	setDefault(&view.Type, engine.TypeSelf)
	return view
}

func listFlags(c *call) (answer, *refusal) {
	values, problem := c.query("from", "take", "type", "status")
	if problem != nil {
		return answer{}, problem
	}
	kind, problem := choice(values, "type", engine.TypeAuth0, engine.TypeSelf)
	if problem != nil {
		return answer{}, problem
	}
	status, problem := choice(values, "status", engine.FlagDraft, engine.FlagActive, engine.FlagArchived)
	if problem != nil {
		return answer{}, problem
	}
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	flags, next, problem := page(values, document.FeatureFlags,
		func(flag *engine.FeatureFlag) position { return placed(flag.CreatedAt, flag.ID) },
		func(flag *engine.FeatureFlag) bool {
			return (kind == "" || viewFlag(flag).Type == kind) && (status == "" || flag.Status == status)
		})
	if problem != nil {
		return answer{}, problem
	}
	list := struct {
		FeatureFlags []flagView `json:"feature_flags"`
		Next         string     `json:"next,omitempty"`
	}{make([]flagView, 0, len(flags)), next}
	for _, flag := range flags {
		list.FeatureFlags = append(list.FeatureFlags, viewFlag(flag))
	}
	return answer{status: http.StatusOK, body: list}, nil
}

func getFlag(c *call) (answer, *refusal) {
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	flag, problem := findFlag(document, c.id())
	if problem != nil {
		return answer{}, problem
	}
	return entity(http.StatusOK, viewFlag(flag)), nil
}

func createFlag(c *call) (answer, *refusal) {
	body, problem := decoded(c, func(text []byte) (engine.FlagBody, error) {
		return engine.DecodeFlagBody(text, engine.Create)
	})
	if problem == nil {
		problem = checkParameters(body.Parameters)
	}
	if problem != nil {
		return answer{}, problem
	}
	id := newID(engine.FlagPrefix)
	return c.change(func(document *engine.Document) (changed, *refusal) {
		flag := engine.FeatureFlag{
			ID: id, Name: *body.Name, Description: optional(body.Description), Type: engine.TypeSelf, Status: engine.FlagDraft,
			Parameters: body.Parameters, CreatedAt: c.stamp(), UpdatedAt: c.stamp(),
		}
		if flagNameTaken(document, flag.Name, "") {
			return changed{}, failed(CodeFlagNameTaken, "")
		}
		document.FeatureFlags = append(document.FeatureFlags, flag)
		if problem := c.fits(document, &flag); problem != nil {
			return changed{}, problem
		}
		return changed{answer: entity(http.StatusCreated, viewFlag(&flag)), id: id}, nil
	})
}

func updateFlag(c *call) (answer, *refusal) {
	body, problem := decoded(c, func(text []byte) (engine.FlagBody, error) {
		return engine.DecodeFlagBody(text, engine.Patch)
	})
	if problem == nil {
		problem = checkParameters(body.Parameters)
	}
	if problem != nil {
		return answer{}, problem
	}
	return c.change(func(document *engine.Document) (changed, *refusal) {
		flag, problem := c.ownFlag(document)
		if problem != nil {
			return changed{}, problem
		}
		if body.Name != nil {
			if flagNameTaken(document, *body.Name, flag.ID) {
				return changed{}, failed(CodeFlagNameTaken, "")
			}
			flag.Name = *body.Name
		}
		if body.Description != nil {
			flag.Description = *body.Description
		}
		if body.Parameters != nil {
			if problem := overridden(flag, body.Parameters); problem != nil {
				return changed{}, problem
			}
			flag.Parameters = body.Parameters
			if problem := c.fits(document, flag); problem != nil {
				return changed{}, problem
			}
		}
		flag.UpdatedAt = c.stamp()
		return changed{answer: entity(http.StatusOK, viewFlag(flag)), id: flag.ID}, nil
	})
}

// deleteFlag deletes a flag that no experiment which is not archived refers to.
// The archived ones that do go with it: they cannot exist without their flag.
func deleteFlag(c *call) (answer, *refusal) {
	return c.change(func(document *engine.Document) (changed, *refusal) {
		if _, problem := findFlag(document, c.id()); problem != nil {
			return changed{answer: noContent, nothing: true}, nil
		}
		flag, problem := c.ownFlag(document)
		if problem != nil {
			return changed{}, problem
		}
		id := flag.ID
		var removed []string
		for i := range document.Experiments {
			e := &document.Experiments[i]
			if e.FeatureFlagID != id {
				// A person can have allocated the flag's variations elsewhere.
				for _, v := range flag.Variations {
					if problem := releaseVariation(e, v.ID, CodeFlagInUse); problem != nil {
						return changed{}, problem
					}
				}
				continue
			}
			if e.Status != engine.ExperimentArchived {
				return changed{}, failed(CodeFlagInUse, "")
			}
			removed = append(removed, e.ID)
		}
		document.Experiments = slices.DeleteFunc(document.Experiments, func(e engine.Experiment) bool { return e.FeatureFlagID == id })
		document.FeatureFlags = slices.DeleteFunc(document.FeatureFlags, func(f engine.FeatureFlag) bool { return f.ID == id })
		return changed{answer: noContent, id: id, removed: removed}, nil
	})
}

func updateFlagStatus(c *call) (answer, *refusal) {
	status, problem := decoded(c, func(text []byte) (engine.FlagStatus, error) {
		return engine.DecodeStatusBody(text, engine.FlagDraft, engine.FlagActive, engine.FlagArchived)
	})
	if problem != nil {
		return answer{}, problem
	}
	return c.change(func(document *engine.Document) (changed, *refusal) {
		flag, problem := c.ownFlag(document)
		if problem != nil {
			return changed{}, problem
		}
		switch {
		case status == engine.FlagActive && flag.Status == engine.FlagDraft:
			if len(flag.Variations) < 2 {
				return changed{}, failed(CodeFlagTooFew, "")
			}
		case status == engine.FlagArchived && flag.Status != engine.FlagArchived:
		default:
			return changed{}, failed(CodeFlagTransition, "Status transition is not allowed: %s to %s.", flag.Status, status)
		}
		flag.Status, flag.UpdatedAt = status, c.stamp()
		return changed{answer: entity(http.StatusOK, viewFlag(flag)), id: flag.ID}, nil
	})
}

func findFlag(document *engine.Document, id string) (*engine.FeatureFlag, *refusal) {
	for i := range document.FeatureFlags {
		if document.FeatureFlags[i].ID == id {
			return &document.FeatureFlags[i], nil
		}
	}
	return nil, failed(CodeFlagNotFound, "")
}

// ownFlag gives the flag that the call wants to change, if it may.
func (c *call) ownFlag(document *engine.Document) (*engine.FeatureFlag, *refusal) {
	flag, problem := findFlag(document, c.id())
	if problem != nil {
		return nil, problem
	}
	if flag.Type == engine.TypeAuth0 {
		return nil, failed(CodeFlagNotModifiable, "")
	}
	return flag, c.expected(viewFlag(flag))
}

func flagNameTaken(document *engine.Document, name, except string) bool {
	return slices.ContainsFunc(document.FeatureFlags, func(f engine.FeatureFlag) bool { return f.Name == name && f.ID != except })
}

// checkParameters checks what the decoder leaves open, in the order of names.
func checkParameters(parameters map[string]engine.Parameter) *refusal {
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		parameter, at := parameters[name], engine.FieldPath("parameters", name, "value")
		if got := typeOf(parameter.Value); got != parameter.Type {
			setDefault(&got, "null")
			return failed(CodeParameterType, "Parameter value does not match the declared type. %s: must be of type %s, is %s.", at, parameter.Type, got)
		}
		if tooLarge(parameter.Value) {
			return failed(CodeParameterTooLarge, "Parameter value exceeds maximum size of 1KB. %s: must be at most %d bytes of JSON.", at, MaxValue)
		}
	}
	return nil
}

// overridden refuses new parameters that would leave an override without one, or
// with another type: what a running experiment serves must not vanish by the way.
func overridden(flag *engine.FeatureFlag, parameters map[string]engine.Parameter) *refusal {
	for _, v := range flag.Variations {
		for _, name := range slices.Sorted(maps.Keys(v.Overrides)) {
			switch parameter, there := parameters[name]; {
			case !there:
				return failed(CodeParameterOverridden, "%s: cannot be removed, variation %s overrides it.", engine.FieldPath("parameters", name), v.ID)
			case parameter.Type != flag.Parameters[name].Type:
				return failed(CodeParameterOverridden, "%s: cannot be of another type, variation %s overrides it.", engine.FieldPath("parameters", name, "type"), v.ID)
			}
		}
	}
	return nil
}

// fits refuses a flag that has a variation whose header would be left out by the
// edges. Where no experiment uses the flag yet, one with an id of our own making
// is assumed.
func (c *call) fits(document *engine.Document, flag *engine.FeatureFlag) *refusal {
	longest := engine.ExperimentPrefix + base58[:idLength]
	for i := range document.Experiments {
		if e := &document.Experiments[i]; e.FeatureFlagID == flag.ID && len(e.ID) > len(longest) {
			longest = e.ID
		}
	}
	variation, size := engine.LargestHeader(flag, longest)
	if size <= c.api.config.HeaderBudget {
		return nil
	}
	if variation == "" {
		variation = "the baseline"
	}
	return failed(CodeFlagHeaderTooLarge, "The merged configuration of %s would make a header of %d bytes; it may have %d.", variation, size, c.api.config.HeaderBudget)
}
