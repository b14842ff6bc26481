package spool

import "os"

// Forget says that all entries up to a number have arrived. They are not read
// any more, and whole files of them are removed. A crash can bring the others
// back. After an error they are forgotten too, and the files are removed later.
func (s *Spool) Forget(upTo uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if upTo <= s.state.Forgotten || s.closed {
		return nil
	}
	s.state.Forgotten = min(upTo, s.next-1)
	return s.drop(true)
}

// drop removes the segments of which nothing is left. The state is written first:
// no number may become free with its entry.
func (s *Spool) drop(save bool) error {
	gone := 0
	for gone < len(s.segments) && s.segments[gone].last <= s.state.Forgotten {
		gone++
	}
	if gone > 0 && s.current == s.segments[gone-1] {
		gone--
	}
	if gone == 0 {
		return nil
	}
	if save {
		if err := s.save(s.state); err != nil {
			return err
		}
	}
	for _, segment := range s.segments[:gone] {
		if err := os.Remove(segment.path); err != nil && !os.IsNotExist(err) {
			return err
		}
		s.size -= segment.size
		s.segments = s.segments[1:]
	}
	return nil
}
