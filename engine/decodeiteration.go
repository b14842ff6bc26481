package engine

import "math"

func (d *decoder) iteration(n node, at *path) Iteration {
	var out Iteration
	d.object(n, at, []string{"id", "status"}, func(name string, v node, at *path) bool {
		switch name {
		case "id":
			out.ID = d.id(v, at, IterationPrefix)
		case "status":
			out.Status = word(d, v, at, IterationNotStarted, IterationRunning, IterationStopped)
		case "hypothesis":
			out.Hypothesis = d.string(v, at)
		case "created_at":
			out.CreatedAt = d.time(v, at)
		case "started_at":
			out.StartedAt = d.time(v, at)
		case "ended_at":
			out.EndedAt = d.time(v, at)
		case "treatments":
			out.Treatments = list(d, v, at, d.iterationTreatment)
		case "metrics":
			out.Metrics = list(d, v, at, d.iterationMetric)
		case "primary_metric":
			out.PrimaryMetric = d.key(v, at)
		case "primary_group":
			out.PrimaryGroup = d.key(v, at)
		case "flag":
			out.Flag = d.iterationFlag(v, at)
		case "randomization_unit":
			out.RandomizationUnit = d.label(v, at)
		case "attributes":
			out.Attributes = list(d, v, at, d.string)
		case "can_reshuffle_traffic":
			can := d.boolean(v, at)
			out.CanReshuffleTraffic = &can
		case "winning_variation_id":
			out.WinningVariationID = d.id(v, at, VariationPrefix)
		case "winning_reason":
			out.WinningReason = d.string(v, at)
		case "salt":
			out.Salt = d.label(v, at)
		case "shares":
			out.Shares = list(d, v, at, d.share)
		default:
			return false
		}
		return true
	})
	if out.PrimaryMetric != "" && out.PrimaryGroup != "" {
		d.fault(n, at, "must not have both primary_metric and primary_group")
	}
	return out
}

func (d *decoder) iterationTreatment(n node, at *path) IterationTreatment {
	var out IterationTreatment
	d.object(n, at, []string{"variation_id", "weight"}, func(name string, v node, at *path) bool {
		switch name {
		case "variation_id":
			out.VariationID = d.id(v, at, VariationPrefix)
		case "name":
			out.Name = d.string(v, at)
		case "baseline":
			out.Baseline = d.boolean(v, at)
		case "weight":
			out.Weight = d.givenWeight(v, at)
		default:
			return false
		}
		return true
	})
	return out
}

func (d *decoder) iterationMetric(n node, at *path) IterationMetric {
	var out IterationMetric
	d.object(n, at, []string{"key"}, func(name string, v node, at *path) bool {
		switch name {
		case "key":
			out.Key = d.key(v, at)
		case "is_group":
			out.IsGroup = d.boolean(v, at)
		default:
			return false
		}
		return true
	})
	return out
}

func (d *decoder) iterationFlag(n node, at *path) *IterationFlag {
	var out IterationFlag
	d.object(n, at, []string{"key"}, func(name string, v node, at *path) bool {
		switch name {
		case "key":
			out.Key = d.string(v, at)
		case "rule_id":
			out.RuleID = d.string(v, at)
		case "config_version":
			out.ConfigVersion = d.integer(v, at, math.MinInt32)
		case "not_in_experiment_variation_id":
			out.NotInExperimentVariationID = d.id(v, at, VariationPrefix)
		default:
			return false
		}
		return true
	})
	return &out
}

func (d *decoder) share(n node, at *path) Share {
	var out Share
	d.object(n, at, []string{"variation_id", "weight"}, func(name string, v node, at *path) bool {
		switch name {
		case "variation_id":
			out.VariationID = d.id(v, at, VariationPrefix)
		case "weight":
			out.Weight = d.givenWeight(v, at)
		default:
			return false
		}
		return true
	})
	return out
}

// givenWeight reads a weight that must be there.
func (d *decoder) givenWeight(n node, at *path) Weight {
	if weight := d.weight(n, at); weight != nil {
		return *weight
	}
	return 0
}
