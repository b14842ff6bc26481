package events

import (
	"context"
	"errors"
)

// Log keeps the events of all tenants and computes sums from them. All methods
// are safe for concurrent use.
//
// The order in which records arrive, and how often, makes no difference to any
// answer, to the last bit.
type Log interface {
	// Append adds a batch. When it returns without error the batch survives a
	// crash. After an error some of it may have been added; appending it again
	// is harmless. An error that is ErrRefused is the fault of the records; after
	// every other one the same batch may succeed later. See Deliver.
	Append(ctx context.Context, tenant string, batch *Batch) error

	// Query computes what is known of one iteration.
	Query(ctx context.Context, q Query) (*Answer, error)

	// Export gives all records of a tenant in batches of bounded size. Appended
	// to another log they give the same answers. A batch is valid until yield
	// returns; an error of yield ends the export.
	Export(ctx context.Context, tenant string, yield func(*Batch) error) error

	// Tenants lists those that have records.
	Tenants(ctx context.Context) ([]string, error)

	// Prune removes exposures and outcomes from before a time, of all tenants.
	Prune(ctx context.Context, before Millis) error

	// Close releases the log. Nothing may be called after it.
	Close() error
}

// The errors of a log.
var (
	// ErrUnavailable says that the log does not answer, or cannot do its work now.
	ErrUnavailable = errors.New("the event log is out of reach")
	// ErrRefused says that the log will never keep a batch, because of what is in
	// it.
	ErrRefused = errors.New("the event log can never keep these records")
)
