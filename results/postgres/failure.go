package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// explain says of an error of reading whether the server cannot answer now. Where
// other connections may be better, those that were open are given up, so that
// the next call makes a new one.
func (l *Log) explain(ctx context.Context, err error) error {
	var connecting *pgconn.ConnectError
	unreachable := errors.As(err, &connecting)
	var reply *pgconn.PgError
	if errors.As(err, &reply) {
		if !unreachable && !isAbsence(reply.Code) {
			return err
		}
		if !unreachable && !isOfConnection(reply.Code) {
			return fmt.Errorf("%w: %w", events.ErrUnavailable, err)
		}
	} else if ctx.Err() != nil && !unreachable {
		return errors.Join(ctx.Err(), err) // it has been asked, and had no time to answer
	} else if !unreachable && !isConnection(err) {
		return err
	}
	l.pool.Reset()
	return fmt.Errorf("%w: %w", events.ErrUnavailable, err)
}

// explainAppend says of an error of appending whether the records are at fault.
// Whatever else a server answers may be otherwise later: the statements are always
// the same ones.
func (l *Log) explainAppend(ctx context.Context, err error) error {
	if reply, answered := errors.AsType[*pgconn.PgError](err); answered && isOfData(reply) {
		return fmt.Errorf("%w: %w", events.ErrRefused, err)
	}
	explained := l.explain(ctx, err)
	if errors.Is(explained, events.ErrUnavailable) || ctx.Err() != nil {
		return explained
	}
	return fmt.Errorf("%w: %w", events.ErrUnavailable, explained)
}

// isOfData reports whether a server finds fault with what it was sent: with a
// value, with a constraint that it breaks, or with its length.
func isOfData(reply *pgconn.PgError) bool {
	class := classOf(reply.Code)
	return class == "22" || class == "23" || isTooLong(reply)
}

// isTooLong reports whether texts are too long together for a row of an index. The
// code says that some limit is exceeded, which may also be that of transactions of
// a server that is not vacuumed.
func isTooLong(reply *pgconn.PgError) bool {
	return reply.Code == "54000" && (reply.TableName != "" || strings.HasPrefix(reply.Routine, "index_form_tuple"))
}

// isAbsence reports whether a server says that it cannot do its work now,
// whatever is asked of it.
func isAbsence(code string) bool {
	switch code {
	case "25006", "55P03", "42501": // only reads, locked, not allowed
		return true
	}
	switch classOf(code) {
	// Connection, authorization, no such database, no resources, operator, system,
	// configuration, internal.
	case "08", "28", "3D", "53", "57", "58", "F0", "XX":
		return true
	}
	return false
}

// isOfConnection reports whether another connection may be better off, such as one
// to the server that has taken over.
func isOfConnection(code string) bool {
	switch code {
	case "25006", "57P01", "57P02", "57P03", "57P05", "53300":
		return true
	}
	switch classOf(code) {
	case "08", "28", "3D":
		return true
	}
	return false
}

// isMissing reports whether the tables are not there.
func isMissing(err error) bool {
	var reply *pgconn.PgError
	return errors.As(err, &reply) && (reply.Code == "42P01" || reply.Code == "3F000")
}

// classOf is the class of a code of SQLSTATE.
func classOf(code string) string { return code[:min(2, len(code))] }

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
