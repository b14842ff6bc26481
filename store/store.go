package store

import (
	"context"
	"errors"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// The errors of a Store. Anything else means that it does not work.
var (
	// ErrNotFound says that there is no document of this tenant.
	ErrNotFound = errors.New("there is no document of this tenant")
	// ErrConflict says that the document has changed since it was read.
	ErrConflict = errors.New("the document has changed since it was read")
	// ErrTooLarge says that a document is over the size limit.
	ErrTooLarge = errors.New("the document is too large")
	// ErrRefused says that what the store holds is not a document of this
	// tenant that may be believed: unsigned, foreign, damaged or too old.
	ErrRefused = errors.New("the stored document is refused")
	// ErrUnavailable says that the store does not answer.
	ErrUnavailable = errors.New("the store is out of reach")
)

// DefaultMaxDocumentSize is the largest document in bytes that is read or
// written where nothing else is configured.
const DefaultMaxDocumentSize = 8 << 20

// Version is a document's text as it is stored, with its revision.
type Version struct {
	Text []byte
	// Revision grows by one with every commit. 0 means that there is none.
	Revision uint64
	// Sealed is the text in the wrapping that the store keeps it in, for Keep.
	// It is empty where the store has none.
	Sealed []byte
	// Doubt says why this may not be the version that was committed last. It is
	// served all the same.
	Doubt error
}

// Store holds one document per tenant. All methods are safe for concurrent use.
type Store interface {
	// Load gives a tenant's document, unchecked. It returns ErrNotFound where
	// there is none. With ErrRefused it gives the revision, if it knows that, for
	// who wants to replace the document all the same.
	Load(ctx context.Context, tenant Tenant) (Version, error)

	// Commit replaces a tenant's document if its revision still is expected (0:
	// there is none yet), and returns the new revision. It returns ErrConflict,
	// and changes nothing, if somebody else was faster. When it returns without
	// error the document survives a crash.
	Commit(ctx context.Context, tenant Tenant, document *engine.Document, expected uint64) (uint64, error)

	// Watch tells a watcher what happens to the tenants that have been loaded,
	// until the context ends.
	Watch(ctx context.Context, w Watcher)
}

// Overruler is a store whose own record of what was committed last can be wrong.
type Overruler interface {
	// Overrule replaces a tenant's document whatever the store says of revisions,
	// and returns the new revision. It returns ErrConflict if another writer was
	// faster.
	Overrule(ctx context.Context, tenant Tenant, document *engine.Document) (uint64, error)
}

// Watcher is told what a watch sees, by several goroutines at once.
type Watcher struct {
	// Changed means that a tenant's document may have changed since it was
	// loaded last.
	Changed func(Tenant)
	// Reached means that the store has answered for all tenants.
	Reached func()
	// Lost means that the store has stopped answering. It is called once, and
	// not again before Regained.
	Lost func(error)
	// Regained means that the store answers again. Documents that changed in
	// the meantime are told as such.
	Regained func()
	// Restored means that the store had lost or damaged a tenant's document and
	// that the revision in force was put back.
	Restored func(tenant Tenant, revision uint64)
	// Trouble means that something is wrong that people should put right. It is
	// not called again for the same reason.
	Trouble func(error)
}

// Keeper is a store that remembers on this machine which documents were in
// force, for a start while the store itself is out of reach.
type Keeper interface {
	// Recall gives the newest document that was kept, or ErrNotFound. It does
	// not ask anything outside this machine.
	Recall(tenant Tenant) (Version, error)
	// Keep remembers a document that Load or Recall gave, that was found good and
	// that comes into force now. It does not wait for the disk.
	Keep(tenant Tenant, version Version)
}
