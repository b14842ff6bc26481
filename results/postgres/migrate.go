package postgres

import (
	"context"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"
)

// tables are the names of the tables, ready to be used in a statement.
type tables struct {
	schema, version, exposures, outcomes, splits string
}

func newTables(schema string) tables {
	name := func(table string) string { return pgx.Identifier{schema, table}.Sanitize() }
	return tables{
		schema: pgx.Identifier{schema}.Sanitize(), version: name("version"),
		exposures: name("exposures"), outcomes: name("outcomes"), splits: name("splits"),
	}
}

// migrations lead from version to version; the first one is from nothing to 1.
// None is ever changed.
var migrations = []func(tables) []string{first}

// first makes the tables. The keys are in the order in which a query reads: of
// a unit the earliest first. An alias is the id of an exposure that was made
// elsewhere and does not say whose it is.
func first(n tables) []string {
	const text = ` text COLLATE "C" NOT NULL`
	return []string{
		`CREATE TABLE ` + n.exposures + ` (
			tenant` + text + `, experiment` + text + `, iteration` + text + `, unit` + text + `,
			t bigint NOT NULL, variation` + text + `, id` + text + `, bot smallint NOT NULL, forced smallint NOT NULL,
			alias` + text + `, weights_version` + text + `, device_type` + text + `, browser` + text + `,
			country` + text + `, region` + text + `, source` + text + `, segment` + text + `,
			PRIMARY KEY (tenant, experiment, iteration, unit, t, variation, id, bot, forced))`,
		`CREATE INDEX exposures_alias ON ` + n.exposures + ` (tenant, alias, unit) WHERE alias <> ''`,
		`CREATE TABLE ` + n.outcomes + ` (
			tenant` + text + `, event` + text + `, unit` + text + `, id` + text + `, t bigint NOT NULL,
			alias` + text + `, user_id` + text + `, value double precision,
			PRIMARY KEY (tenant, event, unit, id, t, alias, user_id))`,
		`CREATE INDEX outcomes_user ON ` + n.outcomes + ` (tenant, user_id, unit, alias) WHERE user_id <> ''`,
		`CREATE TABLE ` + n.splits + ` (
			tenant` + text + `, experiment` + text + `, iteration` + text + `, weights_version` + text + `,
			weights` + text + `,
			PRIMARY KEY (tenant, experiment, iteration, weights_version))`,
	}
}

// migrate brings the tables to the newest version. Where they have it already,
// a user who may only read can do so.
func (l *Log) migrate(ctx context.Context) error {
	version, err := l.version(ctx, l.pool)
	if err != nil || version == len(migrations) {
		return err
	}
	err = pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		h := fnv.New64a()
		h.Write([]byte(l.tables.schema))
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(h.Sum64())); err != nil {
			return err
		}
		return l.upgrade(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("making the tables in the schema %s: %w", l.tables.schema, err)
	}
	return nil
}

// upgrade carries out the migrations that are missing. The caller has the lock.
func (l *Log) upgrade(ctx context.Context, tx pgx.Tx) error {
	version, err := l.version(ctx, tx) // another log may have been faster
	if err != nil {
		return err
	}
	if version == 0 {
		for _, statement := range []string{
			"CREATE SCHEMA IF NOT EXISTS " + l.tables.schema,
			"CREATE TABLE IF NOT EXISTS " + l.tables.version + " (version bigint NOT NULL)",
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
	}
	for ; version < len(migrations); version++ {
		for _, statement := range migrations[version](l.tables) {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("going to version %d: %w", version+1, err)
			}
		}
	}
	if _, err := tx.Exec(ctx, "DELETE FROM "+l.tables.version); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+l.tables.version+" VALUES ($1)", int64(version))
	return err
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, statement string, arguments ...any) pgx.Row
}

// version is that of the tables, 0 where there are none. A newer one than this
// package knows is an error.
func (l *Log) version(ctx context.Context, from querier) (version int, err error) {
	var exists bool
	err = from.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM information_schema.tables
		WHERE table_schema = $1 AND table_name = 'version')`, l.options.Schema).Scan(&exists)
	if err != nil || !exists {
		return 0, err
	}
	err = from.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM "+l.tables.version).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("reading the version of the tables: %w", err)
	}
	if version > len(migrations) {
		return 0, fmt.Errorf("the tables have version %d, newer than %d, the newest that is known here: update this program",
			version, len(migrations))
	}
	return version, nil
}
