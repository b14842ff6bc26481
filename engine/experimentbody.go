package engine

// ExperimentBody is what a request says of an experiment, as in FlagBody. What its
// ids refer to is not checked. Both generations of Auth0's API are read: the one
// that has assignment_config, and the one that has levels and default_config and
// takes a status in a Patch.
type ExperimentBody struct {
	Name, Description  *string
	FeatureFlagID      string
	AuthenticationFlow string // empty: not given
	Strategy           Strategy
	AssignmentConfig   *AssignmentConfig
	DefaultConfig      DefaultConfig // empty: not given
	// Allocations and Levels are nil if they were not given. Levels that are empty
	// mean that there is no ramp.
	Allocations []Allocation
	Levels      []int
	Status      ExperimentStatus // empty: not given
}

// OnlyStatus reports whether a status is all that the body has.
func (b *ExperimentBody) OnlyStatus() bool {
	return b.Status != "" && b.Name == nil && b.Description == nil && b.AuthenticationFlow == "" && b.AssignmentConfig == nil &&
		b.DefaultConfig == "" && b.Allocations == nil && b.Levels == nil
}

// DecodeExperimentBody reads a request about an experiment. What cannot change
// once it exists (flag and strategy), and what the API works out by itself, is
// refused.
func DecodeExperimentBody(text []byte, use BodyUse) (ExperimentBody, error) {
	var out ExperimentBody
	required := []string{"name", "feature_flag_id", "authentication_flow", "allocation_strategy"}
	err := decodeBody(text, use, required, func(d *decoder, name string, v node, at *path) bool {
		switch name {
		case "name":
			out.Name = d.line(v, at, ShortestName, LongestName)
		case "description":
			out.Description = d.description(v, at, use)
		case "authentication_flow":
			out.AuthenticationFlow = d.string(v, at)
			if d.length(v, at, out.AuthenticationFlow, 1, LongestFlow) {
				d.printable(v, at, out.AuthenticationFlow, false)
			}
		case "feature_flag_id", "allocation_strategy":
			return out.fixed(d, name, v, at, use)
		case "assignment_config":
			config := d.assignmentConfig(v, at)
			out.AssignmentConfig = &config
		case "default_config":
			out.DefaultConfig = word(d, v, at, DefaultConfigTenant, DefaultConfigFlag)
		case "allocations":
			out.Allocations = list(d, v, at, d.bodyAllocation)
			d.between(v, at, 1, 0, "allocations")
		case "levels":
			out.Levels = d.levels(v, at)
		case "status":
			return out.transition(d, v, at, use)
		default:
			return refuseComputed(d, name, v, at, computedOfExperiments)
		}
		return true
	})
	return out, err
}

// fixed reads what an experiment is made with and keeps.
func (b *ExperimentBody) fixed(d *decoder, name string, v node, at *path, use BodyUse) bool {
	switch {
	case use == Patch:
		d.fault(v, at, "cannot be changed; make a new experiment instead")
	case name == "feature_flag_id":
		b.FeatureFlagID = d.id(v, at, FlagPrefix)
	default:
		b.Strategy = word(d, v, at, StrategyPercentage, StrategySegment)
	}
	return true
}

// transition reads where an experiment is to go. A new one is a draft.
func (b *ExperimentBody) transition(d *decoder, v node, at *path, use BodyUse) bool {
	if use == Create {
		d.fault(v, at, "cannot be given here; a new experiment is a draft, activate it afterwards")
		return true
	}
	b.Status = word(d, v, at, ExperimentActive, ExperimentPaused, ExperimentCompleted, ExperimentArchived)
	return true
}

// bodyAllocation reads an allocation without what answers add to it.
func (d *decoder) bodyAllocation(n node, at *path) Allocation {
	if n.kind() == objectNode {
		for _, name := range computedOfAllocations {
			if v, there := n.member(name); there {
				refuseComputed(d, name, v, &path{parent: at, name: name}, computedOfAllocations)
				return Allocation{}
			}
		}
	}
	return d.allocation(n, at)
}

// What answers have and requests must not.
var (
	computedOfExperiments = []string{
		"id", "feature_flag_name", "is_valid", "feature_flag_snapshot", "editable_fields", "current_level",
		"started_at", "ended_at", "created_at", "updated_at",
	}
	computedOfAllocations = []string{"variation_name", "segment_name", "variation_snapshot", "segment_snapshot"}
)

// refuseComputed refuses a field that only answers have; it answers false for one
// that it does not know.
func refuseComputed(d *decoder, name string, v node, at *path, computed []string) bool {
	for _, known := range computed {
		if name == known {
			d.fault(v, at, "is in answers only; leave it out")
			return true
		}
	}
	return false
}
