package management

import (
	"encoding/json"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// experimentView is an experiment as the API shows it, to clients of both
// generations of Auth0's API.
type experimentView struct {
	ID                 string                  `json:"id"`
	Name               string                  `json:"name"`
	Description        string                  `json:"description,omitempty"`
	FeatureFlagID      string                  `json:"feature_flag_id"`
	FeatureFlagName    string                  `json:"feature_flag_name"`
	AuthenticationFlow string                  `json:"authentication_flow"`
	Strategy           engine.Strategy         `json:"allocation_strategy"`
	AssignmentConfig   engine.AssignmentConfig `json:"assignment_config"`
	Status             engine.ExperimentStatus `json:"status"`
	IsValid            bool                    `json:"is_valid"`
	DefaultConfig      engine.DefaultConfig    `json:"default_config,omitempty"`
	FlagSnapshot       json.RawMessage         `json:"feature_flag_snapshot"`
	Allocations        []allocationView        `json:"allocations"`
	EditableFields     []string                `json:"editable_fields"`
	Levels             []int                   `json:"levels,omitempty"`
	CurrentLevel       *int                    `json:"current_level"`
	StartedAt          *time.Time              `json:"started_at,omitempty"`
	EndedAt            *time.Time              `json:"ended_at,omitempty"`
	CreatedAt          time.Time               `json:"created_at"`
	UpdatedAt          time.Time               `json:"updated_at"`
}

// allocationView is an allocation with what its ids stand for. The snapshots are of
// the last activation.
type allocationView struct {
	engine.Allocation
	VariationName     string          `json:"variation_name,omitempty"`
	SegmentName       string          `json:"segment_name,omitempty"`
	VariationSnapshot json.RawMessage `json:"variation_snapshot,omitempty"`
	SegmentSnapshot   json.RawMessage `json:"segment_snapshot,omitempty"`
}

// viewer shows the experiments of a document.
type viewer struct {
	flags    map[string]*engine.FeatureFlag
	segments map[string]string // names
	efforts  map[string]engine.Effort
}

func newViewer(document *engine.Document) *viewer {
	v := &viewer{flags: flagsByID(document), segments: make(map[string]string, len(document.Segments)), efforts: engine.Efforts(document)}
	for i := range document.Segments {
		v.segments[document.Segments[i].ID] = document.Segments[i].Name
	}
	return v
}

// experiment works is_valid out anew: a person may have changed the document
// without it.
func (v *viewer) experiment(e *engine.Experiment) experimentView {
	flag := v.flags[e.FeatureFlagID]
	snapshot := engine.Configuration{}
	if e.Snapshot != nil {
		snapshot = *e.Snapshot
	}
	view := experimentView{
		ID: e.ID, Name: e.Name, Description: e.Description, FeatureFlagID: e.FeatureFlagID, FeatureFlagName: flag.Name,
		AuthenticationFlow: e.AuthenticationFlow, Strategy: e.Strategy, AssignmentConfig: e.AssignmentConfig,
		Status: e.Status, IsValid: len(engine.Readiness(e, flag, v.efforts)) == 0,
		FlagSnapshot: snapshot.FeatureFlag, Allocations: make([]allocationView, 0, len(e.Allocations)),
		EditableFields: editableFields(e, flag), Levels: e.Levels, CurrentLevel: e.CurrentLevel,
		StartedAt: e.StartedAt, EndedAt: e.EndedAt, CreatedAt: moment(e.CreatedAt), UpdatedAt: moment(e.UpdatedAt),
	}
	if flag.Type == engine.TypeAuth0 {
		// A document that does not say gets every parameter of the flag.
		view.DefaultConfig = e.DefaultConfig
		setDefault(&view.DefaultConfig, engine.DefaultConfigFlag)
	}
	names := make(map[string]string, len(flag.Variations))
	for i := range flag.Variations {
		names[flag.Variations[i].ID] = flag.Variations[i].Name
	}
	for _, a := range e.Allocations {
		view.Allocations = append(view.Allocations, allocationView{
			Allocation: a, VariationName: names[a.VariationID], SegmentName: v.segments[a.SegmentID],
			VariationSnapshot: snapshot.Variations[a.VariationID], SegmentSnapshot: snapshot.Segments[a.SegmentID],
		})
	}
	return view
}

// viewExperiment shows one experiment of a document.
func viewExperiment(document *engine.Document, e *engine.Experiment) experimentView {
	return newViewer(document).experiment(e)
}

// editableFields are the fields that a PATCH may change in the experiment's status,
// besides the status itself.
func editableFields(e *engine.Experiment, flag *engine.FeatureFlag) []string {
	fields := []string{"name", "description"}
	if e.Status == engine.ExperimentDraft {
		fields = append(fields, "authentication_flow", "levels")
		if flag.Type == engine.TypeAuth0 {
			fields = append(fields, "default_config")
		}
	}
	if e.Status != engine.ExperimentActive {
		fields = append(fields, "allocations")
	}
	return fields
}
