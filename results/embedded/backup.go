package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Backup copies the log as it is into a directory that does not exist yet, while
// it is in use. Tables are shared with the log where the file system can.
func (l *Log) Backup(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("backing up %s: %s is there already", l.dir, dir)
	}
	if err := errors.Join(l.Err(), l.db.Checkpoint(dir, pebble.WithFlushedWAL())); err != nil {
		return fmt.Errorf("backing up %s to %s: %w", l.dir, dir, err)
	}
	return nil
}

// Restore copies a backup to where a log is to be. There must be none yet.
func Restore(backup, dir string) error {
	if err := restore(backup, dir); err != nil {
		return fmt.Errorf("restoring %s to %s: %w", backup, dir, err)
	}
	return nil
}

func restore(backup, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return errors.New("there is something already")
	}
	l, err := Open(backup, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	// It stays open, so that nobody changes it.
	return errors.Join(copyInto(l, dir), l.Close())
}

// copyInto copies a log's files beside the place first, so that there is never
// half of a log in it.
func copyInto(l *Log, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	temp := dir + ".restoring"
	if err := errors.Join(os.RemoveAll(temp), makeDir(temp)); err != nil {
		return err
	}
	if err := copyFiles(l.dir, temp); err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(temp, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func copyFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == "LOCK" {
			continue
		}
		if err := copyFile(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			return err
		}
	}
	return syncDir(to)
}

// copyFile copies a file; the copy is on disk then.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// syncDir makes the names in a directory survive a crash.
func syncDir(dir string) error {
	d, err := vfs.Default.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
