package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-experiments/caddy-experiments/store"
)

const (
	// pollInterval is how often the state is read, as there are changes that the
	// stream does not tell of.
	pollInterval = 400 * time.Millisecond
	// streamWait is for how long one reading of the stream waits for a change.
	streamWait = 700 * time.Millisecond
	// streamPause is the pause after a reading that has failed.
	streamPause = 100 * time.Millisecond
	// headsAtOnce bounds one question for revisions.
	headsAtOnce = 500
	// restoreSpread is over what time edges spread the putting back of what all
	// of them have seen get lost.
	restoreSpread = 100 * time.Millisecond
)

// watch is one watching of a store.
type watch struct {
	*Store
	store.Watcher

	// streams is the client for reading the stream, to be closed in the middle
	// of that.
	streams redis.UniversalClient

	state string // that the heads were compared at; empty: they were not
	// told says that the stream has told of changes since: if Redis falls back
	// behind them it can be in that state again.
	told atomic.Bool
	// leads are the heads that are ahead of their documents.
	leads   map[store.Tenant]lead
	headsAt time.Time // when the heads were compared last
	// attended are those that have been looked after since Redis was lost last.
	attended map[store.Tenant]bool
	// audited is the tenant whose document was read back last, budget how many
	// bytes of such reading are left.
	audited store.Tenant
	budget  int64
	damaged string // what was told of the state
	deaf    bool   // it was told that the stream cannot be read
}

// Watch implements store.Store. Changes arrive by a stream within milliseconds.
// A poll of the state finds those that the stream did not tell, and that Redis
// does not answer any more: a connection alone never notices its other end go
// away silently. At each poll a document is read back as well, since a key can
// get lost or changed on its own.
func (s *Store) Watch(ctx context.Context, to store.Watcher) {
	w := &watch{Store: s, Watcher: to, streams: s.options.client(), attended: map[store.Tenant]bool{}, leads: map[store.Tenant]lead{}}
	context.AfterFunc(ctx, func() { _ = w.streams.Close() })
	var group sync.WaitGroup
	group.Go(func() { w.stream(ctx) })
	if s.disk != nil {
		group.Go(func() { s.disk.run(ctx, w.Trouble) })
	}
	w.poll(ctx)
	group.Wait()
}

