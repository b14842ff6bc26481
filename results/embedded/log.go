package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/store/durable"
)

// format is the version of the keys.
const format = 1

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
}

// Log keeps the events of all tenants in one directory, which one process holds
// at a time.
type Log struct {
	dir     string
	db      *pebble.DB
	lock    *pebble.Lock
	failure *failure
	// aliases is held by who changes links or what comes of them.
	aliases sync.Mutex
}

// Open opens the log in a directory, which need not exist yet.
func Open(dir string, options Options) (*Log, error) {
	l := &Log{dir: dir, failure: &failure{log: options.Log}}
	if l.failure.log == nil {
		l.failure.log = slog.New(slog.DiscardHandler)
	}
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
	if err := complete(l.dir); err != nil {
		return err
	}
	settings := l.settings(options)
	defer settings.Cache.Unref()
	settings.Lock = l.lock
	if l.db, err = pebble.Open(l.dir, settings); err == nil {
		if err = errors.Join(l.failure.error(), l.checkFormat(options.ReadOnly)); err != nil {
			_ = l.db.Close()
		}
	}
	return err
}

// hold makes the directory and locks it.
func (l *Log) hold(readOnly bool) error {
	dir, err := filepath.Abs(l.dir)
	if err == nil && !readOnly {
		err = durable.MakeDir(dir)
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
		if errors.Is(err, os.ErrPermission) {
			return err
		}
		return fmt.Errorf("it is in use (%w): stop the other process, or give each its own directory", err)
	}
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
	return nil
}

// commit writes a batch; it is on disk then.
func (l *Log) commit(b *pebble.Batch) error {
	if err := l.failure.error(); err != nil {
		return err
	}
	// What fails for good is told to the logger, not here.
	return errors.Join(b.Commit(pebble.Sync), l.failure.error())
}

// Size is what the log takes on disk.
func (l *Log) Size() (bytes int64) { return int64(l.db.Metrics().DiskSpaceUsage()) }

// Close implements events.Log.
func (l *Log) Close() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("closing the event log %s: %v", l.dir, r)
		}
	}()
	defer l.lock.Close() //nolint:errcheck // the process's end does it too
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("closing the event log %s: %w", l.dir, err)
	}
	return nil
}

// Interface guard
var _ events.Log = (*Log)(nil)
