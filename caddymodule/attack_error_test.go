package caddymodule_test

import (
	"fmt"
	"testing"
)

// Caddy runs other routes for a request that has failed. What the client said in
// our name must not come back there.
func TestNoClientSpeaksForTheEdgeInErrorRoutes(t *testing.T) {
	backup := newProvider(t, nil)
	dead := freePort(t)
	tests := []struct{ name, before string }{
		{"a provider that is down", fmt.Sprintf("reverse_proxy 127.0.0.1:%d\nhandle_errors {\nreverse_proxy %s\n}", dead, backup.Address())},
		{"a provider that is down, and the directive again", fmt.Sprintf("reverse_proxy 127.0.0.1:%d\nhandle_errors {\nexperiments\nreverse_proxy %s\n}", dead, backup.Address())},
		{"a later error", fmt.Sprintf("error 503\nhandle_errors {\nreverse_proxy %s\n}", backup.Address())},
		// Refused before the site's own experiments are reached: the error routes
		// need theirs.
		{"an earlier error", fmt.Sprintf("basic_auth {\nbob $2a$04$AAAAAAAAAAAAAAAAAAAAAOZHJwiQ7fNfY3B0xO6wxk2jv0o2yXK6e\n}\nhandle_errors {\nexperiments\nreverse_proxy %s\n}", backup.Address())},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Before: test.before})
			for _, path := range []string{"/authorize", "/login"} {
				for _, attack := range attacks {
					before := backup.Count()
					e.Raw(e.port, fmt.Sprintf("GET "+path+" HTTP/1.1\r\nHost: idp\r\n%s\r\n", attack.lines), false)
					received := backup.Since(before)
					if len(received) != 1 {
						t.Fatalf("%s %s: %d requests arrived by the error route", path, attack.name, len(received))
					}
					decided := path == "/authorize"
					if decided && len(received[0].Header["X-Experiment-Config"]) != 1 {
						t.Errorf("%s %s: no decision arrived", path, attack.name)
					}
					if what := forged(received[0], decided); what != "" {
						t.Errorf("%s %s: the provider received %s", path, attack.name, what)
					}
				}
			}
		})
	}
}
