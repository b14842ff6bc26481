package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/caddymodule"
	"github.com/caddy-experiments/caddy-experiments/engine"
)

// explained is what an explanation says, as far as tests look at it.
type explained struct {
	Site, Tenant string
	Holds        bool
	Subject      struct{ Value, From string }
	Attributes   []struct{ Name, Value string }
	Override     struct{ Verdict, Reason string }
	Carried      struct{ Verdict string }
	Experiments  []struct {
		ID     string
		Asked  bool
		Gives  string
		Bucket *struct {
			Bucket int
			Ranges []struct {
				VariationID string `json:"variation_id"`
				Holds       bool
			}
		}
		Segments []struct {
			SegmentID string `json:"segment_id"`
			Matched   bool
			Rules     []struct {
				Conditions []struct {
					Attribute, Value, Why string
					Holds                 bool
				}
			}
		}
	}
	Decision *struct {
		VariationID string `json:"variation_id"`
		Source      string
		New         bool
		Header      struct{ Name, Value string }
	}
	Warnings, Notes []string
}

// Decide has the edge explain a request.
func (e *edge) Decide(request map[string]any) (int, explained, string) {
	e.t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		e.t.Fatal(err)
	}
	response, err := http.Post(e.Admin+"/experiments/decide", "application/json", bytes.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	var x explained
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, &x); err != nil {
			e.t.Fatal(err)
		}
	}
	return response.StatusCode, x, string(text)
}

// What is explained is what happens to the same request when it is sent.
func TestDecideIsWhatHappens(t *testing.T) {
	device := "experiment_device=" + caddymodule.SignDevice([]string{testKey}, "ZGV2aWNlLW9mLXRlc3RzIQ")
	carry := "experiment_carry=" + caddymodule.SignCarry([]string{testKey}, "default/production", "ZGV2aWNlLW9mLXRlc3RzIQ",
		engine.Decision{Treatment: &engine.Treatment{ExperimentID: "exp_Audience", VariationID: "var_Nordic"}, Source: engine.SourceBucket}, time.Now())
	tests := []struct {
		name, method, path, form string
		header                   []string
	}{
		{name: "segment", path: "/authorize", header: []string{"User-Agent", safariOnPhone, "X-Forwarded-For", "198.51.100.7"}},
		{name: "other segment", path: "/authorize", header: []string{"User-Agent", firefoxOnLinux, "X-Forwarded-For", "192.0.2.7"}},
		{name: "fallback", path: "/authorize", header: []string{"User-Agent", safariOnPhone}},
		{name: "override", path: "/authorize?experiment_id=exp_Audience&variation_id=var_Phones"},
		{name: "override of a segment", path: "/authorize?experiment_id=exp_Audience&segment_id=seg_UsPhones"},
		{name: "override twice", path: "/authorize?experiment_id=exp_Audience&experiment_id=exp_Audience"},
		{name: "unknown experiment", path: "/authorize?experiment_id=exp_9"},
		{name: "orphaned", path: "/authorize?variation_id=var_Phones"},
		{name: "override in a form", method: http.MethodPost, path: "/authorize", form: "experiment_id=exp_Audience&variation_id=var_Phones"},
		{name: "silent", path: "/authorize?prompt=none"},
		{name: "head", method: http.MethodHead, path: "/authorize"},
		{name: "carried", path: "/authorize", header: []string{"Cookie", device + "; " + carry}},
		{name: "carried elsewhere", path: "/login", header: []string{"Cookie", device + "; " + carry}},
		{name: "carried without its device", path: "/authorize", header: []string{"Cookie", carry}},
		{name: "another path", path: "/style.css"},
		{name: "prefetch", path: "/authorize", header: []string{"Sec-Purpose", "prefetch"}},
	}
	e := startEdge(t, located(setup{Store: map[string]string{"default/production": audience}}))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequest(test.method, e.URL+test.path, strings.NewReader(test.form))
			if err != nil {
				t.Fatal(err)
			}
			if test.form != "" {
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			for i := 0; i < len(test.header); i += 2 {
				request.Header.Set(test.header[i], test.header[i+1])
			}
			if request.Header.Get("User-Agent") == "" {
				request.Header.Set("User-Agent", firefoxOnLinux)
			}
			status, x, text := e.Decide(map[string]any{"url": test.path, "method": test.method, "form": test.form, "headers": request.Header, "ip": "127.0.0.1"})
			if status != http.StatusOK {
				t.Fatalf("it is answered with %d %s", status, text)
			}
			e.Do(request, nil)
			want := e.Provider.Last(t).Header.Get("X-Experiment-Config")
			got := ""
			if x.Decision != nil {
				got = x.Decision.Header.Value
			}
			if got != want {
				t.Errorf("it is explained with\n%q, and happens with\n%q", got, want)
			}
		})
	}
}

