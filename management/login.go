package management

import (
	"slices"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// Login is how a login has ended that an exposure belongs to.
type Login struct {
	Tenant store.Tenant
	// ID is that of the outcome: with Type and Unit it tells logins apart.
	ID string
	// Type is s for a login, ss for a signup, f for one that failed.
	Type         string
	Unit         string
	Hashed       bool // Unit is the keyed hash that the edges make of a subject
	Time         time.Time
	ExperimentID string
	VariationID  string
	IsControl    bool
	Strategy     engine.Strategy
	// Source and SegmentID are empty where only the exposure itself has them.
	Source, SegmentID string
}

// loginTypes are the events of package events that end a login.
var loginTypes = []string{"s", "ss", "f"}

// namedExposure is an outcome as it came, and the id of the exposure that it names.
type namedExposure struct {
	outcome events.Outcome
	id      string
}

// loginsOf finds the exposures that outcomes of logins name: among those of the same
// batch, and those that the edges make of the tenant's experiments, whose ids say what
// they are of.
func (c *call) loginsOf(document *engine.Document, batch *events.Batch, named []namedExposure) []Login {
	if len(named) == 0 {
		return nil
	}
	sent := map[string]*events.Exposure{}
	for i := range batch.Exposures {
		sent[batch.Exposures[i].ID] = &batch.Exposures[i]
	}
	tags := c.api.exposures.of(c.token.Tenant, document)
	var out []Login
	for _, n := range named {
		unit, ours := events.UnitOf(n.id)
		var e *engine.Experiment
		l := Login{Tenant: c.token.Tenant, ID: n.outcome.ID, Type: n.outcome.Event, Unit: unit, Hashed: ours, Time: n.outcome.Time.Time()}
		if x := sent[n.id]; x != nil {
			e = tags.experiments[x.Experiment]
			l.Hashed = false
			l.Unit, l.VariationID, l.Source, l.SegmentID = x.Unit, x.Variation, x.Source, x.Segment
		} else if ours {
			found := tags.exposed[n.id[len(unit):]]
			e, l.VariationID = found.experiment, found.variation
		}
		if e == nil {
			continue
		}
		l.ExperimentID, l.Strategy = e.ID, e.Strategy
		l.IsControl = slices.ContainsFunc(e.Allocations, func(a engine.Allocation) bool { return a.VariationID == l.VariationID && a.IsControl })
		out = append(out, l)
	}
	return out
}

// exposureTags has, for the document of each tenant that was asked for last, what the
// ids of exposures are of. It is safe for concurrent use.
type exposureTags struct {
	mu   sync.Mutex
	held map[store.Tenant]*tagged
}

// tagged is a document with the tags of all exposures that there can be of it.
type tagged struct {
	document    *engine.Document
	experiments map[string]*engine.Experiment
	exposed     map[string]exposedTo // by what follows the unit in an exposure's id
}

type exposedTo struct {
	experiment *engine.Experiment
	variation  string
}

func (x *exposureTags) of(tenant store.Tenant, document *engine.Document) *tagged {
	x.mu.Lock()
	defer x.mu.Unlock()
	if last := x.held[tenant]; last != nil && last.document == document {
		return last
	}
	t := &tagged{document: document, experiments: map[string]*engine.Experiment{}, exposed: map[string]exposedTo{}}
	flags := flagsByID(document)
	for i := range document.Experiments {
		e := &document.Experiments[i]
		t.experiments[e.ID] = e
		iterations := map[string]bool{engine.FirstIterationID(e.ID): true}
		for j := range e.Iterations {
			iterations[e.Iterations[j].ID] = true
		}
		for iteration := range iterations {
			for _, v := range flags[e.FeatureFlagID].Variations {
				t.exposed[events.ExposureID("", e.ID, iteration, v.ID)] = exposedTo{e, v.ID}
			}
		}
	}
	x.held[tenant] = t
	return t
}
