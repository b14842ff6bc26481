package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lockRetry is how often a lock that is held is tried again.
const lockRetry = 2 * time.Millisecond

// lock takes the lock of a document, which its other writers hold for no longer
// than a commit. It ends with its process, however that ends.
//
// Who can open the file of a lock can hold it for as long as they like. So only
// its owner can, and the group of a document that its group may write.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	name := hidden(path, "lock")
	mode := fs.FileMode(0o600)
	document, err := os.Stat(path)
	if err == nil && document.Mode().Perm()&0o020 != 0 {
		mode = 0o660
	}
	l := flock.New(name, flock.SetPermissions(0o600))
	if err := restrict(name, mode, document); err != nil {
		return nil, err
	}
	if _, err := l.TryLockContext(ctx, lockRetry); errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("locking %s: %w: it belongs to another user; give the document a group that both belong to and may write it, "+
			"or remove the lock while no other process uses the directory", name, err)
	} else if err != nil {
		return nil, fmt.Errorf("locking %s: %w", name, err)
	}
	return func() { _ = l.Close() }, nil // closing the file always unlocks it
}

// restrict makes the file of a lock, or changes who can open it. Of a file of
// another user that is for that user to do.
func restrict(name string, mode fs.FileMode, document fs.FileInfo) error {
	f, err := os.OpenFile(name, os.O_RDONLY|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		return nil // locking says so
	}
	if err != nil {
		return fmt.Errorf("making the lock: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("looking at the lock: %w", err)
	}
	if mode&0o060 != 0 && groupOf(info) != groupOf(document) && f.Chown(-1, groupOf(document)) != nil {
		mode = 0o600
	}
	if info.Mode().Perm() != mode {
		_ = f.Chmod(mode)
	}
	return nil
}
