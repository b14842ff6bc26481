package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// errGone says that the directory was removed or replaced.
var errGone = errors.New("somebody has removed it")

// Failed is closed when the directory is gone, so that nothing that is written
// would be found again. A spool that is opened after that makes a new directory.
func (s *Spool) Failed() <-chan struct{} { return s.failed }

// Err is why the spool has failed.
func (s *Spool) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

// Ready reports why the last attempt to append has failed, unless it would not
// fail now. It may write.
func (s *Spool) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble == nil || s.closed || s.gone() {
		return s.trouble
	}
	err := s.save(s.state) // a file with a new name, as an entry may need
	if err == nil {
		err = s.drop(false)
	}
	if err == nil && errors.Is(s.trouble, ErrFull) && s.size > s.options.MaxBytes/8*7 {
		err = s.trouble
	}
	s.note(err)
	return s.trouble
}

// note takes down whether writing works. The caller holds the lock.
func (s *Spool) note(err error) {
	if s.gone() {
		return // it stays so
	}
	if s.trouble = err; errors.Is(err, errGone) || errors.Is(err, fs.ErrNotExist) {
		close(s.failed)
	}
}

func (s *Spool) gone() bool {
	select {
	case <-s.failed:
		return true
	default:
		return false
	}
}

// stands returns an error unless the file that is written to is still the one
// with its name. What is written to a file that was removed is lost.
func (s *Spool) stands(current *segment) error {
	mine, err := s.file.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(current.path)
	if err == nil && !os.SameFile(mine, named) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", current.path, errGone)
	}
	return err
}
