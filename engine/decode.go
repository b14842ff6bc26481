package engine

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// byteOrderMark is what some editors put in front of a file.
var byteOrderMark = []byte("\ufeff")

// Decode reads a document and checks its structure: types, unknown and repeated
// fields, the form of ids, and references to what does not exist. The error is
// a Faults. Whether an experiment is ready to run is not looked at here; see
// Readiness. Neither are the limits on lengths and counts: they bind what the
// management API writes, not what a document may hold.
//
// What has only one legal value, or is kept by the system itself, may be left
// out: authentication_flow, assignment_config, type, is_valid and timestamps.
func Decode(text []byte) (*Document, error) {
	text = bytes.TrimPrefix(text, byteOrderMark)
	root, faults := parse(text)
	if len(faults) > 0 {
		return nil, faults
	}
	d := decoder{text: text}
	document := d.document(root)
	if len(d.faults) == 0 {
		d.references(root, document)
	}
	if len(d.faults) > 0 {
		slices.SortStableFunc(d.faults, func(a, b Fault) int { return a.Line - b.Line })
		return nil, d.faults
	}
	return document, nil
}

func (d *decoder) document(n node) *Document {
	out := Document{FeatureFlags: []FeatureFlag{}, Segments: []Segment{}, Experiments: []Experiment{}}
	d.object(n, nil, nil, func(name string, v node, at *path) bool {
		switch name {
		case "revision":
			out.Revision = uint64(d.integer(v, at, 0))
		case "feature_flags":
			out.FeatureFlags = list(d, v, at, d.featureFlag)
		case "segments":
			out.Segments = list(d, v, at, d.segment)
		case "experiments":
			out.Experiments = list(d, v, at, d.experiment)
		case "metrics":
			out.Metrics = list(d, v, at, d.metric)
		case "metric_groups":
			out.MetricGroups = list(d, v, at, d.metricGroup)
		case "randomization_units":
			out.RandomizationUnits = list(d, v, at, d.randomizationUnit)
		default:
			return false
		}
		return true
	})
	return &out
}

// description is where the fields go that every entity has.
type description struct {
	prefix               string // of its id
	id, name, text       *string
	createdAt, updatedAt **time.Time
}

// described reads a field that every entity has, and answers false for others.
func (d *decoder) described(field string, v node, at *path, to description) bool {
	switch field {
	case "id":
		*to.id = d.id(v, at, to.prefix)
	case "name":
		*to.name = d.name(v, at)
	case "description":
		*to.text = d.string(v, at)
	case "created_at":
		*to.createdAt = d.time(v, at)
	case "updated_at":
		*to.updatedAt = d.time(v, at)
	default:
		return false
	}
	return true
}

func (d *decoder) featureFlag(n node, at *path) FeatureFlag {
	out := FeatureFlag{Variations: []Variation{}}
	d.object(n, at, []string{"id", "name", "status", "parameters"}, func(name string, v node, at *path) bool {
		switch name {
		case "type":
			out.Type = word(d, v, at, TypeAuth0, TypeSelf)
		case "status":
			out.Status = word(d, v, at, FlagDraft, FlagActive, FlagArchived)
		case "parameters":
			out.Parameters = table(d, v, at, d.parameter)
		case "variations":
			out.Variations = list(d, v, at, d.variation)
		default:
			return d.described(name, v, at, description{FlagPrefix, &out.ID, &out.Name, &out.Description, &out.CreatedAt, &out.UpdatedAt})
		}
		return true
	})
	return out
}

func (d *decoder) parameter(n node, at *path) Parameter {
	var out Parameter
	var value node
	var where *path // nil as long as there is no value
	d.object(n, at, []string{"type", "value"}, func(name string, v node, at *path) bool {
		switch name {
		case "type":
			out.Type = word(d, v, at, TypeString, TypeBoolean, TypeNumber, TypeArray, TypeObject)
		case "value":
			out.Value = v.raw()
			value, where = v, at
		case "description":
			out.Description = d.string(v, at)
		default:
			return false
		}
		return true
	})
	if where != nil && out.Type != "" {
		d.typed(value, where, out.Type)
	}
	return out
}

