package launchdarkly_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

// What begins like one of our paths is ours, also where there is nothing at it;
// everything else under /api/v2 is left to others.
func TestHandles(t *testing.T) {
	api, err := management.New(management.Config{Store: file.New(t.TempDir(), 0), Tokens: []management.Token{{Secret: secret}}})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		experiments: true, experiments + "/k": true, experiments + "/k/iterations": true, experiments + "/k/metrics/m/results": true,
		experiments + "/k/metric-groups/g/results": true, flags + "/f/experiments/production/m": true, settings: true, metrics: true,
		metrics + "/m": true, groups: true, groups + "/g": true, flags: true, flags + "/f": true, "/api/v2/projects/other/experimentation-settings": true,
		"/api/v2/projects": true, "/api/v2/projects/default": true, "/api/v2/projects/default/environments": true, "/api/v2/projects/default/environments/production": true,
		"/api/v2/projects/default/experiments": true,
		"/api/v2/flags":                        true, "/api/v2/metrics": true, "/api/v2/projects/default/flags": true,
		flags + "/f/x": true, metrics + "/m/x": true,
		experiments + "/k/iterations/i": true, experiments + "/": true, experiments + "//k": true, experiments + "/k/../j": true,
		flags + "/f/experiments/production": true, settings + "/x": true,
		"/api/v2/": false, "/api/v2/users": false, "/api/v2/clients/x": false, "/other" + experiments: false, "/": false,
	} {
		r := httptest.NewRequest("GET", "http://host/", nil)
		r.URL.Path = path
		if got := api.Handles(r); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

func TestWhoIsLetIn(t *testing.T) {
	s := newSite(t, func(c *management.Config) {
		c.Tokens = append(c.Tokens,
			management.Token{Secret: "reader", Scopes: []management.Scope{management.ScopeRead}},
			management.Token{Secret: "writer", Scopes: []management.Scope{management.ScopeCreate, management.ScopeUpdate}},
			management.Token{Secret: "staging", Tenant: "default/staging"},
			management.Token{Secret: "foreign", Tenant: "other/production"})
	}).world()
	s.create("red", iteration("", "50", "50"))
	for _, authorization := range []string{secret, "Bearer " + secret, "bearer " + secret} {
		s.must(200, "GET", experiments, "", "Authorization", authorization)
	}
	for _, authorization := range []string{"", "wrong", "Bearer wrong", "Basic " + secret} {
		s.refused(401, "access token", "GET", experiments, "", "Authorization", authorization)
	}
	s.refused(403, "denied", "GET", experiments, "", "Authorization", "staging")
	s.refused(403, "denied", "GET", experiments, "", "Authorization", "foreign")
	s.refused(403, "denied", "GET", settings, "", "Authorization", "foreign")
	s.refused(403, "denied", "GET", flags+"/login-page/experiments/production/login", "", "Authorization", "staging")
	s.must(200, "GET", settings, "", "Authorization", "staging")
	s.must(200, "GET", strings.Replace(experiments, "production", "staging", 1), "", "Authorization", "staging")
	s.refused(403, "denied", "GET", "/api/v2/flags/nothing", "")

	s.must(200, "GET", experiments+"/red", "", "Authorization", "reader")
	for method, path := range map[string]string{"POST": experiments, "PATCH": experiments + "/red", "PUT": settings, "DELETE": metrics + "/revenue"} {
		s.refused(403, "scopes", method, path, `{}`, "Authorization", "reader")
	}
	s.refused(403, "scopes", "GET", experiments, "", "Authorization", "writer")
	s.refused(403, "scopes", "DELETE", metrics+"/revenue", "", "Authorization", "writer")
	s.must(200, "PATCH", experiments+"/red", `{"instructions":[`+startIt+`]}`, "Authorization", "writer")
}

func TestMethods(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	for path, allow := range map[string]string{
		experiments: "GET, POST, HEAD, OPTIONS", experiments + "/red": "GET, PATCH, HEAD, OPTIONS", experiments + "/red/iterations": "POST, OPTIONS",
		experiments + "/red/metrics/login/results": "GET, HEAD, OPTIONS", settings: "GET, PUT, HEAD, OPTIONS", groups + "/steps": "DELETE, GET, PATCH, HEAD, OPTIONS",
		metrics + "/login": "DELETE, GET, PATCH, HEAD, OPTIONS", flags + "/login-page": "GET, HEAD, OPTIONS",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
			if strings.Contains(allow, method) {
				continue
			}
			got := s.refused(405, "method not allowed", method, path, "")
			if got.header.Get("Allow") != allow {
				t.Errorf("%s %s: allows %s, want %s", method, path, got.header.Get("Allow"), allow)
			}
		}
	}
	if got := s.must(200, "HEAD", experiments, ""); len(got.text) != 0 || got.header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %v %s", got.header, got.text)
	}
	s.must(200, "POST", experiments+"/red", `{"instructions":[`+startIt+`]}`, "X-HTTP-Method-Override", "patch")
	s.must(200, "POST", settings, `{"randomizationUnits":[{"randomizationUnit":"user"}]}`, "X-HTTP-Method-Override", "PUT")
	s.refused(405, "", "POST", experiments+"/red", "", "X-HTTP-Method-Override", "DELETE")
	s.refused(400, "X-HTTP-Method-Override", "POST", experiments+"/red", "", "X-HTTP-Method-Override", "GET")
	s.refused(405, "", "GET", experiments+"/red/iterations", "", "X-HTTP-Method-Override", "POST")
}

