package embedded

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/pace"
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
	exposures *pebble.Iterator
	prefix    int // of the exposures' keys
	streams   []*stream
	owner     *owner
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
// keys; nil is no bound).
func newScan(p *plan, v visitor, from pebble.Reader, low, high []byte) (*scan, error) {
	q := p.query
	start := prefix(exposureKind, q.Tenant, q.Experiment, q.Iteration)
	s := &scan{plan: p, visitor: v, prefix: len(start), names: map[string]string{}}
	s.unit.outcomes = make([][]occurrence, len(p.events))
	var err error
	if s.exposures, err = between(from, start, low, high); err != nil {
		return nil, err
	}
	if s.owner, err = newOwner(p, from, start); err != nil {
		return nil, errors.Join(err, s.close())
	}
	for _, event := range p.events {
		start := prefix(outcomeKind, q.Tenant, event)
		it, err := between(from, start, low, high)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		it.First()
		s.streams = append(s.streams, &stream{iterator: it, prefix: start, owner: s.owner})
	}
	return s, nil
}

// between iterates over keys with a prefix, from low to high behind it.
func between(from pebble.Reader, prefix, low, high []byte) (*pebble.Iterator, error) {
	o := &pebble.IterOptions{LowerBound: slices.Concat(prefix, low), UpperBound: after(prefix)}
	if high != nil {
		o.UpperBound = slices.Concat(prefix, high)
	}
	return from.NewIter(o)
}

func (s *scan) close() error {
	var errs []error
	if s.exposures != nil {
		errs = append(errs, s.exposures.Close())
	}
	if s.owner != nil {
		errs = append(errs, s.owner.close())
	}
	for _, stream := range s.streams {
		errs = append(errs, stream.iterator.Close())
	}
	return errors.Join(errs...)
}

// often is how many units there are between two looks at the context and at who
// else needs the processor.
const often = 256

func (s *scan) run(ctx context.Context, turn *pace.Turn) (err error) {
	defer func() {
		if closeErr := s.close(); err == nil {
			err = closeErr // an iterator repeats what was wrong
		}
	}()
	s.exposures.First()
	for n := 0; s.exposures.Valid(); n++ {
		if n%often == 0 {
			if err := turn.Yield(ctx); err != nil {
				return err
			}
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
				if s.unit.outcomes[i], err = stream.of(s.key, s.unit.t0, s.unit.outcomes[i][:0]); err != nil {
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
	r := reader{rest: s.exposures.Key()[s.prefix:]}
	s.key = append(s.key[:0], r.unit()...)
	s.unit.crossed = false
	s.seen = s.seen[:0]
	for ; s.exposures.Valid(); s.exposures.Next() {
		key := s.exposures.Key()
		if !bytes.HasPrefix(key[s.prefix:], s.key) {
			break
		}
		r := reader{rest: key[s.prefix+len(s.key):]}
		e := readShown(&r)
		if r.bad {
			return false, unreadable(key)
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
