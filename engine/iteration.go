package engine

import (
	"strings"
	"time"
)

// Iteration is one run of an experiment, from its start to its end: what is
// analysed together. It is history. What its variations, metrics and flag refer to
// may be gone, and its treatments are those it started with.
type Iteration struct {
	ID         string               `json:"id"`
	Status     IterationStatus      `json:"status"`
	Hypothesis string               `json:"hypothesis,omitempty"`
	CreatedAt  *time.Time           `json:"created_at,omitempty"`
	StartedAt  *time.Time           `json:"started_at,omitempty"`
	EndedAt    *time.Time           `json:"ended_at,omitempty"`
	Treatments []IterationTreatment `json:"treatments,omitempty"`
	Metrics    []IterationMetric    `json:"metrics,omitempty"`
	// PrimaryMetric is a metric's key, PrimaryGroup a metric group's. At most one
	// of them is given.
	PrimaryMetric     string         `json:"primary_metric,omitempty"`
	PrimaryGroup      string         `json:"primary_group,omitempty"`
	Flag              *IterationFlag `json:"flag,omitempty"`
	RandomizationUnit string         `json:"randomization_unit,omitempty"`
	// Attributes are those that the results may be divided by.
	Attributes          []string `json:"attributes,omitempty"`
	CanReshuffleTraffic *bool    `json:"can_reshuffle_traffic,omitempty"`
	WinningVariationID  string   `json:"winning_variation_id,omitempty"`
	WinningReason       string   `json:"winning_reason,omitempty"`
	// Salt is appended to the experiment's id when subjects are bucketed, so that
	// an iteration can have other buckets than the one before it.
	Salt string `json:"salt,omitempty"`
	// Shares are the ranges of buckets in their order, where they are not simply
	// the allocations' weights one after the other. They are in force as long as
	// they give every variation what the allocations give it.
	Shares []Share `json:"shares,omitempty"`
}

// IterationTreatment is a variation that an iteration started with.
type IterationTreatment struct {
	VariationID string `json:"variation_id"`
	Name        string `json:"name,omitempty"`
	Baseline    bool   `json:"baseline,omitempty"`
	Weight      Weight `json:"weight"`
}

// IterationMetric is a metric, or a group of them, that an iteration measures.
type IterationMetric struct {
	Key     string `json:"key"`
	IsGroup bool   `json:"is_group,omitempty"`
}

// IterationFlag is what an iteration recorded of its feature flag.
type IterationFlag struct {
	Key           string `json:"key"`
	RuleID        string `json:"rule_id"`
	ConfigVersion int64  `json:"config_version"`
	// NotInExperimentVariationID is the variation of the subjects that the
	// allocations leave over. With it the weights may sum to less than 100.
	NotInExperimentVariationID string `json:"not_in_experiment_variation_id,omitempty"`
}

// Share is a range of buckets that goes to a variation.
type Share struct {
	VariationID string `json:"variation_id"`
	Weight      Weight `json:"weight"`
}

// IterationStatus is where an iteration is in its life.
type IterationStatus string

// The statuses of iterations.
const (
	IterationNotStarted IterationStatus = "not_started"
	IterationRunning    IterationStatus = "running"
	IterationStopped    IterationStatus = "stopped"
)

// FirstIterationID is the id of an experiment's first iteration, recorded or
// not, so that what happens in an experiment whose document has no iterations
// belongs to one too.
func FirstIterationID(experimentID string) string {
	return IterationPrefix + strings.TrimPrefix(experimentID, ExperimentPrefix)
}

// CurrentIteration is the iteration that is running, else the last one that was
// started; nil if none is recorded as started.
func (e *Experiment) CurrentIteration() *Iteration {
	if running := e.lastIteration(IterationRunning); running != nil {
		return running
	}
	return e.lastIteration(IterationStopped)
}

// iterationInForce is the iteration whose settings count: the current one. A
// draft that has not run has those that it would start with.
func (e *Experiment) iterationInForce() *Iteration {
	current := e.CurrentIteration()
	if current == nil && e.Status == ExperimentDraft {
		return e.lastIteration(IterationNotStarted)
	}
	return current
}

// currentIterationID is the id of what is going on, recorded or not.
func (e *Experiment) currentIterationID() string {
	if iteration := e.iterationInForce(); iteration != nil {
		return iteration.ID
	}
	return FirstIterationID(e.ID)
}

func (e *Experiment) lastIteration(status IterationStatus) *Iteration {
	for i := len(e.Iterations) - 1; i >= 0; i-- {
		if e.Iterations[i].Status == status {
			return &e.Iterations[i]
		}
	}
	return nil
}
