package engine

import (
	"cmp"
	"math"
	"slices"
)

// Settings are what a snapshot depends on besides the document.
type Settings struct {
	// MaxActive is how many active experiments may assign subjects at a time;
	// 0 means 1.
	MaxActive int
	// HeaderBudget is the longest header value in bytes that is handed to the
	// identity provider; 0 means DefaultHeaderBudget.
	HeaderBudget int
}

// DefaultHeaderBudget is what the strictest common servers accept in one header
// line with room to spare: nginx stops at 8 KiB with name and line end.
const DefaultHeaderBudget = 8000

// Snapshot is a compiled document: everything that a decision needs is worked
// out already. It is immutable and safe for concurrent use.
type Snapshot struct {
	// Experiments describes every experiment in the order of the document.
	Experiments []Summary
	// Treatments are all treatments of all experiments; each knows its index.
	Treatments []*Treatment
	// Splits has an entry for each experiment, in the order of the document.
	Splits []Split

	plans    map[string]*plan
	deciding []*plan
}

// Summary is what a snapshot knows about one experiment besides its plan.
type Summary struct {
	ID       string           `json:"id"`
	Key      string           `json:"key,omitempty"`
	Name     string           `json:"name"`
	Status   ExperimentStatus `json:"status"`
	IsValid  bool             `json:"is_valid"`
	Deciding bool             `json:"deciding"`
	// Blockers say why an experiment is not valid or, if active, not deciding.
	Blockers []Blocker `json:"errors,omitempty"`
}

// plan is a compiled experiment.
type plan struct {
	id       string
	key      string     // subjects are bucketed with
	level    int        // of its ramp: the percentage of the subjects that are in
	archived bool       // only override parameters reach it
	shares   []share    // percentage strategy, in the order of the division
	rest     *Treatment // of subjects beyond all shares; nil: they get nothing
	targets  []target   // segment strategy, by priority
	fallback *Treatment
	// expensive says that the segments are beyond the bounds: targets and fallback
	// are left out, so that no subject gets anything of them.
	expensive bool
	forced    map[string]*Treatment    // by variation: as its allocation has it, else not control
	carried   map[string][2]*Treatment // by variation: not control, control
}

// share is an allocation's range of buckets: from the one before it up to, and
// without, end.
type share struct {
	end       Bucket
	treatment *Treatment
}

// target is an allocation to a segment.
type target struct {
	audience  *audience
	treatment *Treatment
}

// Compile turns a decoded document into a snapshot. It cannot fail: what is not
// ready just assigns nobody, and Experiments says why.
func Compile(document *Document, settings Settings) *Snapshot {
	configs := map[string]mergedConfig{}
	for i := range document.FeatureFlags {
		mergeConfigs(&document.FeatureFlags[i], configs)
	}
	segments := make(map[string]*Segment, len(document.Segments))
	for i := range document.Segments {
		segments[document.Segments[i].ID] = &document.Segments[i]
	}
	audiences := make(map[string]*audience, len(document.Segments))
	audienceOf := func(id string) *audience {
		if audiences[id] == nil {
			audiences[id] = compileAudience(segments[id])
		}
		return audiences[id]
	}
	return assemble(document, configs, Efforts(document), audienceOf, settings)
}

// assemble puts a snapshot together from what each flag and segment comes to.
// audienceOf compiles a segment, which is asked for if it is needed.
func assemble(document *Document, configs map[string]mergedConfig, efforts map[string]Effort, audienceOf func(id string) *audience, settings Settings) *Snapshot {
	if settings.MaxActive == 0 {
		settings.MaxActive = 1
	}
	if settings.HeaderBudget == 0 {
		settings.HeaderBudget = DefaultHeaderBudget
	}
	s := &Snapshot{
		Experiments: make([]Summary, 0, len(document.Experiments)),
		plans:       make(map[string]*plan, len(document.Experiments)),
	}
	flags := make(map[string]*FeatureFlag, len(document.FeatureFlags))
	for i := range document.FeatureFlags {
		flags[document.FeatureFlags[i].ID] = &document.FeatureFlags[i]
	}
	blockers := make(map[string][]Blocker, len(document.Experiments))
	for i := range document.Experiments {
		e := &document.Experiments[i]
		blockers[e.ID] = Readiness(e, flags[e.FeatureFlagID], efforts)
		p := s.plan(e, flags[e.FeatureFlagID], configs, settings.HeaderBudget)
		// Overrides can ask an experiment that is not ready.
		if e.Strategy == StrategySegment {
			if p.expensive = tooExpensive(e, efforts) != ""; !p.expensive {
				p.direct(p.own(e.Allocations), audienceOf)
			}
		}
		s.plans[e.ID] = p
		split := p.split(e)
		p.label(&split)
		s.Splits = append(s.Splits, split)
	}
	s.decide(document, blockers, settings.MaxActive)
	return s
}

