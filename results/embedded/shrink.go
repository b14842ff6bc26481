package embedded

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

const (
	// sampled is how many records are looked at to find out how old a log is. The
	// part that is removed is right to about one in a hundred then.
	sampled = 20_000
	// shrinkings bounds how often records are removed at once: a log may have
	// things in it that are of no time.
	shrinkings = 4
)

// kept is what the log's tables take on disk, without what is about to be deleted
// and the write-ahead log, which do not grow with it.
func (l *Log) kept() int64 { return int64(l.db.Metrics().Table.Local.LiveSize) }

// Shrink removes the oldest records, of all tenants, until the log's tables take
// about that many bytes on disk. It returns the time from before which nothing is left;
// 0 if the log is small enough as it is. Records can be added meanwhile.
func (l *Log) Shrink(ctx context.Context, to int64) (before events.Millis, err error) {
	for range shrinkings {
		size := l.kept()
		if size <= to {
			return before, nil
		}
		cut, ok, err := l.cut(ctx, 1-float64(to)/float64(size))
		if err == nil && ok {
			before = max(before, cut)
			err = l.prune(ctx, cut)
		}
		if err == nil {
			err = l.reclaim(ctx)
		}
		if err != nil {
			return before, fmt.Errorf("shrinking %s: %w", l.dir, explained(err))
		}
		if !ok {
			break
		}
	}
	return before, nil
}

// cut returns a time that a share of the records is from before; it is not ok
// without records.
func (l *Log) cut(ctx context.Context, share float64) (events.Millis, bool, error) {
	times, err := l.sample(ctx)
	if err != nil || len(times) == 0 {
		return 0, false, err
	}
	slices.Sort(times)
	at := times[min(int(share*float64(len(times))), len(times)-1)]
	if at == times[0] {
		at++ // or those of the oldest time would stay for ever
	}
	return at, true, nil
}

// sample returns the times of records, all with the same chance.
func (l *Log) sample(ctx context.Context) (times []events.Millis, err error) {
	n := 0
	for _, kind := range [...]byte{exposureKind, outcomeKind, aliasKind} {
		err := l.eachOf(ctx, kind, func(it *pebble.Iterator) error {
			t, err := timeOf(it.Key())
			if err != nil {
				return err
			}
			if n++; len(times) < sampled {
				times = append(times, t)
			} else if at := rand.IntN(n); at < sampled {
				times[at] = t
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return times, nil
}

// reclaim has the engine give back the space of what was removed, which it would
// do by itself at some time.
func (l *Log) reclaim(ctx context.Context) error {
	if err := l.db.Flush(); err != nil {
		return err
	}
	return l.db.Compact(ctx, []byte{0}, []byte{0xff}, false)
}