// A subject falls into the same range when it is asked about and when it comes.
func TestDecideBucketsAsTheEdge(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	for range 8 {
		jar, _ := cookiejar.New(nil)
		e.Get("/authorize", jar)
		given := e.Provider.Last(t).Config(t)["variation_id"]
		site, _ := url.Parse(e.URL)
		var cookies []string
		for _, cookie := range jar.Cookies(site) {
			if cookie.Name == "experiment_device" {
				cookies = append(cookies, cookie.String())
			}
		}
		_, x, _ := e.Decide(map[string]any{"url": "/authorize", "headers": map[string][]string{"Cookie": cookies}})
		if len(x.Experiments) != 1 || x.Experiments[0].Bucket == nil || x.Experiments[0].Gives != given || x.Subject.From != "the device cookie" {
			t.Fatalf("a device that was given %v is explained as %+v", given, x)
		}
		for _, r := range x.Experiments[0].Bucket.Ranges {
			if r.Holds != (r.VariationID == given) {
				t.Errorf("bucket %d: %+v, given was %v", x.Experiments[0].Bucket.Bucket, r, given)
			}
		}
		_, again, _ := e.Decide(map[string]any{"url": "/authorize", "subject": x.Subject.Value})
		if again.Decision == nil || again.Decision.VariationID != given {
			t.Errorf("by its subject it is given %+v", again.Decision)
		}
	}
}

// An explanation is all that asking for one leaves behind.
func TestDecideLeavesNothingBehind(t *testing.T) {
	e := startEdge(t, setup{App: "decision_log {dir}/decisions.log", Store: map[string]string{"default/production": split}})
	before := e.metrics()
	for _, path := range []string{"/authorize", "/authorize?experiment_id=exp_9", "/authorize?variation_id=var_Base"} {
		if status, _, text := e.Decide(map[string]any{"url": path}); status != http.StatusOK {
			t.Fatalf("it is answered with %d %s", status, text)
		}
	}
	after := e.metrics()
	for _, metrics := range []map[string]float64{before, after} {
		maps.DeleteFunc(metrics, func(name string, _ float64) bool {
			return !strings.HasPrefix(name, "caddy_experiments_decision") && !strings.HasPrefix(name, "caddy_experiments_warnings")
		})
	}
	if !maps.Equal(before, after) {
		t.Errorf("the metrics were %v, they are %v", before, after)
	}
	time.Sleep(50 * time.Millisecond)
	if e.count("caddy.log", "experiment_assignment_succeeded") != 0 || e.Provider.Count() != 0 || e.count("decisions.log", "{") != 0 {
		t.Error("asking for an explanation was taken for a login")
	}
}

func TestDecideSaysWhy(t *testing.T) {
	e := startEdge(t, located(setup{Site: "overrides signed\nconnections {\ngoogle-oauth2 social\n}", Store: map[string]string{"default/production": audience}}))
	_, x, text := e.Decide(map[string]any{
		"url": "/authorize?client_id=spa&connection=google-oauth2&organization=org_1&experiment_id=exp_Audience&variation_id=var_Nordic",
		"ip":  "198.51.100.7", "host": "auth.example.com", "headers": map[string][]string{"user-agent": {safariOnPhone}}, "subject": "joe",
	})
	want := map[string]string{
		"client_id": "spa", "connection": "google-oauth2", "connection_type": "social", "organization_id": "org_1", "domain": "auth.example.com",
		"device_type": "mobile", "browser": "safari", "platform": "ios", "user_agent": safariOnPhone, "country": "US", "region": "WA",
	}
	got := map[string]string{}
	for _, a := range x.Attributes {
		got[a.Name] = a.Value
	}
	if !maps.Equal(got, want) {
		t.Errorf("the attributes are %v", got)
	}
	if x.Override.Verdict != "ignored" || !strings.Contains(x.Override.Reason, "experiment_token is missing") || len(x.Warnings) != 1 {
		t.Errorf("the override is %+v with %q", x.Override, x.Warnings)
	}
	segments := x.Experiments[0].Segments
	if len(segments) != 2 || !segments[0].Matched || segments[1].Matched {
		t.Fatalf("the segments are %+v: %s", segments, text)
	}
	c := segments[1].Rules[0].Conditions
	if len(c) != 2 || c[1].Attribute != "country" || c[1].Value != "US" || c[1].Holds || c[1].Why != "is none of the values" {
		t.Errorf("the conditions are %+v", c)
	}
	if x.Decision == nil || x.Decision.VariationID != "var_Phones" || x.Decision.Source != "segment" {
		t.Errorf("the decision is %+v", x.Decision)
	}
	_, x, _ = e.Decide(map[string]any{"url": "/signin"})
	if len(x.Notes) != 1 || !strings.Contains(x.Notes[0], "/signin is no authorization endpoint") || x.Decision != nil {
		t.Errorf("of another path it says %q", x.Notes)
	}
	_, x, _ = e.Decide(map[string]any{"url": "/authorize", "headers": map[string][]string{"Cookie": {"experiment_device=forged; experiment_carry=forged"}}})
	if len(x.Notes) != 2 || !strings.Contains(strings.Join(x.Notes, " "), "carry cookie counts as absent") {
		t.Errorf("of forged cookies it says %q", x.Notes)
	}
}

