package redis

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// longestState bounds how much of the state is read. Ours has 26 bytes.
const longestState = 64

// readState reads the state. One that is none of ours is put right, as a write
// would.
func (w *watch) readState(ctx context.Context) (state string, err error) {
	damaged := ""
	err = w.ask(ctx, func(ctx context.Context) (err error) {
		state, err = w.client.GetRange(ctx, w.keys.state, 0, longestState).Result()
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			damaged = "it is no string"
		}
		return err
	})
	if len(state) > longestState {
		damaged = fmt.Sprintf("it has more than %d bytes", longestState)
	}
	if err != nil || damaged == "" {
		return state, err
	}
	err = w.command(ctx, func(ctx context.Context) error {
		return w.client.Set(ctx, w.keys.state, rand.Text(), 0).Err()
	})
	told := fmt.Errorf("%s was not written by an edge: %s; it was put right", w.keys.state, damaged)
	switch {
	case saysNo(err):
		told = fmt.Errorf("%s was not written by an edge: %s; an edge that may write can put it right: %w", w.keys.state, damaged, err)
	case err != nil:
		return "", err
	}
	if told.Error() != w.damaged {
		w.damaged = told.Error()
		w.Trouble(told)
	}
	return "", nil
}
