package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"

	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/durable"
)

// Spool is a queue in a directory. It is safe for concurrent use.
//
// A directory must not be used twice: of two processes with copies of it each
// would take what the other has delivered for its own. Who copies one leaves
// state.json out.
type Spool struct {
	dir     string
	options Options
	lock    *flock.Flock
	wake    chan struct{}

	// writing is held by whoever writes to the current segment.
	writing sync.Mutex
	file    *os.File // of the current segment

	mu       sync.Mutex
	state    state
	next     uint64
	first    uint64 // of the numbers since the spool was opened
	sent     uint64
	group    *group // what is to be written next
	segments []*segment
	current  *segment // the one that is written to; nil: the next write makes one
	size     int64    // of all segments, and of what is being written
	lost     uint64
	cursor   cursor
	closed   bool
	trouble  error         // of the last attempt to append
	failed   chan struct{} // closed when the directory is gone
}

// Open opens the spool in a directory, which is made where there is none.
func Open(dir string, options Options) (*Spool, error) {
	s := &Spool{dir: dir, options: options.complete(), wake: make(chan struct{}, 1), failed: make(chan struct{})}
	if err := durable.MakeDir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("opening the spool: %w", err)
	}
	s.lock = flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	locked, err := s.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the spool: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("opening the spool in %s: %w", dir, ErrInUse)
	}
	if err := s.recover(); err != nil {
		_ = s.lock.Close()
		return nil, fmt.Errorf("opening the spool in %s: %w", dir, err)
	}
	return s, nil
}

// recover takes stock of what is there, and begins a new block of numbers.
func (s *Spool) recover() error {
	if err := s.load(); err != nil {
		return err
	}
	names, err := os.ReadDir(s.dir) // sorted
	if err != nil {
		return err
	}
	var found []string
	for _, entry := range names {
		if _, ok := firstOf(entry.Name()); ok && entry.Type().IsRegular() {
			found = append(found, entry.Name())
		}
	}
	s.next = s.state.Reserved
	for i, name := range found {
		if err := s.adopt(name, i == len(found)-1); err != nil {
			return err
		}
	}
	s.first = s.next
	next := s.state
	next.Reserved = s.next + block
	if err := s.save(next); err != nil {
		return err
	}
	return s.drop(false)
}

// adopt takes over a segment. After the last good entry of the newest one stands
// what was being written when the power went.
func (s *Spool) adopt(name string, newest bool) error {
	path := filepath.Join(s.dir, name)
	first, _ := firstOf(name)
	s.next = max(s.next, first+1) // also where nothing in it is good
	segment, tail, err := inspect(path, first)
	if errors.Is(err, store.ErrTooLarge) {
		s.lost++
		s.options.Log.Warn("leaving a file of the spool alone that is none of ours", "path", path, "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	if tail > 0 && newest {
		s.options.Log.Warn("cutting off what a crash has left unfinished in the spool", "path", path, "bytes", tail)
		if err := os.Truncate(path, segment.size); err != nil {
			return err
		}
	} else if tail > 0 {
		segment.note([]int{0}, segment.size)
	}
	if damaged := len(segment.damage); damaged > 0 {
		s.lost += uint64(damaged)
		s.options.Log.Warn("skipping what is damaged in the spool", "path", path, "places", damaged)
	}
	s.next = max(s.next, segment.last+1)
	s.size += segment.size
	s.segments = append(s.segments, segment)
	return nil
}

// Pending is about how much is not forgotten.
func (s *Spool) Pending() (entries int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, segment := range s.segments {
		if remaining := segment.remaining(s.state.Forgotten); remaining > 0 {
			entries += remaining
			bytes += segment.size * int64(remaining) / int64(segment.entries)
		}
	}
	return entries, bytes
}

// Lost counts the places that were found damaged since the spool was opened. At
// each there was an entry or more.
func (s *Spool) Lost() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// Wake has an entry when something was appended since it was received from last.
func (s *Spool) Wake() <-chan struct{} { return s.wake }

// Close ends the use of the directory. What is being appended is on disk then.
func (s *Spool) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.group != nil { // nobody will come to write it
		s.group.finish(ErrClosed)
		s.group = nil
	}
	err := s.save(s.state)
	if s.current != nil {
		s.retire()
	}
	_ = s.lock.Close() // closing the file always unlocks it
	return err
}
