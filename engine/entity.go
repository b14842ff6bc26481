package engine

import (
	"bytes"
	"encoding/json"
	"time"
)

// Document is one tenant's whole configuration, as a file, the shared store and
// the management API write it. The zero value is a valid, empty configuration.
type Document struct {
	// Revision counts the committed changes of this document. A document that
	// a person writes may leave it out.
	Revision           uint64              `json:"revision,omitempty"`
	FeatureFlags       []FeatureFlag       `json:"feature_flags"`
	Segments           []Segment           `json:"segments"`
	Experiments        []Experiment        `json:"experiments"`
	Metrics            []Metric            `json:"metrics,omitempty"`
	MetricGroups       []MetricGroup       `json:"metric_groups,omitempty"`
	RandomizationUnits []RandomizationUnit `json:"randomization_units,omitempty"`
}

// FeatureFlag is the configuration surface of an experiment: typed parameters
// with their baseline values, and the variations that override them.
type FeatureFlag struct {
	ID          string               `json:"id"`
	Name        string               `json:"name"`
	Description string               `json:"description,omitempty"`
	Type        EntityType           `json:"type,omitempty"`
	Status      FlagStatus           `json:"status"`
	Parameters  map[string]Parameter `json:"parameters"`
	Variations  []Variation          `json:"variations"`
	CreatedAt   *time.Time           `json:"created_at,omitempty"`
	UpdatedAt   *time.Time           `json:"updated_at,omitempty"`
}

// Parameter is one typed setting of a feature flag with its baseline value.
type Parameter struct {
	Type        ParameterType   `json:"type"`
	Value       json.RawMessage `json:"value"`
	Description string          `json:"description,omitempty"`
}

// Variation is a named set of overrides over its flag's baseline. One without
// overrides is the baseline itself.
type Variation struct {
	ID          string              `json:"id"`
	Name        string              `json:"name"`
	Description string              `json:"description,omitempty"`
	Overrides   map[string]Override `json:"overrides"`
	CreatedAt   *time.Time          `json:"created_at,omitempty"`
	UpdatedAt   *time.Time          `json:"updated_at,omitempty"`
}

// Override replaces the baseline value of one parameter. It has the type that
// the flag declares for it.
type Override struct {
	Value json.RawMessage `json:"value"`
}

// Segment is a named audience: a request belongs to it when any rule holds.
type Segment struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	Type        EntityType `json:"type,omitempty"`
	// Status is active if it is empty.
	Status    SegmentStatus `json:"status,omitempty"`
	Rules     []Rule        `json:"rules"`
	CreatedAt *time.Time    `json:"created_at,omitempty"`
	UpdatedAt *time.Time    `json:"updated_at,omitempty"`
}

// Rule holds when every condition of Match is true and no condition of
// NotMatch is.
type Rule struct {
	Match    map[Attribute]Expression `json:"match,omitempty"`
	NotMatch map[Attribute]Expression `json:"not_match,omitempty"`
}

// Experiment splits the requests of one authentication flow over the
// variations of one feature flag.
type Experiment struct {
	ID string `json:"id"`
	// Key is a name for addresses. It may be empty, and is unique otherwise.
	Key                string           `json:"key,omitempty"`
	Name               string           `json:"name"`
	Description        string           `json:"description,omitempty"`
	FeatureFlagID      string           `json:"feature_flag_id"`
	AuthenticationFlow string           `json:"authentication_flow"`
	Strategy           Strategy         `json:"allocation_strategy"`
	AssignmentConfig   AssignmentConfig `json:"assignment_config"`
	Status             ExperimentStatus `json:"status"`
	IsValid            *bool            `json:"is_valid,omitempty"`
	// DefaultConfig is empty for flags of one's own.
	DefaultConfig DefaultConfig `json:"default_config,omitempty"`
	Allocations   []Allocation  `json:"allocations"`
	// Levels is the schedule of a ramp, rising, in percent of the subjects; none:
	// everybody is in.
	Levels []int `json:"levels,omitempty"`
	// CurrentLevel is where the ramp stands; nil before the first activation.
	CurrentLevel *int `json:"current_level,omitempty"`
	// Snapshot is what the last activation found.
	Snapshot     *Configuration `json:"snapshot,omitempty"`
	StartedAt    *time.Time     `json:"started_at,omitempty"`
	EndedAt      *time.Time     `json:"ended_at,omitempty"`
	ArchivedAt   *time.Time     `json:"archived_at,omitempty"`
	CreatedAt    *time.Time     `json:"created_at,omitempty"`
	UpdatedAt    *time.Time     `json:"updated_at,omitempty"`
	MaintainerID string         `json:"maintainer_id,omitempty"`
	HoldoutID    string         `json:"holdout_id,omitempty"`
	Tags         []string       `json:"tags,omitempty"`
	// Iterations are in the order in which they were made, the newest last.
	Iterations []Iteration `json:"iterations,omitempty"`
}

