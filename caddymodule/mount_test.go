package caddymodule_test

import (
	"fmt"
	"strings"
	"testing"
)

// A site is found wherever Caddy's own routing has put it.
func TestDoctorFindsSites(t *testing.T) {
	tests := []struct {
		name, sites string
		want        string // words of the finding on sites, separated by |
		conditional bool
	}{
		{"plain", "http://a.localhost:{port} {\nexperiments\n}", "http://a.localhost:{port}", false},
		{"several hosts", "http://a.localhost:{port}, http://b.localhost:{port} {\nexperiments\n}", "http://a.localhost:{port}|a.localhost, b.localhost", false},
		{"any host", "http://:{port} {\nexperiments\n}", "http://localhost:{port}", false},
		{"bound", "http://:{port} {\nbind 127.0.0.1\nexperiments\n}", "http://127.0.0.1:{port}", false},
		{"in a handle", "http://a.localhost:{port} {\nhandle {\nroute {\nexperiments\n}\n}\n}", "http://a.localhost:{port}", false},
		{"in a handle of a path", "http://a.localhost:{port} {\nhandle /authorize {\nexperiments\n}\n}", "http://a.localhost:{port}", true},
		{"with a matcher", "http://a.localhost:{port} {\nexperiments /authorize\n}", "http://a.localhost:{port}", true},
		{"in a named route", "&(login) {\nexperiments\n}\nhttp://a.localhost:{port} {\ninvoke login\n}", "http://a.localhost:{port}", false},
		{"over TLS", "https://a.localhost:{port} {\ntls internal\nexperiments\n}", "https://a.localhost:{port}", false},
		{"of another tenant too", "http://a.localhost:{port} {\nexperiments {\ntenant acme/test\n}\n}\nhttp://b.localhost:{port} {\nexperiments\n}", "on http://b.localhost:{port}", false},
	}
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e.t = t
			e.LoadText("skip_install_trust", "", test.sites)
			d := e.Diagnose("default/production", "exp_Sp1it")
			expect(t, d, "traffic", "sites", "ok", strings.ReplaceAll(test.want, "{port}", fmt.Sprint(e.port)))
			conditional := false
			for _, c := range d.Checks {
				conditional = conditional || c.ID == "matcher"
			}
			if conditional != test.conditional {
				t.Errorf("it stands behind a matcher: %t", conditional)
			}
		})
	}
}
