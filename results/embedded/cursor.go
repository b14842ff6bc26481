package embedded

import (
	"bytes"
	"context"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/pace"
)

// cursor goes over the keys with a prefix. Keys are looked at behind it.
type cursor struct {
	iterator *pebble.Iterator
	prefix   []byte
	seek     []byte // scratch
}

// newCursor stands at the first key that is not before low. Keys from high on
// are not there; nil is no bound.
func newCursor(from pebble.Reader, prefix, low, high []byte) (*cursor, error) {
	o := &pebble.IterOptions{LowerBound: slices.Concat(prefix, low), UpperBound: after(prefix)}
	if high != nil {
		o.UpperBound = slices.Concat(prefix, high)
	}
	it, err := from.NewIter(o)
	if err != nil {
		return nil, err
	}
	it.First()
	return &cursor{iterator: it, prefix: prefix}, nil
}

func (c *cursor) close() error { return c.iterator.Close() }

func (c *cursor) valid() bool { return c.iterator.Valid() }

func (c *cursor) next() { c.iterator.Next() }

// rest is the key behind the prefix. It is valid until the cursor moves.
func (c *cursor) rest() []byte { return c.iterator.Key()[len(c.prefix):] }

// at reports whether the cursor is at a key that continues with what is given.
func (c *cursor) at(what []byte) bool { return c.valid() && bytes.HasPrefix(c.rest(), what) }

// near is how many keys are passed one by one before the iterator seeks.
const near = 8

// reach goes forward to the first key that is not before what is given, and
// reports whether it continues with it.
func (c *cursor) reach(what []byte) bool {
	for passed := 0; c.valid(); passed++ {
		if rest := c.rest(); bytes.Compare(rest, what) >= 0 {
			return bytes.HasPrefix(rest, what)
		}
		if passed < near {
			c.next()
			continue
		}
		c.jump(what)
	}
	return false
}

// jump goes to the first key that is not before what is given, also back.
func (c *cursor) jump(what []byte) {
	c.seek = append(append(c.seek[:0], c.prefix...), what...)
	c.iterator.SeekGE(c.seek)
}

// strides looks now and then at a context, and at who else needs the processor.
type strides struct {
	ctx  context.Context
	turn *pace.Turn // nil for work that is soon done
	n    int
}

// often is how many steps there are between two looks.
const often = 256

// step returns the context's error when it is time to look.
func (s *strides) step() error {
	if s.n++; s.n%often != 0 {
		return nil
	}
	if s.turn == nil {
		return s.ctx.Err()
	}
	return s.turn.Yield(s.ctx)
}

// inTurn takes a turn for work that may last.
func inTurn(ctx context.Context, do func(*strides) error) error {
	turn, err := pace.Begin(ctx)
	if err != nil {
		return err
	}
	defer turn.End()
	return do(&strides{ctx: ctx, turn: turn})
}