var parameterKinds = map[ParameterType]kind{
	TypeString: stringNode, TypeBoolean: booleanNode, TypeNumber: numberNode, TypeArray: arrayNode, TypeObject: objectNode,
}

// typed checks a parameter's value or an override of it.
func (d *decoder) typed(n node, at *path, want ParameterType) {
	if n.kind() != parameterKinds[want] {
		d.fault(n, at, "must be %s as the parameter declares, got %s", kindNames[parameterKinds[want]], kindNames[n.kind()])
	}
}

func (d *decoder) variation(n node, at *path) Variation {
	out := Variation{Overrides: map[string]Override{}}
	d.object(n, at, []string{"id", "name"}, func(name string, v node, at *path) bool {
		switch name {
		case "overrides":
			out.Overrides = table(d, v, at, d.override)
		case "feature_flag_id":
			d.id(v, at, FlagPrefix)
		default:
			return d.described(name, v, at, description{VariationPrefix, &out.ID, &out.Name, &out.Description, &out.CreatedAt, &out.UpdatedAt})
		}
		return true
	})
	return out
}

func (d *decoder) override(n node, at *path) Override {
	var out Override
	d.object(n, at, []string{"value"}, func(name string, v node, _ *path) bool {
		if name == "value" {
			out.Value = v.raw()
		}
		return name == "value"
	})
	return out
}

func (d *decoder) segment(n node, at *path) Segment {
	var out Segment
	d.object(n, at, []string{"id", "name", "rules"}, func(name string, v node, at *path) bool {
		switch name {
		case "type":
			out.Type = word(d, v, at, TypeAuth0, TypeSelf)
		case "status":
			out.Status = word(d, v, at, SegmentActive, SegmentArchived)
		case "rules":
			out.Rules = list(d, v, at, d.rule)
		default:
			return d.described(name, v, at, description{SegmentPrefix, &out.ID, &out.Name, &out.Description, &out.CreatedAt, &out.UpdatedAt})
		}
		return true
	})
	return out
}

func (d *decoder) rule(n node, at *path) Rule {
	var out Rule
	d.object(n, at, nil, func(name string, v node, at *path) bool {
		switch name {
		case "match":
			out.Match = d.conditions(v, at)
		case "not_match":
			out.NotMatch = d.conditions(v, at)
		default:
			return false
		}
		return true
	})
	if n.kind() == objectNode && n.empty() {
		d.fault(n, at, "must have match or not_match")
	}
	return out
}

func (d *decoder) conditions(n node, at *path) map[Attribute]Expression {
	out := map[Attribute]Expression{}
	d.object(n, at, nil, func(name string, v node, at *path) bool {
		attribute, known := ParseAttribute(name)
		if !known {
			d.fault(v, at, "is no attribute; the attributes are %s", strings.Join(attributeNames[:], ", "))
			return true
		}
		out[attribute] = d.expression(v, at)
		return true
	})
	if n.kind() == objectNode && n.empty() {
		d.fault(n, at, "must have at least one condition")
	}
	return out
}

func (d *decoder) expression(n node, at *path) Expression {
	if n.kind() == arrayNode {
		return Expression{Operator: OneOf, Values: list(d, n, at, d.string)}
	}
	if n.kind() != objectNode || n.count() != 1 {
		d.fault(n, at, `must be an array of strings or one of {"contains":[…]}, {"starts_with":[…]}, {"ends_with":[…]}, {"exists":true|false}`)
		return Expression{}
	}
	var name string
	var v node
	for key, value := range n.members() {
		name, v = key.name(), value
	}
	at = &path{parent: at, name: name}
	switch operator := slices.Index(operatorNames[:], name); {
	case operator <= 0:
		d.fault(v, at, "is no operator; the operators are contains, starts_with, ends_with, exists")
	case Operator(operator) == Exists:
		return Expression{Operator: Exists, Present: d.boolean(v, at)}
	default:
		return Expression{Operator: Operator(operator), Values: list(d, v, at, d.string)}
	}
	return Expression{}
}

