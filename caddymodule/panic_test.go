package caddymodule

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Whatever breaks in the steps of a decision, the login goes on without it.
func TestPanicForwardsUnmodified(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*site)
	}{
		{"no keys", func(s *site) { s.app.keys = nil }},
		{"an empty key ring", func(s *site) { s.app.keys = &keyring{} }},
		{"no tenant", func(s *site) { s.tenant = nil }},
		{"no detector", func(s *site) { s.app.detector = nil }},
		{"no database", func(s *site) { s.app.locations.Database = nil }},
		{"no logger", func(s *site) { s.logger = nil }},
		{"a broken placeholder", func(s *site) { s.Subject = "{broken}" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, halves)
			test.spoil(s)
			r := httptest.NewRequest(http.MethodPost, "/authorize?client_id=spa", strings.NewReader("client_id=spa"))
			r.RemoteAddr = "198.51.100.7:1234"
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Other", "1")
			sent := maps.Clone(r.Header)
			r.Header.Set("X-Experiment-Config", "forged")
			replacer := caddy.NewReplacer()
			replacer.Map(func(key string) (any, bool) {
				if key == "broken" {
					panic(errors.New("a broken placeholder"))
				}
				return nil, false
			})
			answer := httptest.NewRecorder()
			r = caddyhttp.PrepareRequest(r, replacer, answer, &caddyhttp.Server{})
			called := 0
			teapot := caddyhttp.Error(http.StatusTeapot, errors.New("of the provider"))
			err := s.ServeHTTP(answer, r, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
				called++
				if body, err := io.ReadAll(r.Body); string(body) != "client_id=spa" || err != nil {
					t.Errorf("the body is %q, %v", body, err)
				}
				if !maps.EqualFunc(r.Header, sent, func(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }) {
					t.Errorf("forwarded %v, sent %v", r.Header, sent)
				}
				if got, known := replacer.Get("http.experiments.variation_id"); got != "" || !known {
					t.Errorf("the variation is %v, %t", got, known)
				}
				return teapot
			}))
			if called != 1 || !errors.Is(err, error(teapot)) && err.Error() != teapot.Error() {
				t.Errorf("forwarded %d times, answered %v", called, err)
			}
			if set := answer.Result().Header; len(set["Set-Cookie"]) != 0 {
				t.Errorf("set %v", set)
			}
			wait(t, func() bool {
				log := s.log.String()
				return strings.Contains(log, `"code":"experiment_resolution_failed"`) && strings.Contains(log, `"stack":`)
			})
		})
	}
}

// A panic of a later handler is that handler's: Caddy breaks off answers so.
func TestPanicOfLaterHandlersPassesThrough(t *testing.T) {
	s := newSite(t, halves)
	out := openSink()
	s.app.decisions = opened(t, out)
	r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/authorize", nil), caddy.NewReplacer(), nil, &caddyhttp.Server{})
	func() {
		defer func() {
			if cause := recover(); cause != http.ErrAbortHandler {
				t.Errorf("recovered %v", cause)
			}
		}()
		_ = s.ServeHTTP(httptest.NewRecorder(), r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusAccepted)
			panic(http.ErrAbortHandler)
		}))
	}()
	if err := s.app.decisions.Destruct(); err != nil {
		t.Fatal(err)
	}
	if text := out.text(); !strings.Contains(text, `"status":202`) || strings.Count(text, "\n") != 1 {
		t.Errorf("the decision log has %q", text)
	}
	if strings.Contains(s.log.String(), codeResolutionFailed) {
		t.Errorf("warned: %s", s.log.String())
	}
}

// wait waits up to five seconds for a condition.
func wait(t testing.TB, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// Placeholders are also worked out for whoever comes after the handler.
func TestPanicInAPlaceholder(t *testing.T) {
	s := newSite(t, halves)
	s.app.detector = nil
	r := httptest.NewRequest(http.MethodGet, "/assets/app.js", nil)
	replacer := caddy.NewReplacer()
	r = caddyhttp.PrepareRequest(r, replacer, httptest.NewRecorder(), &caddyhttp.Server{})
	err := s.ServeHTTP(httptest.NewRecorder(), r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		if got, known := replacer.Get("http.experiments.browser"); got != "" || !known {
			t.Errorf("the placeholder is %v, %t", got, known)
		}
		return nil
	}))
	if err != nil {
		t.Error(err)
	}
}

func TestOutcomeOfAnAnswerThatWasBrokenOff(t *testing.T) {
	s := &statusRecorder{}
	if got := s.outcome(); got != 0 {
		t.Errorf("before its status: %d", got)
	}
	s.ResponseWriter = httptest.NewRecorder()
	s.WriteHeader(http.StatusFound)
	if got := s.outcome(); got != http.StatusFound {
		t.Errorf("after its status: %d", got)
	}
}