func TestDecideChoosesTheSite(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split, "acme/test": audience}})
	e.LoadText("", "", `http://a.localhost:{port} {
	experiments
}
http://*.acme.localhost:{port} {
	experiments {
		tenant acme/test
	}
}
http://b.acme.localhost:{port} {
	experiments {
		overrides off
	}
}`)
	e.admin(http.MethodGet, "/experiments/status")
	tests := []struct {
		request map[string]any
		tenant  string
		gives   string
	}{
		{map[string]any{"url": "http://a.localhost/authorize"}, "default/production", ""},
		{map[string]any{"url": "https://x.acme.localhost/authorize"}, "acme/test", "var_Everyone"},
		{map[string]any{"url": "/authorize", "host": "b.acme.localhost:80"}, "default/production", ""},
		{map[string]any{"url": "/authorize", "tenant": "acme/test"}, "acme/test", "var_Everyone"},
		{map[string]any{"url": "/authorize", "host": "b.acme.localhost", "tenant": "acme/test"}, "acme/test", "var_Everyone"},
	}
	for _, test := range tests {
		status, x, text := e.Decide(test.request)
		if status != http.StatusOK || x.Tenant != test.tenant || test.gives != "" && (x.Decision == nil || x.Decision.VariationID != test.gives) {
			t.Errorf("%v is answered with %d for %s: %.200s", test.request, status, x.Tenant, text)
		}
	}
	if status, _, text := e.Decide(map[string]any{"url": "/authorize", "host": "elsewhere"}); status != http.StatusNotFound || !strings.Contains(text, "a.localhost") {
		t.Errorf("a host of nobody is answered with %d %s", status, text)
	}
	for _, request := range []map[string]any{{}, {"url": "http://a.localhost/authorize", "ip": "nowhere"}, {"url": ":"}, {"url": "/", "unknown": 1}} {
		if status, _, text := e.Decide(request); status != http.StatusBadRequest {
			t.Errorf("%v is answered with %d %s", request, status, text)
		}
	}
}

func TestDecideCommand(t *testing.T) {
	e := startEdge(t, located(setup{Store: map[string]string{"default/production": audience}}))
	got := e.Command("", "decide", "/authorize?client_id=spa", "--header", "User-Agent: "+safariOnPhone, "--header", "X-Forwarded-For: 192.0.2.7", "--ip", "127.0.0.1", "--subject", "joe")
	for _, line := range []string{
		"GET /authorize?client_id=spa\n", "subject \"joe\" (--subject)\n", "  country          \"SE\"\n",
		"      ✗ country [\"us\"]: \"SE\" is none of the values\n", "  ✓ fallback gives var_Everyone\n",
		"  var_Everyone of exp_Audience by fallback, control, new\n",
	} {
		if !strings.Contains(got.out, line) {
			t.Errorf("it does not print %q", line)
		}
	}
	if got.code != 0 {
		t.Errorf("it exits with %d: %s", got.code, got.log)
	}
	if got := e.Command("", "decide", "/authorize", "--json"); got.code != 0 || !json.Valid([]byte(got.out)) {
		t.Errorf("with --json it exits with %d", got.code)
	}
	if got := e.Command("", "decide", "/authorize", "--header", "nonsense"); got.code != 1 || !strings.Contains(got.log, "--header") {
		t.Errorf("a header without a value exits with %d: %s", got.code, got.log)
	}
}

// Who names neither host nor tenant is answered for the default tenant,
// whichever site Caddy has first.
func TestDecideMeansTheDefaultTenant(t *testing.T) {
	x := newExample(t)
	if out := x.command("decide", "/authorize?client_id=x"); !strings.Contains(out, "tenant default/production") {
		t.Errorf("decided for another tenant:\n%.300s", out)
	}
	if out := x.command("decide", "/authorize?client_id=x", "--tenant", "default/segments"); !strings.Contains(out, "tenant default/segments") {
		t.Errorf("decided for another tenant:\n%.300s", out)
	}
}
