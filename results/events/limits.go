package events

import (
	"errors"
	"fmt"
	"time"
)

// Limits bound what one reading takes. A zero is the default.
type Limits struct {
	// MaxBytes of the whole. Default: 16 MiB.
	MaxBytes int64
	// MaxRecords of the whole, good and bad. Default: 100,000.
	MaxRecords int
	// MaxRecordBytes of one record. Default: 64 KiB.
	MaxRecordBytes int
	// Future is how far a record's time may be ahead. Default: one hour.
	Future time.Duration
	// Past is how old a record may be. Default: any age.
	Past time.Duration
	// Check refuses records for what they say. Default: none.
	Check Check
}

// The defaults of Limits.
const (
	DefaultMaxBytes       = 16 << 20
	DefaultMaxRecords     = 100_000
	DefaultMaxRecordBytes = 64 << 10
	DefaultFuture         = time.Hour
)

// ErrTooLarge says that there is more than Limits allow.
var ErrTooLarge = errors.New("the events are too many at once; send them in several parts")

// SyntaxError says why nothing could be read at all.
type SyntaxError struct {
	// Line counts from 1.
	Line   int
	Reason string
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

func (l Limits) complete() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.MaxRecords <= 0 {
		l.MaxRecords = DefaultMaxRecords
	}
	if l.MaxRecordBytes <= 0 {
		l.MaxRecordBytes = DefaultMaxRecordBytes
	}
	if l.Future <= 0 {
		l.Future = DefaultFuture
	}
	return l
}

// checkTime reports why a record cannot be of that time.
func (l Limits) checkTime(t, now Millis) error {
	ahead := int64(t - now)
	switch {
	case t < 0 || t > latest:
		return errors.New("t: must be from 1970 to 9999")
	case ahead > l.Future.Milliseconds():
		return fmt.Errorf("t: is %s ahead; check the sender's clock", span(ahead))
	case l.Past > 0 && -ahead > l.Past.Milliseconds():
		return fmt.Errorf("t: is %s ago, more than %s; check the sender's clock", span(-ahead), span(l.Past.Milliseconds()))
	}
	return nil
}

// latest is the end of the year 9999, the last that RFC 3339 can write.
const latest Millis = 253402300799999

// span writes a number of milliseconds for people.
func span(milliseconds int64) string {
	const day = 24 * 60 * 60 * 1000
	if milliseconds >= 2*day {
		return fmt.Sprintf("%d days", milliseconds/day)
	}
	d := time.Duration(milliseconds) * time.Millisecond
	if d > time.Minute {
		d = d.Round(time.Second)
	}
	return d.String()
}

// Interface guards
var _ error = (*SyntaxError)(nil)
