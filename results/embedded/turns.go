package embedded

import (
	"context"
	"sync"
)

// turns lets one goroutine at a time change the links of a tenant: a link's
// time is read before it is written. Tenants do not wait for one another. The
// zero value is ready.
type turns struct {
	mu  sync.Mutex
	all map[string]*turn
}

type turn struct {
	// taken holds one value while a goroutine has the turn.
	taken chan struct{}
	// wanted counts the goroutines that have it or wait; the last one removes it.
	wanted int
}

// take waits for a tenant's turn, or for the end of the context. The caller must
// call done unless there is an error.
func (t *turns) take(ctx context.Context, tenant string) (done func(), err error) {
	t.mu.Lock()
	if t.all == nil {
		t.all = map[string]*turn{}
	}
	mine := t.all[tenant]
	if mine == nil {
		mine = &turn{taken: make(chan struct{}, 1)}
		t.all[tenant] = mine
	}
	mine.wanted++
	t.mu.Unlock()
	select {
	case mine.taken <- struct{}{}:
		return func() {
			<-mine.taken
			t.leave(tenant, mine)
		}, nil
	case <-ctx.Done():
		t.leave(tenant, mine)
		return nil, ctx.Err()
	}
}

func (t *turns) leave(tenant string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.wanted--; mine.wanted == 0 {
		delete(t.all, tenant)
	}
}
