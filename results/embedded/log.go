package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/store/durable"
	"github.com/caddy-experiments/caddy-experiments/store/stall"
)

// format is the version of the keys; see upgrade.
const format = 2

// DefaultCacheSize is that of blocks that were read.
const DefaultCacheSize = 32 << 20

// Options say how a log is opened. The zero value is good.
type Options struct {
	// Log hears what the engine does, at debug, and what fails; nil discards it.
	Log *slog.Logger
	// ReadOnly opens a log that exists, to look at it.
	ReadOnly bool
	// CacheSize is in bytes; 0 is DefaultCacheSize.
	CacheSize int64
	// MaxSize is how many bytes the log may take on disk before Trim removes what is
	// oldest. 0 is a tenth of the space that there is for it when it is opened, but
	// at least 1 GiB; a negative one is no limit.
	MaxSize int64

	fs vfs.FS // the disk; nil is that of the system
}

// Log keeps the events of all tenants in one directory, which one process holds
// at a time.
type Log struct {
	dir    string
	db     *pebble.DB
	lock   *pebble.Lock
	links  turns
	place  os.FileInfo // of the directory
	limit  int64       // of the size; see Options
	opened time.Time
	// size is what the log took when it was last measured, in nanoseconds since
	// opened.
	size, measured atomic.Int64
	stalls         stall.Guard // of the disk

	disk  *disk
	voice *voice
}

// Open opens the log in a directory, which need not exist yet. Without room on
// its disk it does not try to.
func Open(dir string, options Options) (*Log, error) {
	l := &Log{dir: dir}
	if err := l.open(options); err != nil {
		return nil, fmt.Errorf("opening the event log %s: %w", dir, explained(err))
	}
	return l, nil
}

func (l *Log) open(options Options) (err error) {
	if err := l.hold(options.ReadOnly); err != nil {
		return err
	}
	defer func() {
		// Pebble trusts its own files, and panics where they do not agree.
		if r := recover(); r != nil {
			err = fmt.Errorf("it is damaged: %v", r)
		}
		if err != nil {
			_ = l.lock.Close()
		}
	}()
	if !options.ReadOnly {
		if err := hasRoom(l.dir); err != nil {
			return err
		}
	}
	if l.place, err = os.Stat(l.dir); err != nil {
		return err
	}
	if err := complete(l.dir); err != nil {
		return err
	}
	if options.fs == nil {
		options.fs = vfs.Default
	}
	l.disk = newDisk(options.fs, l.dir)
	l.voice = newVoice(options.Log, l.disk)
	settings := l.settings(options)
	defer settings.Cache.Unref()
	settings.Lock = l.lock
	if l.db, err = pebble.Open(l.dir, settings); err == nil {
		l.opened = time.Now()
		l.findLimit(options.MaxSize)
		if err = cmp.Or(l.Err(), l.checkFormat(options.ReadOnly), l.Err()); err != nil {
			_ = l.db.Close()
		}
	}
	// What is wrong with the disk explains everything else.
	return cmp.Or(l.Err(), err)
}

// hold makes the directory and locks it.
func (l *Log) hold(readOnly bool) error {
	dir, err := filepath.Abs(l.dir)
	if err == nil && !readOnly {
		err = makeDir(dir)
	}
	if err == nil {
		// The lock goes by the name, within this process.
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return err
	}
	l.dir = dir
	if l.lock, err = pebble.LockDirectory(dir, vfs.Default); err != nil {
		if !isHeld(err) {
			return err
		}
		return fmt.Errorf("it is in use (%w): stop the other process, or give each its own directory", err)
	}
	return nil
}

// isHeld reports whether a lock could not be taken because another log has it.
func isHeld(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "held by current process")
}

// makeDir makes the directory of a log, which only its own user may look into.
func makeDir(dir string) error {
	if err := cmp.Or(durable.MakeDir(filepath.Dir(dir), 0o755), durable.MakeDir(dir, dirMode)); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&^dirMode == 0 {
		return err
	}
	// A directory of another user, or on a disk that takes no changes, is used as
	// it is.
	_ = os.Chmod(dir, dirMode)
	return nil
}

// checkFormat refuses a log whose keys are not those of this version.
func (l *Log) checkFormat(readOnly bool) error {
	found, closer, err := l.db.Get([]byte{formatKind})
	switch {
	case errors.Is(err, pebble.ErrNotFound) && readOnly:
		return errors.New("it has no format version, and is no event log")
	case errors.Is(err, pebble.ErrNotFound):
		return l.db.Set([]byte{formatKind}, []byte(strconv.Itoa(format)), pebble.Sync)
	case err != nil:
		return err
	}
	defer closer.Close() //nolint:errcheck // it only gives memory back
	version, err := strconv.Atoi(string(found))
	if err != nil {
		return fmt.Errorf("format version %q cannot be read", found)
	}
	if version > format {
		return fmt.Errorf("it has the format %d, of a newer version of this program; this one reads up to %d", version, format)
	}
	if version < format && !readOnly {
		return l.upgrade()
	}
	return nil
}

// Err is why the log takes nothing any more, or nil. Only closing it and opening
// it again helps then.
func (l *Log) Err() error {
	if err := l.disk.error(); err != nil {
		return fmt.Errorf("%w: its disk failed: %s", events.ErrUnavailable, firstLine(err))
	}
	return nil
}

// Ready is why the log takes nothing for the moment, or nil.
func (l *Log) Ready() error { return cmp.Or(l.usable(), l.withinLimit()) }

// usable is why the log's disk takes nothing for the moment, or nil.
func (l *Log) usable() error {
	l.inPlace()
	return cmp.Or(l.Err(), l.moving(), hasRoom(l.dir))
}

// Failed is closed as soon as Err has an error.
func (l *Log) Failed() <-chan struct{} { return l.disk.failed }

// Size is what the log takes on disk.
func (l *Log) Size() (bytes int64) { return int64(l.db.Metrics().DiskSpaceUsage()) }

// closingTime bounds how long closing a log takes.
const closingTime = 10 * time.Second

// Close implements events.Log. An engine that does not end, because its disk
// stands still, is left behind; it keeps the directory as long as it may still
// change it.
func (l *Log) Close() error {
	closing := make(chan error, 1)
	go func() {
		err := l.end()
		_ = l.lock.Close() // the end of the process does it too
		closing <- err
	}()
	select {
	case err := <-closing:
		if err != nil {
			return fmt.Errorf("closing the event log %s: %w", l.dir, err)
		}
		return nil
	case <-time.After(closingTime):
		l.disk.fail(errors.New("it does not end"))
		return fmt.Errorf("closing the event log %s: its engine does not end", l.dir)
	}
}

func (l *Log) end() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the engine broke off: %v", r)
		}
	}()
	return l.db.Close()
}

// Interface guard
var _ events.Log = (*Log)(nil)
