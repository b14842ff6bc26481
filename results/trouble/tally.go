package trouble

import (
	"sync"
	"time"
)

// Tally counts what goes wrong for good, such as records that are refused. The zero
// value is empty. It is safe for concurrent use.
type Tally struct {
	mu     sync.Mutex
	total  uint64
	untold uint64
	told   time.Time
}

// Add counts n more, and calls tell if it is time to tell of them, no more than once
// an Interval, with how many there were since it was called last.
func (t *Tally) Add(n int, tell func(untold uint64)) {
	if n <= 0 {
		return
	}
	t.mu.Lock()
	t.total += uint64(n)
	t.untold += uint64(n)
	untold := t.untold
	due := t.told.IsZero() || time.Since(t.told) >= Interval
	if due {
		t.told, t.untold = time.Now(), 0
	}
	t.mu.Unlock()
	if due {
		tell(untold)
	}
}

// Total returns how many there were.
func (t *Tally) Total() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}
