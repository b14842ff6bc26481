package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// Explanation says step by step how a request is decided. Decision is what
// Decide answers; the steps are worked out anew, with every rule and condition
// looked at, also those that could not change anything any more.
type Explanation struct {
	Decision Decision     `json:"-"`
	Override OverrideStep `json:"override"`
	Carried  CarriedStep  `json:"carried"`
	// Experiments are those that are active and the one that the request names,
	// in the order in which they are asked.
	Experiments []ExperimentStep `json:"experiments"`
}

// Verdict is what became of something that a request brought along.
type Verdict string

// The verdicts. Followed ends the deciding; everything else leads on.
const (
	VerdictNone     Verdict = "none"     // there was nothing
	VerdictFollowed Verdict = "followed" // it makes the decision
	VerdictIgnored  Verdict = "ignored"  // the request is decided as if it were absent
	VerdictRefused  Verdict = "refused"  // the request gets no experiment
	VerdictDropped  Verdict = "dropped"  // it is of no more use and forgotten
)

// OverrideStep is what became of the override parameters.
type OverrideStep struct {
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`
	Warning Warning `json:"warning,omitempty"`
}

// CarriedStep is what became of the decision that the device brought along.
type CarriedStep struct {
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`
}

// ExperimentStep is what one experiment has for the request.
type ExperimentStep struct {
	Summary
	Strategy Strategy `json:"allocation_strategy,omitempty"`
	// Asked says that the decision depends on this experiment's answer.
	Asked bool `json:"asked"`
	// Ramp is set where a ramp lets in less than everybody.
	Ramp *RampStep `json:"ramp,omitempty"`
	// Bucket is set where subjects are divided by shares.
	Bucket *BucketStep `json:"bucket,omitempty"`
	// Segments are the allocations to segments in the order of their priority.
	Segments []SegmentStep `json:"segments,omitempty"`
	// Fallback is the variation of requests that no segment matches.
	Fallback string `json:"fallback,omitempty"`
	// Gives is the answer: a variation, and where it comes from. It is empty
	// for an experiment that would give nothing.
	Gives         string `json:"gives,omitempty"`
	GivesSegment  string `json:"gives_segment,omitempty"`
	GivesSource   Source `json:"gives_source,omitempty"`
	GivesNoReason string `json:"gives_nothing_because,omitempty"`
	// GivesUntracked says that the subject is outside of the experiment: it gets
	// the variation of the rest and is not analysed.
	GivesUntracked bool `json:"gives_untracked,omitempty"`
}

// BucketStep shows how a subject is bucketed.
type BucketStep struct {
	Subject string `json:"subject"`
	// Hashed is the text whose hash decides: the subject, the experiment, and the
	// salt of its iteration if that has one.
	Hashed string `json:"hashed"`
	// Digits are the first 8 bytes of the hash, and Number is what they are as
	// a whole number. It is a text because few readers of JSON keep 64 bits.
	Digits string `json:"digits"`
	Number string `json:"number"`
	// Bucket is the percent, Fraction the thousandths of it.
	Bucket   int     `json:"bucket"`
	Fraction int     `json:"fraction"`
	Ranges   []Range `json:"ranges"`
	// Rest is the variation of subjects above all ranges, who are outside of the
	// experiment; empty if they get nothing.
	Rest string `json:"rest,omitempty"`
}

// Range is the buckets of one allocation: from From up to, and without, To, in
// percent.
type Range struct {
	VariationID string `json:"variation_id"`
	IsControl   bool   `json:"is_control"`
	From        Weight `json:"from"`
	To          Weight `json:"to"`
	// Holds says that the subject falls into it.
	Holds bool `json:"holds"`
}

// SegmentStep is an allocation to a segment.
type SegmentStep struct {
	SegmentID   string     `json:"segment_id"`
	VariationID string     `json:"variation_id"`
	Matched     bool       `json:"matched"`
	Rules       []RuleStep `json:"rules"`
}

// RuleStep is one rule of a segment.
type RuleStep struct {
	Matched    bool            `json:"matched"`
	Conditions []ConditionStep `json:"conditions"`
}

// ConditionStep is one condition of a rule.
type ConditionStep struct {
	Attribute Attribute `json:"attribute"`
	// Excludes says that the condition stands in not_match.
	Excludes bool `json:"excludes"`
	// Value is the request's; empty if the attribute is absent.
	Value string `json:"value"`
	// Expression has its values in lower case, as they are compared.
	Expression Expression `json:"expression"`
	// Holds says that the expression is true. The rule wants that of a condition
	// that does not exclude, and the opposite of one that does.
	Holds bool   `json:"holds"`
	Why   string `json:"why"`
}

