package engine

import (
	"fmt"
	"slices"
	"strings"
)

// The codes of what keeps an experiment from running.
const (
	CodeFlagNotActive       = "feature_flag_not_active"
	CodeMissingAllocations  = "experiment_missing_allocations"
	CodeForeignVariation    = "variation_not_from_flag"
	CodeMissingControl      = "experiment_missing_control"
	CodeInvalidWeights      = "experiment_invalid_allocation_weights"
	CodeMissingDefault      = "experiment_missing_default"
	CodeMultipleDefaults    = "experiment_multiple_defaults"
	CodeActiveLimitExceeded = "experiment_active_limit_exceeded"

	CodeSegmentsTooExpensive = "experiment_segments_too_expensive"
	CodeSegmentArchived      = "segment_archived"
	CodeFlowNotServed        = "experiment_flow_not_served"
)

// Blocker is one thing that keeps an experiment from assigning anybody.
type Blocker struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Readiness lists everything that keeps an experiment from running by itself:
// is_valid is true when it is empty. efforts are those of the document's
// segments. Other active experiments are not looked at; see Deciding.
func Readiness(e *Experiment, flag *FeatureFlag, efforts map[string]Effort) []Blocker {
	var out []Blocker
	block := func(code, format string, args ...any) {
		out = append(out, Blocker{Code: code, Message: fmt.Sprintf(format, args...)})
	}
	if flag.Status != FlagActive {
		block(CodeFlagNotActive, "feature flag %s is in %s status; it must be active", flag.ID, flag.Status)
	}
	if len(e.Allocations) == 0 {
		block(CodeMissingAllocations, "the experiment has no allocations; it needs at least one")
		return out
	}
	own := make(map[string]bool, len(flag.Variations))
	for i := range flag.Variations {
		own[flag.Variations[i].ID] = true
	}
	var controls, fallbacks int
	var sum Weight
	for _, a := range e.Allocations {
		if !own[a.VariationID] {
			block(CodeForeignVariation, "variation %s does not belong to feature flag %s", a.VariationID, flag.ID)
		}
		if a.IsControl {
			controls++
		}
		if a.IsFallback {
			fallbacks++
		}
		if a.Weight != nil {
			sum += *a.Weight
		}
		if e.Strategy == StrategySegment && efforts[a.SegmentID].Archived {
			block(CodeSegmentArchived, "segment %s is archived; an allocation needs an active one", a.SegmentID)
		}
	}
	if controls != 1 {
		block(CodeMissingControl, "exactly one allocation must have is_control true, %d have", controls)
	}
	switch e.Strategy {
	case StrategyPercentage:
		switch rest := e.NotInExperiment(); {
		case rest == "" && sum != WholeWeight:
			block(CodeInvalidWeights, "the weights must sum to 100, they sum to %s", sum)
		case rest != "" && (sum <= 0 || sum > WholeWeight):
			block(CodeInvalidWeights, "the weights must sum to more than 0 and at most 100, they sum to %s", sum)
		}
	case StrategySegment:
		if fallbacks == 0 {
			block(CodeMissingDefault, "no allocation has is_fallback true; exactly one must have")
		}
		if fallbacks > 1 {
			block(CodeMultipleDefaults, "%d allocations have is_fallback true; exactly one must have", fallbacks)
		}
		if reason := tooExpensive(e, efforts); reason != "" {
			block(CodeSegmentsTooExpensive, "%s", reason)
		}
	}
	return out
}

// Deciding orders the active experiments of the flows that are decided by who
// decides first: the earliest started_at, those without one last, then the smallest
// id. The first ones up to the limit assign subjects, the others none; see
// MayDecide. An experiment that is not ready keeps its place: fixing it must not stop
// another one that took over.
func Deciding(experiments []Experiment) []*Experiment {
	var active []*Experiment
	for i := range experiments {
		if experiments[i].Status == ExperimentActive && FlowBlocker(&experiments[i]) == nil {
			active = append(active, &experiments[i])
		}
	}
	slices.SortFunc(active, func(a, b *Experiment) int {
		switch {
		case a.StartedAt != nil && b.StartedAt != nil:
			if order := a.StartedAt.Compare(*b.StartedAt); order != 0 {
				return order
			}
		case a.StartedAt != nil:
			return -1
		case b.StartedAt != nil:
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	})
	return active
}
