//go:build unix

package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// Who cannot write a document cannot hold up those who can.
func TestLockIsNotForOthers(t *testing.T) {
	for _, test := range []struct {
		name           string
		document, lock fs.FileMode // 0: there is none
		want           fs.FileMode
	}{
		{"new", 0, 0, 0o600},
		{"of an earlier version", 0o644, 0o644, 0o600},
		{"of everybody", 0o666, 0o666, 0o660},
		{"for a group that only reads", 0o640, 0, 0o600},
		{"for a group that writes", 0o664, 0o600, 0o660},
		{"for a group that wrote", 0o644, 0o660, 0o600},
		{"narrower", 0o400, 0o644, 0o600},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := New(t.TempDir(), 0)
			var revision uint64
			if test.document != 0 {
				put(t, s, text("first"))
				if err := os.Chmod(s.Path(tenant), test.document); err != nil {
					t.Fatal(err)
				}
				revision = load(t, s).Revision
			}
			name := hidden(s.Path(tenant), "lock")
			if test.lock != 0 {
				if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Chmod(name, test.lock)); err != nil {
					t.Fatal(err)
				}
			}
			commit(t, s, "next", revision)
			if got := modeOf(t, name); got != test.want {
				t.Errorf("the lock has mode %o, want %o", got, test.want)
			}
		})
	}
}

func TestLockHasTheGroupOfTheDocument(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can choose any group")
	}
	s := New(t.TempDir(), 0)
	put(t, s, text("first"))
	if err := errors.Join(os.Chown(s.Path(tenant), -1, 12345), os.Chmod(s.Path(tenant), 0o660)); err != nil {
		t.Skip(err)
	}
	commit(t, s, "second", load(t, s).Revision)
	info, err := os.Stat(hidden(s.Path(tenant), "lock"))
	if err != nil || groupOf(info) != 12345 || info.Mode().Perm() != 0o660 {
		t.Errorf("group %d, mode %o, %v", groupOf(info), info.Mode().Perm(), err)
	}
}

// An unprivileged user of the machine tries what would stop all writes.
func TestOtherUserCannotHoldTheLock(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	program, err := exec.LookPath("flock")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	for above := dir; len(above) > len(os.TempDir()); above = filepath.Dir(above) {
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := New(dir, 0)
	commit(t, s, "first", 0)
	other := func(arguments ...string) error {
		command := exec.Command(program, arguments...)
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return command.Run()
	}
	if err := other("-n", s.Path(tenant), "true"); err != nil {
		t.Fatalf("the other user cannot even read the document: %v", err)
	}
	if err := other("-n", hidden(s.Path(tenant), "lock"), "true"); err == nil {
		t.Error("the other user could hold the lock")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := s.Commit(ctx, tenant, named("second"), 1); err != nil {
		t.Error(err)
	}
}
