package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// lockRetry is how often a lock that is held is tried again.
const lockRetry = 2 * time.Millisecond

// lock takes the lock of a document, which its other writers hold for no longer
// than a commit. It ends with its process, however that ends.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	// Anybody may open it, so that it does not matter which user made it.
	l := flock.New(hidden(path, "lock"), flock.SetPermissions(0o644))
	if _, err := l.TryLockContext(ctx, lockRetry); err != nil {
		return nil, fmt.Errorf("locking %s: %w", l.Path(), err)
	}
	return func() { _ = l.Close() }, nil // closing the file always unlocks it
}

// hidden names a file that belongs to the one at path. No tenant's name starts
// with a dot.
func hidden(path, what string) string {
	dir, name := filepath.Split(path)
	return dir + "." + name + "." + what
}

// replace puts another file in the place of the one that looked like before (nil:
// there was none). It is complete and on disk: after a crash at any point the
// place has the old contents or the new ones. The caller holds the lock.
func replace(path string, text []byte, before fs.FileInfo) error {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return fmt.Errorf("following the symbolic link: %w", err)
		}
	}
	mode := fs.FileMode(0o644)
	if before != nil {
		mode = before.Mode().Perm()
	}
	// One name, so that a crash leaves at most one file behind.
	temp := hidden(path, "new")
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := write(temp, text, mode)
	if err == nil {
		// Writing took its time, and a person may have been faster.
		err = expect(path, before)
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp) // the error that led here says more
		return err
	}
	return syncDir(filepath.Dir(path))
}

// write makes a file that is on disk when it returns.
func write(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// expect returns store.ErrConflict if a file has changed since it looked like
// before.
func expect(path string, before fs.FileInfo) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && before == nil:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil || before == nil || !unchanged(info, before):
		return fmt.Errorf("%w: somebody else is writing %s", store.ErrConflict, path)
	}
	return nil
}

// makeDir makes a directory and those above it, and makes them survive a crash.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// syncDir makes what has changed in a directory survive a crash. Windows, and
// some file systems over a network, have no such call.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
