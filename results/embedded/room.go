package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// The log leaves this much of its disk to others, and to itself for flushes and
// compactions: of a small disk a twentieth of its space and a tenth of its
// inodes.
const (
	spareBytes  = 64 << 20
	spareInodes = 64
	// preallocatedRoom is the free space from which on files are preallocated.
	preallocatedRoom = 1 << 30
)

// space is what a disk has. Of a file system without a limit of inodes there
// are none.
type space struct{ bytes, freeBytes, inodes, freeInodes uint64 }

// full says what the disk has too little of for a log to grow on it, if
// anything.
func (s space) full() error {
	switch {
	case s.bytes > 0 && s.freeBytes < min(spareBytes, s.bytes/20):
		return fmt.Errorf("%w: its disk has only %d MB left", events.ErrUnavailable, s.freeBytes>>20)
	case s.inodes > 0 && s.freeInodes < min(spareInodes, s.inodes/10):
		return fmt.Errorf("%w: its disk has only %d inodes left", events.ErrUnavailable, s.freeInodes)
	}
	return nil
}

// hasRoom reports why a directory's disk takes nothing more, if it does not. A
// disk that does not say takes everything, until it fails.
func hasRoom(dir string) error {
	s, err := spaceOf(dir)
	if err != nil {
		return nil
	}
	return s.full()
}

// inPlace fails the log once its directory is gone, or is another one: files
// that are open can still be written, but not found.
func (l *Log) inPlace() {
	info, err := os.Stat(l.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.disk.fail(errors.New("its directory is gone"))
	case err == nil && !os.SameFile(info, l.place):
		l.disk.fail(errors.New("there is another directory in its place"))
	}
}
