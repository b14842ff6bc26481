package caddymodule

import (
	"sync/atomic"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// tenant is a site's view of its tenant's configuration.
type tenant struct {
	name     string
	feed     *store.Feed
	counters atomic.Pointer[counters]
}

func newTenant(feed *store.Feed) *tenant {
	return &tenant{name: string(feed.Tenant()), feed: feed}
}

// snapshot gives what is in force now, nil if there is nothing yet.
func (t *tenant) snapshot() *engine.Snapshot {
	if applied := t.feed.Current(); applied != nil {
		return applied.Snapshot
	}
	return nil
}

// count counts a decision made from a snapshot.
func (t *tenant) count(snapshot *engine.Snapshot, d *engine.Decision) {
	t.of(snapshot).count(t.name, d)
}

// of gives what is kept for a snapshot.
func (t *tenant) of(snapshot *engine.Snapshot) *counters {
	c := t.counters.Load()
	if c == nil || c.snapshot != snapshot {
		c = newCounters(snapshot)
		t.counters.Store(c)
	}
	return c
}
