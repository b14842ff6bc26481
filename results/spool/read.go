package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// cursor is where the last reading has ended.
type cursor struct {
	path string
	at   int64
	last uint64
}

// Read gives at most so many entries after a number, in order. There are none
// where there is nothing more.
func (s *Spool) Read(after uint64, limit int) (entries []Entry, err error) {
	for len(entries) < limit {
		segment, size, from := s.position(after)
		if segment == nil {
			break
		}
		before := len(entries)
		entries, err = s.readFrom(segment, size, from, after, limit, entries)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the spool: %w", err)
		}
		if len(entries) == before { // what is left of it is damaged
			after = segment.last
			continue
		}
		after = entries[len(entries)-1].Seq
	}
	return entries, nil
}

// position finds the segment with the first entry after a number, how much of it
// is on disk, and from where it is to be read.
func (s *Spool) position(after uint64) (_ *segment, size int64, from cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	after = max(after, s.state.Forgotten)
	i := slices.IndexFunc(s.segments, func(segment *segment) bool { return segment.last > after })
	if i < 0 {
		return nil, 0, from
	}
	copied := *s.segments[i]
	from = cursor{path: copied.path, last: copied.first - 1}
	if s.cursor.path == copied.path && s.cursor.last <= after {
		from = s.cursor
	}
	return &copied, copied.size, from
}

// readFrom adds the entries of a segment that come after a number.
func (s *Spool) readFrom(segment *segment, size int64, from cursor, after uint64, limit int, entries []Entry) ([]Entry, error) {
	after = max(after, s.forgotten())
	for all := false; from.at < size && len(entries) < limit; {
		text, whole, err := segment.readAt(from.at, size, all)
		if err != nil {
			return entries, err
		}
		r := &reading{text: text, last: from.last, whole: whole}
		for len(entries) < limit {
			e, ok := r.next()
			if !ok {
				break
			}
			if e.Seq > after {
				entries = append(entries, e)
			}
		}
		if r.at == 0 && whole {
			s.damaged(segment, []int{0}, from.at)
			break
		}
		s.damaged(segment, r.damage, from.at)
		all = r.at == 0
		from.at, from.last = from.at+int64(r.at), r.last
	}
	s.mu.Lock()
	s.cursor = from
	s.mu.Unlock()
	return entries, nil
}

func (s *Spool) forgotten() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Forgotten
}

// damaged counts what is damaged and was not known to be.
func (s *Spool) damaged(copied *segment, damage []int, offset int64) {
	if len(damage) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if news := copied.note(damage, offset); news > 0 {
		s.lost += uint64(news)
		s.options.Log.Warn("skipping what is damaged in the spool", "path", copied.path, "places", news)
	}
}
