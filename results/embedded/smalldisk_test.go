//go:build linux

package embedded

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// TestSmallDisk has a log on a disk that has room for its events, but not for the
// largest write-ahead files that the engine could ask for ahead of time.
func TestSmallDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=96m"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	l, err := Open(filepath.Join(disk, "log"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, l)
	before, err := spaceOf(disk)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; l.Size() < 4<<20 && n < 5000; n++ { // beyond some of its write-ahead files
		eventstest.Feed(t, l, tenant, numbered(n))
	}
	after, err := spaceOf(disk)
	if err != nil {
		t.Fatal(err)
	}
	if taken := before.freeBytes - after.freeBytes; taken > 32<<20 {
		t.Errorf("%d MB of the disk are taken by %d MB of events", taken>>20, l.Size()>>20)
	}
	if err := l.Ready(); err != nil {
		t.Error(err)
	}
}
