package spool

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

const (
	// maxLines is into how large entries a batch is divided, in bytes.
	maxLines = 128 << 10
	// maxLine bounds one record: an entry with it must fit into a message to
	// wherever it is delivered. None that was decoded comes near it.
	maxLine = 256 << 10
)

// group is what several appenders have on disk with one write.
type group struct {
	text    []byte
	entries int
	first   uint64
	last    uint64
	done    bool
	err     error
}

func (g *group) finish(err error) { g.done, g.err = true, err }

// Append adds a batch. It is on disk when Append returns without error, as one or
// more entries of which seq is the last; nothing is added for an empty batch.
// After an error some of it may be found when the spool is opened again. One that
// is events.ErrRefused is the fault of the batch.
func (s *Spool) Append(tenant string, b *events.Batch) (seq uint64, err error) {
	if len(tenant) == 0 || len(tenant) > maxTenant || strings.ContainsFunc(tenant, func(r rune) bool { return r <= ' ' }) {
		return 0, fmt.Errorf("appending to the spool: %w: the tenant %.64q must be a word of 1 to %d bytes", events.ErrRefused, tenant, maxTenant)
	}
	if b.Len() == 0 {
		return 0, nil
	}
	parts := divide(b.AppendNDJSON(nil))
	for _, lines := range parts {
		if len(lines) > maxLine {
			return 0, fmt.Errorf("appending to the spool: %w: one has %d bytes, the limit is %d", events.ErrRefused, len(lines), maxLine)
		}
	}
	g, seq, err := s.join(tenant, parts)
	if err != nil {
		return 0, err
	}
	// Who comes first writes for all who have joined by then.
	s.writing.Lock()
	defer s.writing.Unlock()
	if g.done {
		return seq, g.err
	}
	s.mu.Lock()
	s.group = nil // it is g: there is no other while g is not written
	s.mu.Unlock()
	g.finish(s.write(g))
	return seq, g.err
}

// divide cuts lines into parts that are not too large.
func divide(lines []byte) (parts [][]byte) {
	for len(lines) > maxLines {
		end := bytes.LastIndexByte(lines[:maxLines], '\n') + 1
		if end == 0 {
			end = bytes.IndexByte(lines, '\n') + 1
		}
		parts = append(parts, lines[:end])
		lines = lines[end:]
	}
	if len(lines) > 0 {
		parts = append(parts, lines)
	}
	return parts
}

// join gives entries their numbers and puts them among what is written next.
func (s *Spool) join(tenant string, parts [][]byte) (_ *group, seq uint64, err error) {
	size := int64(0)
	for _, lines := range parts {
		size += int64(sizeOf(tenant, lines))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, 0, ErrClosed
	}
	if s.size+size > s.options.MaxBytes {
		_ = s.drop(true) // what a disk has kept that failed
	}
	if s.size+size > s.options.MaxBytes {
		err := fmt.Errorf("%w: there are %d bytes, the limit is %d", ErrFull, s.size, s.options.MaxBytes)
		s.note(err)
		return nil, 0, err
	}
	if err := s.reserve(len(parts)); err != nil {
		s.note(err)
		return nil, 0, err
	}
	s.size += size
	if s.group == nil {
		s.group = &group{first: s.next}
	}
	g := s.group
	for _, lines := range parts {
		g.text = appendEntry(g.text, Entry{Seq: s.next, Tenant: tenant, Lines: lines})
		s.next++
	}
	g.entries += len(parts)
	g.last = s.next - 1
	return g, g.last, nil
}

// write has a group on disk. The caller holds writing.
func (s *Spool) write(g *group) error {
	current, err := s.currentFor(g)
	if err == nil {
		if _, err = s.file.WriteAt(g.text, current.size); err == nil {
			err = s.file.Sync()
		}
	}
	if err == nil {
		err = s.stands(current)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.size -= int64(len(g.text))
		s.abandon()
		err = fmt.Errorf("writing to the spool: %w", err)
		s.note(err)
		return err
	}
	s.note(nil)
	current.entries += g.entries
	current.last = g.last
	current.size += int64(len(g.text))
	if current.size >= s.options.SegmentBytes {
		s.retire()
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// currentFor gives the segment that a group is written to.
func (s *Spool) currentFor(g *group) (*segment, error) {
	s.mu.Lock()
	current := s.current
	s.mu.Unlock()
	if current != nil {
		return current, nil
	}
	path := segmentPath(s.dir, g.first)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syncDir(s.dir); err != nil {
		_ = f.Close()
		_ = os.Remove(path) // there is nothing in it
		return nil, err
	}
	s.file = f
	current = &segment{path: path, first: g.first, damage: map[int64]bool{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = current
	s.segments = append(s.segments, current)
	return current, nil
}

// abandon leaves a segment to which writing has failed: what is on disk after
// such a failure is not known. One without entries is removed, or there would be
// one more with each attempt. The caller holds both locks.
func (s *Spool) abandon() {
	if s.current == nil {
		return
	}
	_ = s.file.Truncate(s.current.size) // what stays is skipped
	if s.current.entries == 0 {
		_ = os.Remove(s.current.path) // what stays is found when it is opened again
		s.segments = slices.DeleteFunc(s.segments, func(segment *segment) bool { return segment == s.current })
	}
	s.retire()
}

// retire ends writing to the current segment. The caller holds both locks.
func (s *Spool) retire() {
	_ = s.file.Close() // all is on disk
	s.file, s.current = nil, nil
}
