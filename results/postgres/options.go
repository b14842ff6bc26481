package postgres

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DefaultSchema is where the tables are unless Options say otherwise.
const DefaultSchema = "experiments"

// patience is how long opening may take, and how long one attempt to connect if
// the DSN says nothing of it.
const (
	patience        = 5 * time.Second
	connectPatience = 3 * time.Second
)

// Options are what can be said beside the DSN. The zero value is usable.
type Options struct {
	// Log is told of what was recovered from. Default: nobody.
	Log *slog.Logger
	// Schema is made if it is missing. Default: DefaultSchema.
	Schema string
	// MaxConns bounds the connections. Default: what the DSN says with
	// pool_max_conns, else four or the number of processors if there are more.
	MaxConns int
}

func (o *Options) complete() {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Schema == "" {
		o.Schema = DefaultSchema
	}
}

// Check reports whether a DSN can be read, without connecting. It reads what a DSN
// names, such as a file of certificates or of passwords, and the variables PG… of
// the environment. The error has nothing of the DSN in it.
func Check(dsn string) error {
	_, err := new(Options).poolConfig(dsn)
	return err
}

// poolConfig reads a DSN. An error does not say what is wrong with it: the text
// of one that cannot be parsed may have its password anywhere.
func (o *Options) poolConfig(dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the DSN is neither a postgres:// URL nor a list of keywords and values that can be read")
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectPatience
	}
	if o.MaxConns > 0 {
		config.MaxConns = int32(o.MaxConns)
	}
	// Statements are large and differ from query to query. Without a name they
	// are planned for their arguments, and may pass through a pooler.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.AfterConnect = tune
	return config, nil
}

// tune sets what helps large queries, as far as the database knows of it and
// nobody has set it. Compiling them takes longer than it saves, and loops in
// loops, which planners choose where they expect few rows, may take hours where
// there are many.
func tune(ctx context.Context, connection *pgx.Conn) error {
	_, err := connection.Exec(ctx, `SELECT set_config(s.name, wanted.value, false)
		FROM pg_settings s JOIN (VALUES
			('jit', 'off'), ('enable_nestloop', 'off'), ('work_mem', '64MB'), ('application_name', 'experiments')
		) AS wanted (name, value) ON wanted.name = s.name
		WHERE s.source = 'default'`)
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		return nil // it works without
	}
	return err
}
