package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

const tenant = store.DefaultTenant

// named is a document that one can tell from others by its name.
func named(name string) *engine.Document {
	return &engine.Document{Segments: []engine.Segment{{ID: "seg_1", Name: name}}}
}

// text is such a document as a person writes it.
func text(name string) string {
	return fmt.Sprintf(`{"segments":[{"id":"seg_1","name":%q,"rules":[]}]}`, name)
}

// put writes a tenant's file, in place if there is one.
func put(t testing.TB, s *Store, contents string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.Path(tenant)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Path(tenant), []byte(contents), 0o644); err != nil {
		t.Fatal(err)
	}
}

// age lets a file look as if it had last been modified an hour ago.
func age(t testing.TB, path string) {
	t.Helper()
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, s *Store) store.Version {
	t.Helper()
	version, err := s.Load(context.Background(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// nameOf is the name that a document was given by named or text.
func nameOf(t testing.TB, contents []byte) string {
	t.Helper()
	document, err := engine.Decode(contents)
	if err != nil {
		t.Fatalf("%v\n%s", err, contents)
	}
	return document.Segments[0].Name
}

func commit(t testing.TB, s *Store, name string, expected uint64) uint64 {
	t.Helper()
	revision, err := s.Commit(context.Background(), tenant, named(name), expected)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got the error %v, want %v", err, want)
	}
}

// files lists what is in the directory of the tenant's file.
func files(t testing.TB, s *Store) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(s.Path(tenant)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// descriptors counts the open files of this process.
func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("open files cannot be counted here:", err)
	}
	return len(entries)
}
