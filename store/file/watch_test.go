package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// follow watches a store and sends, for each change that is told, what is then
// loaded: the document's name, "broken", "missing" or "unreadable". Repeats are
// left out.
func follow(t *testing.T, s *Store) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	told := make(chan string, 100)
	done := make(chan struct{})
	look := func() string {
		version, err := s.Load(ctx, tenant)
		if err == nil {
			document, err := engine.Decode(version.Text)
			if err != nil {
				return "broken"
			}
			return document.Segments[0].Name
		}
		if errors.Is(err, store.ErrNotFound) {
			return "missing"
		}
		return "unreadable"
	}
	last := look()
	first := make(chan struct{}, 1)
	go func() {
		defer close(done)
		s.Watch(ctx, store.Watcher{Reached: func() {}, Changed: func(store.Tenant) {
			if now := look(); now != last {
				last = now
				told <- now
			}
			select {
			case first <- struct{}{}:
			default:
			}
		}})
	}()
	t.Cleanup(func() { cancel(); <-done })
	select {
	case <-first: // it has seen the file as it is
	case <-time.After(2 * time.Second):
		t.Fatal("a watcher that begins tells nothing")
	}
	return told
}

// within waits for news and fails if that takes longer than people are
// promised, or if there is other news before.
func within(t *testing.T, told <-chan string, want string) {
	t.Helper()
	select {
	case got := <-told:
		if got != want {
			t.Fatalf("told of %q, want %q", got, want)
		}
	case <-time.After(time.Second):
		t.Fatalf("%q is not told within a second", want)
	}
}

func renameInto(t *testing.T, path, contents string, aged bool) {
	t.Helper()
	if err := os.WriteFile(path+"~", []byte(contents), 0o644); err != nil {
		t.Fatal(err)
	}
	if aged {
		age(t, path+"~")
	}
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}

