//go:build linux

package spool

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// small mounts a disk of so many bytes, where that is allowed.
func small(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// TestFullDisk fills the disk that the spool is on. It takes what it can again
// when there is room, and no attempt leaves a file behind.
func TestFullDisk(t *testing.T) {
	disk := small(t, "size=256k")
	s := open(t, disk+"/spool", Options{SegmentBytes: 4000})
	var want string
	appended := 0
	for {
		if _, err := s.Append("t", batch(strconv.Itoa(appended))); err != nil {
			break
		}
		want += " " + strconv.Itoa(appended)
		appended++
	}
	files := len(segments(t, disk+"/spool"))
	for range 100 {
		if _, err := s.Append("t", batch("x")); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("a full disk takes it: %v", err)
		}
	}
	if err := s.Ready(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk it is ready: %v", err)
	}
	if n := len(segments(t, disk+"/spool")); n > files {
		t.Errorf("%d files became %d", files, n)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); err != nil {
		t.Errorf("with room it is not ready: %v", err)
	}
	for range 100 {
		add(t, s, strconv.Itoa(appended))
		want += " " + strconv.Itoa(appended)
		appended++
	}
	if got := ids(t, s, 0); " "+got != want {
		t.Errorf("it has %d bytes of ids, want %d", len(got), len(want))
	}
	_ = s.Close()
	s = open(t, disk+"/spool", Options{})
	if got := ids(t, s, 0); " "+got != want {
		t.Errorf("opened again it has %d bytes of ids, want %d", len(got), len(want))
	}
}

// TestReadOnlyDisk has all that is in a full spool arrive while its files cannot
// be removed.
func TestReadOnlyDisk(t *testing.T) {
	disk := small(t, "size=4m")
	s := open(t, disk+"/spool", Options{MaxBytes: 20_000})
	var last uint64
	for {
		seq, err := s.Append("t", batch("a"))
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		last = seq
	}
	s.writing.Lock()
	s.mu.Lock()
	s.retire() // a disk with files that are open for writing cannot be made read-only
	s.mu.Unlock()
	s.writing.Unlock()
	_ = s.lock.Unlock()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=4m"); err != nil {
		t.Skipf("making the disk read-only: %v", err)
	}
	if err := s.Forget(last); err == nil {
		t.Error("files were removed from a disk that is read-only")
	}
	if got := ids(t, s, 0); got != "" {
		t.Errorf("what was forgotten is %q", got)
	}
	if _, err := s.Append("t", batch("b")); err == nil {
		t.Error("a read-only disk takes it")
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); err != nil {
		t.Errorf("it is not ready: %v", err)
	}
	add(t, s, "c")
	if got := ids(t, s, 0); got != "c" {
		t.Errorf("it has %q", got)
	}
}

// TestDirectoryIsRemoved removes it under the spool: nothing is
// acknowledged that would be nowhere, and the spool says that it has to be opened
// again.
func TestDirectoryIsRemoved(t *testing.T) {
	for name, prepare := range map[string]func(*Spool){"before the first entry": func(*Spool) {}, "between entries": func(s *Spool) { add(t, s, "a") }} {
		dir := t.TempDir() + "/spool"
		s := open(t, dir, Options{})
		prepare(s)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := s.Append("t", batch("b")); err == nil {
				t.Errorf("%s: it is acknowledged", name)
			}
		}
		select {
		case <-s.Failed():
		default:
			t.Errorf("%s: it has not failed", name)
		}
		if s.Err() == nil || s.Ready() == nil {
			t.Errorf("%s: %v, %v", name, s.Err(), s.Ready())
		}
		_ = s.Close()
		s = open(t, dir, Options{})
		add(t, s, "c")
		if got := ids(t, s, 0); got != "c" {
			t.Errorf("%s: it has %q", name, got)
		}
	}
}
