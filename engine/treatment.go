package engine

import "sync/atomic"

// Treatment is what a subject of an experiment receives: one variation, as
// control or not. It is safe for concurrent use.
type Treatment struct {
	ExperimentID string
	VariationID  string
	IsControl    bool
	Strategy     Strategy
	// Iteration is the id of the experiment's current iteration, or of its first
	// one where none is recorded.
	Iteration string
	// WeightsVersion tells divisions of the buckets apart; see WeightsVersion. It
	// is empty for the segment strategy.
	WeightsVersion string
	// Config is the merged configuration in the order of parameter names.
	Config []ConfigValue
	// HeaderSize is the length of the header value, also of one that is over
	// the budget.
	HeaderSize int
	// Index is the treatment's place in its snapshot's Treatments.
	Index int

	fits   bool   // into the budget
	config string // in JSON, shared by all treatments of the variation
	header atomic.Pointer[string]
}

// Header gives the value for the identity provider; it is empty if that would be
// longer than the budget. What an experiment assigns has its value ready since
// the snapshot was compiled. What only an override or an old decision can ask
// for is written when it is first asked for, or a document with many variations
// and experiments would take up memory for all pairs of them.
func (t *Treatment) Header() string {
	if !t.fits {
		return ""
	}
	if written := t.header.Load(); written != nil {
		return *written
	}
	value := headerValue(t.ExperimentID, t.VariationID, t.IsControl, t.config)
	t.header.Store(&value)
	return value
}
