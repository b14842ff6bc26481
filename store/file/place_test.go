package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/store"
)

func TestSymbolicLinks(t *testing.T) {
	link := func(t *testing.T, to, from string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(from), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("the link stays and what it leads to is replaced", func(t *testing.T) {
		s, target := New(t.TempDir(), 0), filepath.Join(t.TempDir(), "repository.json")
		if err := os.WriteFile(target, []byte(text("first")), 0o640); err != nil {
			t.Fatal(err)
		}
		link(t, target, s.Path(tenant))
		if name := nameOf(t, load(t, s).Text); name != "first" {
			t.Errorf("loaded %s", name)
		}
		commit(t, s, "second", 1)
		if info, err := os.Lstat(s.Path(tenant)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("the link is now %v, %v", info.Mode(), err)
		}
		if contents, err := os.ReadFile(target); err != nil || nameOf(t, contents) != "second" {
			t.Errorf("the target is %s, %v", contents, err)
		}
		if entries, _ := os.ReadDir(filepath.Dir(target)); len(entries) != 1 {
			t.Errorf("the target's directory has %v", entries)
		}
	})
	t.Run("a link of a link", func(t *testing.T) {
		s, dir := New(t.TempDir(), 0), t.TempDir()
		link(t, "b.json", filepath.Join(dir, "a.json"))
		link(t, filepath.Join(dir, "a.json"), s.Path(tenant))
		if err := os.WriteFile(filepath.Join(dir, "b.json"), []byte(text("first")), 0o644); err != nil {
			t.Fatal(err)
		}
		commit(t, s, "second", load(t, s).Revision)
		if contents, _ := os.ReadFile(filepath.Join(dir, "b.json")); nameOf(t, contents) != "second" {
			t.Errorf("the target is %s", contents)
		}
	})
	t.Run("a link to nothing", func(t *testing.T) {
		s := New(t.TempDir(), 0)
		link(t, filepath.Join(t.TempDir(), "gone.json"), s.Path(tenant))
		_, err := s.Load(context.Background(), tenant)
		wantError(t, err, store.ErrNotFound)
		_, err = s.Commit(context.Background(), tenant, named("mine"), 0)
		wantError(t, err, fs.ErrNotExist)
		if _, err := os.Readlink(s.Path(tenant)); err != nil {
			t.Errorf("the link is gone: %v", err)
		}
	})
	t.Run("a link of the directory", func(t *testing.T) {
		s, dir := New(t.TempDir(), 0), t.TempDir()
		link(t, dir, filepath.Dir(s.Path(tenant)))
		commit(t, s, "mine", 0)
		if _, err := os.Stat(filepath.Join(dir, "production.json")); err != nil {
			t.Error(err)
		}
	})
}

func TestPermissionsStay(t *testing.T) {
	s := New(t.TempDir(), 0)
	mode := func() fs.FileMode {
		info, err := os.Stat(s.Path(tenant))
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	commit(t, s, "first", 0)
	if mode() != 0o644 {
		t.Errorf("a new file has mode %o", mode())
	}
	if err := os.Chmod(s.Path(tenant), 0o600); err != nil {
		t.Fatal(err)
	}
	commit(t, s, "second", 1)
	if mode() != 0o600 {
		t.Errorf("a file of mode 600 has %o after a commit", mode())
	}
}

func TestWhatIsNoFile(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(path string) error
		want string
	}{
		{"directory", func(path string) error { return os.Mkdir(path, 0o755) }, "it is a directory"},
		{"pipe", func(path string) error { return exec.Command("mkfifo", path).Run() }, "it is a device, pipe or socket"},
		{"device", func(path string) error { return os.Symlink("/dev/zero", path) }, "it is a device, pipe or socket"},
		{"link to itself", func(path string) error { return os.Symlink(path, path) }, "too many levels"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := New(t.TempDir(), 0)
			if err := os.MkdirAll(filepath.Dir(s.Path(tenant)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := test.make(s.Path(tenant)); err != nil {
				t.Skip(err)
			}
			_, loadErr := s.Load(context.Background(), tenant)
			_, commitErr := s.Commit(context.Background(), tenant, named("mine"), 0)
			for _, err := range []error{loadErr, commitErr} {
				if err == nil || errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), s.Path(tenant)) {
					t.Errorf("the error is %v", err)
				}
			}
		})
	}
	t.Run("file in place of the directory", func(t *testing.T) {
		s := New(t.TempDir(), 0)
		if err := os.WriteFile(filepath.Dir(s.Path(tenant)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Load(context.Background(), tenant); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("loading: %v", err)
		}
		if _, err := s.Commit(context.Background(), tenant, named("mine"), 0); err == nil {
			t.Error("a commit succeeded")
		}
	})
}

func TestPermissionDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("nothing is denied to root")
	}
	t.Run("unreadable file", func(t *testing.T) {
		s := New(t.TempDir(), 0)
		put(t, s, text("first"))
		if err := os.Chmod(s.Path(tenant), 0); err != nil {
			t.Fatal(err)
		}
		_, err := s.Load(context.Background(), tenant)
		wantError(t, err, fs.ErrPermission)
		_, err = s.Commit(context.Background(), tenant, named("mine"), 0)
		wantError(t, err, fs.ErrPermission)
	})
	t.Run("read-only directory", func(t *testing.T) {
		s := New(t.TempDir(), 0)
		put(t, s, text("first"))
		dir := filepath.Dir(s.Path(tenant))
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
		_, err := s.Commit(context.Background(), tenant, named("mine"), load(t, s).Revision)
		wantError(t, err, fs.ErrPermission)
		if name := nameOf(t, load(t, s).Text); name != "first" {
			t.Errorf("the document is %s", name)
		}
	})
	t.Run("lock and leftover of another user", func(t *testing.T) {
		s := New(t.TempDir(), 0)
		put(t, s, text("first"))
		for _, what := range []string{"lock", "new"} {
			if err := os.WriteFile(hidden(s.Path(tenant), what), nil, 0o444); err != nil {
				t.Fatal(err)
			}
		}
		commit(t, s, "second", load(t, s).Revision)
	})
}
