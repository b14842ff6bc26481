package launchdarkly_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

const (
	secret      = "a secret"
	experiments = "/api/v2/projects/default/environments/production/experiments"
	settings    = "/api/v2/projects/default/experimentation-settings"
	metrics     = "/api/v2/metrics/default"
	groups      = "/api/v2/projects/default/metric-groups"
	flags       = "/api/v2/flags/default"
)

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// site is the whole API behind a server, over a file store.
type site struct {
	testing.TB
	url   string
	store store.Store
	log   events.Log
	clock *clock

	mu     sync.Mutex
	audits []management.Event
}

func newSite(t testing.TB, configure func(*management.Config)) *site {
	t.Helper()
	s := &site{TB: t, store: file.New(t.TempDir(), 0), log: eventstest.NewModel(), clock: &clock{now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}}
	config := management.Config{
		Store: s.store, Tokens: []management.Token{{Secret: secret, Name: "ci"}}, Rate: 1e9, Burst: 1e9, Now: s.clock.read,
		Events: management.Events{Log: s.log},
		Audit: func(e management.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.audits = append(s.audits, e)
		},
	}
	if configure != nil {
		configure(&config)
	}
	api, err := management.New(config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// reply is what was answered.
type reply struct {
	status int
	header http.Header
	text   []byte
	value  any
}

// at gives a member of the answer by its way, numbers for items.
func (r reply) at(way ...any) any {
	v := r.value
	for _, step := range way {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func (r reply) word(way ...any) string { text, _ := r.at(way...).(string); return text }

func (r reply) length(way ...any) int { list, _ := r.at(way...).([]any); return len(list) }

// do makes a request; headers are pairs of name and value.
func (s *site) do(method, path, body string, headers ...string) reply {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Authorization", secret)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.send(r)
}

func (s *site) send(r *http.Request) reply {
	s.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	out := reply{status: response.StatusCode, header: response.Header, text: text}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out.value); err != nil {
			s.Fatalf("%s %s: %v\n%s", r.Method, r.URL, err, text)
		}
	}
	return out
}

// must does what has to succeed.
func (s *site) must(status int, method, path, body string, headers ...string) reply {
	s.Helper()
	got := s.do(method, path, body, headers...)
	if got.status != status {
		s.Fatalf("%s %s: got %d, want %d\n%s", method, path, got.status, status, got.text)
	}
	return got
}

var codes = map[int]string{
	400: "invalid_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
	409: "optimistic_locking_error", 429: "rate_limited", 503: "service_unavailable",
}

// refused does what has to be refused, with words in the message, and without
// anything being written.
func (s *site) refused(status int, words, method, path, body string, headers ...string) reply {
	s.Helper()
	before := s.document().Revision
	got := s.do(method, path, body, headers...)
	if got.status != status || got.word("code") != codes[status] || !strings.Contains(got.word("message"), words) || len(got.word("id")) != 36 {
		s.Errorf("%s %s %s: got %d %s, want %d with %q", method, path, body, got.status, got.text, status, words)
	}
	if !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
		s.Errorf("%s %s: the error is %s", method, path, got.header.Get("Content-Type"))
	}
	if after := s.document().Revision; after != before {
		s.Errorf("%s %s %s: was refused and written", method, path, body)
	}
	return got
}

// document is what is stored.
func (s *site) document() *engine.Document {
	s.Helper()
	version, err := s.store.Load(s.Context(), store.DefaultTenant)
	if errors.Is(err, store.ErrNotFound) {
		return &engine.Document{}
	}
	if err != nil {
		s.Fatal(err)
	}
	document, err := engine.Decode(version.Text)
	if err != nil {
		s.Fatalf("the stored document is invalid: %v\n%s", err, version.Text)
	}
	document.Revision = version.Revision
	return document
}

// edit changes the stored document past the API.
func (s *site) edit(change func(*engine.Document)) {
	s.Helper()
	document := s.document()
	revision := document.Revision
	change(document)
	if _, err := s.store.Commit(s.Context(), store.DefaultTenant, document, revision); err != nil {
		s.Fatal(err)
	}
}

func (s *site) experiment(key string) *engine.Experiment {
	s.Helper()
	document := s.document()
	for i := range document.Experiments {
		if e := &document.Experiments[i]; e.Key == key || e.Name == key {
			return e
		}
	}
	s.Fatalf("there is no experiment %s", key)
	return nil
}

// flag makes an active flag with the variations control, treatment and third.
func (s *site) flag(name string) {
	s.Helper()
	const flags = "/api/v2/experimentation/feature-flags"
	bearer := []string{"Authorization", "Bearer " + secret}
	id := s.must(201, "POST", flags, `{"name":"`+name+`","parameters":{"color":{"type":"string","value":"blue"}}}`, bearer...).word("id")
	for _, variation := range []string{
		`{"name":"control","overrides":{}}`, `{"name":"treatment","overrides":{"color":{"value":"red"}}}`, `{"name":"third","overrides":{"color":{"value":"green"}}}`,
	} {
		s.must(201, "POST", flags+"/"+id+"/variations", variation, bearer...)
	}
	s.must(200, "POST", flags+"/"+id+"/status", `{"status":"active"}`, bearer...)
}

// world has the flag login-page, the metric converted and the funnel steps.
func (s *site) world() *site {
	s.Helper()
	s.flag("login page")
	s.must(201, "POST", metrics, `{"key":"converted","name":"Converted","kind":"custom","eventKey":"bought","successCriteria":"HigherThanBaseline"}`)
	s.must(201, "POST", metrics, `{"key":"revenue","kind":"custom","eventKey":"paid","isNumeric":true,"unit":"EUR","unitAggregationType":"sum"}`)
	s.must(201, "POST", groups, `{"key":"steps","name":"Steps","kind":"funnel","maintainerId":"m","tags":["a"],"metrics":[{"key":"login","nameInGroup":"Log in"},{"key":"converted","nameInGroup":"Buy"}]}`)
	return s
}

// variation is the id of one of the flag login-page.
func (s *site) variation(name string) string {
	s.Helper()
	for _, f := range s.document().FeatureFlags {
		for _, v := range f.Variations {
			if f.Name == "login page" && v.Name == name {
				return v.ID
			}
		}
	}
	s.Fatalf("there is no variation %s", name)
	return ""
}

// treatments are those of the flag login-page with their percents in order.
func treatments(flag string, percents ...string) string {
	var out []string
	for i, percent := range percents {
		name := []string{"control", "treatment", "third"}[i]
		out = append(out, fmt.Sprintf(`{"name":"The %s","baseline":%t,"allocationPercent":%q,"parameters":[{"flagKey":%q,"variationId":%q}]}`, name, i == 0, percent, flag, name))
	}
	return "[" + strings.Join(out, ",") + "]"
}

// iteration is the body of an iteration, with what more says.
func iteration(more string, percents ...string) string {
	return iterationOf("login-page", more, percents...)
}

func iterationOf(flag, more string, percents ...string) string {
	return `{"hypothesis":"it helps","metrics":[{"key":"converted"},{"key":"revenue"},{"key":"steps","isGroup":true}],"primarySingleMetricKey":"converted",
		"treatments":` + treatments(flag, percents...) + `,"flags":{"` + flag + `":{"ruleId":"fallthrough","flagConfigVersion":3}}` + more + `}`
}

// create makes an experiment of a key.
func (s *site) create(key, iteration string) reply {
	s.Helper()
	return s.must(201, "POST", experiments, `{"name":"The `+key+`","key":"`+key+`","iteration":`+iteration+`}`)
}

// patch sends instructions.
func (s *site) patch(key string, instructions ...string) reply {
	s.Helper()
	return s.must(200, "PATCH", experiments+"/"+key, `{"instructions":[`+strings.Join(instructions, ",")+`]}`)
}

func (s *site) patchRefused(status int, words, key string, instructions ...string) {
	s.Helper()
	s.refused(status, words, "PATCH", experiments+"/"+key, `{"instructions":[`+strings.Join(instructions, ",")+`]}`)
}

const (
	startIt   = `{"kind":"startIteration"}`
	restartIt = `{"kind":"startIteration","changeJustification":"more traffic"}`
	stopIt    = `{"kind":"stopIteration"}`
	archiveIt = `{"kind":"archiveExperiment"}`
	restoreIt = `{"kind":"restoreExperiment"}`
)

func (s *site) append(batch *events.Batch) {
	s.Helper()
	if err := s.log.Append(context.Background(), string(store.DefaultTenant), batch); err != nil {
		s.Fatal(err)
	}
}
