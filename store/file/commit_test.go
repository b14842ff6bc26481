package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func TestCommitAndLoad(t *testing.T) {
	s := New(filepath.Join(t.TempDir(), "not", "there", "yet"), 0)
	_, err := s.Load(context.Background(), tenant)
	wantError(t, err, store.ErrNotFound)
	for i := range uint64(3) {
		name := fmt.Sprintf("number %d", i)
		if revision := commit(t, s, name, i); revision != i+1 {
			t.Errorf("commit %d has revision %d", i, revision)
		}
		for _, reader := range []*Store{s, New(s.dir, 0)} {
			if version := load(t, reader); version.Revision != i+1 || nameOf(t, version.Text) != name {
				t.Errorf("after commit %d: revision %d of %s", i, version.Revision, version.Text)
			}
		}
	}
	if document, err := engine.Decode(load(t, s).Text); err != nil || document.Revision != 3 {
		t.Errorf("the file says revision %d, %v", document.Revision, err)
	}
}

func TestCommitLeavesTheCallersDocumentAlone(t *testing.T) {
	s, document := New(t.TempDir(), 0), named("mine")
	if _, err := s.Commit(context.Background(), tenant, document, 0); err != nil {
		t.Fatal(err)
	}
	if document.Revision != 0 {
		t.Errorf("it has revision %d now", document.Revision)
	}
}

func TestTenantsAreSeparate(t *testing.T) {
	s := New(t.TempDir(), 0)
	for _, name := range []store.Tenant{"a/production", "a/staging", "b/production"} {
		if _, err := s.Commit(context.Background(), name, named(string(name)), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []store.Tenant{"a/production", "a/staging", "b/production"} {
		version, err := s.Load(context.Background(), name)
		if err != nil || nameOf(t, version.Text) != string(name) || version.Revision != 1 {
			t.Errorf("%s: revision %d, %v", name, version.Revision, err)
		}
	}
}

func TestConflict(t *testing.T) {
	for _, test := range []struct {
		name     string
		before   func(t *testing.T, s *Store)
		expected uint64
	}{
		{"there is none but one is expected", func(*testing.T, *Store) {}, 1},
		{"there is one but none is expected", func(t *testing.T, s *Store) { commit(t, s, "theirs", 0) }, 0},
		{"older", func(t *testing.T, s *Store) { commit(t, s, "theirs", commit(t, s, "first", 0)) }, 1},
		{"newer", func(t *testing.T, s *Store) { commit(t, s, "theirs", 0) }, 2},
		{"edited by hand since", func(t *testing.T, s *Store) { commit(t, s, "first", 0); put(t, s, text("theirs")) }, 1},
		{"edited by hand, and broken", func(t *testing.T, s *Store) { commit(t, s, "first", 0); put(t, s, "{") }, 1},
		{"deleted since", func(t *testing.T, s *Store) { commit(t, s, "first", 0); os.Remove(s.Path(tenant)) }, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := New(t.TempDir(), 0)
			test.before(t, s)
			before, _ := os.ReadFile(s.Path(tenant))
			_, err := s.Commit(context.Background(), tenant, named("mine"), test.expected)
			wantError(t, err, store.ErrConflict)
			if after, _ := os.ReadFile(s.Path(tenant)); string(after) != string(before) {
				t.Errorf("the file has changed to %s", after)
			}
		})
	}
}

func TestConflictWithAPersonDuringTheCommit(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(path string) error
	}{
		{"overwritten", func(path string) error { return os.WriteFile(path, []byte(text("THEIR")), 0o644) }},
		{"replaced", func(path string) error {
			if err := os.WriteFile(path+"~", []byte(text("THEIR")), 0o644); err != nil {
				return err
			}
			return os.Rename(path+"~", path)
		}},
		{"deleted", os.Remove},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := New(t.TempDir(), 0)
			put(t, s, text("first"))
			path := s.Path(tenant)
			read, err := readFile(path, s.maxSize)
			if err != nil {
				t.Fatal(err)
			}
			if err := test.edit(path); err != nil {
				t.Fatal(err)
			}
			wantError(t, replace(path, []byte(text("mine")), read.info), store.ErrConflict)
			if after, _ := os.ReadFile(path); strings.Contains(string(after), "mine") {
				t.Errorf("the file has changed to %s", after)
			}
			if names := files(t, s); slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, ".new") }) {
				t.Errorf("it left %q behind", names)
			}
		})
	}
	t.Run("created", func(t *testing.T) {
		s := New(t.TempDir(), 0)
		put(t, s, text("theirs"))
		wantError(t, replace(s.Path(tenant), []byte(text("mine")), nil), store.ErrConflict)
	})
}

