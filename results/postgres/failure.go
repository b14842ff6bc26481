package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// explain says of an error whether the server is out of reach. Connections that
// were open are given up then, so that the next call makes a new one.
func (l *Log) explain(ctx context.Context, err error) error {
	var connecting *pgconn.ConnectError
	unreachable := errors.As(err, &connecting)
	var reply *pgconn.PgError
	if errors.As(err, &reply) {
		if !isAbsence(reply.Code) {
			return err
		}
	} else if ctx.Err() != nil && !unreachable {
		return errors.Join(ctx.Err(), err) // it has been asked, and had no time to answer
	} else if !unreachable && !isConnection(err) {
		return err
	}
	l.pool.Reset()
	return fmt.Errorf("%w: %w", events.ErrUnavailable, err)
}

// isAbsence reports whether a server says that it cannot be talked to.
func isAbsence(code string) bool {
	switch code {
	case "57P01", "57P02", "57P03", "53300": // shut down, crashed, starting, full
		return true
	}
	return strings.HasPrefix(code, "08") // the connection
}

// isConnection reports whether an error is one of the way to the server. All
// others that the driver gives without asking the server say that something
// cannot be encoded or scanned.
func isConnection(err error) bool {
	var network interface{ Timeout() bool }
	return errors.As(err, &network) || pgconn.SafeToRetry(err) || errors.Is(err, pgconn.ErrConnClosed) ||
		strings.Contains(err.Error(), "unexpected EOF") || strings.Contains(err.Error(), "conn closed")
}

// isConflict reports whether a transaction failed because of another one and may
// be tried again.
func isConflict(err error) bool {
	var reply *pgconn.PgError
	return errors.As(err, &reply) && (reply.Code == "40001" || reply.Code == "40P01")
}
