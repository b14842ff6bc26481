package logins

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// An application on another site posts the authorization request, as OpenID
// lets it. The browser of a returning device is the same device.
func TestPostFromAnotherSite(t *testing.T) {
	needNode(t)
	var p provided
	edge := startFront(t, setup{experiments: true, encrypted: true}, p.start)
	query := url.Values{
		"client_id": {clientID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"state"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	// At 127.0.0.1, which is another site than localhost.
	application := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<form method=%q action="%s/auth">`, r.URL.Query().Get("method"), edge.origin())
		for name := range query {
			fmt.Fprintf(w, `<input type="hidden" name=%q value=%q>`, name, query.Get(name))
		}
		fmt.Fprint(w, `</form><script>document.forms[0].submit()</script>`)
	}))
	t.Cleanup(application.Close)

	browser := startChromium(t)
	devices := map[string]bool{}
	for _, method := range []string{"get", "get", "post", "get", "post", "get"} {
		before := edge.upstream.count()
		browser.open(application.URL + "/?method=" + method)
		var shown bool
		browser.await("document.querySelector('input[name=login]') !== null", &shown)
		for _, r := range edge.upstream.since(before) {
			if device, err := (&http.Request{Header: r.Header}).Cookie("experiment_device"); err == nil {
				devices[device.Value] = true
			}
		}
	}
	if n := edge.assignments(); n != 1 || len(devices) != 1 {
		t.Errorf("one browser was %d devices with %d assignments; it does not send SameSite=Lax cookies with a form that another site posts, which must not make a new device", len(devices), n)
	}
}
