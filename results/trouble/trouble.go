package trouble

import (
	"sync"
	"time"
)

// Interval is how often trouble that lasts is told of.
const Interval = time.Minute

// Trouble is something that is tried until it succeeds. The zero value is one that
// has not failed yet. It is safe for concurrent use.
type Trouble struct {
	mu    sync.Mutex
	err   error
	since time.Time
	told  time.Time // when it was told of last
	spoke bool      // it was told of since it began
}

// Happened notes an error, and calls tell if it is time to tell of it: at once, and
// then no more than once an Interval.
func (t *Trouble) Happened(err error, tell func()) {
	t.mu.Lock()
	now := time.Now()
	if t.err == nil {
		t.since, t.spoke = now, false
	}
	t.err = err
	due := t.told.IsZero() || now.Sub(t.told) >= Interval
	if due {
		t.told, t.spoke = now, true
	}
	t.mu.Unlock()
	if due {
		tell()
	}
}

// Over notes a success. It calls tell if there was trouble that was told of, with
// how long it has lasted.
func (t *Trouble) Over(tell func(lasted time.Duration)) {
	t.mu.Lock()
	was, spoke, lasted := t.err != nil, t.spoke, time.Since(t.since)
	t.err, t.spoke = nil, false
	t.mu.Unlock()
	if was && spoke {
		tell(lasted)
	}
}

// Last returns since when there is trouble and the last error, which is nil if there
// is none.
func (t *Trouble) Last() (since time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		return time.Time{}, nil
	}
	return t.since, t.err
}
