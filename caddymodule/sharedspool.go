package caddymodule

import (
	"errors"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
)

// sharedSpool is a spool of the pool, opened and closed like a sharedLog.
type sharedSpool struct {
	dir string

	using sync.RWMutex // for reading while the spool is in use
	spool *spool.Spool // nil: not open
}

// start opens the spool, unless it is open.
func (s *sharedSpool) start() (err error) {
	s.using.Lock()
	defer s.using.Unlock()
	if s.spool == nil {
		s.spool, err = spool.Open(s.dir, spool.Options{Log: lastingLog("experiments.events")})
	}
	return err
}

var errSpoolClosed = errors.New("the spool is not open")

// append keeps a batch until it can be delivered.
func (s *sharedSpool) append(tenant string, batch *events.Batch) error {
	s.using.RLock()
	defer s.using.RUnlock()
	if s.spool == nil {
		return errSpoolClosed
	}
	_, err := s.spool.Append(tenant, batch)
	return err
}

// pending is what waits.
func (s *sharedSpool) pending() (entries int, bytes int64) {
	if s == nil {
		return 0, 0
	}
	s.using.RLock()
	defer s.using.RUnlock()
	if s.spool == nil {
		return 0, 0
	}
	return s.spool.Pending()
}

// Destruct closes the spool.
func (s *sharedSpool) Destruct() error {
	s.using.Lock()
	defer s.using.Unlock()
	if s.spool == nil {
		return nil
	}
	err := s.spool.Close()
	s.spool = nil
	return err
}

// Interface guard
var _ caddy.Destructor = (*sharedSpool)(nil)
