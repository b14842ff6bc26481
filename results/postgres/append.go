package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// attempts is how often a transaction is tried that others are in the way of.
const attempts = 5

// Append implements events.Log. A batch is one transaction. Tables that are missing
// are made: the database may be another one than the log was opened with.
func (l *Log) Append(ctx context.Context, tenant string, batch *events.Batch) error {
	if batch.Len() == 0 {
		return ctx.Err()
	}
	parts, err := l.parts(tenant, batch)
	if err != nil {
		return fmt.Errorf("appending events: %w: %w", events.ErrRefused, err)
	}
	err = l.write(ctx, parts)
	if isMissing(err) {
		if err = l.migrate(ctx); err == nil {
			err = l.write(ctx, parts)
		}
	}
	if err != nil {
		return fmt.Errorf("appending events: %w", l.explainAppend(ctx, err))
	}
	return nil
}

// write carries out the transaction.
func (l *Log) write(ctx context.Context, parts []*part) error {
	for attempt := 1; ; attempt++ {
		err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
			for _, p := range parts {
				if err := p.write(ctx, tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil || !isConflict(err) || attempt == attempts {
			return err
		}
		l.options.Log.Debug("appending events again", "attempt", attempt, "error", err)
	}
}

// part is the rows of one table. They have different keys and are sorted by
// them: transactions that touch the same rows do so in the same order.
type part struct {
	table, name string
	// key columns come first; the columns from there on are data.
	columns []string
	keys    int
	// smaller tells whether the new data goes before what is there.
	smaller string
	rows    [][]any
}

// write copies the rows into a temporary table and takes from there what is new.
func (p *part) write(ctx context.Context, tx pgx.Tx) error {
	if len(p.rows) == 0 {
		return nil
	}
	temporary := "new_" + p.name
	_, err := tx.Exec(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE %s ON COMMIT DROP AS SELECT %s FROM %s WHERE false",
		temporary, strings.Join(p.columns, ", "), p.table))
	if err != nil {
		return err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{temporary}, p.columns, pgx.CopyFromRows(p.rows)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, p.insert(temporary))
	return err
}

func (p *part) insert(temporary string) string {
	var set []string
	for _, column := range p.columns[p.keys:] {
		set = append(set, fmt.Sprintf("%s = excluded.%[1]s", column))
	}
	columns := strings.Join(p.columns, ", ")
	return fmt.Sprintf("INSERT INTO %s AS held (%s) SELECT %s FROM %s ON CONFLICT (%s) DO UPDATE SET %s WHERE %s",
		p.table, columns, columns, temporary, strings.Join(p.columns[:p.keys], ", "), strings.Join(set, ", "), p.smaller)
}
