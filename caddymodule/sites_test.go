package caddymodule_test

import (
	"fmt"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// Sites share the app and nothing else: what one is told must not show in the
// other.
func TestTwoSitesInOneConfiguration(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split, "acme/staging": audience}})
	text := strings.NewReplacer(
		"{dir}", e.Dir, "{key}", testKey, "{provider}", e.Provider.Address(),
		"{admin}", fmt.Sprintf("127.0.0.1:%d", e.adminPort), "{port}", fmt.Sprint(e.port),
	).Replace(`{
	admin {admin}
	auto_https off
	experiments {
		store file {dir}/experiments
		signing_key {key}
	}
}
http://one.test:{port} {
	bind 127.0.0.1
	experiments {
		overrides off
	}
	reverse_proxy {provider}
}
http://two.test:{port} {
	bind 127.0.0.1
	experiments {
		tenant acme/staging
		authorize_path /start
		header X-Screen
	}
	reverse_proxy {provider}
}
`)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		host, path       string
		header, contains string // the one header of ours, and what it holds
	}{
		{"one.test", "/authorize", "X-Experiment-Config", "exp_Sp1it"},
		{"one.test", "/authorize?experiment_id=exp_Sp1it&variation_id=var_Spare", "X-Experiment-Config", "exp_Sp1it"},
		{"one.test", "/start", "", ""},
		{"two.test", "/start", "X-Screen", "exp_Audience"},
		{"two.test", "/start?experiment_id=exp_Audience&variation_id=var_Nordic", "X-Screen", "var_Nordic"},
		{"two.test", "/authorize", "", ""},
	}
	for _, test := range tests {
		t.Run(test.host+test.path, func(t *testing.T) {
			e.Get(test.path, nil, "Host", test.host, "X-Screen", "forged", "X-Experiment-Config", "forged")
			got := e.Provider.Last(t).Header
			for _, header := range []string{"X-Experiment-Config", "X-Screen"} {
				value := got.Get(header)
				switch {
				case header == test.header && !strings.Contains(value, test.contains):
					t.Errorf("%s is %q, it should have %s", header, value, test.contains)
				case header != test.header && header == "X-Screen" && test.host == "one.test":
					// Of no meaning at this site, so it is passed on.
				case header != test.header && value != "":
					t.Errorf("%s is %q, it should not be there", header, value)
				}
			}
			if strings.Contains(got.Get("X-Experiment-Config"), "var_Spare") {
				t.Error("an override is followed where overrides are off")
			}
		})
	}
	if tenants := e.retriedStatus()["tenants"].([]any); len(tenants) != 2 {
		t.Errorf("the status has the tenants %v", tenants)
	}

	// A decision carried from one tenant means nothing to the other.
	jar, _ := cookiejar.New(nil)
	e.Get("/authorize", jar, "Host", "one.test")
	e.Get("/page", jar, "Host", "two.test")
	if value := e.Provider.Last(t).Header.Get("X-Screen"); value != "" {
		t.Errorf("the other site received %q", value)
	}
}
