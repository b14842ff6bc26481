package embedded

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// leastLimit is the smallest limit that is found for a log by itself.
const leastLimit = 1 << 30

// findLimit finds how large the log may become: as Options say, or a tenth of the
// space that its disk has for it.
func (l *Log) findLimit(configured int64) {
	l.limit = configured
	if configured != 0 {
		return
	}
	l.limit = leastLimit
	if s, err := spaceOf(l.dir); err == nil {
		l.limit = max(l.limit, (int64(s.freeBytes)+l.kept())/10)
	}
}

// Limit is how large the log may become, in bytes; negative if there is no limit.
func (l *Log) Limit() int64 { return l.limit }

// Trim removes the oldest records if the log is larger than it may be, so that a
// tenth of the limit is free. It reports whether it did, and from before which
// time nothing is left.
func (l *Log) Trim(ctx context.Context) (before events.Millis, trimmed bool, err error) {
	if l.limit < 0 || l.kept() <= l.limit {
		return 0, false, nil
	}
	before, err = l.Shrink(ctx, l.limit-l.limit/10)
	return before, err == nil, err
}

// sizeInterval is how often appending looks at the size.
const sizeInterval = time.Second

// withinLimit reports why the log takes nothing until it is trimmed, if it has
// become much larger than it may be.
func (l *Log) withinLimit() error {
	if l.limit < 0 {
		return nil
	}
	now := time.Since(l.opened)
	if last := l.measured.Load(); int64(now)-last > int64(sizeInterval) && l.measured.CompareAndSwap(last, int64(now)) {
		l.size.Store(l.kept())
	}
	if size := l.size.Load(); size > l.limit+l.limit/4 {
		return fmt.Errorf("%w: it takes %d MB, its limit is %d MB, and old events are not removed as fast as new ones come",
			events.ErrUnavailable, size>>20, l.limit>>20)
	}
	return nil
}
