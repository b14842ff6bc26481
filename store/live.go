package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// Live keeps the compiled snapshot of every tenant that is asked for in step
// with a store. A document that is bad or gone never replaces a good one.
type Live struct {
	store    Store
	settings engine.Settings
	report   func(Event)

	mu    sync.Mutex
	feeds map[Tenant]*Feed
}

// Feed is one tenant's current configuration. Reading it takes no lock.
type Feed struct {
	tenant  Tenant
	current atomic.Pointer[Applied]

	refreshing sync.Mutex // held over I/O, so that reading the status never waits for it

	mu     sync.Mutex
	status Status
}

// Applied is a configuration that requests are decided by.
type Applied struct {
	Snapshot *engine.Snapshot
	Document *engine.Document
	Revision uint64
	At       time.Time
}

// State is how well a tenant's configuration is known.
type State string

// The states.
const (
	// StateHealthy means that the newest document is applied.
	StateHealthy State = "healthy"
	// StateEmpty means that the tenant has never had a document.
	StateEmpty State = "empty"
	// StateDegraded means that the newest document is bad, gone or out of
	// reach, and the last good one, if there is any, is served.
	StateDegraded State = "degraded"
)

// Status describes a feed.
type Status struct {
	Tenant      Tenant           `json:"tenant"`
	State       State            `json:"state"`
	StateSince  time.Time        `json:"state_since"`
	Revision    uint64           `json:"revision"`
	AppliedAt   *time.Time       `json:"applied_at,omitempty"`
	LastContact *time.Time       `json:"last_contact,omitempty"`
	LastError   string           `json:"last_error,omitempty"`
	Experiments []engine.Summary `json:"experiments"`
}

// Event is a change in what a feed serves or knows.
type Event struct {
	Tenant Tenant
	// Applied is the configuration that is in force from now on; nil if the
	// event is a refusal.
	Applied *Applied
	// Err says why the newest document is not applied. It is ErrNotFound for a
	// tenant that has none yet.
	Err error
	// Kept says that an earlier document stays in force.
	Kept bool
}

// NewLive makes a Live over a store. Every event is handed to report, which
// must not block and may be called from several goroutines at once.
func NewLive(s Store, settings engine.Settings, report func(Event)) *Live {
	return &Live{store: s, settings: settings, report: report, feeds: map[Tenant]*Feed{}}
}

// Feed gives a tenant's feed. The first call for a tenant loads its document.
func (l *Live) Feed(ctx context.Context, tenant Tenant) *Feed {
	l.mu.Lock()
	f, known := l.feeds[tenant]
	if !known {
		f = &Feed{tenant: tenant, status: Status{Tenant: tenant, Experiments: []engine.Summary{}}}
		l.feeds[tenant] = f
	}
	l.mu.Unlock()
	if !known {
		l.refresh(ctx, f)
	}
	return f
}

// Run follows the store until the context ends.
func (l *Live) Run(ctx context.Context) {
	l.store.Watch(ctx, func(tenant Tenant) {
		l.mu.Lock()
		f := l.feeds[tenant]
		l.mu.Unlock()
		if f != nil {
			l.refresh(ctx, f)
		}
	})
}

// Statuses describes all feeds in the order of their tenants.
func (l *Live) Statuses() []Status {
	l.mu.Lock()
	feeds := make([]*Feed, 0, len(l.feeds))
	for _, f := range l.feeds {
		feeds = append(feeds, f)
	}
	l.mu.Unlock()
	statuses := make([]Status, len(feeds))
	for i, f := range feeds {
		statuses[i] = f.Status()
	}
	slices.SortFunc(statuses, func(a, b Status) int { return strings.Compare(string(a.Tenant), string(b.Tenant)) })
	return statuses
}

// Tenant names the feed's tenant.
func (f *Feed) Tenant() Tenant { return f.tenant }

// Current gives what is in force, nil if the tenant has never had a good
// document.
func (f *Feed) Current() *Applied { return f.current.Load() }

// Status describes the feed.
func (f *Feed) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// refresh loads, checks and compiles the tenant's document and, if all of that
// succeeds, puts it in force.
func (l *Live) refresh(ctx context.Context, f *Feed) {
	f.refreshing.Lock()
	defer f.refreshing.Unlock()
	version, err := l.store.Load(ctx, f.tenant)
	now := time.Now()
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrTooLarge) {
		f.contacted(now)
	}
	if err != nil {
		l.refuse(f, now, err)
		return
	}
	current := f.current.Load()
	if current != nil && current.Revision == version.Revision && f.Status().State == StateHealthy {
		return
	}
	document, err := engine.Decode(version.Text)
	if err != nil {
		l.refuse(f, now, fmt.Errorf("checking revision %d: %w", version.Revision, err))
		return
	}
	applied := &Applied{
		Snapshot: engine.Compile(document, l.settings), Document: document,
		Revision: version.Revision, At: now,
	}
	f.apply(applied)
	l.report(Event{Tenant: f.tenant, Applied: applied})
}

// refuse keeps what is in force. The same reason is reported once.
func (l *Live) refuse(f *Feed, now time.Time, err error) {
	kept := f.current.Load() != nil
	state := StateDegraded
	if errors.Is(err, ErrNotFound) && !kept {
		state = StateEmpty
	}
	if f.enter(state, now, err.Error()) {
		l.report(Event{Tenant: f.tenant, Err: err, Kept: kept})
	}
}

func (f *Feed) contacted(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.LastContact = &now
}

func (f *Feed) apply(applied *Applied) {
	f.current.Store(applied)
	f.enter(StateHealthy, applied.At, "")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Revision, f.status.AppliedAt = applied.Revision, &applied.At
	f.status.Experiments = applied.Snapshot.Experiments
}

// enter records a state with its reason, and reports whether it is news.
func (f *Feed) enter(state State, now time.Time, reason string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status.State == state && f.status.LastError == reason {
		return false
	}
	if f.status.State != state {
		f.status.State, f.status.StateSince = state, now
	}
	f.status.LastError = reason
	return true
}
