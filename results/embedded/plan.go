package embedded

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// attributes are those of an exposure, in the order of its key.
var attributes = []string{"device_type", "browser", "country", "region"}

// plan is a query as it is computed.
type plan struct {
	query      *events.Query
	skew       events.Millis
	covariate  events.Millis
	until      events.Millis // the greatest time for no bound
	attributes []int         // of attributes
	// events are those whose outcomes are read; measures and chains refer to them.
	events   []string
	measures []measure
	chains   []chain
}

// none is the index of no event.
const none = -1

type measure struct {
	events.Measure
	event, denominator int
	window             events.Millis // the greatest time for no end
	// limit is where values are cut, if anywhere.
	limit *float64
}

type chain struct {
	events  []int
	window  events.Millis
	bounded bool
}

// exposures is the prefix of the keys of the iteration's exposures.
func (p *plan) exposures() []byte {
	return prefix(exposureKind, p.query.Tenant, p.query.Experiment, p.query.Iteration)
}

func millis(d time.Duration) events.Millis { return events.Millis(d.Milliseconds()) }

func newPlan(q *events.Query) (*plan, error) {
	p := &plan{query: q, skew: millis(q.Skew), covariate: millis(q.Covariate), until: q.Until}
	if p.until == 0 {
		p.until = math.MaxInt64
	}
	for _, attribute := range q.Attributes {
		i := slices.Index(attributes, attribute)
		if i < 0 {
			return nil, fmt.Errorf("attribute %q is not kept", attribute)
		}
		p.attributes = append(p.attributes, i)
	}
	for _, m := range q.Measures {
		planned := measure{Measure: m, event: p.read(m.Event), denominator: none, window: windowOf(m.Window)}
		if m.Denominator != "" {
			planned.denominator = p.read(m.Denominator)
		}
		p.measures = append(p.measures, planned)
	}
	for _, c := range q.Chains {
		planned := chain{window: windowOf(c.Window), bounded: c.Window != 0}
		for _, event := range c.Events {
			planned.events = append(planned.events, p.read(event))
		}
		p.chains = append(p.chains, planned)
	}
	return p, nil
}

func windowOf(d time.Duration) events.Millis {
	if d == 0 {
		return math.MaxInt64
	}
	return millis(d)
}

// read gives the index of an event that is to be read.
func (p *plan) read(event string) int {
	i := slices.Index(p.events, event)
	if i < 0 {
		i = len(p.events)
		p.events = append(p.events, event)
	}
	return i
}

// capped gives the plan of the pass that finds the caps; nil if there is none.
func (p *plan) capped() *plan {
	some := *p.query
	some.Measures, some.Chains, some.Attributes, some.Days, some.Covariate = nil, nil, nil, false, 0
	for _, m := range p.query.Measures {
		if m.Cap != 0 {
			m.Denominator = ""
			some.Measures = append(some.Measures, m)
		}
	}
	if len(some.Measures) == 0 {
		return nil
	}
	first, _ := newPlan(&some) // it has no attributes
	return first
}

// end is where outcomes of a unit end to count.
func (p *plan) end(t0, window events.Millis) events.Millis {
	if window > math.MaxInt64-max(t0, 0) {
		return p.until
	}
	return min(t0+window, p.until)
}

// matured reports whether a measure or chain looks at a unit.
func (p *plan) matured(bounded bool, window, t0 events.Millis) bool {
	return p.query.MaturedBy == 0 || !bounded || t0 <= p.query.MaturedBy-window
}
