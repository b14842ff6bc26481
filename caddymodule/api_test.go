package caddymodule_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// call sends a request to the management API of an edge and decodes the answer.
func (e *edge) call(method, path, token, body string) (int, map[string]any) {
	e.t.Helper()
	request, err := http.NewRequest(method, e.URL+"/api/v2/experimentation"+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response := e.Do(request, nil)
	text, _ := io.ReadAll(response.Body)
	var answer map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			e.t.Fatalf("%s %s answered %s: %s", method, path, response.Status, text)
		}
	}
	return response.StatusCode, answer
}

// made calls and gives the id of what was made.
func (e *edge) made(path, body string) string {
	e.t.Helper()
	status, answer := e.call(http.MethodPost, path, "ci-secret", body)
	if status != http.StatusCreated {
		e.t.Fatalf("POST %s answered %d %v", path, status, answer)
	}
	return answer["id"].(string)
}

const apiSetup = `experiments_api {
		token ci-secret {
			name ci
		}
		token reader-secret read:experimentation {
			name reader
		}
		token other-secret {
			tenant other/production
		}
	}`

// Whatever is changed over the API decides the very next request.
func TestAPIChangesWhatTheEdgeDoes(t *testing.T) {
	e := startEdge(t, setup{Before: apiSetup})
	flag := e.made("/feature-flags", `{"name": "screen", "parameters": {"passkey": {"type": "boolean", "value": false}}}`)
	control := e.made("/feature-flags/"+flag+"/variations", `{"name": "control", "overrides": {}}`)
	treatment := e.made("/feature-flags/"+flag+"/variations", `{"name": "treatment", "overrides": {"passkey": {"value": true}}}`)
	if status, answer := e.call(http.MethodPost, "/feature-flags/"+flag+"/status", "ci-secret", `{"status": "active"}`); status != http.StatusOK {
		t.Fatalf("activating the flag answered %d %v", status, answer)
	}
	experiment := e.made("/experiments", `{"name": "passkeys", "feature_flag_id": "`+flag+`", "authentication_flow": "pre_authentication",
		"allocation_strategy": "percentage", "assignment_config": {"subject": "device"}, "allocations": [
		{"variation_id": "`+control+`", "weight": 0, "is_control": true}, {"variation_id": "`+treatment+`", "weight": 100, "is_control": false}]}`)
	steps := []struct {
		status string
		want   any
	}{{"active", treatment}, {"paused", nil}, {"active", treatment}, {"completed", nil}}
	for _, step := range steps {
		if status, answer := e.call(http.MethodPost, "/experiments/"+experiment+"/status", "ci-secret", `{"status": "`+step.status+`"}`); status != http.StatusOK {
			t.Fatalf("%s answered %d %v", step.status, status, answer)
		}
		e.Get("/authorize", nil)
		var got any
		if config := e.Provider.Last(t).Config(t); config != nil {
			got = config["variation_id"]
		}
		if got != step.want {
			t.Errorf("%s: the next device got %v, want %v", step.status, got, step.want)
		}
	}
	lines := e.LogLines("caddy.log", 9, "experiment_configuration_changed")
	last := lines[len(lines)-1]
	if last["token"] != "ci" || last["operation"] != "update_experiment_status" || last["entity_id"] != experiment ||
		last["revision_after"] != last["revision_before"].(float64)+1 || last["client_address"] != "127.0.0.1" {
		t.Errorf("the audit says %v", last)
	}
}

func TestAPIRefuses(t *testing.T) {
	e := startEdge(t, setup{App: "tenants default/*", Before: apiSetup})
	tests := []struct {
		name, token, method, path, body string
		status                          int
		code                            string
	}{
		{"no token", "", http.MethodGet, "/experiments", "", 401, ""},
		{"an unknown token", "ci-secretx", http.MethodGet, "/experiments", "", 401, ""},
		{"a token without the scope", "reader-secret", http.MethodPost, "/segments", `{}`, 403, ""},
		{"a tenant that is not entitled", "other-secret", http.MethodGet, "/experiments", "", 403, "feature_not_entitled"},
		{"what is not there", "ci-secret", http.MethodGet, "/experiments/exp_1", "", 404, "experiment_not_found"},
		{"a broken body", "ci-secret", http.MethodPost, "/segments", `{`, 400, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, answer := e.call(test.method, test.path, test.token, test.body)
			if status != test.status || (test.code != "" && answer["errorCode"] != test.code) {
				t.Errorf("answered %d %v", status, answer)
			}
		})
	}
	if status, _ := e.call(http.MethodGet, "/experiments", "reader-secret", ""); status != http.StatusOK {
		t.Errorf("reading with the scope for it answered %d", status)
	}
}

// The provider may have an API of its own beside ours, but nothing below ours.
func TestAPIPassesOnWhatIsNotIts(t *testing.T) {
	e := startEdge(t, setup{Before: apiSetup})
	for _, path := range []string{"/api/v2/users", "/api/v2/experimentations", "/oauth/token", "/api/v2"} {
		before := e.Provider.Count()
		e.Get(path, nil)
		if e.Provider.Count() != before+1 || e.Provider.Last(t).URL.Path != path {
			t.Errorf("%s did not reach the provider", path)
		}
	}
	before := e.Provider.Count()
	for _, path := range []string{"", "/", "/unknown", "/experiments/", "/experiments/exp_1/advance"} {
		if status, answer := e.call(http.MethodPost, path, "ci-secret", "{}"); status != http.StatusNotFound || answer["errorCode"] != "route_not_found" {
			t.Errorf("%q answered %d %v", path, status, answer)
		}
	}
	if e.Provider.Count() != before {
		t.Error("a path of ours reached the provider")
	}
}
