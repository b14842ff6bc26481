package management

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

const secret = "a secret"

// clock is a time that stands still until it is moved; each reading is a
// microsecond after the one before, as times of creation are in life.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// site is an API over a file store in a directory of its own.
type site struct {
	testing.TB
	api   *API
	dir   string
	store store.Store
	clock *clock
	words *strings.Replacer // what stands for the ids of the world

	mu     sync.Mutex
	events []Event
}

func newSite(t testing.TB, configure func(*Config)) *site {
	t.Helper()
	s := &site{TB: t, dir: t.TempDir(), clock: &clock{now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}, words: strings.NewReplacer()}
	s.store = file.New(s.dir, 0)
	config := Config{
		Store:  s.store,
		Tokens: []Token{{Secret: secret, Name: "test"}},
		Rate:   1e9, Burst: 1e9,
		Now: s.clock.read,
		Audit: func(e Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	}
	if configure != nil {
		configure(&config)
	}
	s.store = config.Store
	api, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	s.api = api
	return s
}

// reply is what the API answered.
type reply struct {
	status int
	header http.Header
	text   []byte
}

func (r reply) code() string {
	var e envelope
	_ = json.Unmarshal(r.text, &e)
	return e.ErrorCode
}

func (r reply) message() string {
	var e envelope
	_ = json.Unmarshal(r.text, &e)
	return e.Message
}

// field gives a member of the answer by its way, numbers for items.
func (r reply) field(way ...any) any {
	var v any
	_ = json.Unmarshal(r.text, &v)
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

func (r reply) id() string { id, _ := r.field("id").(string); return id }

// request makes a request as do sends it.
func (s *site) request(method, path, body string) *http.Request {
	path = Prefix + s.words.Replace(path)
	r := httptest.NewRequest(method, path, strings.NewReader(s.words.Replace(body)))
	r.Header.Set("Authorization", "Bearer "+secret)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// send answers a request and checks both against the OpenAPI document.
func (s *site) send(r *http.Request) reply {
	s.Helper()
	var sent bytes.Buffer
	if r.Body != nil {
		_, _ = sent.ReadFrom(r.Body)
		r.Body = readCloser{bytes.NewReader(sent.Bytes())}
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	got := reply{w.Code, w.Header(), w.Body.Bytes()}
	checkContract(s, r, sent.Bytes(), got)
	return got
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func (s *site) do(method, path, body string) reply {
	s.Helper()
	return s.send(s.request(method, path, body))
}

// must does what has to succeed.
func (s *site) must(status int, method, path, body string) reply {
	s.Helper()
	got := s.do(method, path, body)
	if got.status != status {
		s.Fatalf("%s %s: got %d, want %d\n%s", method, path, got.status, status, got.text)
	}
	return got
}

// refused does what has to be refused.
func (s *site) refused(status int, code, method, path, body string) reply {
	s.Helper()
	got := s.do(method, path, body)
	if got.status != status || got.code() != code {
		s.Errorf("%s %s: got %d %s, want %d %s\n%s", method, path, got.status, got.code(), status, code, got.text)
	}
	return got
}

// world makes one of each entity. In paths and bodies {flag}, {control},
// {treatment}, {segment} and {experiment} stand for their ids from then on. The
// flag is active, the experiment a draft that is ready.
func (s *site) world() *site {
	s.Helper()
	flag := s.must(201, "POST", "feature-flags", `{"name":"login page","parameters":{"color":{"type":"string","value":"blue"},"limit":{"type":"number","value":3}}}`).id()
	control := s.must(201, "POST", "feature-flags/"+flag+"/variations", `{"name":"control","overrides":{}}`).id()
	treatment := s.must(201, "POST", "feature-flags/"+flag+"/variations", `{"name":"treatment","overrides":{"color":{"value":"red"}}}`).id()
	s.must(200, "POST", "feature-flags/"+flag+"/status", `{"status":"active"}`)
	segment := s.must(201, "POST", "segments", `{"name":"mobile users","rules":[{"match":{"device_type":["mobile"]}}]}`).id()
	s.words = strings.NewReplacer("{flag}", flag, "{control}", control, "{treatment}", treatment, "{segment}", segment)
	experiment := s.must(201, "POST", "experiments", halvesOf("first experiment")).id()
	s.words = strings.NewReplacer("{flag}", flag, "{control}", control, "{treatment}", treatment, "{segment}", segment, "{experiment}", experiment)
	return s
}

// halvesOf is the body of a percentage experiment that is ready.
func halvesOf(name string) string {
	return `{"name":"` + name + `","feature_flag_id":"{flag}","authentication_flow":"pre_authentication","allocation_strategy":"percentage",
		"assignment_config":{"subject":"device"},"allocations":` + halves + `}`
}

const halves = `[{"variation_id":"{control}","weight":50,"is_control":true},{"variation_id":"{treatment}","weight":50,"is_control":false}]`

// targetedAt is the body of a segment experiment that is ready.
func targetedAt(name string) string {
	return `{"name":"` + name + `","feature_flag_id":"{flag}","authentication_flow":"login","allocation_strategy":"segment","assignment_config":{"subject":"device"},
		"allocations":[{"variation_id":"{control}","is_control":true,"is_fallback":true},{"variation_id":"{treatment}","segment_id":"{segment}","priority":1,"is_control":false}]}`
}

// status moves the experiment of the world.
func (s *site) status(words ...string) {
	s.Helper()
	for _, word := range words {
		s.must(200, "POST", "experiments/{experiment}/status", `{"status":"`+word+`"}`)
	}
}

// document decodes what is stored and checks what holds at any time.
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
	flags := flagsByID(document)
	for i := range document.Experiments {
		e := &document.Experiments[i]
		ready := len(engine.Readiness(e, flags[e.FeatureFlagID], engine.Efforts(document))) == 0
		if e.IsValid == nil || *e.IsValid != ready {
			s.Fatalf("experiment %s is stored with is_valid %v, is ready: %v", e.ID, e.IsValid, ready)
		}
	}
	return document
}

// edit changes the stored document as a person would, past the API.
func (s *site) edit(change func(*engine.Document)) {
	s.Helper()
	version, err := s.store.Load(s.Context(), store.DefaultTenant)
	document := &engine.Document{}
	if err == nil {
		document, err = engine.Decode(version.Text)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		s.Fatal(err)
	}
	change(document)
	if _, err := s.store.Commit(s.Context(), store.DefaultTenant, document, version.Revision); err != nil {
		s.Fatal(err)
	}
}
