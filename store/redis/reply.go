package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// wrongType is the answer where a key holds something else than ours: a fault of
// the data, not of Redis.
const wrongType = "WRONGTYPE"

const noPermission = "NOPERM"

// refusals are the answers of a Redis that does not carry out a command but can
// well carry out others: a user may not do it, memory or disk is full, replicas
// are missing, or it is a replica itself, as after a failover.
var refusals = []string{wrongType, noPermission, "OOM", "MISCONF", "NOREPLICAS", "READONLY"}

// saysNo reports whether an error is such an answer. Any other one, such as that
// Redis is still loading, is as good as none.
func saysNo(err error) bool {
	for _, prefix := range refusals {
		if answers(err, prefix) {
			return true
		}
	}
	return false
}

// answers reports whether an error is an answer of Redis with a code. Of what a
// script may not do some versions say so in words only, and Redis 6 has the code
// of what fails in a script inside of its message.
func answers(err error, code string) bool {
	answer, ok := errors.AsType[redis.Error](err)
	if !ok {
		return false
	}
	text := strings.TrimPrefix(answer.Error(), "ERR ")
	return strings.HasPrefix(text, code+" ") || strings.HasPrefix(text, "Error running script") && strings.Contains(text, ": -"+code+" ") ||
		code == noPermission && strings.Contains(text, "The user executing the script can't ")
}

// command carries out a command that may be refused. Redis is not lost because it
// says no to one: what else is asked, it may answer. To who wanted the command
// it is as if it were away, and the error is store.ErrUnavailable, unless what is
// wrong is a key.
func (s *Store) command(ctx context.Context, command func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	var refused error
	err := s.circuit.do(func() error {
		err := command(ctx)
		if saysNo(err) || errors.Is(err, errReplyTooLarge) {
			refused = err
			return nil
		}
		return err
	})
	if err == nil {
		err = unavailable(refused)
	}
	return err
}

// unavailable marks a refusal that is no fault of the data.
func unavailable(err error) error {
	if err == nil || answers(err, wrongType) || errors.Is(err, errReplyTooLarge) {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}
