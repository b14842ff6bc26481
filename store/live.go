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
	keeper   Keeper // nil if the store is none
	settings engine.Settings
	report   func(Event)
	reach    reach

	mu    sync.Mutex
	feeds map[Tenant]*Feed
}

// Feed is one tenant's current configuration. Reading it takes no lock.
type Feed struct {
	tenant  Tenant
	current atomic.Pointer[Applied]

	first      sync.Once      // the first loading
	refreshing sync.Mutex     // held over I/O, so that reading the status never waits for it
	reader     *engine.Reader // used by who holds refreshing

	mu     sync.Mutex
	status Status
}

// Applied is a configuration that requests are decided by.
type Applied struct {
	Snapshot *engine.Snapshot
	Document *engine.Document // shares parts with others, and is not to be changed
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
	LastRefusal *Refusal         `json:"last_refusal,omitempty"`
	Experiments []engine.Summary `json:"experiments"`
}

// Refusal is a document that was not put in force. It is remembered when all is
// well again, because what came once may come twice.
type Refusal struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Event is a change in what a feed serves or knows, or in whether the store
// answers.
type Event struct {
	// Tenant is empty in an event that is about no single one.
	Tenant Tenant
	// Notice is set in an event about the store.
	Notice Notice
	// Applied is the configuration that is in force from now on; nil if the
	// event is a refusal.
	Applied *Applied
	// Recalled says that it was kept on this machine, and that the store has
	// not been asked yet.
	Recalled bool
	// Revision is that of a restored document.
	Revision uint64
	// Err says why the newest document is not applied. It is ErrNotFound for a
	// tenant that has none yet.
	Err error
	// Kept says that an earlier document stays in force.
	Kept bool
}

// NewLive makes a Live over a store. Every event is handed to report, which
// must not block and may be called from several goroutines at once.
func NewLive(s Store, settings engine.Settings, report func(Event)) *Live {
	keeper, _ := s.(Keeper)
	return &Live{store: s, keeper: keeper, settings: settings, report: report, feeds: map[Tenant]*Feed{}}
}

// Feed gives a tenant's feed. The first call for a tenant loads its document,
// and the calls at the same time wait for that. A document that was kept on this
// machine is put in force without asking the store, which Run does.
func (l *Live) Feed(ctx context.Context, tenant Tenant) *Feed {
	l.mu.Lock()
	f, known := l.feeds[tenant]
	if !known {
		f = &Feed{tenant: tenant, reader: engine.NewReader(), status: Status{
			Tenant: tenant, State: StateEmpty, StateSince: time.Now(), Experiments: []engine.Summary{},
		}}
		l.feeds[tenant] = f
	}
	l.mu.Unlock()
	f.first.Do(func() {
		if !l.recall(f) {
			l.refresh(ctx, f)
		}
	})
	return f
}

// Refresh has a tenant's feed, if there is one, take over the document that the
// store has now. Who has just written it need not wait for Run to notice.
func (l *Live) Refresh(ctx context.Context, tenant Tenant) {
	l.mu.Lock()
	f := l.feeds[tenant]
	l.mu.Unlock()
	if f != nil {
		l.refresh(ctx, f)
	}
}

// Run follows the store until the context ends.
func (l *Live) Run(ctx context.Context) {
	l.store.Watch(ctx, Watcher{
		Changed: func(tenant Tenant) { l.Refresh(ctx, tenant) },
		Reached: l.reach.reached,
		Lost: func(err error) {
			l.report(Event{Notice: NoticeLost, Err: err})
			l.reach.lost(err, l.staleAfter(), func() { l.report(Event{Notice: NoticeStale, Err: err}) })
		},
		Regained: func() {
			l.reach.regained()
			l.report(Event{Notice: NoticeRegained})
		},
		Restored: func(tenant Tenant, revision uint64) {
			l.report(Event{Notice: NoticeRestored, Tenant: tenant, Revision: revision})
		},
		Trouble: func(err error) { l.report(Event{Notice: NoticeTrouble, Err: err}) },
	})
	l.reach.regained() // whoever looks from now on is nobody's concern
}

