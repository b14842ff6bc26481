package management

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// MaxVariations is how many variations a flag may have; as many as an experiment
// may have allocations.
const MaxVariations = 20

// variationView is a variation as the API shows it.
type variationView struct {
	ID            string                     `json:"id"`
	FeatureFlagID string                     `json:"feature_flag_id"`
	Name          string                     `json:"name"`
	Description   string                     `json:"description,omitempty"`
	Overrides     map[string]engine.Override `json:"overrides"`
	CreatedAt     time.Time                  `json:"created_at"`
	UpdatedAt     time.Time                  `json:"updated_at"`
}

func viewVariation(flag *engine.FeatureFlag, v *engine.Variation) variationView {
	return variationView{
		ID: v.ID, FeatureFlagID: flag.ID, Name: v.Name, Description: v.Description, Overrides: v.Overrides,
		CreatedAt: moment(v.CreatedAt), UpdatedAt: moment(v.UpdatedAt),
	}
}

func listVariations(c *call) (answer, *refusal) {
	if _, problem := c.query(); problem != nil {
		return answer{}, problem
	}
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	flag, problem := findFlag(document, c.id())
	if problem != nil {
		return answer{}, problem
	}
	list := struct {
		Variations []variationView `json:"variations"`
	}{make([]variationView, 0, len(flag.Variations))}
	for i := range flag.Variations {
		list.Variations = append(list.Variations, viewVariation(flag, &flag.Variations[i]))
	}
	return answer{status: http.StatusOK, body: list}, nil
}

func getVariation(c *call) (answer, *refusal) {
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	flag, problem := findFlag(document, c.id())
	if problem != nil {
		return answer{}, problem
	}
	i, problem := findVariation(flag, c.request.PathValue("vid"))
	if problem != nil {
		return answer{}, problem
	}
	return entity(http.StatusOK, viewVariation(flag, &flag.Variations[i])), nil
}

func createVariation(c *call) (answer, *refusal) {
	body, problem := decoded(c, func(text []byte) (engine.VariationBody, error) {
		return engine.DecodeVariationBody(text, engine.Create)
	})
	if problem != nil {
		return answer{}, problem
	}
	id := newID(engine.VariationPrefix)
	return c.change(func(document *engine.Document) (changed, *refusal) {
		flag, problem := findFlag(document, c.id())
		if problem != nil {
			return changed{}, problem
		}
		if flag.Type == engine.TypeAuth0 {
			return changed{}, failed(CodeFlagNotModifiable, "")
		}
		if problem := checkOverrides(flag, body.Overrides); problem != nil {
			return changed{}, problem
		}
		if variationNameTaken(flag, *body.Name, "") {
			return changed{}, failed(CodeVariationNameTaken, "")
		}
		if len(flag.Variations) >= MaxVariations {
			return changed{}, failed(CodeFlagVariationLimit, "Feature flag variation limit exceeded. A flag may have %d variations.", MaxVariations)
		}
		flag.Variations = append(flag.Variations, engine.Variation{
			ID: id, Name: *body.Name, Description: optional(body.Description), Overrides: body.Overrides,
			CreatedAt: c.stamp(), UpdatedAt: c.stamp(),
		})
		if problem := c.fits(document, flag); problem != nil {
			return changed{}, problem
		}
		made := &flag.Variations[len(flag.Variations)-1]
		return changed{answer: entity(http.StatusCreated, viewVariation(flag, made)), id: id}, nil
	})
}

func updateVariation(c *call) (answer, *refusal) {
	body, problem := decoded(c, func(text []byte) (engine.VariationBody, error) {
		return engine.DecodeVariationBody(text, engine.Patch)
	})
	if problem != nil {
		return answer{}, problem
	}
	return c.change(func(document *engine.Document) (changed, *refusal) {
		flag, problem := findFlag(document, c.id())
		if problem != nil {
			return changed{}, problem
		}
		i, problem := findVariation(flag, c.request.PathValue("vid"))
		if problem != nil {
			return changed{}, problem
		}
		if flag.Type == engine.TypeAuth0 {
			return changed{}, failed(CodeFlagNotModifiable, "")
		}
		v := &flag.Variations[i]
		if problem := c.expected(viewVariation(flag, v)); problem != nil {
			return changed{}, problem
		}
		if body.Name != nil {
			if variationNameTaken(flag, *body.Name, v.ID) {
				return changed{}, failed(CodeVariationNameTaken, "")
			}
			v.Name = *body.Name
		}
		if body.Description != nil {
			v.Description = *body.Description
		}
		if body.Overrides != nil {
			if problem := checkOverrides(flag, body.Overrides); problem != nil {
				return changed{}, problem
			}
			v.Overrides = body.Overrides
			if problem := c.fits(document, flag); problem != nil {
				return changed{}, problem
			}
		}
		v.UpdatedAt = c.stamp()
		return changed{answer: entity(http.StatusOK, viewVariation(flag, v)), id: v.ID}, nil
	})
}