func TestHandEditsCountRevisions(t *testing.T) {
	s := New(t.TempDir(), 0)
	for i, step := range []struct {
		contents string
		want     uint64
	}{
		{text("a"), 1},
		{text("a"), 1}, // the same again
		{text("b"), 2},
		{text("a"), 3},
		{`{"revision":10,"segments":[]}`, 10},
		{`{"revision":10,"segments":[ ]}`, 11},
		{`{"revision":4,"segments":[]}`, 12}, // a backup
		{`not a document`, 13},
		{`{"revision":18446744073709551615}`, 14}, // would begin again at 0
		{`{"revision":4503599627370495}`, 15},     // valid, but a commit could not go on
		{`{"revision":-1}`, 16},
		{`{"revision":"99"}`, 17},
		{``, 18},
	} {
		put(t, s, step.contents)
		for range 2 {
			if version := load(t, s); version.Revision != step.want || string(version.Text) != step.contents {
				t.Errorf("step %d: revision %d of %q, want %d of %q", i, version.Revision, version.Text, step.want, step.contents)
			}
		}
	}
	put(t, s, text("c"))
	if revision := commit(t, s, "mine", load(t, s).Revision); revision != 20 {
		t.Errorf("the commit has revision %d", revision)
	}
	if err := os.Remove(s.Path(tenant)); err != nil {
		t.Fatal(err)
	}
	if revision := commit(t, s, "again", 0); revision != 21 {
		t.Errorf("the commit after a deletion has revision %d", revision)
	}
}

// increment adds one to the number that a document is named, however often
// others are faster.
func increment(s *Store) error {
	for {
		version, err := s.Load(context.Background(), tenant)
		if err != nil {
			return err
		}
		document, err := engine.Decode(version.Text)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(document.Segments[0].Name)
		if err != nil {
			return err
		}
		revision, err := s.Commit(context.Background(), tenant, named(strconv.Itoa(n+1)), version.Revision)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err == nil && revision != version.Revision+1 {
			err = fmt.Errorf("the revision after %d is %d", version.Revision, revision)
		}
		return err
	}
}

func TestNoUpdateIsLost(t *testing.T) {
	const writers, increments = 16, 50
	for _, test := range []struct {
		name   string
		stores int
	}{
		{"one store", 1},
		{"two stores on one directory, as two processes have", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			stores := make([]*Store, test.stores)
			for i := range stores {
				stores[i] = New(dir, 0)
			}
			commit(t, stores[0], "0", 0)
			before := descriptors(t)
			var group sync.WaitGroup
			for i := range writers {
				group.Go(func() {
					for range increments {
						if err := increment(stores[i%len(stores)]); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			for _, s := range stores {
				version := load(t, s)
				if n := nameOf(t, version.Text); n != strconv.Itoa(writers*increments) {
					t.Errorf("after %d increments the number is %s", writers*increments, n)
				}
				if version.Revision != writers*increments+1 {
					t.Errorf("the revision is %d", version.Revision)
				}
			}
			if after := descriptors(t); after > before {
				t.Errorf("%d files were open, now %d are", before, after)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	const limit = 1000
	s := New(t.TempDir(), limit)

	// Find the name with which the committed text has exactly the limit.
	commit(t, s, "", 0)
	room := limit - len(load(t, s).Text)
	fits := commit(t, s, strings.Repeat("x", room), 1)
	if version := load(t, s); len(version.Text) != limit {
		t.Fatalf("the text has %d bytes", len(version.Text))
	}
	_, err := s.Commit(context.Background(), tenant, named(strings.Repeat("x", room+1)), fits)
	wantError(t, err, store.ErrTooLarge)
	if version := load(t, s); len(version.Text) != limit || version.Revision != fits {
		t.Errorf("revision %d has %d bytes now", version.Revision, len(version.Text))
	}

	put(t, s, strings.Repeat(" ", limit+1))
	_, err = s.Load(context.Background(), tenant)
	wantError(t, err, store.ErrTooLarge)
	_, err = s.Commit(context.Background(), tenant, named("mine"), fits)
	wantError(t, err, store.ErrTooLarge)
	put(t, s, strings.Repeat(" ", limit))
	if version := load(t, s); len(version.Text) != limit {
		t.Errorf("%d bytes are read as %d", limit, len(version.Text))
	}
}

func TestCommitWaitsForTheLock(t *testing.T) {
	s := New(t.TempDir(), 0)
	commit(t, s, "first", 0)
	unlock, err := lock(context.Background(), s.Path(tenant))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = s.Commit(ctx, tenant, named("late"), 1)
	wantError(t, err, context.DeadlineExceeded)
	if name := nameOf(t, load(t, s).Text); name != "first" {
		t.Errorf("the document is %s", name) // and reading does not wait
	}
	done := make(chan uint64)
	go func() {
		revision, err := s.Commit(context.Background(), tenant, named("second"), 1)
		if err != nil {
			t.Error(err)
		}
		done <- revision
	}()
	unlock()
	if revision := <-done; revision != 2 {
		t.Errorf("the commit has revision %d", revision)
	}
}