func (w *watch) poll(ctx context.Context) {
	lost := false
	for {
		w.compare(ctx)
		if now := w.circuit.isLost(); now != lost && ctx.Err() == nil {
			if lost = now; lost {
				w.Lost(w.circuit.reason(store.ErrUnavailable))
			} else {
				w.Regained()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(spread(pollInterval)):
		case <-w.look:
			w.state = ""
		case <-w.circuit.changed:
			w.state = "" // much can have happened
			clear(w.attended)
		}
	}
}

// spread is a duration that differs from d by up to a fifth, so that many edges
// do not ask all at once.
func spread(d time.Duration) time.Duration {
	return d - d/5 + rand.N(2*d/5)
}

// compare asks Redis for its state and, if that has changed, for the revisions
// of all tenants that are watched.
func (w *watch) compare(ctx context.Context) {
	tenants := w.watched()
	slices.Sort(tenants)
	state, err := w.readState(ctx)
	if err != nil {
		return
	}
	told := w.told.Swap(false)
	if state == "" || state != w.state || told || len(w.attended) < len(tenants) || time.Since(w.headsAt) > headsInterval {
		if !w.compareHeads(ctx, tenants) {
			w.state = ""
			return
		}
		w.headsAt = time.Now()
	}
	w.state = state
	w.Reached()
	w.audit(ctx, tenants)
	select { // who wanted this has got it, and our own loading may be among them
	case <-w.look:
	default:
	}
}

// compareHeads looks after the tenants whose revision is not the one that is
// held, and after those that it has not looked after yet. It reports whether
// Redis has answered for all.
func (w *watch) compareHeads(ctx context.Context, tenants []store.Tenant) bool {
	for some := range slices.Chunk(tenants, headsAtOnce) {
		heads, err := w.heads(ctx, some...)
		if err != nil {
			return false
		}
		for i, tenant := range some {
			head := heads[i]
			newest := w.newest(tenant).Revision
			if head.revision == newest && !head.damaged && w.attended[tenant] {
				w.settle(tenant)
				continue
			}
			if !w.attend(ctx, tenant, head.revision < newest) {
				return false
			}
			if head.damaged && !w.mendHead(ctx, tenant) {
				return false
			}
			if head.revision > w.newest(tenant).Revision && !w.attendHead(ctx, tenant, head) {
				return false
			}
			w.attended[tenant] = true
		}
	}
	return ctx.Err() == nil
}

// attend tells that a tenant's document may have changed, and puts back what is
// held if what Redis has is no good, or behind, as its head says. It reports
// whether Redis has answered.
func (w *watch) attend(ctx context.Context, tenant store.Tenant, behind bool) bool {
	w.Changed(tenant)
	sound, err := w.sound(ctx, tenant)
	if err != nil || sound && !behind {
		return err == nil
	}
	pause(ctx, rand.N(restoreSpread)) // perhaps another edge does it
	err = w.restore(ctx, tenant)
	w.Changed(tenant)
	return err == nil
}

// sound reports whether what Redis has of a tenant is good, or at least nothing
// that this edge could put right. An error is store.ErrUnavailable.
func (w *watch) sound(ctx context.Context, tenant store.Tenant) (bool, error) {
	newest := w.newest(tenant)
	sealed, err := w.fetch(ctx, tenant)
	if err == nil {
		_, err = w.judge(tenant, sealed, newest)
	}
	if errors.Is(err, store.ErrUnavailable) {
		return false, err
	}
	bad := errors.Is(err, store.ErrRefused) || errors.Is(err, store.ErrTooLarge)
	return !bad || newest.Revision == 0, nil
}

func (w *watch) restore(ctx context.Context, tenant store.Tenant) error {
	newest := w.newest(tenant)
	restored, err := w.run(ctx, restore, tenant, newest)
	switch {
	case saysNo(err):
		w.stuck(tenant, err)
	case err != nil:
		return err
	case restored == 1:
		w.Restored(tenant, newest.Revision)
	}
	return nil
}

// stuck tells once why a document cannot be put back.
func (w *watch) stuck(tenant store.Tenant, err error) {
	w.mu.Lock()
	h := w.held(tenant)
	news := h.stuck != err.Error()
	h.stuck = err.Error()
	w.mu.Unlock()
	if news {
		w.Trouble(fmt.Errorf("putting %s back into redis: %w; an edge that may write, or caddy experiments import, can", tenant, err))
	}
}

// stream reads what changes until the context ends.
func (w *watch) stream(ctx context.Context) {
	for after := "$"; ctx.Err() == nil; {
		if w.circuit.isLost() {
			after = "$" // the poll compares everything when Redis is back
			pause(ctx, streamPause)
			continue
		}
		entries, err := w.readStream(ctx, after)
		switch {
		case err == nil:
		case errors.Is(err, redis.Nil):
			continue
		case errors.Is(err, errReplyTooLarge):
			// Whoever wrote that can write more of it. The poll finds what has changed.
			w.unheard(err)
			after = "$"
			w.told.Store(true)
			pause(ctx, streamPause)
			continue
		case saysNo(err):
			w.unheard(err)
			pause(ctx, streamWait)
			continue
		case ctx.Err() == nil:
			w.circuit.failed(err)
			pause(ctx, streamPause)
			continue
		}
		changed := map[store.Tenant]bool{}
		for _, entry := range entries {
			after = entry.ID
			name, _ := entry.Values["tenant"].(string)
			changed[store.Tenant(name)] = true
		}
		w.told.Store(true)
		for _, tenant := range w.watched() {
			if changed[tenant] {
				w.Changed(tenant)
			}
		}
	}
}

// unheard tells once that the stream is useless.
func (w *watch) unheard(err error) {
	if !w.deaf {
		w.deaf = true
		w.Trouble(fmt.Errorf("reading %s: %w; changes are found by polling, half a second later", w.keys.changes, err))
	}
}

// readStream waits for entries of the stream after one. The deadline notices an
// end of the connection that does not answer.
func (w *watch) readStream(ctx context.Context, after string) ([]redis.XMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, streamWait+w.options.Timeout/2)
	defer cancel()
	streams, err := w.streams.XRead(ctx, &redis.XReadArgs{
		Streams: []string{w.keys.changes, after}, Count: 1000, Block: streamWait,
	}).Result()
	if err != nil || len(streams) == 0 {
		return nil, err
	}
	return streams[0].Messages, nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
