package embedded

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// diskFile is a file or directory of the log that was opened on the disk. After a
// failure nothing is written to it any more, whatever its writer is told.
type diskFile struct {
	vfs.File
	disk  *disk
	table bool
}

// do makes a change. The writer of a table hears of an error.
func (f *diskFile) do(real func() error) error {
	if !f.disk.change(real) && f.table {
		return f.disk.error()
	}
	return nil
}

// Write implements vfs.File.
func (f *diskFile) Write(p []byte) (int, error) {
	err := f.do(func() error { _, err := f.File.Write(p); return err })
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteAt implements vfs.File.
func (f *diskFile) WriteAt(p []byte, offset int64) (int, error) {
	err := f.do(func() error { _, err := f.File.WriteAt(p, offset); return err })
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Preallocate implements vfs.File. On a disk with little room nothing is taken
// before it is needed: the engine asks for as much for each of its write-ahead
// files as the largest could need, and they alone would fill a small disk.
func (f *diskFile) Preallocate(offset, length int64) error {
	if s, err := spaceOf(f.disk.dir); err == nil && s.freeBytes < preallocatedRoom {
		return nil
	}
	return f.do(func() error { return f.File.Preallocate(offset, length) })
}

// Sync implements vfs.File.
func (f *diskFile) Sync() error { return f.do(f.File.Sync) }

// SyncData implements vfs.File.
func (f *diskFile) SyncData() error { return f.do(f.File.SyncData) }

// SyncTo implements vfs.File.
func (f *diskFile) SyncTo(length int64) (full bool, err error) {
	err = f.do(func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, err
}

// Close implements vfs.File. Some file systems say only here that what was
// written has not arrived.
func (f *diskFile) Close() error {
	err := f.File.Close()
	if err != nil {
		f.disk.fail(err)
	}
	if f.table {
		return err
	}
	return nil
}

// memoryFile is a file that was begun after a failure.
type memoryFile struct {
	vfs.File
	disk  *disk
	table bool
}

// Write implements vfs.File. What is no table is never read again.
func (f *memoryFile) Write(p []byte) (int, error) {
	if !f.table {
		return len(p), nil
	}
	if f.disk.left.Add(-int64(len(p))) < 0 {
		time.Sleep(memoryRefusal)
		return 0, f.disk.error()
	}
	return f.File.Write(p)
}

// Interface guards
var (
	_ vfs.File = (*diskFile)(nil)
	_ vfs.File = (*memoryFile)(nil)
)