// Explain decides a request as Decide does and says why. It is for people: it
// takes its time and allocates.
func (s *Snapshot) Explain(r *Request) *Explanation {
	e := &Explanation{Decision: s.Decide(r)}
	var forced *plan
	e.Override, forced = s.explainForce(r)
	done := e.Override.Verdict == VerdictFollowed || e.Override.Verdict == VerdictRefused
	e.Carried = s.explainCarried(r, done)
	if forced != nil {
		step := s.step(forced, r, done)
		// Forced ids are followed without asking what the experiment would give.
		step.Asked = r.Force.VariationID == "" && r.Force.SegmentID == ""
		e.Experiments = append(e.Experiments, step)
	}
	open := !done && !r.Hold && e.Carried.Verdict != VerdictFollowed
	for _, p := range s.deciding {
		step := s.step(p, r, false)
		step.Asked = open
		open = open && step.Gives == ""
		if p != forced {
			e.Experiments = append(e.Experiments, step)
		} else if step.Asked {
			e.Experiments[0].Asked = true
		}
	}
	for i := range s.Experiments {
		if x := &s.Experiments[i]; x.Status == ExperimentActive && !x.Deciding && s.plans[x.ID] != forced {
			e.Experiments = append(e.Experiments, s.step(s.plans[x.ID], r, false))
		}
	}
	return e
}

// explainForce says what becomes of the override parameters, and gives the
// experiment that they name, if it can be asked.
func (s *Snapshot) explainForce(r *Request) (OverrideStep, *plan) {
	f := &r.Force
	given := f.ExperimentID != "" || f.VariationID != "" || f.SegmentID != ""
	switch {
	case !given && !f.Refused:
		return OverrideStep{Verdict: VerdictNone, Reason: "the request has no override parameters"}, nil
	case r.Hold:
		return OverrideStep{Verdict: VerdictIgnored, Reason: "nothing new is decided for such a request, so overrides are not looked at"}, nil
	case f.Refused:
		return OverrideStep{VerdictIgnored, "a parameter is given twice, or the token that the site wants does not allow this override", WarningOverrideInvalid}, nil
	case f.ExperimentID == "":
		return OverrideStep{VerdictIgnored, "variation_id and segment_id mean nothing without experiment_id", WarningOrphaned}, nil
	}
	p := s.plans[f.ExperimentID]
	if p == nil {
		return OverrideStep{VerdictRefused, "there is no experiment " + f.ExperimentID, WarningNotFound}, nil
	}
	if f.SegmentID == "" && f.VariationID == "" {
		if p.evaluate(r).Treatment == nil {
			return OverrideStep{VerdictIgnored, "experiment " + f.ExperimentID + " has nothing for this request", WarningOverrideInvalid}, p
		}
		return OverrideStep{Verdict: VerdictFollowed, Reason: "experiment_id alone: the experiment is evaluated whatever its status"}, p
	}
	if f.SegmentID == "" {
		if p.forced[f.VariationID] == nil {
			return OverrideStep{VerdictIgnored, "variation " + f.VariationID + " is none of the experiment's feature flag", WarningOverrideInvalid}, p
		}
		return OverrideStep{Verdict: VerdictFollowed, Reason: "variation_id forces the variation"}, p
	}
	allocated := false
	for i := range p.targets {
		allocated = allocated || p.targets[i].audience.id == f.SegmentID
	}
	switch {
	case !allocated:
		return OverrideStep{VerdictIgnored, "segment " + f.SegmentID + " has no allocation in the experiment", WarningOverrideInvalid}, p
	case f.VariationID != "" && p.forced[f.VariationID] == nil:
		return OverrideStep{VerdictIgnored, "variation " + f.VariationID + " is none of the experiment's feature flag", WarningOverrideInvalid}, p
	}
	return OverrideStep{Verdict: VerdictFollowed, Reason: "segment_id forces the segment's allocation"}, p
}

func (s *Snapshot) explainCarried(r *Request, done bool) CarriedStep {
	c := &r.Carried
	switch p := s.plans[c.ExperimentID]; {
	case c.ExperimentID == "":
		return CarriedStep{VerdictNone, "the request carries no decision"}
	case done:
		return CarriedStep{VerdictIgnored, "the override parameters have settled the request"}
	case p == nil:
		return CarriedStep{VerdictDropped, "experiment " + c.ExperimentID + " does not exist any more"}
	case p.archived && !c.Forced:
		return CarriedStep{VerdictDropped, "experiment " + c.ExperimentID + " is archived"}
	case c.Forced && !r.Hold && !r.Resumes:
		return CarriedStep{VerdictDropped, "an override serves the pages of its own login only"}
	default:
		if _, known := p.carried[c.VariationID]; !known {
			return CarriedStep{VerdictDropped, "variation " + c.VariationID + " does not exist any more"}
		}
	}
	return CarriedStep{VerdictFollowed, "the login goes on with what it was given: " + c.VariationID + " of " + c.ExperimentID}
}

// step says what an experiment has for a request, asked or not. An override that is
// followed passes the ramp.
func (s *Snapshot) step(p *plan, r *Request, passes bool) ExperimentStep {
	var step ExperimentStep
	for i := range s.Experiments {
		if s.Experiments[i].ID == p.id {
			step.Summary = s.Experiments[i]
		}
	}
	step.evaluate(p, r)
	if p.level < EveryLevel {
		step.climb(p, r.Subject, passes)
	}
	return step
}

