//go:build unix

package file

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
)

func TestIdleWatchCostsNothing(t *testing.T) {
	s := New(t.TempDir(), 0)
	for i := range 100 {
		name := store.Tenant("project/" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
		if _, err := s.Commit(context.Background(), name, named("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(settled)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	before := processorTime(t)
	s.Watch(ctx, store.Watcher{Changed: func(store.Tenant) {}, Reached: func() {}})
	spent := processorTime(t) - before
	t.Logf("watching 100 files for 2 s took %v of processor time", spent)
	if spent > 200*time.Millisecond { // 10 % of one core, for slow machines
		t.Errorf("watching 100 files for 2 s took %v of processor time", spent)
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Skip(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
