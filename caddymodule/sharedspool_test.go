package caddymodule

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
)

// TestSpoolIsOpenedAgain removes the directory of a spool that is in use: whoever
// follows it is given the new one.
func TestSpoolIsOpenedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := newSharedSpool(dir)
	s.Start(time.Minute)
	t.Cleanup(func() {
		if err := s.Destruct(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var followed []*spool.Spool
	var following sync.WaitGroup
	following.Go(func() {
		s.follow(ctx, func(ctx context.Context, spool *spool.Spool) {
			mu.Lock()
			followed = append(followed, spool)
			mu.Unlock()
			<-ctx.Done()
		})
	})
	batch := func(id string) *events.Batch {
		return &events.Batch{Outcomes: []events.Outcome{{ID: id, Event: "s", Unit: "u", Time: 1}}}
	}
	for round := range 3 {
		until(t, "that an event is taken", func() bool { return s.append(t.Context(), "a/b", batch(fmt.Sprint(round))) == nil })
		until(t, "that the spool is followed", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(followed) == round+1
		})
		if waiting, _ := s.pending(); waiting != 1 || s.Trouble() != nil {
			t.Errorf("in round %d there are %d entries, the trouble is %v", round, waiting, s.Trouble())
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if s.append(t.Context(), "a/b", batch("nowhere")) == nil {
			t.Errorf("in round %d an event is taken that is nowhere", round)
		}
	}
	cancel()
	following.Wait()
}
