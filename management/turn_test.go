package management

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/reports"
)

// slowLog answers when it is let.
type slowLog struct {
	events.Log
	queries atomic.Int64
	let     chan struct{}
}

func (l *slowLog) Query(ctx context.Context, q events.Query) (*events.Answer, error) {
	l.queries.Add(1)
	select {
	case <-l.let:
		return l.Log.Query(ctx, q)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A token that asks for more reports than may wait is refused, in both dialects;
// those that wait are answered, the same question with one look at the log.
func TestResultsWaitTheirTurn(t *testing.T) {
	var log *slowLog
	desk := reports.New(reports.Limits{Waiting: 1})
	s, _ := newEventSite(t, func(c *Config) {
		log = &slowLog{Log: c.Events.Log, let: make(chan struct{})}
		c.Events.Log = log
		c.Events.Reports = desk
	})
	native := Prefix + s.words.Replace("experiments/{experiment}/results")
	other := "/api/v2/projects/default/environments/production/experiments/" + s.words.Replace("{experiment}") + "/metrics/login/results"
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, r)
		return w
	}
	var waiting sync.WaitGroup
	var answered atomic.Int64
	ask := func(path string) {
		waiting.Go(func() {
			if w := get(path); w.Code != http.StatusOK {
				t.Errorf("%s: got %d %s", path, w.Code, w.Body)
			}
			answered.Add(1)
		})
	}
	for range 9 {
		ask(native)
	}
	eventually(t, "one is made", func() bool { return log.queries.Load() == 1 })
	ask(other)
	eventually(t, "all wait", func() bool { return desk.Asking() == 10 })
	refused := func(path string) *httptest.ResponseRecorder {
		t.Helper()
		w := get(path)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: got %d, Retry-After %q", path, w.Code, w.Header().Get("Retry-After"))
		}
		return w
	}
	if got := (reply{text: refused(native + "?slice=browser").Body.Bytes()}).code(); got != CodeResultsBusy {
		t.Errorf("refused with %s", got)
	}
	if w := refused(other + "?expand=traffic"); (reply{text: w.Body.Bytes()}).field("code") != "rate_limited" {
		t.Errorf("refused with %s", w.Body)
	}
	if answered.Load() != 0 {
		t.Error("there was an answer without the log")
	}
	close(log.let)
	waiting.Wait()
	if n := log.queries.Load(); n != 2 {
		t.Errorf("the log was asked %d times for two reports", n)
	}
	if w := get(native + "?slice=browser"); w.Code != http.StatusOK {
		t.Errorf("afterwards: got %d %s", w.Code, w.Body)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
