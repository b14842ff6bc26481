package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// Limits bound what an Intake holds. A zero is the default.
type Limits struct {
	// Text is how many bytes of bodies that are on their way are held. A tenant
	// alone may have half of it, which must be enough for the largest body once
	// and a half. Default: 64 MiB.
	Text int64
	// Decoded is about how many bytes of records are held until they are durable.
	// Default: 64 MiB.
	Decoded int64
	// Wait is how long a body waits for others before it is refused. Default: one
	// second.
	Wait time.Duration
	// Rate is how many bytes a second of a body must come, and Grace how long it
	// may take besides. Default: 16 KiB, and 20 seconds.
	Rate  int64
	Grace time.Duration
}

// Intake takes uploads in. It is safe for concurrent use.
type Intake struct {
	limits        Limits
	text, decoded *budget
}

// New returns an intake.
func New(limits Limits) *Intake {
	setDefault(&limits.Text, 64<<20)
	setDefault(&limits.Decoded, 64<<20)
	setDefault(&limits.Wait, time.Second)
	setDefault(&limits.Rate, 16<<10)
	setDefault(&limits.Grace, 20*time.Second)
	return &Intake{limits: limits, text: newBudget(limits.Text), decoded: newBudget(limits.Decoded)}
}

func setDefault[T int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// ErrSlow says that a body came too slowly.
var ErrSlow = errors.New("the body came too slowly")

// Body is an upload that has been read. It must be released.
type Body struct {
	// Text is valid until the release.
	Text   []byte
	intake *Intake
	tenant string
	text   int64 // taken of the budgets
	record int64
}

// smallest is what the memory of a body begins with.
const smallest = 64 << 10

// Read reads a body of at most limit bytes. Its length, where it was announced,
// only bounds what is taken beforehand; below 0 it is not known. An error is
// ErrBusy, ErrSlow, events.ErrTooLarge or that of r, wrapped.
//
// Nothing is taken for what has not come.
func (i *Intake) Read(ctx context.Context, tenant string, r io.Reader, length, limit int64) (_ *Body, err error) {
	b := &Body{intake: i, tenant: tenant}
	defer func() {
		if err != nil {
			b.Release()
		}
	}()
	if length > limit {
		return nil, tooLarge(limit)
	}
	most := limit + 1 // one more tells that it is too large
	if length >= 0 {
		most = length + 1 // and so does the end
	}
	began := time.Now()
	for {
		if len(b.Text) == cap(b.Text) {
			if int64(len(b.Text)) > limit {
				return nil, tooLarge(limit)
			}
			if int64(len(b.Text)) == most {
				most = limit + 1 // longer than it was announced to be
			}
			if err := b.grow(ctx, min(most, max(smallest, 2*int64(cap(b.Text))))); err != nil {
				return nil, err
			}
		}
		n, err := r.Read(b.Text[len(b.Text):cap(b.Text)])
		b.Text = b.Text[:len(b.Text)+n]
		switch took := time.Since(began); {
		case int64(len(b.Text)) > limit:
			return nil, tooLarge(limit)
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, fmt.Errorf("reading events: %w", err)
		case took > i.limits.Grace+time.Duration(float64(len(b.Text))/float64(i.limits.Rate)*float64(time.Second)):
			return nil, fmt.Errorf("reading events: %w: %d bytes in %s", ErrSlow, len(b.Text), took.Round(time.Second))
		}
	}
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: the limit is %d bytes", events.ErrTooLarge, limit)
}

// grow makes room for more text. For a moment there are both.
func (b *Body) grow(ctx context.Context, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, b.intake.limits.Wait)
	defer cancel()
	if err := b.intake.text.take(ctx, b.tenant, size); err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	b.text += size
	text := make([]byte, len(b.Text), size)
	copy(text, b.Text)
	old := int64(cap(b.Text))
	b.Text = text
	if old > 0 {
		b.text -= old
		b.intake.text.give(b.tenant, old)
	}
	return nil
}

// What a record takes besides its text: less for one that is long.
const recordSize = 320

// Decode waits until there is room for the records of the text. Whoever has it
// must not wait for the client any more.
func (b *Body) Decode(ctx context.Context) error {
	// Each record is an object, and each is copied into the log's own form.
	size := 2*int64(len(b.Text)) + recordSize*int64(bytes.Count(b.Text, []byte("{")))
	size = min(size, b.intake.limits.Decoded/2)
	if err := b.intake.decoded.take(ctx, b.tenant, size); err != nil {
		return fmt.Errorf("decoding events: %w", err)
	}
	b.record = size
	return nil
}

// Release gives back what the body holds. Doing so again does nothing.
func (b *Body) Release() {
	b.intake.text.give(b.tenant, b.text)
	b.intake.decoded.give(b.tenant, b.record)
	b.Text, b.text, b.record = nil, 0, 0
}
