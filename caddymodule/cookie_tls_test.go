package caddymodule

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// A cookie given over TLS must not travel without.
func TestCookiesOverTLSAreSecure(t *testing.T) {
	for _, scheme := range []string{"https", "http"} {
		s := newSite(t, halves)
		_, answer, err := s.ask(httptest.NewRequest("GET", scheme+"://idp/authorize", nil))
		if err != nil {
			t.Fatal(err)
		}
		lines := answer.Header()["Set-Cookie"]
		if len(lines) != 2 {
			t.Fatalf("set %q", lines)
		}
		for _, line := range lines {
			if got := strings.HasSuffix(line, "; HttpOnly; SameSite=Lax; Secure"); got != (scheme == "https") {
				t.Errorf("over %s it set %q", scheme, line)
			}
		}
	}
}
