package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrBusy says that a tenant's uploads hold as much memory as they may.
var ErrBusy = errors.New("too many events are on their way at once")

// budget is a number of bytes that tenants share. A tenant may have as many as it
// leaves free: one alone half of them, two a third each, so that there is always
// something left for the next one. It is safe for concurrent use.
type budget struct {
	limit int64

	mu      sync.Mutex
	used    int64
	by      map[string]int64
	waiting []*claim // in the order in which they came
}

// claim is bytes that a reader waits for.
type claim struct {
	tenant  string
	bytes   int64
	granted chan struct{}
}

func newBudget(limit int64) *budget { return &budget{limit: limit, by: map[string]int64{}} }

// take waits for bytes. An error, which wraps ErrBusy, says that the context ended
// before there were any.
func (b *budget) take(ctx context.Context, tenant string, bytes int64) error {
	b.mu.Lock()
	if b.fits(tenant, bytes) && !b.isBefore(tenant) {
		b.grant(tenant, bytes)
		b.mu.Unlock()
		return nil
	}
	c := &claim{tenant, bytes, make(chan struct{})}
	b.waiting = append(b.waiting, c)
	b.mu.Unlock()
	select {
	case <-c.granted:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := slices.Index(b.waiting, c)
	if at < 0 {
		return nil // granted at the last moment
	}
	b.waiting = slices.Delete(b.waiting, at, at+1)
	b.serve() // smaller ones of the tenant may have waited behind it
	return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
}

// give returns bytes that were taken.
func (b *budget) give(tenant string, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= bytes
	if b.by[tenant] -= bytes; b.by[tenant] == 0 {
		delete(b.by, tenant)
	}
	b.serve()
}

// fits reports whether a tenant may have so many more.
func (b *budget) fits(tenant string, bytes int64) bool {
	return b.by[tenant]+bytes <= b.limit-b.used-bytes
}

// isBefore reports whether a claim of the tenant waits already.
func (b *budget) isBefore(tenant string) bool {
	return slices.ContainsFunc(b.waiting, func(c *claim) bool { return c.tenant == tenant })
}

func (b *budget) grant(tenant string, bytes int64) {
	b.used += bytes
	b.by[tenant] += bytes
}

// serve grants what fits, the claims of each tenant in their order.
func (b *budget) serve() {
	var behind map[string]bool // tenants one of whose claims must wait
	b.waiting = slices.DeleteFunc(b.waiting, func(c *claim) bool {
		if behind[c.tenant] || !b.fits(c.tenant, c.bytes) {
			if behind == nil {
				behind = map[string]bool{}
			}
			behind[c.tenant] = true
			return false
		}
		b.grant(c.tenant, c.bytes)
		close(c.granted)
		return true
	})
}
