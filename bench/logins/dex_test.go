package logins

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// startDex starts a dex that keeps all in memory, and knows one person.
func startDex(t testing.TB, origin string) string {
	t.Helper()
	binary := need(t, "dex", builtDex)
	dir, port, telemetry := t.TempDir(), freePort(t), freePort(t)
	// The hash is that of "password".
	text := fmt.Sprintf(`
issuer: %s/dex
storage: {type: memory}
web: {http: 127.0.0.1:%d}
telemetry: {http: 127.0.0.1:%d}
logger: {level: warn}
oauth2:
  skipApprovalScreen: true
  pkce: {enforce: true}
sessions: {rememberMeCheckedByDefault: true}
staticClients:
- id: %s
  secret: %s
  name: the tests
  redirectURIs: [%q]
  postLogoutRedirectURIs: ["https://client.example/farewell"]
enablePasswordDB: true
staticPasswords:
- email: %s
  hash: "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"
  username: person
  userID: 08a8684b-db88-4b73-90a9-3cd1661f5466
  emailVerified: true
`, origin, port, telemetry, clientID, clientSecret, callback, typed["login"])
	path := filepath.Join(dir, "dex.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := run(t, dir, []string{"DEX_SESSIONS_ENABLED=true"}, binary, "serve", path)
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	p.answers(address + "/dex/.well-known/openid-configuration")
	return address
}

// The flows that dex has. It has no pushed authorization requests.
var dexFlows = []flow{
	{name: "GET", method: http.MethodGet},
	{name: "POST", method: http.MethodPost},
	{name: "9 KB parameter", method: http.MethodGet, extra: url.Values{"long": {strings.Repeat("a", 9000)}}},
	{name: "9 KB parameter in a form", method: http.MethodPost, extra: url.Values{"long": {strings.Repeat("a", 9000)}}},
	{name: "duplicate unknown parameter", method: http.MethodGet, extra: url.Values{"unknown": {"one", "two"}}},
	{name: "prompt=none cold", method: http.MethodGet, extra: url.Values{"prompt": {"none"}}},
}

func TestDex(t *testing.T) {
	edge := startFront(t, setup{experiments: true}, startDex)
	bare := startFront(t, setup{}, startDex)
	compare(t, edge, bare, "/dex", dexFlows)
}

// Dex comes back to its authorization endpoint in the middle of a login, with
// neither client_id nor anything else of the request that began it. That is
// another page of the login and no new request.
func TestDexResumes(t *testing.T) {
	edge := startFront(t, setup{experiments: true}, startDex)
	p := discover(t, edge.origin()+"/dex", &http.Client{})
	// One of both is not what the device's bucket says.
	v := newVisitor(edge.port, nil)
	for _, variation := range []string{before, after} {
		way := flow{method: http.MethodGet, extra: url.Values{"experiment_id": {experiment}, "variation_id": {variation}, "prompt": {"login"}}}
		for _, r := range edge.try(t, p, v, way).received {
			if header := r.Header.Get(configHeader); r.browsed() && !strings.Contains(header, `"`+variation+`"`) {
				t.Errorf("%s was forced, but %s %s, which resumes the login, is decided afresh: %s", variation, r.Method, r.path(), header)
			}
		}
	}
}
