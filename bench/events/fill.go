package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/caddy-experiments/caddy-experiments/results/embedded"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/postgres"
)

// forever follows a directory in the option of an edge that never looks for old
// events: that reads the whole log at the start, which is not what is measured.
const forever = " {\n\t\t\tretention off\n\t\t}"

// opener opens a log.
type opener func() (events.Log, error)

func openEmbedded(dir string) opener {
	return func() (events.Log, error) { return embedded.Open(dir, embedded.Options{}) }
}

// openPostgres opens a log in tables of its own.
func openPostgres(ctx context.Context, d *database) opener {
	return func() (events.Log, error) { return postgres.Open(ctx, d.dsn, postgres.Options{Schema: "alone"}) }
}

// fill puts all of a feed into a log.
func (f *feed) fill(ctx context.Context, open opener) error {
	log, err := open()
	if err != nil {
		return err
	}
	for i := range f.batches() {
		if err := log.Append(ctx, cmp.Or(f.tenant, tenant), f.batch(i)); err != nil {
			_ = log.Close() // the first error counts
			return err
		}
	}
	return log.Close()
}

// fillBoth is for what is measured without ingest, which fills them too.
func (b *bench) fillBoth(ctx context.Context, filled string, database *database) error {
	fmt.Fprintln(os.Stderr, "filling the logs …")
	if err := b.feed.fill(ctx, openEmbedded(filled)); err != nil || database == nil {
		return err
	}
	return b.feed.fill(ctx, openPostgres(ctx, database))
}
