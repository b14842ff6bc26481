package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// Caddy's admin API needs no token. A page that a browser on the same machine
// shows must reach none of our routes there, whatever name it gives the machine.
func TestAdminRoutesAreForNoWebPage(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	before := e.revision()
	address := strings.TrimPrefix(e.Admin, "http://")
	routes := []struct{ method, path, body string }{
		{"GET", "/experiments/status", ""},
		{"POST", "/experiments/token", `{"experiment_id": "exp_Sp1it"}`},
		{"GET", "/experiments/diagnosis?experiment=exp_Sp1it", ""},
		{"POST", "/experiments/decide", `{"url": "/authorize"}`},
		{"GET", "/experiments/document", ""},
		{"PUT", "/experiments/document", "{}"},
	}
	pages := []struct{ name, host, lines string }{
		{"a page of another site", address, "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n"},
		{"a form of another site", address, "Origin: https://evil.example\r\nContent-Type: text/plain\r\n"},
		{"a page of no site", address, "Origin: null\r\nSec-Fetch-Mode: no-cors\r\n"},
		{"a name that now leads here", "evil.example:2019", ""},
		{"a name that now leads here, of one site", "evil.example", "Origin: http://evil.example\r\nSec-Fetch-Site: same-origin\r\n"},
	}
	for _, route := range routes {
		for _, page := range pages {
			x := e.Raw(e.adminPort, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n%s", route.method, route.path, page.host, page.lines, len(route.body), route.body), false)
			if x.Status != http.StatusForbidden && x.Status != http.StatusBadRequest || strings.Contains(string(x.Body), "exp_") {
				t.Errorf("%s: %s %s answered %d", page.name, route.method, route.path, x.Status)
			}
		}
		x := e.Raw(e.adminPort, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", route.method, route.path, address, len(route.body), route.body), false)
		if x.Status != http.StatusOK {
			t.Errorf("without a page: %s %s answered %d", route.method, route.path, x.Status)
		}
	}
	if got := e.revision(); got != before+1 { // by the last of them, which was no page
		t.Errorf("the revision is %v, was %v", got, before)
	}
}

// The example that people start from listens to nobody else with anything that
// changes the configuration.
func TestExampleManagesOnLoopbackOnly(t *testing.T) {
	text, err := os.ReadFile("../caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": "caddyfile.example"})
	if err != nil {
		t.Fatal(err)
	}
	var adapted struct {
		Admin *struct{ Listen string }
		Apps  struct {
			HTTP struct {
				Servers map[string]struct {
					Listen []string
					Routes any
				}
			}
		}
	}
	if err := json.Unmarshal(config, &adapted); err != nil {
		t.Fatal(err)
	}
	if adapted.Admin != nil && !loopback(adapted.Admin.Listen) {
		t.Errorf("the admin API listens at %s", adapted.Admin.Listen)
	}
	managing := 0
	for name, server := range adapted.Apps.HTTP.Servers {
		if !strings.Contains(fmt.Sprint(server.Routes), "experiments_api") {
			continue
		}
		managing++
		for _, address := range server.Listen {
			if !loopback(address) {
				t.Errorf("%s has the management API and listens at %s", name, address)
			}
		}
	}
	if managing != 1 {
		t.Errorf("%d servers have the management API", managing)
	}
}

func loopback(address string) bool {
	for _, prefix := range []string{"127.", "[::1]", "localhost:", "unix/", "tcp/127.", "tcp/[::1]"} {
		if strings.HasPrefix(address, prefix) {
			return true
		}
	}
	return false
}

// Without a token there is no management API, rather than an open one.
func TestAPIWithoutTokensIsRefused(t *testing.T) {
	e := startEdge(t, setup{})
	for _, api := range []string{"experiments_api", "experiments_api {\n}", "experiments_api {\ntoken \"\"\n}", "experiments_api {\ntoken {env.EXPERIMENTS_TEST_UNSET}\n}"} {
		if err := e.Load(setup{Before: api}); err == nil || !strings.Contains(err.Error(), "token") {
			t.Errorf("%q is loaded with the error %v", api, err)
		}
	}
}
