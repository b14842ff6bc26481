package caddymodule_test

import (
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"
)

// A decision lasts from when it was made, whatever happens in between.
func TestCarryIsNotRenewedByUse(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Site: "sticky 3s", Before: seen})
	jar, _ := cookiejar.New(nil)
	made := time.Now()
	first := setCookies(e.Get("/authorize", jar))["experiment_carry"]
	sources := map[string]bool{}
	for time.Since(made) < 1500*time.Millisecond {
		for _, path := range []string{"/authorize", "/login"} {
			response := e.Get(path, jar)
			if got := setCookies(response); len(got) != 0 {
				t.Fatalf("%s set %v although a decision is carried", path, got)
			}
			sources[e.Provider.Last(t).Header.Get("X-Seen")] = true
		}
		time.Sleep(200 * time.Millisecond)
	}
	if len(sources) != 1 || !sources["carried/"] {
		t.Errorf("sources %v while the decision is carried", sources)
	}
	// A client that keeps the cookie for longer than it is told gains nothing.
	time.Sleep(time.Until(made.Add(3100 * time.Millisecond)))
	e.Get("/login", nil, "Cookie", first.String())
	if got := e.Provider.Last(t).Config(t); got != nil {
		t.Errorf("after its time it still got %v", got)
	}
	renewed := setCookies(e.Get("/authorize", jar))
	if renewed["experiment_carry"] == nil || e.Provider.Last(t).Header.Get("X-Seen") != "bucket/" {
		t.Errorf("the next login was not decided anew: %v", renewed)
	}
}

// Requests whose answer nobody looks at must not assign, and be given what the
// device carries all the same.
func TestOnlyVisibleRequestsAssign(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Before: seen})
	tests := []struct {
		name, method, path string
		header             [2]string
		assigns            bool
	}{
		{"GET", "GET", "/authorize", [2]string{}, true},
		{"POST", "POST", "/authorize", [2]string{}, true},
		{"other prompt", "GET", "/authorize?prompt=login", [2]string{}, true},
		{"other purpose", "GET", "/authorize", [2]string{"Purpose", "preview"}, true},
		{"HEAD", "HEAD", "/authorize", [2]string{}, false},
		{"OPTIONS", "OPTIONS", "/authorize", [2]string{}, false},
		{"PUT", "PUT", "/authorize", [2]string{}, false},
		{"prompt=none", "GET", "/authorize?prompt=none", [2]string{}, false},
		{"prompt=none encoded", "GET", "/authorize?pr%6fmpt=n%6fne", [2]string{}, false},
		{"Sec-Purpose", "GET", "/authorize", [2]string{"Sec-Purpose", "prefetch"}, false},
		{"Sec-Purpose of a prerender", "GET", "/authorize", [2]string{"Sec-Purpose", "prefetch;prerender"}, false},
		{"Purpose", "GET", "/authorize", [2]string{"Purpose", "prefetch"}, false},
		{"X-Moz", "GET", "/authorize", [2]string{"X-Moz", "prefetch"}, false},
		{"another path", "GET", "/login", [2]string{}, false},
		{"below the path", "GET", "/authorize/resume", [2]string{}, false},
		{"the path with a slash", "GET", "/authorize/", [2]string{}, false},
		{"the path in capitals", "GET", "/AUTHORIZE", [2]string{}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ask := func(jar http.CookieJar, query string) *http.Response {
				request, _ := http.NewRequest(test.method, e.URL+test.path+query, nil)
				if test.header[0] != "" {
					request.Header.Set(test.header[0], test.header[1])
				}
				return e.Do(request, jar)
			}
			response := ask(nil, "")
			assigned := e.Provider.Last(t).Config(t) != nil
			if assigned != test.assigns || len(setCookies(response)) != map[bool]int{true: 2}[assigned] {
				t.Errorf("assigned %t and set %v", assigned, response.Header["Set-Cookie"])
			}
			jar, _ := cookiejar.New(nil)
			e.Get("/authorize", jar)
			want := e.Provider.Last(t).Config(t)["variation_id"]
			response = ask(jar, "")
			r := e.Provider.Last(t)
			if got := r.Config(t)["variation_id"]; got != want || r.Header.Get("X-Seen") != "carried/" {
				t.Errorf("with a decision to carry it got %v by %s, want %v", got, r.Header.Get("X-Seen"), want)
			}
			if len(setCookies(response)) != 0 {
				t.Errorf("with a decision to carry it set %v", response.Header["Set-Cookie"])
			}
		})
	}
}

