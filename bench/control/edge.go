package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/redis"
)

// edge follows the store as one of many machines does: with connections and a
// directory of its own.
type edge struct {
	store *redis.Store
	live  *store.Live
	feed  *store.Feed

	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	newest   uint64               // revision that has come into force
	inForce  map[uint64]time.Time // when each revision, or a newer one, was
	applied  int                  // documents; of several in a short time only the last is
	troubles []error
}

// startEdge starts an edge that has the tenant's document in force already.
func (b *bench) startEdge(ctx context.Context, name string) (*edge, error) {
	s, err := b.redis.open(filepath.Join(b.dir, name))
	if err != nil {
		return nil, err
	}
	e := &edge{store: s, done: make(chan struct{}), inForce: map[uint64]time.Time{}}
	e.live = store.NewLive(s, engine.Settings{}, e.note)
	ctx, e.cancel = context.WithCancel(ctx)
	e.feed = e.live.Feed(ctx, tenant)
	go func() {
		defer close(e.done)
		e.live.Run(ctx)
	}()
	if e.feed.Current() == nil {
		e.stop()
		return nil, errors.Join(append(e.troubles, fmt.Errorf("%s has no document", name))...)
	}
	return e, nil
}

func (e *edge) stop() {
	e.cancel()
	<-e.done
	_ = e.store.Close() // nobody uses it any more
}

// note is what Live reports to.
func (e *edge) note(event store.Event) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case event.Err != nil:
		e.troubles = append(e.troubles, event.Err)
		return
	case event.Applied == nil:
		e.troubles = append(e.troubles, fmt.Errorf("the store was %s", event.Notice))
		return
	}
	if event.Applied.Revision <= e.newest {
		return
	}
	if e.newest > 0 {
		e.applied++
		for revision := e.newest + 1; revision <= event.Applied.Revision; revision++ {
			e.inForce[revision] = now
		}
	}
	e.newest = event.Applied.Revision
}

// trouble is what has happened that spoils a measurement.
func (e *edge) trouble() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(e.troubles...)
}

// has reports whether a revision is in force.
func (e *edge) has(revision uint64) bool {
	current := e.feed.Current()
	return current != nil && current.Revision >= revision
}

// await returns when all edges have a revision in force, or says how many have
// not when the time is up.
func await(edges []*edge, revision uint64, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		missing := 0
		for _, e := range edges {
			if !e.has(revision) {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d edges do not have revision %d in force after %s", missing, len(edges), revision, patience)
		}
	}
}