// AssignmentConfig says what is bucketed. The only subject is the device.
type AssignmentConfig struct {
	Subject string `json:"subject"`
}

// Allocation gives a variation its share of the subjects (percentage strategy)
// or its audience (segment strategy).
type Allocation struct {
	VariationID string `json:"variation_id"`
	// Weight is the share in percent, percentage strategy only.
	Weight *Weight `json:"weight,omitempty"`
	// SegmentID names the audience, segment strategy only.
	SegmentID string `json:"segment_id,omitempty"`
	// Priority orders the segments, 1 first; an allocation without one comes
	// after all that have one. Segment strategy only.
	Priority  int  `json:"priority,omitempty"`
	IsControl bool `json:"is_control"`
	// IsFallback marks the allocation of requests that no segment matches,
	// segment strategy only.
	IsFallback bool `json:"is_fallback,omitempty"`
}

// EntityType says who manages a flag or segment.
type EntityType string

// FlagStatus is where a feature flag is in its life: draft, active, archived.
type FlagStatus string

// SegmentStatus is where a segment is in its life: active, archived.
type SegmentStatus string

// DefaultConfig says where a flag that Auth0 manages takes the parameters from that
// a variation does not override.
type DefaultConfig string

// ExperimentStatus is where an experiment is in its life.
type ExperimentStatus string

// Strategy says how an experiment's allocations are chosen between.
type Strategy string

// ParameterType is the declared JSON type of a parameter's values.
type ParameterType string

// The words of the closed vocabularies, as they stand in JSON.
const (
	TypeAuth0 EntityType = "auth0"
	TypeSelf  EntityType = "self"

	FlagDraft    FlagStatus = "draft"
	FlagActive   FlagStatus = "active"
	FlagArchived FlagStatus = "archived"

	SegmentActive   SegmentStatus = "active"
	SegmentArchived SegmentStatus = "archived"

	// DefaultConfigTenant leaves them to the identity provider's own configuration,
	// DefaultConfigFlag takes the flag's.
	DefaultConfigTenant DefaultConfig = "tenant"
	DefaultConfigFlag   DefaultConfig = "flag"

	ExperimentDraft     ExperimentStatus = "draft"
	ExperimentActive    ExperimentStatus = "active"
	ExperimentPaused    ExperimentStatus = "paused"
	ExperimentCompleted ExperimentStatus = "completed"
	ExperimentArchived  ExperimentStatus = "archived"

	StrategyPercentage Strategy = "percentage"
	StrategySegment    Strategy = "segment"

	TypeString  ParameterType = "string"
	TypeBoolean ParameterType = "boolean"
	TypeNumber  ParameterType = "number"
	TypeArray   ParameterType = "array"
	TypeObject  ParameterType = "object"

	// SubjectDevice is the only subject an experiment can assign.
	SubjectDevice = "device"
	// FlowPreAuthentication is the authentication flow of an experiment that
	// names none: everything up to the end of login or signup.
	FlowPreAuthentication = "pre_authentication"
)

// MarshalJSON writes lists and maps that are nil as empty ones, so that Decode
// reads back every document, however it was made.
func (d Document) MarshalJSON() ([]byte, error) {
	type plain Document // without this method
	d.FeatureFlags = written(d.FeatureFlags, func(flag *FeatureFlag) {
		flag.Variations = written(flag.Variations, func(v *Variation) {
			if v.Overrides == nil {
				v.Overrides = map[string]Override{}
			}
		})
		if flag.Parameters == nil {
			flag.Parameters = map[string]Parameter{}
		}
	})
	d.Segments = written(d.Segments, func(s *Segment) {
		s.Rules = written(s.Rules, func(*Rule) {})
	})
	d.Experiments = written(d.Experiments, func(e *Experiment) {
		e.Allocations = written(e.Allocations, func(*Allocation) {})
	})
	d.MetricGroups = written(d.MetricGroups, func(g *MetricGroup) {
		g.Metrics = written(g.Metrics, func(*GroupedMetric) {})
	})
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // people read it
	err := encoder.Encode(plain(d))
	return text.Bytes(), err
}

// written is a copy of a list that is not nil, with each entry completed.
func written[T any](list []T, complete func(*T)) []T {
	out := append(make([]T, 0, len(list)), list...)
	for i := range out {
		complete(&out[i])
	}
	return out
}
