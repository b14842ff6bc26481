package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

const tenant = store.DefaultTenant

// setting is a Live over a file store, with the events that it has reported.
type setting struct {
	t     testing.TB
	files *file.Store
	live  *store.Live

	mu     sync.Mutex
	events []store.Event
}

func newSetting(t testing.TB) *setting {
	s := &setting{t: t, files: file.New(t.TempDir(), 64<<10)}
	s.live = store.NewLive(s.files, engine.Settings{}, s.report)
	return s
}

func (s *setting) report(e store.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// reported takes the events since the last call.
func (s *setting) reported() []store.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events = nil
	return events
}

// run follows the store until the test ends.
func (s *setting) run() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.live.Run(ctx)
	}()
	s.t.Cleanup(func() { cancel(); <-done })
}

// put replaces the tenant's file.
func (s *setting) put(contents string) {
	s.t.Helper()
	path := s.files.Path(tenant)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path+"~", []byte(contents), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *setting) remove() {
	s.t.Helper()
	if err := os.RemoveAll(s.files.Path(tenant)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *setting) mkdir() {
	s.t.Helper()
	if err := os.MkdirAll(s.files.Path(tenant), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// event waits for the next event, for as long as people are promised.
func (s *setting) event() store.Event {
	s.t.Helper()
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		if len(s.events) > 0 {
			event := s.events[0]
			s.events = s.events[1:]
			s.mu.Unlock()
			return event
		}
		s.mu.Unlock()
	}
	s.t.Fatal("nothing is reported within a second")
	return store.Event{}
}

// quiet fails the test if anything more is reported in the time in which the
// store looks twice.
func (s *setting) quiet() {
	s.t.Helper()
	time.Sleep(500 * time.Millisecond)
	for _, event := range s.reported() {
		s.t.Errorf("reported: %+v", event)
	}
}

// named is a document with one experiment that one can tell by its name.
func named(name string) string {
	return fmt.Sprintf(`{"feature_flags":[{"id":"flg_1","name":"f","status":"active","parameters":{"p":{"type":"string","value":%q}},
		"variations":[{"id":"var_1","name":"v","overrides":{}}]}],
		"segments":[],
		"experiments":[{"id":"exp_1","name":%q,"feature_flag_id":"flg_1","allocation_strategy":"percentage","status":"active",
		"allocations":[{"variation_id":"var_1","weight":100,"is_control":true}]}]}`, name, name)
}

// fake is a store whose answers a test decides.
type fake struct {
	load  func(ctx context.Context) (store.Version, error)
	loads atomic.Int64
}

func (f *fake) Load(ctx context.Context, _ store.Tenant) (store.Version, error) {
	f.loads.Add(1)
	return f.load(ctx)
}

func (*fake) Commit(context.Context, store.Tenant, *engine.Document, uint64) (uint64, error) {
	return 0, errors.ErrUnsupported
}

// Watch tells of changes without end.
func (*fake) Watch(ctx context.Context, w store.Watcher) {
	for ctx.Err() == nil {
		w.Changed(tenant)
		time.Sleep(time.Millisecond)
	}
}

// faulty are documents that must not be applied, each with a word of the reason.
var faulty = []struct{ name, contents, reason string }{
	{"empty", ``, "the document is empty"},
	{"half of one", named("half")[:100], "not JSON"},
	{"not JSON", `feature_flags: []`, "not JSON"},
	{"a list", `[]`, "must be an object"},
	{"null", `null`, "must be an object"},
	{"unknown field", `{"flags":[]}`, "flags: is no field here"},
	{"wrong type", strings.Replace(named("x"), `"weight":100`, `"weight":"all"`, 1), "experiments[0].allocations[0].weight"},
	{"bad id", strings.Replace(named("x"), `"id":"exp_1"`, `"id":"1"`, 1), "experiments[0].id"},
	{"unknown reference", strings.Replace(named("x"), `"feature_flag_id":"flg_1"`, `"feature_flag_id":"flg_2"`, 1), "feature_flag_id"},
	{"two documents", named("x") + named("y"), "not JSON"},
	{"not UTF-8", strings.Replace(named("x"), `"name":"v"`, "\"name\":\"\xff\"", 1), "UTF-8"},
	{"too large", named(strings.Repeat("x", 64<<10)), "too large"},
}
