package logins

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// startPage serves page.html with Auth0's SDK, and gives where.
func startPage(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "page.html") })
	mux.HandleFunc("/auth0-spa-js.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.js")
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	// Localhost, as the edge: another origin of the same site.
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/"
}

// Auth0's SDK for pages, in a real browser, over TLS: what its typed parameters
// ask for is what the provider receives.
func TestOverridesFromAPage(t *testing.T) {
	needNode(t)
	page := startPage(t)
	p := provided{more: []string{"PAGE=" + page, "AUTH0_ROUTES=yes"}}
	edge := startFront(t, setup{experiments: true, encrypted: true}, func(t testing.TB, origin string) string {
		return p.start(t, origin+"/") // which is what the SDK expects of a domain
	})
	site, err := url.Parse(edge.origin())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name      string
		overrides url.Values
		variation string // the only one that is right; empty: either
		assigned  int
	}{
		{"variation", url.Values{"experiment_id": {experiment}, "variation_id": {after}}, after, 1},
		{"control", url.Values{"experiment_id": {experiment}, "variation_id": {before}}, before, 1},
		{"experiment alone", url.Values{"experiment_id": {experiment}}, "", 1},
		{"none", url.Values{}, "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			browser := startChromium(t)
			received, assigned := edge.upstream.count(), edge.assignments()
			browser.open(page + "?domain=" + site.Host + "&" + test.overrides.Encode())
			var typedIn, agreed bool
			browser.await(`(() => {
				const login = document.querySelector('input[name=login]')
				if (!login) return false
				login.value = '`+typed["login"]+`'
				document.querySelector('input[name=password]').value = '`+typed["password"]+`'
				login.form.submit()
				return true
			})()`, &typedIn)
			browser.await(`(() => {
				const prompt = document.querySelector('input[name=prompt][value=consent]')
				if (!prompt) return false
				prompt.form.submit()
				return true
			})()`, &agreed)
			var outcome struct {
				User  struct{ Sub string }
				Error string
			}
			browser.await("window.outcome", &outcome)
			if outcome.Error != "" || outcome.User.Sub != typed["login"] {
				t.Errorf("the page says %+v", outcome)
			}
			var silently bool
			browser.await("window.silently()", &silently)

			a := attempt{received: edge.upstream.since(received), assigned: edge.assignments() - assigned}
			a.asks(t, test.overrides)
			// The page is on the same site and calls the token endpoint itself,
			// without cookies: that is the back channel.
			a.received = withoutPath(a.received, "/oauth/token", "/.well-known/openid-configuration", "/favicon.ico")
			header := a.carries(t, test.assigned, "any")
			var d decision
			if err := json.Unmarshal([]byte(header), &d); err != nil || test.variation != "" && d.VariationID != test.variation {
				t.Errorf("the provider received %s (%v)", header, err)
			}
		})
	}
}

// asks wants the first authorization request to have the parameters.
func (a attempt) asks(t *testing.T, parameters url.Values) {
	t.Helper()
	for _, r := range a.received {
		if r.path() != "/authorize" {
			continue
		}
		address, err := url.Parse(r.URI)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"experiment_id", "variation_id", "segment_id"} {
			if got := address.Query().Get(name); got != parameters.Get(name) {
				t.Errorf("the SDK sends %s=%s", name, got)
			}
		}
		return
	}
	t.Error("there was no authorization request")
}

func withoutPath(all []received, paths ...string) []received {
	return slices.DeleteFunc(all, func(r received) bool { return slices.Contains(paths, r.path()) })
}
