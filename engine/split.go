package engine

// Split is how an experiment divides its subjects: what an analysis has to expect.
type Split struct {
	ExperimentID string
	// Iteration and WeightsVersion are as in Treatment.
	Iteration      string
	WeightsVersion string
	Strategy       Strategy
	// ControlID is the variation that the others are compared with; empty if no
	// allocation is the control.
	ControlID string
	// Weights are the shares of the subjects that are analysed, by variation. Those
	// without a share are left out; it is nil for the segment strategy.
	Weights map[string]Weight
}

func (p *plan) split(e *Experiment) Split {
	out := Split{ExperimentID: e.ID, Iteration: e.currentIterationID(), Strategy: e.Strategy}
	for _, a := range e.Allocations {
		if a.IsControl {
			out.ControlID = a.VariationID
			break
		}
	}
	if e.Strategy == StrategyPercentage {
		division := p.division()
		out.WeightsVersion, out.Weights = WeightsVersion(division), sumByVariation(division)
	}
	return out
}

// division lists the ranges that are in force.
func (p *plan) division() []Share {
	var out []Share
	var from Bucket
	for _, share := range p.shares {
		out = append(out, Share{share.treatment.VariationID, Weight(share.end - from)})
		from = share.end
	}
	return out
}

// label lets every treatment of an experiment say what it is analysed as.
func (p *plan) label(split *Split) {
	for _, treatments := range p.carried {
		for _, t := range treatments {
			t.Iteration, t.WeightsVersion = split.Iteration, split.WeightsVersion
		}
	}
}
