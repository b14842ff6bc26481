//go:build linux

package file

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// TestDiskThatStandsStill freezes the disk under a store. A commit ends with its
// context, readers are served meanwhile, and all goes on when the disk does.
func TestDiskThatStandsStill(t *testing.T) {
	disk, image := t.TempDir(), filepath.Join(t.TempDir(), "disk")
	run := func(name string, arguments ...string) error { return exec.Command(name, arguments...).Run() }
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 32<<20); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(run("mkfs.ext4", "-q", image), run("mount", "-o", "loop", image, disk)); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() { _ = run("umount", "--lazy", disk) })
	s := New(filepath.Join(disk, "documents"), 0)
	if _, err := s.Commit(t.Context(), tenant, &engine.Document{}, 0); err != nil {
		t.Fatal(err)
	}
	if err := run("fsfreeze", "--freeze", disk); err != nil {
		t.Skipf("freezing a disk: %v", err)
	}
	thaw := func() { _ = run("fsfreeze", "--unfreeze", disk) }
	t.Cleanup(thaw) // before the disk goes
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.Commit(ctx, tenant, &engine.Document{}, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the commit ends with %v", err)
	}
	loaded := make(chan error, 1)
	go func() {
		_, err := s.Load(t.Context(), tenant)
		loaded <- err
	}()
	select {
	case err := <-loaded:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("a reader waits for the disk")
	}
	thaw()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		version, err := s.Load(t.Context(), tenant)
		if err == nil && version.Revision > 0 {
			_, err = s.Commit(t.Context(), tenant, &engine.Document{}, version.Revision)
		}
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the thaw: %v", err)
		}
	}
}
