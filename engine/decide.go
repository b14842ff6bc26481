package engine

// Request is everything that a decision depends on besides the snapshot.
type Request struct {
	// Subject identifies the device; it is what gets bucketed.
	Subject    string
	Attributes Attributes
	Force      Force
	Carried    Carried
	// Hold forbids a new assignment: only what is carried is served.
	Hold bool
	// Resumes says that the request goes on with a login that has begun: an
	// override that is carried is served as on the login's other pages.
	Resumes bool
}

// Force is what the request itself asks for through override parameters.
type Force struct {
	ExperimentID string
	VariationID  string
	SegmentID    string
	// Refused says that there were override parameters which must not be
	// followed, because one was given twice or they lack a valid token; the
	// ids are not looked at then.
	Refused bool
}

// Carried is the decision that the device brings along from earlier in the same
// login. The zero value is none.
type Carried struct {
	ExperimentID string
	VariationID  string
	SegmentID    string
	IsControl    bool
	// Forced says that an override made the decision, Untracked that the subject
	// is outside of the experiment.
	Forced, Untracked bool
}

// Source is how a decision came about.
type Source string

// The sources.
const (
	SourceBucket   Source = "bucket"
	SourceSegment  Source = "segment"
	SourceFallback Source = "fallback"
	SourceOverride Source = "override"
	SourceCarried  Source = "carried"
)

// Sources lists all sources.
var Sources = [...]Source{SourceBucket, SourceSegment, SourceFallback, SourceOverride, SourceCarried}

// Warning is the code of something in a request that could not be followed.
type Warning string

// The warnings that a decision can carry.
const (
	WarningNotFound        Warning = "experiment_not_found"
	WarningOrphaned        Warning = "experiment_orphaned_params"
	WarningOverrideInvalid Warning = "experiment_override_invalid"
)

// Decision is what a request gets.
type Decision struct {
	// Treatment is nil if there is no experiment for the request.
	Treatment *Treatment
	// SegmentID is the segment that matched or was forced; it may be empty.
	SegmentID string
	Source    Source
	Warning   Warning
	// Untracked says that the subject is outside of the experiment and is not
	// analysed.
	Untracked bool
	// New says that the decision was made now and should be carried along.
	New bool
	// Drop says that what the device carries is of no more use.
	Drop bool
}

// Decide decides one request: overrides first, then what the device carries,
// then the active experiments. It is safe for concurrent use and does not
// allocate, unless subject and experiment id are too long for BucketOf's stack.
func (s *Snapshot) Decide(r *Request) Decision {
	var warning Warning
	if !r.Hold {
		forced, done := s.force(r)
		if done {
			return forced
		}
		warning = forced.Warning
	}
	decision := s.carry(r)
	if decision.Treatment == nil && !r.Hold {
		drop := decision.Drop
		decision = s.assign(r)
		decision.Drop = drop && decision.Treatment == nil
	}
	decision.Warning = warning
	return decision
}

// force follows the override parameters. It is done when the request must not
// be decided in any other way.
func (s *Snapshot) force(r *Request) (decision Decision, done bool) {
	f := &r.Force
	switch {
	case f.Refused:
		return Decision{Warning: WarningOverrideInvalid}, false
	case f.ExperimentID == "":
		if f.VariationID != "" || f.SegmentID != "" {
			decision.Warning = WarningOrphaned
		}
		return decision, false
	}
	p := s.plans[f.ExperimentID]
	if p == nil {
		return Decision{Warning: WarningNotFound}, true
	}
	switch {
	case f.SegmentID != "":
		decision = p.forceSegment(f)
	case f.VariationID != "":
		decision.Treatment = p.forced[f.VariationID]
	default:
		decision = p.evaluate(r)
	}
	if decision.Treatment == nil {
		return Decision{Warning: WarningOverrideInvalid}, false
	}
	decision.Source, decision.New = SourceOverride, true
	return decision, true
}

// forceSegment gives the allocation of the forced segment. A variation that is
// forced with it chooses between several, or is served under its name.
func (p *plan) forceSegment(f *Force) Decision {
	var chosen *Treatment
	for i := range p.targets {
		t := &p.targets[i]
		if t.audience.id != f.SegmentID {
			continue
		}
		if f.VariationID == "" || t.treatment.VariationID == f.VariationID {
			return Decision{Treatment: t.treatment, SegmentID: f.SegmentID}
		}
		chosen = p.forced[f.VariationID]
	}
	return Decision{Treatment: chosen, SegmentID: f.SegmentID}
}

// carry serves what the device brought along, whatever the ramp's level is now. An
// override serves the pages of its login only: the next request that may be decided
// afresh is. Of an archived experiment only an override is served.
func (s *Snapshot) carry(r *Request) Decision {
	c := &r.Carried
	if c.ExperimentID == "" {
		return Decision{}
	}
	p := s.plans[c.ExperimentID]
	if p == nil || p.archived && !c.Forced || (c.Forced && !r.Hold && !r.Resumes) {
		return Decision{Drop: true}
	}
	treatments, known := p.carried[c.VariationID]
	if !known {
		return Decision{Drop: true}
	}
	t := treatments[0]
	if c.IsControl {
		t = treatments[1]
	}
	return Decision{Treatment: t, SegmentID: c.SegmentID, Source: SourceCarried, Untracked: c.Untracked}
}

// assign asks the deciding experiments in their order, those whose ramp lets the
// subject in.
func (s *Snapshot) assign(r *Request) Decision {
	for _, p := range s.deciding {
		if !p.lets(r.Subject) {
			continue
		}
		if d := p.evaluate(r); d.Treatment != nil {
			d.New = true
			return d
		}
	}
	return Decision{}
}

// evaluate applies the experiment's own strategy, to whoever its ramp lets in or
// an override sends.
func (p *plan) evaluate(r *Request) Decision {
	if p.shares != nil {
		bucket := BucketOf(r.Subject, p.key)
		for i := range p.shares {
			if bucket < p.shares[i].end {
				return Decision{Treatment: p.shares[i].treatment, Source: SourceBucket}
			}
		}
		if p.rest != nil {
			return Decision{Treatment: p.rest, Source: SourceFallback, Untracked: true}
		}
		return Decision{}
	}
	for i := range p.targets {
		if t := &p.targets[i]; t.audience.matches(&r.Attributes) {
			return Decision{Treatment: t.treatment, SegmentID: t.audience.id, Source: SourceSegment}
		}
	}
	if p.fallback != nil {
		return Decision{Treatment: p.fallback, Source: SourceFallback}
	}
	return Decision{}
}
