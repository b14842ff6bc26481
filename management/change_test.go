package management

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

// failing is a store in which something goes wrong; nil means that it does not.
type failing struct {
	store.Store
	load, commit func() error
}

func (f *failing) Load(ctx context.Context, tenant store.Tenant) (store.Version, error) {
	if f.load != nil {
		if err := f.load(); err != nil {
			return store.Version{}, err
		}
	}
	return f.Store.Load(ctx, tenant)
}

func (f *failing) Commit(ctx context.Context, tenant store.Tenant, document *engine.Document, expected uint64) (uint64, error) {
	if f.commit != nil {
		if err := f.commit(); err != nil {
			return 0, err
		}
	}
	return f.Store.Commit(ctx, tenant, document, expected)
}

// Two APIs over two stores of one directory are two processes: what one of them
// writes, the other one must not lose.
func TestConcurrentWritersLoseNothing(t *testing.T) {
	const writers, changes = 8, 20
	s := newSite(t, nil).world()
	second := newSite(t, func(c *Config) { c.Store = file.New(s.dir, 0) })
	third := s.must(201, "POST", "experiments", halvesOf("counted")).id()
	var group sync.WaitGroup
	for w := range writers {
		here := s
		if w%4 == 0 {
			here = second
		}
		group.Go(func() {
			for i := range changes {
				name := fmt.Sprintf("writer %d change %d", w, i)
				for {
					got := here.do("POST", "segments", `{"name":"`+name+`","rules":[{"match":{"country":["US"]}}]}`)
					if got.status == 201 {
						break
					}
					// Under this much contention between processes the attempts may
					// not suffice; then nothing has been written, and it says so.
					if got.status != 503 {
						t.Errorf("got %d %s", got.status, got.text)
						return
					}
				}
				if i%10 == 0 {
					here.do("PATCH", "experiments/"+third, `{"description":"`+name+`"}`)
				}
			}
		})
	}
	group.Wait()
	d := s.document()
	names := map[string]bool{}
	for _, segment := range d.Segments {
		names[segment.Name] = true
	}
	if len(names) != writers*changes+1 || len(d.Segments) != len(names) {
		t.Errorf("got %d segments with %d names, want %d", len(d.Segments), len(names), writers*changes+1)
	}
}

// Writers in one process take turns, so that none of them runs out of attempts.
func TestConcurrentWritersOfOneProcessAllSucceed(t *testing.T) {
	const writers, changes = 16, 50
	s := newSite(t, func(config *Config) { config.StoreTimeout = 10 * time.Minute }).world() // also where the disk is slow
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range changes {
				s.do("POST", "segments", fmt.Sprintf(`{"name":"writer %d change %d","rules":[{"match":{"country":["US"]}}]}`, w, i))
				if i%10 == 0 {
					s.do("GET", "segments", "")
				}
			}
		})
	}
	group.Wait()
	if d := s.document(); len(d.Segments) != writers*changes+1 {
		t.Errorf("got %d segments, want %d", len(d.Segments), writers*changes+1)
	}
}

func TestConflictsAreRetried(t *testing.T) {
	for _, c := range []struct {
		conflicts, status int
	}{{0, 201}, {1, 201}, {20, 201}, {1 << 30, 503}} {
		var conflicts int
		s := newSite(t, func(config *Config) {
			config.StoreTimeout = 500 * time.Millisecond
			config.Store = &failing{Store: config.Store, commit: func() error {
				if conflicts++; conflicts <= c.conflicts {
					return fmt.Errorf("committing: %w", store.ErrConflict)
				}
				return nil
			}}
		})
		got := s.do("POST", "segments", `{"name":"abc","rules":[{"match":{"country":["US"]}}]}`)
		if got.status != c.status || len(s.document().Segments) != min(1, 201/c.status) {
			t.Errorf("%d conflicts: got %d %s", c.conflicts, got.status, got.text)
		}
	}
}

var writes = []struct{ method, path, body string }{
	{"POST", "feature-flags", `{"name":"abc","parameters":{"a":{"type":"boolean","value":true}}}`},
	{"PATCH", "feature-flags/{flag}", `{"name":"abc"}`},
	{"POST", "feature-flags/{flag}/status", `{"status":"archived"}`},
	{"DELETE", "feature-flags/{flag}", ""},
	{"POST", "feature-flags/{flag}/variations", `{"name":"abc","overrides":{}}`},
	{"PATCH", "feature-flags/{flag}/variations/{control}", `{"name":"abc"}`},
	{"DELETE", "feature-flags/{flag}/variations/{control}", ""},
	{"POST", "segments", `{"name":"abc","rules":[{"match":{"country":["US"]}}]}`},
	{"PATCH", "segments/{segment}", `{"name":"abc"}`},
	{"DELETE", "segments/{segment}", ""},
	{"POST", "experiments", halvesOf("abc")},
	{"PATCH", "experiments/{experiment}", `{"name":"abc"}`},
	{"PATCH", "experiments/{experiment}", `{"name":"abc","levels":[5,50],"status":"active"}`},
	{"PATCH", "segments/{segment}", `{"name":"abc","status":"archived"}`},
	{"POST", "experiments/{experiment}/status", `{"status":"active"}`},
	{"DELETE", "experiments/{experiment}", ""},
}

