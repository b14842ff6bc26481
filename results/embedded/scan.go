package embedded

import (
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// unit is one as a scan meets it. It is valid until the next one.
type unit struct {
	variation, weightsVersion string
	attributes                [4]string
	t0                        events.Millis
	crossed                   bool
	// outcomes are by the plan's events, by time, those with equal ids being one.
	outcomes [][]occurrence
}

// occurrence is what a measure needs of an outcome.
type occurrence struct {
	t        events.Millis
	value    float64
	hasValue bool
}

// visitor is told what a scan meets. Of units that are crossed it gets no
// outcomes.
type visitor interface {
	unit(u *unit)
	apart(variation string, bot, forced bool)
}

// scan joins a range of the units with their outcomes.
type scan struct {
	plan      *plan
	visitor   visitor
	exposures *cursor
	streams   []*stream
	names     map[string]string // strings that come often

	// Scratch of a unit.
	key  []byte
	unit unit
	seen []aside
}

// aside is an exposure that is not analysed, without its time.
type aside struct {
	variation string
	forced    bool
}

// newScan opens the iterators, from the unit low to the unit high (both as in
// keys; nil is no bound). What aliases lead to is on a shelf.
func newScan(p *plan, v visitor, from pebble.Reader, aliased *shelf, low, high []byte) (*scan, error) {
	s := &scan{plan: p, visitor: v, names: map[string]string{}}
	s.unit.outcomes = make([][]occurrence, len(p.events))
	var err error
	if s.exposures, err = newCursor(from, p.exposures(), low, high); err != nil {
		return nil, err
	}
	rows := aliased.read(low)
	for i, event := range p.events {
		outcomes, err := newCursor(from, prefix(outcomeKind, p.query.Tenant, event), low, high)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.streams = append(s.streams, &stream{
			outcomes: outcomes, rows: rows, event: i, name: event, tenant: p.query.Tenant, from: from,
		})
	}
	return s, nil
}

func (s *scan) close() error {
	errs := []error{s.exposures.close()}
	for _, stream := range s.streams {
		errs = append(errs, stream.close())
	}
	return errors.Join(errs...)
}

func (s *scan) run(steps *strides) (err error) {
	defer func() {
		if closeErr := s.close(); err == nil {
			err = closeErr // an iterator repeats what was wrong
		}
	}()
	for s.exposures.valid() {
		if err := steps.step(); err != nil {
			return err
		}
		exposed, err := s.next()
		if err != nil {
			return err
		}
		if !exposed {
			continue
		}
		if !s.unit.crossed {
			for i, stream := range s.streams {
				if s.unit.outcomes[i], err = stream.of(s.key, steps); err != nil {
					return err
				}
			}
		}
		s.visitor.unit(&s.unit)
	}
	return nil
}

// next reads all exposures of the unit that is next, and leaves the iterator
// behind them. The first that is analysed is the earliest: the keys are in that
// order.
func (s *scan) next() (exposed bool, err error) {
	r := reader{rest: s.exposures.rest()}
	s.key = append(s.key[:0], r.unit()...)
	s.unit.crossed = false
	s.seen = s.seen[:0]
	for ; s.exposures.at(s.key); s.exposures.next() {
		r := reader{rest: s.exposures.rest()[len(s.key):]}
		e := readShown(&r)
		if r.bad {
			return false, unreadable(s.exposures.iterator.Key())
		}
		switch {
		case !e.within(s.plan):
		case !e.analysed():
			s.aside(&e)
		case !exposed:
			exposed = true
			s.first(&e)
		case string(e.variation) != s.unit.variation:
			s.unit.crossed = true
		}
	}
	return exposed, nil
}

func (s *scan) first(e *shown) {
	s.unit.t0 = e.t
	s.unit.variation, s.unit.weightsVersion = s.name(e.variation), s.name(e.weightsVersion)
	for _, i := range s.plan.attributes {
		s.unit.attributes[i] = s.name(e.attributes[i])
	}
}

// name gives a string, the same memory for equal ones.
func (s *scan) name(text []byte) string {
	known, ok := s.names[string(text)]
	if !ok {
		if len(s.names) > 10_000 {
			clear(s.names)
		}
		known = string(text)
		s.names[known] = known
	}
	return known
}

// aside tells of exposures that are not analysed, once for each unit.
func (s *scan) aside(e *shown) {
	variation := s.name(e.variation)
	bot, forced := e.bot, e.forced
	if bot && slices.Contains(s.seen, aside{variation, false}) {
		bot = false
	}
	if forced && slices.Contains(s.seen, aside{variation, true}) {
		forced = false
	}
	if bot {
		s.seen = append(s.seen, aside{variation, false})
	}
	if forced {
		s.seen = append(s.seen, aside{variation, true})
	}
	s.visitor.apart(variation, bot, forced)
}

// shown is what a query needs of an exposure.
type shown struct {
	t                         events.Millis
	variation, weightsVersion []byte
	attributes                [4][]byte
	bot, forced               bool
}

// readShown reads an exposure's key, behind its unit.
func readShown(r *reader) (e shown) {
	e.t = r.time()
	e.variation = r.string()
	r.string() // id
	e.weightsVersion = r.string()
	for i := range e.attributes {
		e.attributes[i] = r.string()
	}
	r.string() // segment
	e.forced = string(r.string()) == events.SourceOverride
	e.bot = r.byte() == 1
	return e
}

func (e *shown) within(p *plan) bool {
	return (p.query.From == 0 || e.t >= p.query.From) && e.t < p.until
}

func (e *shown) analysed() bool { return !e.bot && !e.forced }
