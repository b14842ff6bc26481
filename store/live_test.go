package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

// inForce is the name of the experiment that a feed serves.
func inForce(t testing.TB, f *store.Feed) string {
	t.Helper()
	applied := f.Current()
	if applied == nil {
		return ""
	}
	name := applied.Document.Experiments[0].Name
	if summary := applied.Snapshot.Experiments[0]; summary.Name != name {
		t.Errorf("the document is %s, its snapshot %s", name, summary.Name)
	}
	return name
}

func wantState(t testing.TB, f *store.Feed, state store.State, reason string) {
	t.Helper()
	status := f.Status()
	if status.State != state || !strings.Contains(status.LastError, reason) || (reason == "") != (status.LastError == "") {
		t.Errorf("the state is %s because of %q, want %s because of %q", status.State, status.LastError, state, reason)
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	s.put(named("first"))
	begin := time.Now()
	f := s.live.Feed(context.Background(), tenant)
	if name := inForce(t, f); name != "first" {
		t.Errorf("the first call gives %q", name)
	}
	if e := s.event(); e.Tenant != tenant || e.Err != nil || e.Applied != f.Current() || e.Applied.Revision != 1 {
		t.Errorf("reported: %+v", e)
	}
	status := f.Status()
	if status.Tenant != tenant || f.Tenant() != tenant || status.Revision != 1 || len(status.Experiments) != 1 || !status.Experiments[0].Deciding {
		t.Errorf("the status is %+v", status)
	}
	for what, at := range map[string]*time.Time{"state_since": &status.StateSince, "applied_at": status.AppliedAt, "last_contact": status.LastContact} {
		if at == nil || at.Before(begin) || at.After(time.Now()) {
			t.Errorf("%s is %v", what, at)
		}
	}
	wantState(t, f, store.StateHealthy, "")

	s.run()
	s.put(named("second"))
	if e := s.event(); e.Applied == nil || e.Applied.Revision != 2 || inForce(t, f) != "second" {
		t.Errorf("reported: %+v", e)
	}
	if later := f.Status(); later.Revision != 2 || !later.AppliedAt.After(*status.AppliedAt) || !later.StateSince.Equal(status.StateSince) {
		t.Errorf("the status was %+v, now it is %+v", status, later)
	}
	s.quiet()
}

func TestBadDocumentsNeverReplaceAGoodOne(t *testing.T) {
	for _, test := range faulty {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t)
			s.put(named("good"))
			f := s.live.Feed(context.Background(), tenant)
			good := f.Current()
			s.reported()
			s.run()

			s.put(test.contents)
			e := s.event()
			if e.Tenant != tenant || e.Applied != nil || e.Err == nil || !e.Kept || !strings.Contains(e.Err.Error(), test.reason) {
				t.Errorf("reported: %+v", e)
			}
			if f.Current() != good {
				t.Errorf("%+v is in force", f.Current())
			}
			wantState(t, f, store.StateDegraded, test.reason)
			if status := f.Status(); status.Revision != 1 || status.AppliedAt == nil || len(status.Experiments) != 1 {
				t.Errorf("the status is %+v", status)
			}
			s.quiet() // once is enough

			s.put(named("better"))
			if e := s.event(); e.Applied == nil || inForce(t, f) != "better" {
				t.Errorf("reported: %+v", e)
			}
			wantState(t, f, store.StateHealthy, "")
		})
	}
}

func TestBadFromTheBeginning(t *testing.T) {
	for _, test := range faulty {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t)
			s.put(test.contents)
			f := s.live.Feed(context.Background(), tenant)
			if e := s.event(); e.Applied != nil || e.Err == nil || e.Kept || !strings.Contains(e.Err.Error(), test.reason) {
				t.Errorf("reported: %+v", e)
			}
			wantState(t, f, store.StateDegraded, test.reason)
			if status := f.Status(); f.Current() != nil || status.Revision != 0 || status.AppliedAt != nil {
				t.Errorf("the status is %+v", status)
			}
			s.run()
			s.quiet()
			s.put(named("good"))
			if e := s.event(); e.Applied == nil || inForce(t, f) != "good" {
				t.Errorf("reported: %+v", e)
			}
		})
	}
}

