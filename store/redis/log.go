package redis

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// LogTo has the client library hand what it would print on standard error, a
// line for each connection that fails for instance, to write. It holds for the
// whole process.
func LogTo(write func(message string)) { redis.SetLogger(logger(write)) }

type logger func(message string)

// Printf is what the library calls.
func (l logger) Printf(_ context.Context, format string, args ...any) {
	l(fmt.Sprintf(format, args...))
}
