package store

import (
	"sync"
	"time"
)

// Notice is what an event says about the store.
type Notice string

// The notices.
const (
	// NoticeLost means that the store has stopped answering.
	NoticeLost Notice = "lost"
	// NoticeStale means that it has not answered for so long, or since a start
	// with a document that was kept on this machine, that what is served may be
	// out of date.
	NoticeStale Notice = "stale"
	// NoticeRegained means that it answers again.
	NoticeRegained Notice = "regained"
	// NoticeRestored means that the store had lost or damaged a document, which
	// was put back.
	NoticeRestored Notice = "restored"
	// NoticeTrouble means that something else is wrong, which people should put
	// right: the document in force can for instance not be kept on disk.
	NoticeTrouble Notice = "trouble"
)

// staleAfter is how long the store may be out of reach until that is said once
// more, as what is served gets old.
const staleAfter = time.Minute

// StoreStatus describes whether the store answers.
type StoreStatus struct {
	// Reachable is whether it does. While it does not it is only probed.
	Reachable bool `json:"reachable"`
	// Since is when that began; zero if it has been so from the start.
	Since time.Time `json:"since,omitzero"`
	// LastContact is when it last answered for all tenants; zero: never.
	LastContact time.Time `json:"last_contact,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
}

// reach is what is known of the store as a whole.
type reach struct {
	mu      sync.Mutex
	contact time.Time
	since   time.Time
	err     error // nil: it answers
	stale   *time.Timer
}

func (r *reach) reached() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.contact = time.Now()
}

// lost records that the store is out of reach, and calls stale if that lasts.
func (r *reach) lost(err error, after time.Duration, stale func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.since = err, time.Now()
	r.stale = time.AfterFunc(after, stale)
}

func (r *reach) regained() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		return
	}
	r.err, r.since = nil, time.Now()
	r.stale.Stop()
}

func (r *reach) status() StoreStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := StoreStatus{Reachable: r.err == nil, Since: r.since, LastContact: r.contact}
	if r.err != nil {
		s.LastError = r.err.Error()
	}
	return s
}

// complete adds to a feed's status what is known of the store.
func (r *reach) complete(s *Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if contact := r.contact; s.LastContact != nil && s.LastContact.Before(contact) {
		s.LastContact = &contact
	}
	if r.err != nil && s.State == StateHealthy {
		s.State, s.StateSince, s.LastError = StateDegraded, r.since, r.err.Error()
	}
}
