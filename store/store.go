package store

import (
	"context"
	"errors"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// The errors of a Store. Anything else means that it cannot be reached.
var (
	// ErrNotFound says that there is no document of this tenant.
	ErrNotFound = errors.New("there is no document of this tenant")
	// ErrConflict says that the document has changed since it was read.
	ErrConflict = errors.New("the document has changed since it was read")
	// ErrTooLarge says that a document is over the size limit.
	ErrTooLarge = errors.New("the document is too large")
)

// DefaultMaxDocumentSize is the largest document in bytes that is read or
// written where nothing else is configured.
const DefaultMaxDocumentSize = 8 << 20

// Version is a document's text as it is stored, with its revision.
type Version struct {
	Text []byte
	// Revision grows by one with every commit. 0 means that there is none.
	Revision uint64
}

// Store holds one document per tenant. All methods are safe for concurrent use.
type Store interface {
	// Load gives a tenant's document, unchecked. It returns ErrNotFound where
	// there is none.
	Load(ctx context.Context, tenant Tenant) (Version, error)

	// Commit replaces a tenant's document if its revision still is expected (0:
	// there is none yet), and returns the new revision. It returns ErrConflict,
	// and changes nothing, if somebody else was faster. When it returns without
	// error the document survives a crash.
	Commit(ctx context.Context, tenant Tenant, document *engine.Document, expected uint64) (uint64, error)

	// Watch calls changed for every tenant that has been loaded and whose
	// document may have changed since, and reached whenever the store has
	// answered for all of them, until the context ends.
	Watch(ctx context.Context, changed func(Tenant), reached func())
}
