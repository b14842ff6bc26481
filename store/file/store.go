package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/durable"
	"github.com/caddy-experiments/caddy-experiments/store/stall"
)

// Store keeps each tenant's document in <dir>/<project>/<environment>.json.
//
// The revision of a file that a person edits grows by one with each change that
// the store sees; the store writes it into the files that it commits itself. A
// backup that is put back is one more change, whatever revision it says it has.
// Hand edits are counted in memory: two processes, or one before and after a
// restart, may number them differently until the next commit.
//
// Several processes may use one directory: a commit holds an advisory lock, on
// a hidden file beside the document that stays there. People and programs that
// write the file themselves do not ask for it.
type Store struct {
	dir     string
	maxSize int64

	mu    sync.Mutex
	files map[store.Tenant]*tracked
}

// tracked is how the revisions of a tenant's file are counted.
type tracked struct {
	mu       sync.Mutex
	revision uint64
	sum      [sha256.Size]byte // of the contents that have this revision
	failed   bool              // the last read did not succeed
}

// New makes a store over a directory, which need not exist yet. maxSize bounds
// a document in bytes; 0 means store.DefaultMaxDocumentSize.
func New(dir string, maxSize int64) *Store {
	if maxSize == 0 {
		maxSize = store.DefaultMaxDocumentSize
	}
	return &Store{dir: dir, maxSize: maxSize, files: map[store.Tenant]*tracked{}}
}

// Path is where a tenant's document is.
func (s *Store) Path(tenant store.Tenant) string {
	return filepath.Join(s.dir, tenant.Project(), tenant.Environment()+".json")
}

func (s *Store) tracked(tenant store.Tenant) *tracked {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.files[tenant]
	if t == nil {
		t = &tracked{}
		s.files[tenant] = t
	}
	return t
}

// Load implements store.Store.
func (s *Store) Load(_ context.Context, tenant store.Tenant) (store.Version, error) {
	t := s.tracked(tenant)
	t.mu.Lock()
	defer t.mu.Unlock()
	c, err := s.read(tenant, t)
	if err != nil {
		return store.Version{}, err
	}
	return store.Version{Text: c.text, Revision: t.revision}, nil
}

// read reads the file and counts its revision on if it has changed.
func (s *Store) read(tenant store.Tenant, t *tracked) (contents, error) {
	path := s.Path(tenant)
	c, err := readFile(path, s.maxSize)
	t.failed = err != nil && !errors.Is(err, fs.ErrNotExist)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("reading %s: %w", path, store.ErrNotFound)
	}
	if err == nil && (t.revision == 0 || c.sum != t.sum) {
		t.revision, t.sum = max(t.revision+1, writtenRevision(c.text)), c.sum
	}
	return c, err
}

// greatestRevision is the greatest one that is believed. There must be room to
// count on: engine.Decode refuses a revision of 1<<52.
const greatestRevision = 1 << 51

// writtenRevision is the revision that a file says it has; 0 if it says none or
// one that no counting has led to. It reads no further than to there, which is
// the beginning of what a commit has written.
func writtenRevision(text []byte) uint64 {
	if !bytes.Contains(text, []byte(`"revision"`)) {
		return 0 // without parsing all of it
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return 0
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return 0
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return 0
		}
		if name == "revision" {
			revision, err := strconv.ParseUint(string(value), 10, 64)
			if err != nil || revision > greatestRevision {
				return 0
			}
			return revision
		}
	}
	return 0
}

// Commit implements store.Store. It follows a symbolic link and replaces the
// file that the link leads to. A disk that stands still is waited for no longer
// than the context lasts; the document may still be written after that.
func (s *Store) Commit(ctx context.Context, tenant store.Tenant, document *engine.Document, expected uint64) (uint64, error) {
	copied := *document
	var revision uint64
	err := new(stall.Guard).Do(ctx, func() (err error) {
		revision, err = s.commit(ctx, tenant, &copied, expected)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("committing %s: %w", tenant, err)
	}
	return revision, nil
}

func (s *Store) commit(ctx context.Context, tenant store.Tenant, document *engine.Document, expected uint64) (uint64, error) {
	path := s.Path(tenant)
	if err := durable.MakeDir(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	unlock, err := lock(ctx, path)
	if err != nil {
		return 0, err
	}
	defer unlock()
	t := s.tracked(tenant)
	t.mu.Lock()
	before, err := s.read(tenant, t)
	last := t.revision
	t.mu.Unlock()
	var found uint64
	if err == nil {
		found = last
	} else if !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	if found != expected {
		return 0, fmt.Errorf("%w: expected revision %d, found %d", store.ErrConflict, expected, found)
	}
	committed := *document
	committed.Revision = last + 1
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // people read it
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(&committed); err != nil {
		return 0, fmt.Errorf("encoding: %w", err)
	}
	if int64(text.Len()) > s.maxSize {
		return 0, fmt.Errorf("%w: %d bytes, the limit is %d", store.ErrTooLarge, text.Len(), s.maxSize)
	}
	// Readers do not wait for the disk. One that comes before the revision is
	// noted counts the same one, which the text has.
	if err := replace(path, text.Bytes(), before.info); err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.revision < committed.Revision {
		t.revision, t.sum = committed.Revision, sha256.Sum256(text.Bytes())
	}
	return committed.Revision, nil
}

// Interface guard
var _ store.Store = (*Store)(nil)
