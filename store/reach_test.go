package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// Every reader sees one whole configuration at any time, and never an older one
// than before.
func TestReadersDuringSwaps(t *testing.T) {
	const swaps, readers = 300, 8
	var mu sync.Mutex
	revision := uint64(1)
	changing := &fake{load: func(context.Context) (store.Version, error) {
		mu.Lock()
		defer mu.Unlock()
		return store.Version{Text: []byte(named(fmt.Sprint(revision))), Revision: revision}, nil
	}}
	live := store.NewLive(changing, engine.Settings{}, func(store.Event) {})
	f := live.Feed(context.Background(), tenant)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for range 2 { // two that follow at the same time
		group.Go(func() { live.Run(ctx) })
	}
	for range readers {
		group.Go(func() {
			last, lastStatus := uint64(0), uint64(0)
			for ctx.Err() == nil {
				applied := f.Current()
				if applied.Revision < last {
					t.Errorf("revision %d after %d", applied.Revision, last)
				}
				last = applied.Revision
				name := fmt.Sprint(applied.Revision)
				if applied.Document.Experiments[0].Name != name || applied.Snapshot.Experiments[0].Name != name ||
					!strings.Contains(applied.Snapshot.Treatments[0].Header(), `"value":"`+name+`"`) {
					t.Errorf("revision %s has parts of others: %+v", name, applied)
				}
				status := f.Status()
				if status.Revision < lastStatus || status.Revision < last || status.Experiments[0].Name != fmt.Sprint(status.Revision) || status.State != store.StateHealthy {
					t.Errorf("after revision %d the status is %+v", last, status)
				}
				lastStatus = status.Revision
				time.Sleep(100 * time.Microsecond)
			}
		})
	}
	for range swaps {
		mu.Lock()
		revision++
		mu.Unlock()
		time.Sleep(2 * time.Millisecond)
	}
	for deadline := time.Now().Add(5 * time.Second); f.Current().Revision < swaps+1 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	cancel()
	group.Wait()
	if applied := f.Current(); applied.Revision != swaps+1 {
		t.Errorf("in the end revision %d is in force, want %d", applied.Revision, swaps+1)
	}
}

func TestStoreOutOfReach(t *testing.T) {
	var mu sync.Mutex
	version, failure := store.Version{Text: []byte(named("5")), Revision: 5}, error(nil)
	answer := func(v store.Version, err error) {
		mu.Lock()
		defer mu.Unlock()
		version, failure = v, err
	}
	s := &setting{t: t}
	s.live = store.NewLive(&fake{load: func(context.Context) (store.Version, error) {
		mu.Lock()
		defer mu.Unlock()
		if failure != nil && failure.Error() == "panic" {
			panic("at the disco")
		}
		return version, failure
	}}, engine.Settings{}, s.report)
	f := s.live.Feed(context.Background(), tenant)
	good := f.Current()
	s.reported()
	s.run()
	for _, test := range []struct {
		name    string
		version store.Version
		err     error
		reason  string
		contact bool
	}{
		{"out of reach", store.Version{}, errors.New("connection refused"), "connection refused", false},
		{"timeout", store.Version{}, context.DeadlineExceeded, "deadline", false},
		{"older", store.Version{Text: []byte(named("4")), Revision: 4}, nil, "revision 4: it is older than revision 5", true},
		{"older and broken", store.Version{Text: []byte(`{`), Revision: 3}, nil, "revision 3: it is older", true},
		{"newer and broken", store.Version{Text: []byte(`{`), Revision: 6}, nil, "revision 6: line 1: the document is not JSON", true},
		{"panic", store.Version{}, errors.New("panic"), "at the disco", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer(test.version, test.err)
			if e := s.event(); e.Err == nil || !e.Kept || !strings.Contains(e.Err.Error(), test.reason) {
				t.Errorf("reported: %+v", e)
			}
			wantState(t, f, store.StateDegraded, test.reason)
			before := f.Status().LastContact
			time.Sleep(20 * time.Millisecond)
			if contact := f.Status().LastContact.After(*before); contact != test.contact {
				t.Errorf("in contact: %t, want %t", contact, test.contact)
			}
			if events := s.reported(); len(events) > 0 || f.Current() != good {
				t.Errorf("also reported: %+v", events)
			}
		})
	}
	answer(store.Version{Text: []byte(named("5")), Revision: 5}, nil)
	if e := s.event(); e.Applied != good {
		t.Errorf("reported: %+v", e)
	}
	if status := f.Status(); status.State != store.StateHealthy || !status.AppliedAt.Equal(good.At) {
		t.Errorf("the status is %+v", status)
	}
}

// The end of the program is no fault of the store's.
func TestCancelledLoadIsNoNews(t *testing.T) {
	s := &setting{t: t}
	ctx, cancel := context.WithCancel(context.Background())
	loading := make(chan struct{})
	first := true
	s.live = store.NewLive(&fake{load: func(ctx context.Context) (store.Version, error) {
		if first {
			first = false
			return store.Version{Text: []byte(named("1")), Revision: 1}, nil
		}
		close(loading)
		<-ctx.Done()
		return store.Version{}, ctx.Err()
	}}, engine.Settings{}, s.report)
	f := s.live.Feed(context.Background(), tenant)
	s.reported()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.live.Run(ctx)
	}()
	<-loading
	cancel()
	<-done
	if events := s.reported(); len(events) > 0 {
		t.Errorf("reported: %+v", events)
	}
	wantState(t, f, store.StateHealthy, "")
}

func TestFeedIsLoadedOnce(t *testing.T) {
	slow := &fake{load: func(context.Context) (store.Version, error) {
		time.Sleep(50 * time.Millisecond)
		return store.Version{Text: []byte(named("1")), Revision: 1}, nil
	}}
	live := store.NewLive(slow, engine.Settings{}, func(store.Event) {})
	feeds := make([]*store.Feed, 20)
	var group sync.WaitGroup
	for i := range feeds {
		group.Go(func() {
			feeds[i] = live.Feed(context.Background(), tenant)
			if feeds[i].Current() == nil {
				t.Error("a feed is given away before it is loaded")
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	for _, status := range live.Statuses() { // does not wait
		if status.State != store.StateEmpty {
			t.Errorf("while it is loading the status is %+v", status)
		}
	}
	group.Wait()
	for _, f := range feeds {
		if f != feeds[0] {
			t.Error("there are two feeds of one tenant")
		}
	}
	if n := slow.loads.Load(); n != 1 {
		t.Errorf("%d feeds took %d loads", len(feeds), n)
	}
}

func TestUnknownTenantsAreNotLoaded(t *testing.T) {
	changing := &fake{load: func(context.Context) (store.Version, error) { return store.Version{}, store.ErrNotFound }}
	live := store.NewLive(changing, engine.Settings{}, func(store.Event) {})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	live.Run(ctx)
	if n := changing.loads.Load(); n != 0 {
		t.Errorf("a tenant that nobody asks for is loaded %d times", n)
	}
}
