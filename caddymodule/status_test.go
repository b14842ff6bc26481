package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

func TestStatus(t *testing.T) {
	healthy := map[string]any{
		"tenant": "default/production", "state": "healthy", "revision": 1.0,
		"experiments": []any{map[string]any{
			"id": "exp_Sp1it", "name": "split", "status": "active", "is_valid": true, "deciding": true,
		}},
	}
	none := []any{}
	tests := []struct {
		name     string
		document string // empty: there is none
		status   string
		tenant   map[string]any
		reason   []string // words of last_error
	}{
		{"healthy", split, "healthy", healthy, nil},
		{"no document yet", "", "healthy", map[string]any{"state": "empty", "revision": 0.0, "experiments": none},
			[]string{"default/production.json", "no document"}},
		{"no JSON", "{", "degraded", map[string]any{"state": "degraded", "revision": 0.0, "experiments": none}, nil},
		{"unknown field", replaced(t, split, `"assignment_config"`, `"assignment_conf"`), "degraded",
			map[string]any{"state": "degraded"}, []string{"experiments[0].assignment_conf"}},
		{"reference to what does not exist", replaced(t, split, `"feature_flag_id": "flg_Screen"`, `"feature_flag_id": "flg_Other"`), "degraded",
			map[string]any{"state": "degraded"}, []string{"experiments[0].feature_flag_id", "flg_Other"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := setup{}
			if test.document != "" {
				s.Store = map[string]string{"default/production": test.document}
			}
			e := startEdge(t, s)
			status := e.retriedStatus()
			if status["status"] != test.status {
				t.Errorf("the status is %v", status["status"])
			}
			tenant := status["tenants"].([]any)[0].(map[string]any)
			for field, want := range test.tenant {
				sameJSON(t, field, tenant[field], want)
			}
			reason, _ := tenant["last_error"].(string)
			if (test.tenant["state"] == "healthy") != (reason == "") {
				t.Errorf("the last error is %q", reason)
			}
			for _, word := range test.reason {
				if !strings.Contains(reason, word) {
					t.Errorf("the last error should have %q, it is %q", word, reason)
				}
			}
			times := []string{"state_since", "last_contact"}
			if test.tenant["state"] == "healthy" {
				times = append(times, "applied_at")
			}
			for _, field := range times {
				text, _ := tenant[field].(string)
				if at, err := time.Parse(time.RFC3339Nano, text); err != nil || time.Since(at).Abs() > time.Minute {
					t.Errorf("%s is %v", field, tenant[field])
				}
			}
			if _, found := status["geoip"]; found {
				t.Error("there is a location database in the status, but none is configured")
			}
		})
	}
}

// A mistake in the tenant or the place of the store looks like a new tenant.
func TestStatusOfAnEmptyTenant(t *testing.T) {
	e := startEdge(t, setup{Site: "tenant default/prodution", Store: map[string]string{"default/production": split}})
	if got := e.Command("", "status"); got.code != 1 || !strings.Contains(got.log, "a tenant has no document") || !strings.Contains(got.out, "prodution.json") {
		t.Errorf("exits with %d: %s%s", got.code, got.out, got.log)
	}
	line := e.LogLines("caddy.log", 1, "the tenant has no document")[0]
	if line["level"] != "warn" || line["tenant"] != "default/prodution" || !strings.Contains(fmt.Sprint(line["error"]), "prodution.json") {
		t.Errorf("the log has %v", line)
	}
	e.WriteDocument("default/prodution", split)
	e.Eventually(func() bool { return e.Command("", "status").code == 0 }, "with a document it should exit with 0")
}

func TestStatusOfLocationsAndDecisionLog(t *testing.T) {
	e := startEdge(t, setup{})
	path := e.write("geo.mmdb", demoDatabase(t))
	if err := e.Load(setup{App: "geoip {dir}/geo.mmdb\ndecision_log {dir}/decisions.log"}); err != nil {
		t.Fatal(err)
	}
	status := e.retriedStatus()
	sameJSON(t, "geoip", status["geoip"], map[string]any{
		"path": path, "loaded": true, "type": "GeoLite2-City", "regions": true, "build_time": "2026-01-01T00:00:00Z",
	}, "loaded_at")
	sameJSON(t, "decision_log", status["decision_log"], map[string]any{"dropped": 0})
}

func TestStatusIsReadOnly(t *testing.T) {
	e := startEdge(t, setup{})
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		if status, body := e.admin(method, "/experiments/status"); status != http.StatusMethodNotAllowed || !strings.Contains(body, "use GET") {
			t.Errorf("%s is answered with %d %s", method, status, body)
		}
	}
}

func TestStatusWithoutExperiments(t *testing.T) {
	e := startEdge(t, setup{})
	var config map[string]any
	if err := json.Unmarshal(e.adapted(setup{}), &config); err != nil {
		t.Fatal(err)
	}
	delete(config, "apps")
	without, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(without, true); err != nil {
		t.Fatal(err)
	}
	if status, body := e.admin(http.MethodGet, "/experiments/status"); status != http.StatusNotFound || !strings.Contains(body, "add the experiments directive") {
		t.Errorf("is answered with %d %s", status, body)
	}
	if text := e.scrape(); strings.Contains(text, "caddy_experiments_config_") {
		t.Error("there are metrics of a configuration that is gone")
	}
}

// admin asks the admin API. During a reload, Caddy replaces that server, and a
// connection to the old one may be lost.
func (e *edge) admin(method, path string) (status int, body string) {
	e.t.Helper()
	e.Eventually(func() bool {
		request, err := http.NewRequest(method, e.Admin+path, nil)
		if err != nil {
			e.t.Fatal(err)
		}
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		status, body = response.StatusCode, string(text)
		return err == nil
	}, "the admin API does not answer")
	return status, body
}

// retriedStatus is Status right after a reload.
func (e *edge) retriedStatus() map[string]any {
	e.t.Helper()
	status, body := e.admin(http.MethodGet, "/experiments/status")
	var decoded map[string]any
	if err := json.Unmarshal([]byte(body), &decoded); err != nil || status != http.StatusOK {
		e.t.Fatalf("the status is answered with %d %s", status, body)
	}
	return decoded
}
