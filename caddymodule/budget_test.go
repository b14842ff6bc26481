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
