package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// Log keeps events in a PostgreSQL database. Any number of logs may use the same
// tables at once. Everything is kept as it came, once: which exposure counts and
// which outcomes are one is settled when a query is made.
type Log struct {
	options Options
	pool    *pgxpool.Pool
	tables  tables
}

// Open connects and makes the tables where they are missing, within a few
// seconds.
func Open(ctx context.Context, dsn string, options Options) (*Log, error) {
	options.complete()
	config, err := options.poolConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the event log: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening the event log: %w", err)
	}
	l := &Log{options: options, pool: pool, tables: newTables(options.Schema)}
	if err := l.migrate(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("opening the event log: %w", l.explain(ctx, err))
	}
	return l, nil
}

// Close implements events.Log.
func (l *Log) Close() error {
	l.pool.Close()
	return nil
}

// Tenants implements events.Log.
func (l *Log) Tenants(ctx context.Context) ([]string, error) {
	rows, err := l.pool.Query(ctx, fmt.Sprintf(
		"SELECT tenant FROM %s UNION SELECT tenant FROM %s UNION SELECT tenant FROM %s ORDER BY tenant",
		l.tables.exposures, l.tables.outcomes, l.tables.splits))
	if err != nil {
		return nil, fmt.Errorf("listing tenants: %w", l.explain(ctx, err))
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("listing tenants: %w", l.explain(ctx, err))
	}
	for i := range tenants {
		tenants[i] = plain(tenants[i])
	}
	return tenants, nil
}

// Prune implements events.Log.
func (l *Log) Prune(ctx context.Context, before events.Millis) error {
	for _, table := range []string{l.tables.exposures, l.tables.outcomes} {
		_, err := l.pool.Exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE t < $1", table), int64(before))
		if err != nil {
			return fmt.Errorf("pruning events: %w", l.explain(ctx, err))
		}
	}
	return nil
}

// Interface guard
var _ events.Log = (*Log)(nil)
