package spool

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/caddy-experiments/caddy-experiments/store/durable"
)

// block is how many numbers are reserved at once. Each opening begins a new
// block, so that a number is never used twice, whatever became of the entries.
const block = 1 << 20

// state is what a spool knows of itself besides its entries.
type state struct {
	Sender string `json:"sender"`
	// Reserved is the first number that nobody has used.
	Reserved uint64 `json:"reserved"`
	// Forgotten is up to where entries are forgotten.
	Forgotten uint64 `json:"forgotten"`
}

const stateFile = "state.json"

// load reads the state. Where it is lost the spool becomes another sender, and
// everything in it is new.
func (s *Spool) load() error {
	path := filepath.Join(s.dir, stateFile)
	text, _, err := durable.Read(path, 4<<10)
	if err == nil {
		if err = json.Unmarshal(text, &s.state); err == nil && s.state.sound() {
			return nil
		}
		s.options.Log.Warn("the state of the spool is damaged: what is in it is sent again", "path", path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the state of the spool: %w", err)
	}
	s.state = state{Sender: rand.Text(), Reserved: 1}
	return nil
}

func (s state) sound() bool {
	if len(s.Sender) == 0 || len(s.Sender) > 64 || s.Reserved == 0 || s.Reserved >= greatest || s.Forgotten >= greatest {
		return false
	}
	for _, c := range s.Sender {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// save writes the state. The caller holds the lock.
func (s *Spool) save(next state) error {
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, stateFile)
	if err := durable.Replace(path, path+".new", append(text, '\n'), 0o600, nil); err != nil {
		return fmt.Errorf("writing the state of the spool: %w", err)
	}
	s.state = next
	return nil
}

// reserve makes sure that there is a number for so many entries.
func (s *Spool) reserve(entries int) error {
	if s.next+uint64(entries) <= s.state.Reserved {
		return nil
	}
	next := s.state
	next.Reserved = s.next + uint64(entries) + block
	return s.save(next)
}

// Sender names the spool. It stays the same as long as the directory does.
func (s *Spool) Sender() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Sender
}

// Sending says that entries up to a number are about to be sent.
func (s *Spool) Sending(upTo uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = max(s.sent, upTo)
}

// Known reports whether an entry of that number can have arrived: it was sent,
// or is from before the spool was opened. If it is not known but has arrived,
// there is another copy of the directory.
func (s *Spool) Known(seq uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return seq < s.first || seq <= s.sent
}

// Rename gives the spool another name, under which nobody knows anything of it.
func (s *Spool) Rename() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.state
	next.Sender = rand.Text()
	return s.save(next)
}
