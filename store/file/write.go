package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/durable"
)

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
	// Writing takes its time, and a person may be faster.
	return durable.Replace(path, hidden(path, "new"), text, mode, func() error { return expect(path, before) })
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
