package caddymodule_test

import (
	"strings"
	"testing"
)

// A value that servers behind us would refuse is left out: a login without
// experiment is better than none.
func TestHeaderBudget(t *testing.T) {
	tests := []struct {
		name, app string
		filler    int
		given     bool
	}{
		{"within", "", 7000, true},
		{"over", "", 8000, false},
		{"over one that is configured", "header_budget 200", 300, false},
		{"within one that is configured", "header_budget 12000", 9000, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := replaced(t, split, `"value": "Sign in"`, `"value": "`+strings.Repeat("x", test.filler)+`"`)
			e := startEdge(t, setup{Store: map[string]string{"default/production": document}, App: test.app, Before: seen})
			response := e.Get("/authorize", nil)
			r := e.Provider.Last(t)
			if given := r.Config(t) != nil; given != test.given || response.StatusCode != 200 {
				t.Errorf("given %t, answered %d", given, response.StatusCode)
			}
			if test.given {
				return
			}
			if set := setCookies(response); len(set) != 0 || r.Header.Get("X-Seen") != "/" {
				t.Errorf("decided %q and set %v", r.Header.Get("X-Seen"), set)
			}
			line := e.LogLines("caddy.log", 1, "experiment_header_too_large")[0]
			if line["level"] != "warn" || line["experiment_id"] != "exp_Sp1it" || line["size"].(float64) <= line["budget"].(float64) || strings.Contains(line["msg"].(string), "xxx") {
				t.Errorf("warned %v", line)
			}
		})
	}
}

// A value within the budget is left out too if the request would be too large
// with it, and the command that explains decisions says so.
func TestHeaderBudgetOfTheWholeRequest(t *testing.T) {
	tests := []struct {
		name, app     string
		filler, query int
		given         bool
	}{
		{"small and large", "", 200, 15_000, true},
		{"large and small", "", 7000, 8000, true},
		{"both large", "", 7000, 9500, false},
		{"both large, for a provider that takes more", "header_budget 12000", 7000, 9500, true},
		{"too large for that one, too", "header_budget 12000", 11_000, 9500, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := replaced(t, split, `"value": "Sign in"`, `"value": "`+strings.Repeat("x", test.filler)+`"`)
			e := startEdge(t, setup{Store: map[string]string{"default/production": document}, App: test.app})
			path := "/authorize?state=" + strings.Repeat("s", test.query)
			response := e.Get(path, nil)
			if given := e.Provider.Last(t).Config(t) != nil; given != test.given || response.StatusCode != 200 || len(setCookies(response)) == 0 == given {
				t.Errorf("given %t, answered %d with %d cookies", given, response.StatusCode, len(setCookies(response)))
			}
			if _, explained, _ := e.Decide(map[string]any{"url": path}); (explained.Decision != nil) != test.given {
				t.Errorf("the explanation warns of %v", explained.Warnings)
			}
			if !test.given {
				line := e.LogLines("caddy.log", 1, "experiment_header_too_large")[0]
				if line["size"].(float64) <= line["budget"].(float64) || line["size"].(float64) > float64(test.filler+test.query+1000) {
					t.Errorf("warned of a size of %v and a budget of %v", line["size"], line["budget"])
				}
			}
		})
	}
}