// decide settles which of the active experiments assign subjects, and describes
// them all.
func (s *Snapshot) decide(document *Document, blockers map[string][]Blocker, limit int) {
	deciding := map[string]bool{}
	beyond := map[string]string{} // an active experiment over the limit → who comes first
	active := Deciding(document.Experiments)
	for i, e := range active {
		if !MayDecide(active, i, limit) {
			beyond[e.ID] = active[0].ID
		} else if len(blockers[e.ID]) == 0 {
			deciding[e.ID] = true
			s.deciding = append(s.deciding, s.plans[e.ID])
			s.plans[e.ID].writeHeaders()
		}
	}
	for i := range document.Experiments {
		e := &document.Experiments[i]
		summary := Summary{
			ID: e.ID, Key: e.Key, Name: e.Name, Status: e.Status,
			IsValid: len(blockers[e.ID]) == 0, Deciding: deciding[e.ID], Blockers: blockers[e.ID],
		}
		if first, over := beyond[e.ID]; over {
			summary.Blockers = append(summary.Blockers, Blocker{
				Code:    CodeActiveLimitExceeded,
				Message: "another experiment is already active and comes first: " + first,
			})
		}
		if blocker := FlowBlocker(e); e.Status == ExperimentActive && blocker != nil {
			summary.Blockers = append(summary.Blockers, *blocker)
		}
		s.Experiments = append(s.Experiments, summary)
	}
}

func (s *Snapshot) plan(e *Experiment, flag *FeatureFlag, configs map[string]mergedConfig, budget int) *plan {
	p := &plan{
		id: e.ID, key: e.BucketingKey(), level: e.Level(), archived: e.Status == ExperimentArchived,
		forced:  make(map[string]*Treatment, len(flag.Variations)),
		carried: make(map[string][2]*Treatment, len(flag.Variations)),
	}
	for i := range flag.Variations {
		id := flag.Variations[i].ID
		config := configs[id]
		if e.DefaultConfig == DefaultConfigTenant {
			config = config.only(flag.Variations[i].Overrides)
		}
		p.carried[id] = [2]*Treatment{
			s.treatment(e, id, false, config, budget),
			s.treatment(e, id, true, config, budget),
		}
		p.forced[id] = p.carried[id][0]
	}
	seen := map[string]bool{}
	for _, a := range p.own(e.Allocations) {
		if !seen[a.VariationID] {
			seen[a.VariationID] = true
			p.forced[a.VariationID] = p.allocated(a)
		}
	}
	if e.Strategy == StrategyPercentage {
		p.divide(p.own(e.divided()))
		p.rest = p.carried[e.NotInExperiment()][0]
	}
	return p
}

// own leaves out the allocations to variations of other flags. An experiment with
// such a one is not ready.
func (p *plan) own(allocations []Allocation) []Allocation {
	var own []Allocation
	for _, a := range allocations {
		if _, known := p.carried[a.VariationID]; known {
			own = append(own, a)
		}
	}
	return own
}

// writeHeaders has the headers ready that requests will need.
func (p *plan) writeHeaders() {
	for i := range p.shares {
		p.shares[i].treatment.Header()
	}
	for i := range p.targets {
		p.targets[i].treatment.Header()
	}
	for _, t := range []*Treatment{p.rest, p.fallback} {
		if t != nil {
			t.Header()
		}
	}
}

func (p *plan) allocated(a Allocation) *Treatment {
	if a.IsControl {
		return p.carried[a.VariationID][1]
	}
	return p.carried[a.VariationID][0]
}

func (p *plan) divide(allocations []Allocation) {
	var end Weight
	for _, a := range allocations {
		if a.Weight == nil || *a.Weight == 0 {
			continue
		}
		end += *a.Weight
		p.shares = append(p.shares, share{end: Bucket(min(end, WholeWeight)), treatment: p.allocated(a)})
	}
}

func (p *plan) direct(allocations []Allocation, audienceOf func(id string) *audience) {
	slices.SortStableFunc(allocations, func(a, b Allocation) int {
		return cmp.Compare(rank(a.Priority), rank(b.Priority))
	})
	for _, a := range allocations {
		if a.SegmentID != "" {
			p.targets = append(p.targets, target{audience: audienceOf(a.SegmentID), treatment: p.allocated(a)})
		}
		if a.IsFallback && p.fallback == nil {
			p.fallback = p.allocated(a)
		}
	}
}

func rank(priority int) int {
	if priority == 0 {
		return math.MaxInt
	}
	return priority
}

func (s *Snapshot) treatment(e *Experiment, variationID string, isControl bool, config mergedConfig, budget int) *Treatment {
	size := headerSize(e.ID, variationID, isControl, config.json)
	t := &Treatment{
		ExperimentID: e.ID, VariationID: variationID, IsControl: isControl, Strategy: e.Strategy,
		Config: config.values, HeaderSize: size, fits: size <= budget, config: config.json, Index: len(s.Treatments),
	}
	s.Treatments = append(s.Treatments, t)
	return t
}

// Known reports whether the snapshot has an experiment of this id, whatever its
// status is.
func (s *Snapshot) Known(experimentID string) bool { return s.plans[experimentID] != nil }