// deleteVariation deletes a variation that no experiment which is not archived
// gives to anybody, unless it is its flag's last.
func deleteVariation(c *call) (answer, *refusal) {
	return c.change(func(document *engine.Document) (changed, *refusal) {
		flag, problem := findFlag(document, c.id())
		if problem != nil {
			return changed{}, problem
		}
		i, problem := findVariation(flag, c.request.PathValue("vid"))
		if problem != nil {
			return changed{answer: noContent, nothing: true}, nil
		}
		if flag.Type == engine.TypeAuth0 {
			return changed{}, failed(CodeFlagNotModifiable, "")
		}
		id := flag.Variations[i].ID
		if problem := c.expected(viewVariation(flag, &flag.Variations[i])); problem != nil {
			return changed{}, problem
		}
		for j := range document.Experiments {
			if problem := releaseVariation(&document.Experiments[j], id, CodeVariationInUse); problem != nil {
				return changed{}, problem
			}
		}
		if len(flag.Variations) == 1 {
			return changed{}, failed(CodeFlagLastVariation, "")
		}
		flag.Variations = slices.Delete(flag.Variations, i, i+1)
		return changed{answer: noContent, id: id}, nil
	})
}

// releaseVariation takes a variation that is being deleted out of an archived
// experiment. Any other experiment holds on to it: that is the refusal of the
// given code.
func releaseVariation(e *engine.Experiment, id, code string) *refusal {
	allocated := func(a engine.Allocation) bool { return a.VariationID == id }
	if e.Status != engine.ExperimentArchived {
		if slices.ContainsFunc(e.Allocations, allocated) {
			return failed(code, "")
		}
		if servesOutside(e, id) {
			return failed(code, "%s Experiment %s serves %s to those outside of it.", codes[code].Message, e.ID, id)
		}
		return nil
	}
	if slices.ContainsFunc(e.Allocations, allocated) {
		reallocate(e, slices.DeleteFunc(e.Allocations, allocated))
	}
	return nil
}

// servesOutside reports whether an experiment serves a variation, now or in the
// iteration that is prepared, to those whom its allocations leave over.
func servesOutside(e *engine.Experiment, id string) bool {
	for _, it := range []*engine.Iteration{e.CurrentIteration(), preparedIteration(e)} {
		if it != nil && it.Flag != nil && it.Flag.NotInExperimentVariationID == id {
			return true
		}
	}
	return false
}

func findVariation(flag *engine.FeatureFlag, id string) (int, *refusal) {
	i := slices.IndexFunc(flag.Variations, func(v engine.Variation) bool { return v.ID == id })
	if i < 0 {
		return 0, failed(CodeVariationNotFound, "")
	}
	return i, nil
}

func variationNameTaken(flag *engine.FeatureFlag, name, except string) bool {
	return slices.ContainsFunc(flag.Variations, func(v engine.Variation) bool { return v.Name == name && v.ID != except })
}

// checkOverrides checks overrides against the parameters of their flag, in the
// order of names.
func checkOverrides(flag *engine.FeatureFlag, overrides map[string]engine.Override) *refusal {
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		value, at := overrides[name].Value, engine.FieldPath("overrides", name, "value")
		parameter, known := flag.Parameters[name]
		if !known {
			return failed(CodeOverrideUnknown, "Invalid override key. %s: the feature flag has no such parameter.", engine.FieldPath("overrides", name))
		}
		if got := typeOf(value); got != parameter.Type {
			setDefault(&got, "null")
			return failed(CodeOverrideType, "Override value type does not match the parameter type. %s: must be of type %s, is %s.", at, parameter.Type, got)
		}
		if tooLarge(value) {
			return failed(CodeOverrideTooLarge, "Override value exceeds maximum size of 1KB. %s: must be at most %d bytes of JSON.", at, MaxValue)
		}
		if same(value, parameter.Value) {
			return failed(CodeOverrideDefault, "Override value must differ from the feature flag parameter default value. %s: leave it out to serve the default.", at)
		}
	}
	return nil
}