func (d *decoder) experiment(n node, at *path) Experiment {
	out := Experiment{AuthenticationFlow: FlowPreAuthentication, AssignmentConfig: AssignmentConfig{Subject: SubjectDevice}}
	required := []string{"id", "name", "feature_flag_id", "allocation_strategy", "status", "allocations"}
	d.object(n, at, required, func(name string, v node, at *path) bool {
		switch name {
		case "feature_flag_id":
			out.FeatureFlagID = d.id(v, at, FlagPrefix)
		case "authentication_flow":
			out.AuthenticationFlow = d.string(v, at)
		case "allocation_strategy":
			out.Strategy = word(d, v, at, StrategyPercentage, StrategySegment)
		case "assignment_config":
			out.AssignmentConfig = d.assignmentConfig(v, at)
		case "status":
			out.Status = word(d, v, at, ExperimentDraft, ExperimentActive, ExperimentPaused, ExperimentCompleted, ExperimentArchived)
		case "is_valid":
			valid := d.boolean(v, at)
			out.IsValid = &valid
		case "allocations":
			out.Allocations = list(d, v, at, d.allocation)
		case "default_config":
			out.DefaultConfig = word(d, v, at, DefaultConfigTenant, DefaultConfigFlag)
		case "levels":
			out.Levels = d.levels(v, at)
		case "current_level":
			level := d.level(v, at)
			out.CurrentLevel = &level
		case "snapshot":
			out.Snapshot = d.configuration(v, at)
		case "started_at":
			out.StartedAt = d.time(v, at)
		case "ended_at":
			out.EndedAt = d.time(v, at)
		case "archived_at":
			out.ArchivedAt = d.time(v, at)
		case "key":
			out.Key = d.key(v, at)
		case "maintainer_id":
			out.MaintainerID = d.string(v, at)
		case "holdout_id":
			out.HoldoutID = d.string(v, at)
		case "tags":
			out.Tags = list(d, v, at, d.string)
		case "iterations":
			out.Iterations = list(d, v, at, d.iteration)
		default:
			return d.described(name, v, at, description{ExperimentPrefix, &out.ID, &out.Name, &out.Description, &out.CreatedAt, &out.UpdatedAt})
		}
		return true
	})
	if out.CurrentLevel != nil && len(out.Levels) == 0 {
		d.fault(n, at, "has a current_level without levels; give it the levels of its ramp")
	}
	return out
}

func (d *decoder) assignmentConfig(n node, at *path) AssignmentConfig {
	var out AssignmentConfig
	d.object(n, at, []string{"subject"}, func(name string, v node, at *path) bool {
		if name == "subject" {
			out.Subject = word(d, v, at, SubjectDevice)
		}
		return name == "subject"
	})
	return out
}

func (d *decoder) allocation(n node, at *path) Allocation {
	var out Allocation
	d.object(n, at, []string{"variation_id", "is_control"}, func(name string, v node, at *path) bool {
		switch name {
		case "variation_id":
			out.VariationID = d.id(v, at, VariationPrefix)
		case "weight":
			out.Weight = d.weight(v, at)
		case "segment_id":
			out.SegmentID = d.id(v, at, SegmentPrefix)
		case "priority":
			out.Priority = int(d.integer(v, at, 1))
		case "is_control":
			out.IsControl = d.boolean(v, at)
		case "is_fallback":
			out.IsFallback = d.boolean(v, at)
		default:
			return false
		}
		return true
	})
	return out
}
