package caddymodule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/management"
)

// Where the edge says that a client's own header reaches the provider, it does,
// and where it says nothing, it does not.
func TestPlacement(t *testing.T) {
	tests := []struct {
		name, site string
		finding    string   // empty: nothing is wrong
		paths      []string // on which a forged header gets through, if something is
	}{
		{"alone", "experiments\nreverse_proxy {provider}", "", nil},
		{"the standard order", "reverse_proxy {provider}\nexperiments", "", nil},
		{"behind the proxy in a route", "route {\nreverse_proxy {provider}\nexperiments\n}", "stands in front of experiments and takes every request", []string{"/authorize", "/"}},
		{"behind a proxy for some in a route", "route {\nreverse_proxy /static/* {provider}\nexperiments\nreverse_proxy {provider}\n}", "stands in front of experiments and takes some requests", []string{"/static/x"}},
		{"behind another proxy for some", "route {\nreverse_proxy /static/* 127.0.0.1:9\nexperiments\nreverse_proxy {provider}\n}", "", nil},
		{"behind a matcher", "experiments /authorize\nreverse_proxy {provider}", "a matcher keeps some requests to 127.0.0.1:", []string{"/other"}},
		{"behind a named matcher", "@logins not path /static/*\nexperiments @logins\nreverse_proxy {provider}", "a matcher keeps some requests", []string{"/static/x"}},
		{"with the proxy's matcher", "@logins `path('/auth*')`\nexperiments @logins\nreverse_proxy @logins {provider}", "", nil},
		{"with a wider matcher", "experiments /auth*\nreverse_proxy /authorize {provider}", "", nil},
		{"with a narrower matcher", "experiments /authorize\nreverse_proxy /auth* {provider}", "a matcher keeps some requests", []string{"/authx"}},
		{"in a handle with the proxy", "handle /auth* {\nexperiments\nreverse_proxy {provider}\n}\nhandle {\nrespond 404\n}", "", nil},
		{"in the else with the proxy", "handle /static/* {\nrespond 404\n}\nhandle {\nexperiments\nreverse_proxy {provider}\n}", "", nil},
		{"not in the handle of others", "handle /static/* {\nreverse_proxy {provider}\n}\nhandle {\nexperiments\nreverse_proxy {provider}\n}", "stands in front of experiments and takes some requests", []string{"/static/x"}},
		{"not in the else", "handle /auth* {\nexperiments\nreverse_proxy {provider}\n}\nhandle {\nreverse_proxy {provider}\n}", "a matcher keeps some requests", []string{"/other"}},
		{"twice", "handle /auth* {\nexperiments\nreverse_proxy {provider}\n}\nhandle {\nexperiments\nreverse_proxy {provider}\n}", "", nil},
		{"behind forward_auth", "route {\nforward_auth {provider} {\nuri /check\n}\nexperiments\nreverse_proxy {provider}\n}", "", nil},
		{"behind an answer to all", "route {\nrespond 200\nexperiments\nreverse_proxy {provider}\n}", "answers every request", nil},
		{"behind an answer to some", "route {\nrespond /health 200\nexperiments\nreverse_proxy {provider}\n}", "", nil},
		{"by a named route", "invoke login", "", nil},
	}
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e.t = t
			file := fmt.Sprintf("start%d.log", i)
			e.LoadText("log {\noutput file {dir}/"+file+"\n}", "", "&(login) {\nexperiments\nreverse_proxy {provider}\n}\nhttp://:{port} {\n"+test.site+"\n}\n")
			d := e.Diagnose("default/production", "exp_Sp1it")
			var found []string
			for _, check := range d.Checks {
				if check.ID == "placement" {
					found = append(found, check.Finding)
				}
			}
			log, err := os.ReadFile(filepath.Join(e.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if warned := strings.Contains(string(log), "get around it"); warned != (test.finding != "") {
				t.Errorf("the start warns: %v", warned)
			}
			if test.finding == "" {
				if len(found) > 0 {
					t.Errorf("doctor finds %q", found)
				}
			} else {
				expect(t, d, "traffic", "placement", management.ResultProblem, test.finding)
				if !strings.Contains(string(log), test.finding) {
					t.Errorf("the start does not warn of %q", test.finding)
				}
			}
			for _, path := range []string{"/authorize", "/", "/other", "/static/x", "/authx"} {
				before := e.Provider.Count()
				e.Get(path, nil, "X-Experiment-Config", "forged")
				if e.Provider.Count() == before {
					continue
				}
				forged := e.Provider.Last(t).Header.Get("X-Experiment-Config") == "forged"
				if forged && test.finding == "" {
					t.Errorf("%s: the header reaches the provider, and the edge says nothing", path)
				}
				for _, through := range test.paths {
					if through == path && !forged {
						t.Errorf("%s: the header does not reach the provider", path)
					}
				}
			}
		})
	}
}