// evaluate says what the experiment's strategy has for a request.
func (step *ExperimentStep) evaluate(p *plan, r *Request) {
	if p.shares != nil {
		step.Strategy = StrategyPercentage
		step.divide(p, r.Subject)
		return
	}
	if p.targets != nil || p.fallback != nil || p.expensive {
		step.Strategy = StrategySegment
	}
	for i := range p.targets {
		t := &p.targets[i]
		segment := t.explain(&r.Attributes)
		if segment.Matched && step.Gives == "" {
			step.Gives, step.GivesSegment, step.GivesSource = segment.VariationID, segment.SegmentID, SourceSegment
		}
		step.Segments = append(step.Segments, segment)
	}
	if p.fallback != nil {
		step.Fallback = p.fallback.VariationID
	}
	switch {
	case step.Gives != "":
	case step.Fallback != "":
		step.Gives, step.GivesSource = step.Fallback, SourceFallback
	case p.expensive:
		step.GivesNoReason = "its segments are too expensive to be asked"
	default:
		step.GivesNoReason = "no segment matches, and there is no fallback"
	}
}

// divide says which range a subject falls into.
func (step *ExperimentStep) divide(p *plan, subject string) {
	sum := sha256.Sum256([]byte(subject + p.key))
	n := binary.BigEndian.Uint64(sum[:8])
	b := &BucketStep{
		Subject: subject, Hashed: subject + p.key, Digits: hex.EncodeToString(sum[:8]), Number: strconv.FormatUint(n, 10),
		Bucket: int(n % 100), Fraction: int(n / 100 % 1000),
	}
	place := Weight(b.Bucket*1000 + b.Fraction)
	step.Bucket = b
	var from Weight
	for _, share := range p.shares {
		to := Weight(share.end)
		holds := from <= place && place < to
		b.Ranges = append(b.Ranges, Range{share.treatment.VariationID, share.treatment.IsControl, from, to, holds})
		if holds {
			step.Gives, step.GivesSource = share.treatment.VariationID, SourceBucket
		}
		from = to
	}
	if p.rest != nil {
		b.Rest = p.rest.VariationID
	}
	switch {
	case step.Gives != "":
	case b.Rest != "":
		step.Gives, step.GivesSource, step.GivesUntracked = b.Rest, SourceFallback, true
	default:
		step.GivesNoReason = "the bucket lies above all ranges: the weights do not sum to 100"
	}
}

func (t *target) explain(attributes *Attributes) SegmentStep {
	step := SegmentStep{SegmentID: t.audience.id, VariationID: t.treatment.VariationID, Rules: []RuleStep{}}
	for i := range t.audience.rules {
		rule := &t.audience.rules[i]
		held := RuleStep{Matched: true, Conditions: []ConditionStep{}}
		for j := range rule.match {
			condition := rule.match[j].explain(attributes)
			held.Matched = held.Matched && condition.Holds
			held.Conditions = append(held.Conditions, condition)
		}
		for j := range rule.notMatch {
			condition := rule.notMatch[j].explain(attributes)
			condition.Excludes = true
			held.Matched = held.Matched && !condition.Holds
			held.Conditions = append(held.Conditions, condition)
		}
		step.Matched = step.Matched || held.Matched
		step.Rules = append(step.Rules, held)
	}
	return step
}

func (c *condition) explain(attributes *Attributes) ConditionStep {
	step := ConditionStep{
		Attribute: c.attribute, Value: attributes[c.attribute], Holds: c.holds(attributes),
		Expression: Expression{Operator: c.operator, Values: lowered(c.source), Present: c.present},
	}
	step.Why = c.why(step.Value, step.Holds)
	return step
}

// relations say what an operator asks of a value, when it is so and when not.
var relations = [...][2]string{
	OneOf:      {"is one of the values", "is none of the values"},
	Contains:   {"contains one of the values", "contains none of the values"},
	StartsWith: {"starts with one of the values", "starts with none of the values"},
	EndsWith:   {"ends with one of the values", "ends with none of the values"},
}

func (c *condition) why(value string, holds bool) string {
	switch {
	case c.operator == Exists && value == "":
		return "it is not known"
	case c.operator == Exists:
		return "it is known"
	case value == "":
		return "it is not known, which makes every comparison false"
	case holds:
		return relations[c.operator][0]
	}
	return relations[c.operator][1]
}

// Holds reports whether a value makes the expression true; an empty one is an
// absent attribute.
func (e Expression) Holds(value string) bool { return e.Test()(value) }

// Test returns Holds for asking about many values.
func (e Expression) Test() func(value string) bool {
	c := compileCondition(ClientID, e)
	return func(value string) bool { return c.holds(&Attributes{ClientID: value}) }
}