func TestSharedWithPages(t *testing.T) {
	s := newSite(t, nil)
	r, _ := http.NewRequest("OPTIONS", s.url+experiments, nil)
	r.Header.Set("Origin", "https://app.example")
	got := s.send(r) // without a token: browsers send none
	if got.status != 204 || got.header.Get("Access-Control-Allow-Origin") != "https://app.example" || got.header.Get("Access-Control-Max-Age") != "300" ||
		!strings.Contains(got.header.Get("Access-Control-Allow-Headers"), "Authorization") || got.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%d %v", got.status, got.header)
	}
	for _, method := range []string{"OPTIONS", "GET", "DELETE", "PATCH"} {
		if !strings.Contains(got.header.Get("Access-Control-Allow-Methods"), method) {
			t.Errorf("%s is not allowed: %v", method, got.header)
		}
	}
	if got := s.must(200, "GET", experiments, ""); got.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("without an origin: %v", got.header)
	}
	if got := s.refused(401, "", "GET", experiments, "", "Authorization", "x", "Origin", "https://a"); got.header.Get("Access-Control-Allow-Origin") != "https://a" {
		t.Errorf("refused: %v", got.header)
	}
}

func TestContentTypes(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	body := `{"comment":"why","instructions":[{"kind":"updateDescription","value":"x"}]}`
	const semantic = "application/json; domain-model=launchdarkly.semanticpatch"
	for _, lines := range [][]string{nil, {"application/json"}, {"application/json; charset=utf-8"}, {semantic}, {"application/json", semantic}, {semantic, "application/json"}} {
		r, _ := http.NewRequest("PATCH", s.url+experiments+"/red", strings.NewReader(body))
		r.Header["Content-Type"] = lines
		r.Header.Set("Authorization", secret)
		if got := s.send(r); got.status != 200 {
			t.Errorf("%v: %d %s", lines, got.status, got.text)
		}
	}
	s.refused(400, "Content-Type", "PATCH", experiments+"/red", body, "Content-Type", "text/plain")
	// Some clients send a body with everything.
	s.must(200, "GET", experiments+"/red", "null")
	s.must(200, "GET", experiments+"/red", "not even JSON", "Content-Type", semantic)
}

func TestQuota(t *testing.T) {
	s := newSite(t, func(c *management.Config) { c.Rate, c.Burst = 1, 3 })
	for left := 2; left >= 0; left-- {
		got := s.must(200, "GET", experiments, "")
		if got.header.Get("X-Ratelimit-Global-Remaining") != strconv.Itoa(left) || got.header.Get("X-Ratelimit-Route-Remaining") != strconv.Itoa(left) || got.header.Get("X-Ratelimit-Limit") != "" {
			t.Errorf("%d left: %v", left, got.header)
		}
		reset, _ := strconv.ParseInt(got.header.Get("X-Ratelimit-Reset"), 10, 64)
		if in := time.UnixMilli(reset).Sub(s.clock.read()); in < 0 || in > 5*time.Second {
			t.Errorf("%d left: the reset is in %s", left, in)
		}
	}
	if got := s.refused(429, "rate limit", "GET", experiments, ""); got.header.Get("Retry-After") != "1" {
		t.Errorf("refused: %v", got.header)
	}
	s.clock.advance(2 * time.Second)
	s.must(200, "GET", experiments, "")
}

func TestRequireBeta(t *testing.T) {
	s := newSite(t, func(c *management.Config) { c.RequireBeta = true })
	s.refused(403, "LD-API-Version", "GET", experiments, "")
	s.refused(403, "LD-API-Version", "GET", experiments, "", "LD-API-Version", "20240415")
	s.must(200, "GET", experiments, "", "LD-API-Version", "beta")
	s = newSite(t, nil)
	s.must(200, "GET", experiments, "", "LD-API-Version", "20240415")
}