// Pausing and completing stop new assignments and leave alone what devices
// carry; what is gone is carried no more.
func TestCarryOutlivesPausing(t *testing.T) {
	without := func(t testing.TB, variation string) string {
		return replaced(t, split, `{"id": "`+variation+`", "name": "passkey", "overrides": {"passkey": {"value": true}}},`, "")
	}
	tests := []struct {
		name     string
		document func(testing.TB) string
		served   string // of what the device carries
		next     string // at the next login
	}{
		{"paused", func(t testing.TB) string { return withStatus(t, split, "paused") }, "carried/", "carried/"},
		{"completed", func(t testing.TB) string { return withStatus(t, split, "completed") }, "carried/", "carried/"},
		{"archived", func(t testing.TB) string { return withStatus(t, split, "archived") }, "/", "/"},
		{"gone", func(testing.TB) string { return `{"feature_flags": [], "segments": [], "experiments": []}` }, "/", "/"},
		{"another", func(testing.TB) string { return several }, "/", "bucket/"},
		{"changed", func(t testing.TB) string { return replaced(t, split, `"value": "Sign in"`, `"value": "Log in"`) }, "carried/", "carried/"},
		{"without its variation", func(t testing.TB) string {
			return strings.NewReplacer(`{"variation_id": "var_Base", "weight": 50`, `{"variation_id": "var_Base", "weight": 100`,
				",\n\t\t\t"+`{"variation_id": "var_Passkey", "weight": 50, "is_control": false}`, "").Replace(without(t, "var_Passkey"))
		}, "/", "bucket/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Before: seen})
			jar, _ := cookiejar.New(nil)
			for source := ""; source != "bucket/var_Passkey"; {
				jar, _ = cookiejar.New(nil)
				e.Get("/authorize", jar)
				r := e.Provider.Last(t)
				source = r.Header.Get("X-Seen") + r.Config(t)["variation_id"].(string)
			}
			e.WriteDocument("default/production", test.document(t))
			e.Eventually(func() bool {
				tenants := e.Status()["tenants"].([]any)
				return tenants[0].(map[string]any)["revision"] == 2.
			}, "the changed document should be applied")

			response := e.Get("/login", jar)
			if got := e.Provider.Last(t).Header.Get("X-Seen"); got != test.served || len(setCookies(response)) != 0 {
				t.Errorf("another page got %q and set %v, want %q", got, setCookies(response), test.served)
			}
			e.Get("/authorize", jar)
			if got := e.Provider.Last(t).Header.Get("X-Seen"); got != test.next {
				t.Errorf("the next login got %q, want %q", got, test.next)
			}
			if got := carries(e, jar); got != (test.next != "/") {
				t.Errorf("the browser carries a decision: %t", got)
			}
			if config := e.Provider.Last(t).Config(t); test.name == "changed" && config["config"].(map[string]any)["headline"].(map[string]any)["value"] != "Log in" {
				t.Errorf("carried with the old configuration: %v", config)
			}
			e.Get("/authorize", nil)
			fresh := e.Provider.Last(t).Header.Get("X-Seen")
			if want := map[bool]string{true: "bucket/", false: "/"}[test.next == "bucket/" || test.name == "changed"]; fresh != want {
				t.Errorf("a new device got %q, want %q", fresh, want)
			}
		})
	}
}