func TestWatchTellsOfEveryChange(t *testing.T) {
	// writeTo writes parts into an open file, with a pause after each.
	writeTo := func(t *testing.T, f *os.File, pause time.Duration, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if _, err := f.WriteString(part); err != nil {
				t.Fatal(err)
			}
			time.Sleep(pause)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	half := text("after")[:20]
	rest := text("after")[20:]
	for _, test := range []struct {
		name   string
		change func(t *testing.T, s *Store, path string)
		want   string
	}{
		{"overwritten in place", func(t *testing.T, s *Store, _ string) { put(t, s, text("after")) }, "after"},
		{"overwritten in place with the same size", func(t *testing.T, s *Store, _ string) { put(t, s, text("AEFORE")) }, "AEFORE"},
		{"replaced", func(t *testing.T, _ *Store, path string) { renameInto(t, path, text("after"), false) }, "after"},
		{"replaced by an old file", func(t *testing.T, _ *Store, path string) { renameInto(t, path, text("after"), true) }, "after"},
		{"replaced by an old file of the same size", func(t *testing.T, _ *Store, path string) {
			renameInto(t, path, text("AEFORE"), true)
		}, "AEFORE"},
		{"overwritten and dated back", func(t *testing.T, s *Store, path string) {
			put(t, s, text("after"))
			age(t, path)
		}, "after"},
		{"overwritten and dated ahead", func(t *testing.T, s *Store, path string) {
			put(t, s, text("after"))
			future := time.Now().Add(time.Hour)
			if err := os.Chtimes(path, future, future); err != nil {
				t.Fatal(err)
			}
		}, "after"},
		{"overwritten with the same size and time", func(t *testing.T, s *Store, path string) {
			if runtime.GOOS != "linux" {
				t.Skip("cannot be seen here")
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			put(t, s, text("AEFORE"))
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, "AEFORE"},
		{"loaded by somebody else before it is seen", func(t *testing.T, s *Store, path string) {
			renameInto(t, path, text("after"), true)
			load(t, s)
		}, "after"},
		{"committed by this store", func(t *testing.T, s *Store, _ string) {
			commit(t, s, "after", load(t, s).Revision)
		}, "after"},
		{"committed by another process", func(t *testing.T, s *Store, _ string) {
			other := New(s.dir, 0)
			commit(t, other, "after", load(t, other).Revision)
		}, "after"},
		{"truncated, then written in two halves", func(t *testing.T, _ *Store, path string) {
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			writeTo(t, f, 300*time.Millisecond, half, rest)
		}, "after"},
		{"written in many parts over seconds", func(t *testing.T, _ *Store, path string) {
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			writeTo(t, f, 300*time.Millisecond, half[:5], half[5:10], half[10:15], half[15:], rest)
		}, "after"},
		{"written over without truncating first", func(t *testing.T, _ *Store, path string) {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			writeTo(t, f, 300*time.Millisecond, half, rest+"       ")
			if err := os.Truncate(path, int64(len(text("after")))); err != nil {
				t.Fatal(err)
			}
		}, "after"},
		{"moved away, then created anew", func(t *testing.T, _ *Store, path string) {
			if err := os.Rename(path, path+"~"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(80 * time.Millisecond)
			if err := os.WriteFile(path, []byte(text("after")), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "after"},
		{"broken", func(t *testing.T, s *Store, _ string) { put(t, s, half) }, "broken"},
		{"replaced by a broken one", func(t *testing.T, _ *Store, path string) { renameInto(t, path, half, false) }, "broken"},
		{"emptied", func(t *testing.T, s *Store, _ string) { put(t, s, "") }, "broken"},
		{"grown too large", func(t *testing.T, s *Store, path string) {
			if err := os.Truncate(path, s.maxSize+1); err != nil {
				t.Fatal(err)
			}
		}, "unreadable"},
		{"deleted", func(t *testing.T, _ *Store, path string) { os.Remove(path) }, "missing"},
		{"deleted with its directory", func(t *testing.T, _ *Store, path string) { os.RemoveAll(filepath.Dir(path)) }, "missing"},
		{"directory in its place", func(t *testing.T, _ *Store, path string) {
			os.Remove(path)
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "unreadable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := New(t.TempDir(), 0)
			put(t, s, text("before"))
			age(t, s.Path(tenant))
			told := follow(t, s)
			test.change(t, s, s.Path(tenant))
			within(t, told, test.want)

			// And it goes on from there.
			path := s.Path(tenant)
			if test.want == "unreadable" {
				os.Remove(path)
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			renameInto(t, path, text("last"), false)
			within(t, told, "last")
		})
	}
}

func TestWatchTellsOfALink(t *testing.T) {
	t.Parallel()
	s, dir := New(t.TempDir(), 0), t.TempDir()
	for _, name := range []string{"one", "two"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text(name)), 0o644); err != nil {
			t.Fatal(err)
		}
		age(t, filepath.Join(dir, name))
	}
	path := s.Path(tenant)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "one"), path); err != nil {
		t.Fatal(err)
	}
	told := follow(t, s)
	if err := os.Symlink(filepath.Join(dir, "two"), path+"~"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
	within(t, told, "two")
	if err := os.WriteFile(filepath.Join(dir, "two"), []byte(text("2")), 0o644); err != nil {
		t.Fatal(err)
	}
	within(t, told, "2")
}

func TestWatchTellsOfTheFirstFile(t *testing.T) {
	t.Parallel()
	s := New(t.TempDir(), 0)
	told := follow(t, s)
	put(t, s, text("first"))
	within(t, told, "first")
}

func TestUnreadableFileIsToldWhenItCanBeRead(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("nothing is denied to root")
	}
	t.Parallel()
	s := New(t.TempDir(), 0)
	put(t, s, text("before"))
	told := follow(t, s)
	chmod := func(mode fs.FileMode) {
		if err := os.Chmod(s.Path(tenant), mode); err != nil {
			t.Fatal(err)
		}
	}
	chmod(0)
	within(t, told, "unreadable")
	chmod(0o644)
	within(t, told, "before")
}
