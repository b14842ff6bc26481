package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

const writeMedian = 10 * time.Millisecond

// apiWrites measures how long a change over the management API takes, one after
// the other, on an edge with either store.
func (b *bench) apiWrites(ctx context.Context) error {
	remote, err := b.redis.open(filepath.Join(b.dir, "writes"))
	if err != nil {
		return err
	}
	defer remote.Close()
	took, err := b.patch(ctx, "redis", remote)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("a PATCH over the API, %d one after the other, redis store: ", b.writes)
	b.table.limit(name+"p50", quantile(took, 0.5), writeMedian)
	b.table.add(name+"p99, max", "%s, %s", milliseconds(quantile(took, 0.99)), milliseconds(quantile(took, 1)))

	if took, err = b.patch(ctx, "file", file.New(filepath.Join(b.dir, "documents"), 0)); err != nil {
		return err
	}
	b.table.add("the same, file store: p50, p99, max", "%s, %s, %s",
		milliseconds(quantile(took, 0.5)), milliseconds(quantile(took, 0.99)), milliseconds(quantile(took, 1)))
	return b.redis.clear(ctx)
}

// patch changes one segment again and again, on an edge of a store.
func (b *bench) patch(ctx context.Context, kind string, s store.Store) ([]time.Duration, error) {
	document := newDocument(b.size)
	if _, err := s.Commit(ctx, tenant, document, 0); err != nil {
		return nil, err
	}
	live := store.NewLive(s, engine.Settings{}, func(store.Event) {})
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	feed := live.Feed(ctx, tenant)
	group.Go(func() { live.Run(ctx) })
	n, err := startNode(ctx, s, live)
	if err != nil {
		return nil, err
	}
	defer n.stop()
	time.Sleep(settling)

	client := newClient(1)
	took := make([]time.Duration, b.writes)
	path := "segments/" + document.Segments[0].ID
	p := newProgress("writes to the "+kind+" store", b.writes)
	for i := range took {
		begun := time.Now()
		status, answer, err := n.send(ctx, client, http.MethodPatch, path, map[string]string{"description": fmt.Sprintf("write %d", i)})
		took[i] = time.Since(begun)
		if err != nil {
			return nil, err
		}
		if status != http.StatusOK {
			return nil, fmt.Errorf("write %d was answered %d: %s", i, status, answer)
		}
		p.at(i)
	}
	p.end()
	if want := fmt.Sprintf("write %d", b.writes-1); feed.Current() == nil || feed.Current().Document.Segments[0].Description != want {
		return nil, errors.New("the last write was answered and is not in force")
	}
	return took, nil
}
