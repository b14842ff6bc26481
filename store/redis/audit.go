package redis

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// Reading documents back costs auditRate bytes a poll on average: a small
// document is read with every poll, a large one now and then.
const (
	auditRate   = 32 << 10
	auditBudget = 4 * auditRate
)

// audit reads the next tenant's document back and compares it with the one that
// is held. Its head says that nobody has written it, but somebody may have
// without saying so: a person, another program, eviction.
func (w *watch) audit(ctx context.Context, tenants []store.Tenant) {
	w.budget = min(w.budget+auditRate, auditBudget)
	if len(tenants) == 0 || w.budget <= 0 {
		return
	}
	next, found := slices.BinarySearch(tenants, w.audited)
	if found {
		next++
	}
	tenant := tenants[next%len(tenants)]
	w.audited = tenant
	newest := w.newest(tenant)
	if newest.Revision == 0 {
		return
	}
	w.budget -= int64(len(newest.Sealed))
	sealed, err := w.fetch(ctx, tenant)
	if errors.Is(err, store.ErrRefused) || err == nil && !bytes.Equal(sealed, newest.Sealed) {
		w.attend(ctx, tenant, false)
	}
}