func TestStoreFailures(t *testing.T) {
	away := func() error { return errors.New("dialing 10.1.2.3:6379: connection refused") }
	for _, c := range []struct {
		name string
		fail func(*failing)
		code string
	}{
		{"loading", func(f *failing) { f.load = away }, CodeStoreUnavailable},
		{"committing", func(f *failing) { f.commit = away }, CodeStoreUnavailable},
		{"panicking", func(f *failing) { f.commit = func() error { panic("at the disco") } }, CodeServiceFailed},
		{"panicking while loading", func(f *failing) { f.load = func() error { panic("at the disco") } }, CodeServiceFailed},
		{"too large", func(f *failing) { f.commit = func() error { return fmt.Errorf("committing: %w", store.ErrTooLarge) } }, CodeDocumentTooLarge},
		{"too large to load", func(f *failing) { f.load = func() error { return fmt.Errorf("loading: %w", store.ErrTooLarge) } }, CodeStoreUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			broken := &failing{}
			s := newSite(t, func(config *Config) {
				broken.Store, config.Store = config.Store, broken
				config.Log = slog.New(slog.NewTextHandler(&log, nil))
			}).world()
			before, events := marshalled(t, s), len(s.events)
			c.fail(broken)
			for _, w := range writes {
				if w.method == "DELETE" && c.code == CodeDocumentTooLarge {
					continue // a smaller document is never too large
				}
				if w.path == "feature-flags/{flag}" && w.method == "DELETE" || strings.HasSuffix(w.path, "{control}") && w.method == "DELETE" {
					continue // refused before anything is committed
				}
				got := s.refused(codes[c.code].Status, c.code, w.method, w.path, w.body)
				if strings.Contains(string(got.text), "10.1.2.3") {
					t.Errorf("the answer says too much: %s", got.text)
				}
			}
			if broken.load != nil {
				s.refused(503, c.code, "GET", "experiments", "")
				s.refused(503, c.code, "GET", "feature-flags/{flag}", "")
				s.refused(503, c.code, "POST", "experiments/{experiment}/validate", "")
			}
			broken.load, broken.commit = nil, nil
			if marshalled(t, s) != before || len(s.events) != events {
				t.Error("something has been written")
			}
			if c.code != CodeDocumentTooLarge && log.Len() == 0 {
				t.Error("nothing has been logged")
			}
			s.must(200, "PATCH", "segments/{segment}", `{"name":"all is well again"}`)
		})
	}
}

// Whatever happens to the file, the answer is that the store is unavailable.
func TestFileFailures(t *testing.T) {
	for _, c := range []struct {
		name    string
		destroy func(t *testing.T, path string)
		code    string
		reads   bool // also fail
	}{
		{"directory became a file", func(t *testing.T, path string) {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Dir(path), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}, CodeStoreUnavailable, true},
		{"document became a directory", func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
				t.Fatal(err)
			}
		}, CodeStoreUnavailable, true},
		{"document broken", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(`{"feature_flags":[`), 0o644); err != nil {
				t.Fatal(err)
			}
		}, CodeDocumentInvalid, true},
		{"directory read-only", func(t *testing.T, path string) {
			if os.Getuid() == 0 {
				t.Skip("nothing is read-only for root")
			}
			if err := os.Chmod(filepath.Dir(path), 0o555); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o755) })
		}, CodeStoreUnavailable, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, nil).world()
			c.destroy(t, s.store.(*file.Store).Path(store.DefaultTenant))
			s.refused(503, c.code, "POST", "segments", `{"name":"abc","rules":[{"match":{"country":["US"]}}]}`)
			if c.reads {
				s.refused(503, c.code, "GET", "experiments", "")
			}
		})
	}
}

// A store that does not answer must not keep clients waiting for ever.
func TestStoreTimeout(t *testing.T) {
	broken := &failing{}
	s := newSite(t, func(c *Config) {
		broken.Store, c.Store = waiting{c.Store}, broken
		c.StoreTimeout = time.Millisecond
	})
	s.refused(503, CodeStoreUnavailable, "POST", "segments", `{"name":"abc","rules":[{"match":{"country":["US"]}}]}`)
	s.refused(503, CodeStoreUnavailable, "GET", "segments", "")
	<-s.api.turn(store.DefaultTenant) // another write that does not end
	s.refused(503, CodeStoreUnavailable, "DELETE", "segments/seg_1", "")
}

// waiting answers when the context ends.
type waiting struct{ store.Store }

func (waiting) Load(ctx context.Context, _ store.Tenant) (store.Version, error) {
	<-ctx.Done()
	return store.Version{}, ctx.Err()
}

// A document that every edge would reject is not written.
func TestDocumentLimit(t *testing.T) {
	s := newSite(t, nil)
	s.edit(func(d *engine.Document) {
		flag := engine.FeatureFlag{ID: "flg_1", Name: "abc", Status: engine.FlagActive}
		for i := range 5000 {
			flag.Variations = append(flag.Variations, engine.Variation{ID: "var_" + strings.Repeat("z", i/50+1) + string(base58[i%50]), Name: "abc"})
		}
		d.FeatureFlags = []engine.FeatureFlag{flag}
	})
	s.words = strings.NewReplacer("{flag}", "flg_1", "{control}", s.document().FeatureFlags[0].Variations[0].ID, "{treatment}", s.document().FeatureFlags[0].Variations[1].ID)
	for i := range 10 {
		s.must(201, "POST", "experiments", halvesOf(fmt.Sprintf("number %d", i)))
	}
	got := s.refused(400, CodeDocumentLimit, "POST", "experiments", halvesOf("one more"))
	if !strings.Contains(got.message(), "experiments[10]: the experiments up to this one have more than 50000 variations") {
		t.Errorf("the message is %q", got.message())
	}
	s.document()
}
