package spool

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/store/durable"
)

// segment is a file of entries. Its name is the number of its first entry.
type segment struct {
	path        string
	first, last uint64 // last is 0 while there is none
	entries     int
	size        int64 // of what is on disk for good
	damage      map[int64]bool
}

const suffix = ".spool"

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", first, suffix))
}

// firstOf gives the number in the name of a segment.
func firstOf(name string) (uint64, bool) {
	digits, found := strings.CutSuffix(name, suffix)
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, found && err == nil && len(digits) == 20 && first > 0 && first < greatest
}

// largest bounds what is read of a file at once.
const largest = 1 << 30

// inspect reads a segment that another process has written. It gives how much
// there is after the last good entry.
func inspect(path string, first uint64) (_ *segment, tail int64, err error) {
	text, _, err := durable.Read(path, largest)
	if err != nil {
		return nil, 0, err
	}
	s := &segment{path: path, first: first, damage: map[int64]bool{}}
	r := &reading{text: text, last: first - 1, whole: true}
	for {
		e, ok := r.next()
		if !ok {
			break
		}
		s.entries++
		s.last = e.Seq
	}
	s.note(r.damage, 0)
	s.size = int64(r.at)
	return s, int64(len(text) - r.at), nil
}

// note takes down what is damaged, and gives how much of that is new.
func (s *segment) note(damage []int, offset int64) (news int) {
	for _, at := range damage {
		if at := offset + int64(at); !s.damage[at] {
			s.damage[at] = true
			news++
		}
	}
	return news
}

// remaining is about how many entries come after one.
func (s *segment) remaining(after uint64) int {
	switch {
	case after >= s.last:
		return 0
	case after < s.first:
		return s.entries
	}
	return min(s.entries, int(s.last-after))
}

// window is how much of a segment is read at once.
const window = 1 << 20

// readAt reads a part of a segment, or all that follows a place.
func (s *segment) readAt(at, size int64, all bool) (text []byte, whole bool, err error) {
	length := size - at
	if whole = all || length <= window; !whole {
		length = window
	}
	f, err := os.Open(s.path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	text = make([]byte, length)
	n, err := f.ReadAt(text, at)
	if err == io.EOF {
		err = nil // somebody has cut it
	}
	return text[:n], whole, err
}

// syncDir makes new names in a directory survive a crash.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // has no such call
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
