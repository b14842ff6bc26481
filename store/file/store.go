package file

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// pollInterval is how often the files are looked at. Looking is one stat; it
// sees every way of changing a file, on every file system, where notification
// of the kernel misses some.
const pollInterval = 200 * time.Millisecond

// settled is the age from which a file's time of change can be trusted to move
// with the next change: until then its contents are compared.
const settled = 2 * time.Second

// quiet is the age that a change must have before it is read: an editor that
// writes in place would otherwise be caught halfway.
const quiet = 100 * time.Millisecond

// Store keeps each tenant's document in <dir>/<project>/<environment>.json.
//
// The revision of a file that a person edits grows by one with each change that
// the store sees; the store writes it into the files that it commits itself.
type Store struct {
	dir     string
	maxSize int64

	mu    sync.Mutex
	files map[store.Tenant]*observed
}

// observed is what the store last saw of a tenant's file.
type observed struct {
	info     fs.FileInfo // nil: there is no file
	sum      [sha256.Size]byte
	seen     bool // sum and revision are of a file that was read
	revision uint64
}

// New makes a store over a directory, which need not exist yet. maxSize bounds
// a document in bytes; 0 means store.DefaultMaxDocumentSize.
func New(dir string, maxSize int64) *Store {
	if maxSize == 0 {
		maxSize = store.DefaultMaxDocumentSize
	}
	return &Store{dir: dir, maxSize: maxSize, files: map[store.Tenant]*observed{}}
}

// Path is where a tenant's document is.
func (s *Store) Path(tenant store.Tenant) string {
	return filepath.Join(s.dir, tenant.Project(), tenant.Environment()+".json")
}

// Load implements store.Store.
func (s *Store) Load(_ context.Context, tenant store.Tenant) (store.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(tenant)
}

func (s *Store) read(tenant store.Tenant) (store.Version, error) {
	o := s.files[tenant]
	if o == nil {
		o = &observed{}
		s.files[tenant] = o
	}
	path := s.Path(tenant)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		o.info = nil
		return store.Version{}, fmt.Errorf("reading %s: %w", path, store.ErrNotFound)
	}
	if err != nil {
		return store.Version{}, err // says the path itself
	}
	defer f.Close()
	if o.info, err = f.Stat(); err != nil {
		return store.Version{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, s.maxSize+1))
	if err != nil {
		return store.Version{}, fmt.Errorf("reading %s: %w", path, err)
	}
	if int64(len(text)) > s.maxSize {
		return store.Version{}, fmt.Errorf("reading %s: %w: more than %d bytes", path, store.ErrTooLarge, s.maxSize)
	}
	if sum := sha256.Sum256(text); !o.seen || sum != o.sum {
		o.revision = max(o.revision+1, writtenRevision(text))
		o.sum, o.seen = sum, true
	}
	return store.Version{Text: text, Revision: o.revision}, nil
}

// writtenRevision is the revision that a file says it has; 0 if it says none.
func writtenRevision(text []byte) uint64 {
	var document struct{ Revision uint64 }
	if json.Unmarshal(text, &document) != nil {
		return 0
	}
	return document.Revision
}

// Commit implements store.Store.
func (s *Store) Commit(_ context.Context, tenant store.Tenant, document *engine.Document, expected uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	version, err := s.read(tenant)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	if version.Revision != expected {
		return 0, fmt.Errorf("committing %s: %w: expected revision %d, found %d", tenant, store.ErrConflict, expected, version.Revision)
	}
	committed := *document
	committed.Revision = s.files[tenant].revision + 1
	text, err := json.MarshalIndent(&committed, "", "  ")
	if err != nil {
		return 0, fmt.Errorf("committing %s: encoding: %w", tenant, err)
	}
	if int64(len(text)) > s.maxSize {
		return 0, fmt.Errorf("committing %s: %w: more than %d bytes", tenant, store.ErrTooLarge, s.maxSize)
	}
	if err := writeAtomically(s.Path(tenant), append(text, '\n')); err != nil {
		return 0, fmt.Errorf("committing %s: %w", tenant, err)
	}
	version, err = s.read(tenant)
	return version.Revision, err
}

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, changed func(store.Tenant)) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for _, tenant := range s.changed(now) {
				changed(tenant)
			}
		}
	}
}

// changed lists the tenants whose file is not the one that was last read, or
// too young to tell.
func (s *Store) changed(now time.Time) []store.Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	var tenants []store.Tenant
	for tenant, o := range s.files {
		info, err := os.Stat(s.Path(tenant))
		switch {
		case err != nil && o.info == nil:
			continue
		case err == nil && unready(info, o.info, now.Sub(info.ModTime())):
			continue
		}
		tenants = append(tenants, tenant)
	}
	return tenants
}

// unready says that a file of this age since its change is the one already
// read, or may still be being written.
func unready(info, read fs.FileInfo, age time.Duration) bool {
	if age >= 0 && age < quiet {
		return true
	}
	return read != nil && age.Abs() > settled &&
		info.Size() == read.Size() && info.ModTime().Equal(read.ModTime()) && os.SameFile(info, read)
}

// Interface guard
var _ store.Store = (*Store)(nil)
