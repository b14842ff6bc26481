package management

import (
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
)

func TestTokens(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.Tokens = append(c.Tokens,
			Token{Secret: "reader", Scopes: []Scope{ScopeRead}},
			Token{Secret: "other tenant", Tenant: "acme/staging"},
			Token{Secret: "not entitled", Tenant: "acme/none"})
		c.Entitled = func(tenant store.Tenant) bool { return tenant != "acme/none" }
	})
	s.world()
	for _, c := range []struct {
		name          string
		authorization []string
		status        int
		code          string
	}{
		{"no token", nil, 401, CodeInvalidToken},
		{"empty", []string{"Bearer "}, 401, CodeInvalidToken},
		{"scheme alone", []string{"Bearer"}, 401, CodeInvalidToken},
		{"unknown", []string{"Bearer nobody"}, 401, CodeInvalidToken},
		{"prefix", []string{"Bearer a secre"}, 401, CodeInvalidToken},
		{"other scheme", []string{"Basic " + secret}, 401, CodeInvalidToken},
		{"twice", []string{"Bearer " + secret, "Bearer " + secret}, 401, CodeInvalidToken},
		{"right", []string{"Bearer " + secret}, 200, ""},
		{"scheme in lower case", []string{"bearer " + secret}, 200, ""},
		{"reader", []string{"Bearer reader"}, 200, ""},
		{"other tenant", []string{"Bearer other tenant"}, 404, CodeExperimentNotFound},
		{"not entitled", []string{"Bearer not entitled"}, 403, CodeNotEntitled},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.request("GET", "experiments/{experiment}", "")
			r.Header["Authorization"] = c.authorization
			got := s.send(r)
			if got.status != c.status || got.code() != c.code {
				t.Errorf("got %d %s", got.status, got.text)
			}
			if (got.header.Get("WWW-Authenticate") != "") != (c.status == 401) {
				t.Errorf("WWW-Authenticate is %q", got.header.Get("WWW-Authenticate"))
			}
		})
	}
}

// Each operation needs the scope that its verb stands for, and no other one.
func TestScopes(t *testing.T) {
	needs := map[string]Scope{"get": ScopeRead, "validate": ScopeRead, "create": ScopeCreate, "update": ScopeUpdate, "advance": ScopeUpdate, "delete": ScopeDelete}
	var tokens []Token
	for _, scope := range Scopes {
		tokens = append(tokens, Token{Secret: string(scope), Scopes: []Scope{scope}})
	}
	s := newSite(t, func(c *Config) { c.Tokens = append(tokens, c.Tokens...) })
	operations := 0
	for pattern, route := range s.api.routes {
		for method, operation := range route.operations {
			operations++
			if operation.scope == public {
				continue
			}
			verb, _, _ := strings.Cut(operation.id, "_")
			for _, scope := range Scopes {
				r := s.request(method, strings.NewReplacer(Prefix, "", "{id}", "exp_1", "{vid}", "var_1").Replace(pattern), "")
				r.Header.Set("Authorization", "Bearer "+string(scope))
				got := s.send(r)
				if refused := got.code() == CodeInsufficientScope; refused == (scope == needs[verb]) {
					t.Errorf("%s with %s: got %d %s", operation.id, scope, got.status, got.text)
				} else if want := "Insufficient scope; expected any of: " + string(needs[verb]) + "."; refused && got.message() != want {
					t.Errorf("the message is %q, want %q", got.message(), want)
				}
			}
		}
	}
	if operations != 29 {
		t.Errorf("there are %d operations, want 29", operations)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		want   string
	}{
		{"no store", Config{Tokens: []Token{{Secret: "x"}}}, "a store is needed"},
		{"negative", Config{Store: &failing{}, Tokens: []Token{{Secret: "x"}}, Rate: -1}, "limits must not be negative"},
		{"no token", Config{Store: &failing{}}, "at least one token or client is needed"},
		{"empty secret", Config{Store: &failing{}, Tokens: []Token{{Name: "x"}}}, "token 1: the secret is empty"},
		{"same secret", Config{Store: &failing{}, Tokens: []Token{{Secret: "x"}, {Secret: "x", Tenant: "a/b"}}}, "tokens 1 and 2 have the same secret"},
		{"tenant", Config{Store: &failing{}, Tokens: []Token{{Secret: "x", Tenant: "acme"}}}, "must be project/environment"},
		{"scope", Config{Store: &failing{}, Tokens: []Token{{Secret: "x", Scopes: []Scope{"read"}}}}, `there is no scope "read"`},
	} {
		if _, err := New(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	if scope, err := ParseScope("read:experimentation"); err != nil || scope != ScopeRead {
		t.Errorf("got %v %v", scope, err)
	}
	if _, err := ParseScope("write"); err == nil {
		t.Error("got no error")
	}
}

func TestRateLimit(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.Rate, c.Burst = 2, 3
		c.Tokens = append(c.Tokens, Token{Secret: "other"})
	})
	ask := func(token string, status int, remaining string) reply {
		t.Helper()
		r := s.request("GET", "experiments", "")
		r.Header.Set("Authorization", "Bearer "+token)
		got := s.send(r)
		if got.status != status || got.header.Get("X-RateLimit-Remaining") != remaining || got.header.Get("X-RateLimit-Limit") != "3" {
			t.Errorf("got %d with %v", got.status, got.header)
		}
		return got
	}
	first := ask(secret, 200, "2")
	if got, want := first.header.Get("X-RateLimit-Reset"), strconv.FormatInt(s.clock.now.Unix()+1, 10); got != want {
		t.Errorf("the reset is %s, want %s", got, want)
	}
	ask(secret, 200, "1")
	ask(secret, 200, "0")
	if got := ask(secret, 429, "0"); got.code() != CodeTooManyRequests || got.header.Get("Retry-After") != "1" {
		t.Errorf("got %s with %v", got.text, got.header)
	}
	ask("other", 200, "2") // has a quota of its own
	for range 3 {
		r := s.request("GET", "experiments", "")
		r.Header.Set("Authorization", "Bearer nobody")
		s.send(r)
	}
	ask("nobody", 429, "0")
	s.clock.advance(time.Second)
	ask(secret, 200, "1")
	ask("other", 200, "2")
}

