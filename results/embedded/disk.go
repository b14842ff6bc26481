package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is the file system under the engine, which panics with locks held, or
// ends the process, where it cannot write its write-ahead log or its manifest.
// With disk it never learns of such an error. From the first change that fails
// on, disk leaves the directory as a crash at that moment would, and the engine
// goes on in memory until it is closed. What it appends meanwhile is reported as
// failed by Log.commit, and opening the log again recovers the rest as after any
// crash.
//
// Files outside of the directory, such as those of a backup, pass through.
type disk struct {
	vfs.FS
	dir    string
	memory *vfs.MemFS
	// left is how much more may be written to memory.
	left atomic.Int64

	once    sync.Once
	failure atomic.Pointer[error]
	failed  chan struct{} // closed at the first failure
}

// mostInMemory bounds what the engine writes after a failure: the flushes and
// compactions that were under way, so that it can be closed.
const mostInMemory = 128 << 20

// memoryRefusal slows down an engine that starts its work again at once when
// memory takes no more.
const memoryRefusal = 100 * time.Millisecond

func newDisk(real vfs.FS, dir string) *disk {
	d := &disk{FS: real, dir: dir, memory: vfs.NewMem(), failed: make(chan struct{})}
	d.left.Store(mostInMemory)
	_ = d.memory.MkdirAll(dir, dirMode) // memory takes it
	return d
}

// error is the first failure, or nil.
func (d *disk) error() error {
	if err := d.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// fail ends all changes of the directory. It returns before any operation that
// comes after the failed one begins, so that nothing the engine does because it
// believes in that one reaches the disk.
func (d *disk) fail(err error) {
	d.once.Do(func() {
		d.failure.Store(&err)
		close(d.failed)
	})
}

func (d *disk) inside(name string) bool {
	return name == d.dir || strings.HasPrefix(name, d.dir+string(filepath.Separator))
}

// isTable reports whether a file is one whose writer may hear of errors: the
// engine begins such a file anew.
func isTable(name string) bool {
	switch filepath.Ext(name) {
	case ".sst", ".blob":
		return true
	}
	return false
}

// change makes a change of the directory, unless one has failed before.
func (d *disk) change(real func() error) (done bool) {
	if d.error() != nil {
		return false
	}
	if err := real(); err != nil {
		d.fail(err)
		return false
	}
	return true
}

// opened opens a file for writing: on the disk, or in memory after a failure.
func (d *disk) opened(name string, real func() (vfs.File, error), inMemory func() (vfs.File, error)) (f vfs.File, err error) {
	if d.change(func() error { f, err = real(); return err }) {
		return &diskFile{File: f, disk: d, table: isTable(name)}, nil
	}
	if f, err = inMemory(); err != nil {
		return nil, err
	}
	return &memoryFile{File: f, disk: d, table: isTable(name)}, nil
}

// Create implements vfs.FS.
func (d *disk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !d.inside(name) {
		return d.FS.Create(name, category)
	}
	return d.opened(name,
		func() (vfs.File, error) { return d.FS.Create(name, category) },
		func() (vfs.File, error) { return d.memory.Create(name, category) })
}

// OpenReadWrite implements vfs.FS.
func (d *disk) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if !d.inside(name) {
		return d.FS.OpenReadWrite(name, category, opts...)
	}
	return d.opened(name,
		func() (vfs.File, error) { return d.FS.OpenReadWrite(name, category, opts...) },
		func() (vfs.File, error) { return d.memory.OpenReadWrite(name, category) })
}

// ReuseForWrite implements vfs.FS.
func (d *disk) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !d.inside(newname) {
		return d.FS.ReuseForWrite(oldname, newname, category)
	}
	return d.opened(newname,
		func() (vfs.File, error) { return d.FS.ReuseForWrite(oldname, newname, category) },
		func() (vfs.File, error) { return d.memory.Create(newname, category) })
}

// OpenDir implements vfs.FS. What is done with a directory is to sync it.
func (d *disk) OpenDir(name string) (vfs.File, error) {
	if !d.inside(name) {
		return d.FS.OpenDir(name)
	}
	return d.opened(name,
		func() (vfs.File, error) { return d.FS.OpenDir(name) },
		func() (vfs.File, error) { return d.memory.OpenDir(d.dir) })
}

// Open implements vfs.FS. After a failure a file may be in memory.
func (d *disk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if d.error() != nil && d.inside(name) {
		if f, err := d.memory.Open(name); err == nil {
			return f, nil
		}
	}
	return d.FS.Open(name, opts...)
}

// Stat implements vfs.FS.
func (d *disk) Stat(name string) (vfs.FileInfo, error) {
	if d.error() != nil && d.inside(name) {
		if info, err := d.memory.Stat(name); err == nil {
			return info, nil
		}
	}
	return d.FS.Stat(name)
}

// List implements vfs.FS.
func (d *disk) List(dir string) ([]string, error) {
	names, err := d.FS.List(dir)
	if err != nil && d.error() != nil && d.inside(dir) {
		return d.memory.List(d.dir)
	}
	return names, err
}

// Link implements vfs.FS.
func (d *disk) Link(oldname, newname string) error {
	if !d.inside(newname) {
		return d.FS.Link(oldname, newname)
	}
	d.change(func() error { return d.FS.Link(oldname, newname) })
	return nil
}

// Rename implements vfs.FS.
func (d *disk) Rename(oldname, newname string) error {
	if !d.inside(newname) {
		return d.FS.Rename(oldname, newname)
	}
	if !d.change(func() error { return d.FS.Rename(oldname, newname) }) {
		_ = d.memory.Rename(oldname, newname) // it may not be there
	}
	return nil
}

// Remove implements vfs.FS. A file that is gone already is no failure.
func (d *disk) Remove(name string) error { return d.remove(name, d.FS.Remove, d.memory.Remove) }

// RemoveAll implements vfs.FS.
func (d *disk) RemoveAll(name string) error {
	return d.remove(name, d.FS.RemoveAll, d.memory.RemoveAll)
}

func (d *disk) remove(name string, real, inMemory func(string) error) error {
	if !d.inside(name) {
		return real(name)
	}
	var gone error
	if !d.change(func() error {
		err := real(name)
		if errors.Is(err, os.ErrNotExist) {
			gone, err = err, nil
		}
		return err
	}) {
		_ = inMemory(name) // it may not be there
	}
	return gone
}

// MkdirAll implements vfs.FS. A log has ids of users in it, so its directory and
// those of its backups are for its own user only.
func (d *disk) MkdirAll(dir string, perm os.FileMode) error {
	if !d.inside(dir) {
		return d.FS.MkdirAll(dir, perm&dirMode)
	}
	d.change(func() error { return d.FS.MkdirAll(dir, perm&dirMode) })
	return nil
}

// dirMode is that of the directory of a log.
const dirMode = 0o700

// Unwrap implements vfs.FS.
func (d *disk) Unwrap() vfs.FS { return d.FS }

// Interface guard
var _ vfs.FS = (*disk)(nil)
