package file

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// A change is told within a second: pollInterval until it is noticed, at most
// patience and one more pollInterval until it is told.
const (
	// pollInterval is how often the files are looked at. Looking is one stat; it
	// sees every way of changing a file, on every file system, where notification
	// of the kernel misses some.
	pollInterval = 200 * time.Millisecond

	// settled is the age from which a file's times can be trusted to move with
	// the next change: until then its contents are compared.
	settled = 2 * time.Second

	// quiet is the age that a change must have before it is told: a program that
	// writes in place would otherwise be caught halfway.
	quiet = 100 * time.Millisecond

	// patience is that age for a text that is not complete, and how long a file
	// that never comes to rest is waited for.
	patience = 500 * time.Millisecond
)

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, w store.Watcher) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	sights := map[store.Tenant]*sight{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, tenant := range s.loaded() {
			seen := sights[tenant]
			if seen == nil {
				seen = &sight{}
				sights[tenant] = seen
			}
			if ctx.Err() == nil && (s.retry(tenant) || seen.news(s.Path(tenant), s.maxSize)) {
				w.Changed(tenant)
			}
		}
		w.Reached()
	}
}

// loaded lists the tenants that anybody has asked for.
func (s *Store) loaded() []store.Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.files))
}

// retry reports whether the tenant's file could not be read last time, which
// need not be for a reason that one can see from here.
func (s *Store) retry(tenant store.Tenant) bool {
	t := s.tracked(tenant)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// sight is what a watcher has last told of a file. It is the watcher's own:
// what others load or commit in between is news all the same.
type sight struct {
	info    fs.FileInfo // nil: nothing, or not how it looks
	sum     [sha256.Size]byte
	missing bool
	noticed time.Time // when a difference was first noticed that is not told yet
}

// news looks at the file and reports whether there is something to tell.
func (s *sight) news(path string, limit int64) bool {
	info, err := os.Stat(path)
	now := time.Now()
	if errors.Is(err, fs.ErrNotExist) {
		// Between two steps of a replacement there is no file for a moment.
		if s.missing || s.waited(now) < quiet {
			return false
		}
		*s = sight{missing: true}
		return true
	}
	if err != nil {
		*s = sight{}
		return true // loading it says what is wrong
	}
	// A negative age is that of a clock that has been set, and tells nothing.
	age := now.Sub(changedAt(info))
	if s.info == nil || !unchanged(info, s.info) {
		if age >= 0 && age < quiet && s.waited(now) < patience {
			return false
		}
	} else if age.Abs() > settled {
		s.noticed = time.Time{}
		return false
	}
	c, err := readFile(path, limit)
	if err != nil {
		*s = sight{}
		return true
	}
	if s.info != nil && c.sum == s.sum {
		s.info, s.noticed = c.info, time.Time{}
		return false
	}
	if age >= 0 && age < patience && !json.Valid(c.text) {
		return false
	}
	*s = sight{info: c.info, sum: c.sum}
	return true
}

// waited is for how long a difference has been noticed; this may be the first
// time.
func (s *sight) waited(now time.Time) time.Duration {
	if s.noticed.IsZero() {
		s.noticed = now
	}
	return now.Sub(s.noticed)
}