// Everything below the API's paths is its own, whether there is a route or not;
// what others have is not.
func TestHandles(t *testing.T) {
	s := newSite(t, nil)
	const route, none, dialect, foreign = 401, 404, -404, 0
	for path, want := range map[string]int{
		"/api/v2/experimentation/experiments":                                    route,
		"/api/v2/experimentation/experiments/exp_1":                              route,
		"/api/v2/experimentation/experiments/a/b":                                none,
		"/api/v2/experimentation/experiments/exp_1/status":                       route,
		"/api/v2/experimentation/feature-flags/flg_1/variations/var_1":           route,
		"/api/v2/experimentation/experiments/":                                   none,
		"/api/v2/experimentation/experiments/exp_1/":                             none,
		"/api/v2/experimentation/experiments/exp_1/stop":                         none,
		"/api/v2/experimentation//experiments":                                   none,
		"/api/v2/experimentation/x/../experiments":                               none,
		"/api/v2/experimentation/../users":                                       none,
		"/api/v2/users/../experimentation/experiments":                           none,
		"//api/v2/experimentation/experiments":                                   none,
		"/api/v2/experimentation":                                                none,
		"/api/v2/experimentation/":                                               none,
		"/api/v2/experimentation/../projects/p":                                  none,
		"/api/v2/experimentation/events":                                         route,
		"/api/v2/experimentation/log-stream":                                     route,
		"/api/v2/experimentation/experiments/exp_1/results":                      route,
		"/api/v2/experimentation/segments/seg_1/status":                          none,
		"/api/v2/experimentation/feature-flags/flg_1/variations/var_1/overrides": none,
		"/api/v2/projects/p/nothing":                                             dialect,
		"/api/v2/metrics/p/m/":                                                   dialect,
		"/api/v2/flags":                                                          dialect,
		"/api/v2/experimentations":                                               foreign,
		"/api/v2/experimentation-x/experiments":                                  foreign,
		"/api/v2/projectsx":                                                      foreign,
		"/api/v2/users":                                                          foreign,
		"/oauth/token":                                                           foreign, // there are no clients
		"/":                                                                      foreign,
	} {
		for _, method := range []string{"GET", "PUT", "OPTIONS", "HEAD", "DELETE", "POST"} {
			r := s.request(method, "experiments", "")
			r.URL = &url.URL{Path: path}
			r.Header.Del("Authorization")
			if got := s.api.Handles(r); got != (want != foreign) {
				t.Errorf("%s %s: got %v", method, path, got)
				continue
			}
			w := httptest.NewRecorder()
			s.api.ServeHTTP(w, r)
			got := reply{w.Code, w.Header(), w.Body.Bytes()}
			switch want {
			case dialect:
				if got.status != none || got.field("code") != "not_found" || got.header.Get("Content-Type") == "" {
					t.Errorf("%s %s: got %d %s", method, path, got.status, got.text)
				}
			case none, foreign:
				if got.status != none || got.code() != CodeRouteNotFound || got.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s: got %d %s", method, path, got.status, got.text)
				}
			case route:
				if got.status != route || got.code() != CodeInvalidToken {
					t.Errorf("%s %s: got %d %s", method, path, got.status, got.text)
				}
			}
		}
	}
}

// Who has a slash too many is told so.
func TestSlashTooMany(t *testing.T) {
	s := newSite(t, nil).world()
	for path, want := range map[string]bool{
		"experiments/{experiment}/status/": true, "experiments/{experiment}/": true, "/experiments": true,
		"experiments/{experiment}/stop": false, "nothing/": false, "": false,
	} {
		got := s.refused(404, CodeRouteNotFound, "POST", path, "")
		if told := strings.Contains(got.message(), "slash"); told != want {
			t.Errorf("%s: the message is %q", path, got.message())
		}
	}
}

func TestMethods(t *testing.T) {
	s := newSite(t, nil).world()
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "experiments", "GET, POST, HEAD"},
		{"OPTIONS", "experiments/{experiment}", "DELETE, GET, PATCH, HEAD"},
		{"GET", "experiments/{experiment}/status", "POST"},
		{"BREW", "segments", "GET, POST, HEAD"},
	} {
		if got := s.refused(405, CodeMethodNotAllowed, c.method, c.path, ""); got.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: Allow is %q, want %q", c.method, c.path, got.header.Get("Allow"), c.allow)
		}
	}
	if got := s.do("HEAD", "experiments/{experiment}", ""); got.status != 200 || got.header.Get("ETag") == "" {
		t.Errorf("HEAD: got %d", got.status)
	}
}