// Reach describes whether the store answers.
func (l *Live) Reach() StoreStatus { return l.reach.status() }

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
		l.reach.complete(&statuses[i])
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
	defer func() { // a document that we fail at must not end the process
		if p := recover(); p != nil {
			l.refuse(f, time.Now(), fmt.Errorf("loading: panic: %v", p))
		}
	}()
	version, err := l.store.Load(ctx, f.tenant)
	if errors.Is(ctx.Err(), context.Canceled) {
		return // whatever the store says, it is not about the document
	}
	now := time.Now()
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrRefused) {
		f.contacted(now)
	}
	if errors.Is(err, ErrUnavailable) {
		f.unreached(now, err)
		return
	}
	if err != nil {
		l.refuse(f, now, err)
		return
	}
	current := f.current.Load()
	if current != nil && current.Revision == version.Revision {
		if version.Doubt != nil {
			l.refuse(f, now, version.Doubt)
			return
		}
		if f.apply(current, now) {
			l.report(Event{Tenant: f.tenant, Applied: current})
		}
		return
	}
	if current != nil && current.Revision > version.Revision {
		l.refuse(f, now, fmt.Errorf("checking revision %d: it is older than revision %d, which is in force", version.Revision, current.Revision))
		return
	}
	applied, err := l.compile(f, version, now)
	if err != nil {
		l.refuse(f, now, err)
		return
	}
	if l.keeper != nil {
		l.keeper.Keep(f.tenant, version)
	}
	f.apply(applied, now)
	l.report(Event{Tenant: f.tenant, Applied: applied})
	if version.Doubt != nil {
		l.refuse(f, now, version.Doubt)
	}
}

// recall puts the document in force that was kept on this machine, and reports
// whether there is one.
func (l *Live) recall(f *Feed) bool {
	if l.keeper == nil {
		return false
	}
	f.refreshing.Lock()
	defer f.refreshing.Unlock()
	version, err := l.keeper.Recall(f.tenant)
	if errors.Is(err, ErrNotFound) {
		return false
	}
	now := time.Now()
	if err == nil {
		var applied *Applied
		if applied, err = l.compile(f, version, now); err == nil {
			l.keeper.Keep(f.tenant, version)
			f.apply(applied, now)
			f.enter(StateDegraded, now, notConfirmed)
			l.report(Event{Tenant: f.tenant, Applied: applied, Recalled: true})
			return true
		}
	}
	l.refuse(f, now, fmt.Errorf("recalling the last known good document: %w", err))
	return false
}

// notConfirmed is the reason of a feed that has a recalled document.
const notConfirmed = "the document that was kept on this machine is in force; the store has not been reached yet"

// compile checks a document and makes a configuration of it.
func (l *Live) compile(f *Feed, version Version, now time.Time) (*Applied, error) {
	document, err := f.reader.Decode(version.Text)
	if err != nil {
		return nil, fmt.Errorf("checking revision %d: %w", version.Revision, err)
	}
	return &Applied{
		Snapshot: f.reader.Compile(document, l.settings), Document: document,
		Revision: version.Revision, At: now,
	}, nil
}

// staleAfter is how long the store may be out of reach until what is served
// counts as stale. A recalled document has never been confirmed.
func (l *Live) staleAfter() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.feeds {
		if f.Status().LastError == notConfirmed {
			return 0
		}
	}
	return staleAfter
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

// enter records a state with its reason, and reports whether it is news.
func (f *Feed) enter(state State, now time.Time, reason string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	news := f.status.enter(state, now, reason)
	if news && state == StateDegraded && reason != notConfirmed {
		f.status.LastRefusal = &Refusal{At: now, Reason: reason}
	}
	return news
}

// unreached records that the store did not answer. That says nothing about the
// document in force, and of the store as a whole reach speaks.
func (f *Feed) unreached(now time.Time, err error) {
	if f.current.Load() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.enter(StateDegraded, now, err.Error())
}

func (f *Feed) contacted(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.LastContact = &now
}

// apply puts a configuration in force, which may be there already, and reports
// whether the feed was not healthy until now.
func (f *Feed) apply(applied *Applied, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current.Store(applied)
	f.status.Revision, f.status.AppliedAt = applied.Revision, &applied.At
	f.status.Experiments = applied.Snapshot.Experiments
	return f.status.enter(StateHealthy, now, "")
}

// enter records a state with its reason, and reports whether it is news.
func (s *Status) enter(state State, now time.Time, reason string) bool {
	if s.State == state && s.LastError == reason {
		return false
	}
	if s.State != state {
		s.State, s.StateSince = state, now
	}
	s.LastError = reason
	return true
}