func TestEveryReasonIsReported(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	s.put(named("good"))
	f := s.live.Feed(context.Background(), tenant)
	s.reported()
	s.run()
	for _, step := range []struct {
		name   string
		change func()
		reason string
	}{
		{"broken", func() { s.put(`{`) }, "not JSON"},
		{"invalid", func() { s.put(`{"flags":[]}`) }, "flags"},
		{"gone", s.remove, "there is no document"},
		{"directory", s.mkdir, "is a directory"},
		{"gone again", s.remove, "there is no document"},
		{"broken again", func() { s.put(`{`) }, "not JSON"},
	} {
		step.change()
		if e := s.event(); e.Err == nil || !e.Kept || !strings.Contains(e.Err.Error(), step.reason) {
			t.Errorf("%s: reported: %+v", step.name, e)
		}
		wantState(t, f, store.StateDegraded, step.reason)
		if inForce(t, f) != "good" {
			t.Errorf("%s: %q is in force", step.name, inForce(t, f))
		}
	}
	if f.Status().StateSince.After(time.Now().Add(-500 * time.Millisecond)) {
		t.Errorf("degraded since %v only", f.Status().StateSince)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.live.Feed(context.Background(), tenant)
	if e := s.event(); !errors.Is(e.Err, store.ErrNotFound) || e.Kept || e.Applied != nil {
		t.Errorf("reported: %+v", e)
	}
	wantState(t, f, store.StateEmpty, "there is no document")
	if f.Current() != nil {
		t.Errorf("%+v is in force", f.Current())
	}
	s.run()
	s.quiet()

	s.put(named("first"))
	if e := s.event(); e.Applied == nil {
		t.Errorf("reported: %+v", e)
	}
	good := f.Current()
	wantState(t, f, store.StateHealthy, "")

	s.remove()
	if e := s.event(); !errors.Is(e.Err, store.ErrNotFound) || !e.Kept {
		t.Errorf("reported: %+v", e)
	}
	wantState(t, f, store.StateDegraded, "there is no document")
	s.quiet()

	s.put(named("first")) // the same again
	if e := s.event(); e.Applied != good || f.Current() != good {
		t.Errorf("reported: %+v", e)
	}
	wantState(t, f, store.StateHealthy, "")
	s.quiet()
}

func TestMissingAfterABadOne(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	s.put(`{`)
	f := s.live.Feed(context.Background(), tenant)
	s.reported()
	s.run()
	s.remove()
	if e := s.event(); !errors.Is(e.Err, store.ErrNotFound) || e.Kept {
		t.Errorf("reported: %+v", e)
	}
	wantState(t, f, store.StateEmpty, "there is no document")
}

func TestEmptyDocument(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	s.put(`{}`)
	f := s.live.Feed(context.Background(), tenant)
	if f.Current() == nil {
		t.Fatal("it is not in force")
	}
	wantState(t, f, store.StateHealthy, "")
	text, err := json.Marshal(f.Status())
	if err != nil || !strings.Contains(string(text), `"experiments":[]`) || !strings.Contains(string(text), `"state":"healthy"`) {
		t.Errorf("the status is %s, %v", text, err)
	}
}

func TestBackupIsApplied(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	s.put(`{"revision":7,` + named("new")[1:])
	f := s.live.Feed(context.Background(), tenant)
	s.reported()
	s.run()
	s.put(`{"revision":3,` + named("old")[1:])
	if e := s.event(); e.Applied == nil || e.Applied.Revision != 8 || inForce(t, f) != "old" {
		t.Errorf("reported: %+v", e)
	}
}

func TestCommitIsApplied(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	f := s.live.Feed(context.Background(), tenant)
	s.reported()
	s.run()
	document, err := engine.Decode([]byte(named("committed")))
	if err != nil {
		t.Fatal(err)
	}
	revision, err := s.files.Commit(context.Background(), tenant, document, 0)
	if err != nil {
		t.Fatal(err)
	}
	if e := s.event(); e.Applied == nil || e.Applied.Revision != revision || inForce(t, f) != "committed" {
		t.Errorf("reported: %+v", e)
	}
	s.quiet()
}

func TestStatusesAreInOrder(t *testing.T) {
	s := newSetting(t)
	if statuses := s.live.Statuses(); statuses == nil || len(statuses) != 0 {
		t.Errorf("without feeds: %v", statuses)
	}
	for _, name := range []store.Tenant{"b/x", "a/z", "c/a", "a/b", "B/x", "a-b/c"} {
		s.live.Feed(context.Background(), name)
	}
	var names []string
	for _, status := range s.live.Statuses() {
		names = append(names, string(status.Tenant))
	}
	if got, want := strings.Join(names, " "), "B/x a-b/c a/b a/z b/x c/a"; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
}

// An idle store answers although there is nothing to load.
func TestLastContactMovesWithoutChanges(t *testing.T) {
	live := store.NewLive(file.New(t.TempDir(), 0), engine.Settings{}, func(store.Event) {})
	live.Feed(t.Context(), store.DefaultTenant)
	loaded := *live.Statuses()[0].LastContact
	go live.Run(t.Context())
	for deadline := time.Now().Add(5 * time.Second); !live.Statuses()[0].LastContact.After(loaded.Add(300 * time.Millisecond)); {
		if time.Now().After(deadline) {
			t.Fatal("the last contact stands still")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
