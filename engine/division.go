package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
)

// BucketingKey is what stands behind the subject in the text that is hashed: the
// experiment's id and the salt of its current iteration.
func (e *Experiment) BucketingKey() string {
	if iteration := e.iterationInForce(); iteration != nil {
		return e.ID + iteration.Salt
	}
	return e.ID
}

// Division lists the ranges of buckets in their order: the shares of the current
// iteration if they give every variation what the allocations give it, else the
// allocations' weights. It is empty for the segment strategy.
func (e *Experiment) Division() []Share {
	if e.Strategy != StrategyPercentage {
		return nil
	}
	var out []Share
	for _, a := range e.divided() {
		if a.Weight != nil && *a.Weight > 0 {
			out = append(out, Share{a.VariationID, *a.Weight})
		}
	}
	return out
}

// divided is Division with what the allocations say besides.
func (e *Experiment) divided() []Allocation {
	iteration := e.iterationInForce()
	if iteration == nil || len(iteration.Shares) == 0 {
		return e.Allocations
	}
	given, control := map[string]Weight{}, map[string]bool{}
	for _, a := range e.Allocations {
		if _, known := control[a.VariationID]; !known {
			control[a.VariationID] = a.IsControl
		}
		if a.Weight != nil && *a.Weight > 0 {
			given[a.VariationID] += *a.Weight
		}
	}
	if !maps.Equal(sumByVariation(iteration.Shares), given) {
		return e.Allocations
	}
	out := make([]Allocation, 0, len(iteration.Shares))
	for _, share := range iteration.Shares {
		out = append(out, Allocation{VariationID: share.VariationID, Weight: &share.Weight, IsControl: control[share.VariationID]})
	}
	return out
}

// NotInExperiment is the variation of the subjects that the ranges leave over;
// empty if they get nothing. Such a subject is not analysed.
func (e *Experiment) NotInExperiment() string {
	iteration := e.iterationInForce()
	if e.Strategy != StrategyPercentage || iteration == nil || iteration.Flag == nil {
		return ""
	}
	return iteration.Flag.NotInExperimentVariationID
}

// sumByVariation leaves out variations that have nothing.
func sumByVariation(shares []Share) map[string]Weight {
	sums := map[string]Weight{}
	for _, share := range shares {
		if share.Weight > 0 {
			sums[share.VariationID] += share.Weight
		}
	}
	return sums
}

// WeightsVersion names a division of the buckets: the first 12 hex digits of the
// SHA-256 of its canonical text. That has one line for each range in their order,
// the variation's id, a space, the weight in percent as Weight.String writes it,
// and a line feed, also behind the last:
//
//	var_A 50
//	var_B 33.333
func WeightsVersion(division []Share) string {
	var text strings.Builder
	for _, share := range division {
		text.WriteString(share.VariationID + " " + share.Weight.String() + "\n")
	}
	sum := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(sum[:6])
}
