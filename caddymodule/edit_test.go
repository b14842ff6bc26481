package caddymodule_test

import (
	"net/http/cookiejar"
	"strings"
	"testing"
)

// state gives the state of the only tenant.
func (e *edge) state() string {
	e.t.Helper()
	return e.retriedStatus()["tenants"].([]any)[0].(map[string]any)["state"].(string)
}

// revision gives the revision in force of the only tenant.
func (e *edge) revision() float64 {
	e.t.Helper()
	return e.retriedStatus()["tenants"].([]any)[0].(map[string]any)["revision"].(float64)
}

// edit replaces the document, and waits until it is in force.
func (e *edge) edit(document string) {
	e.t.Helper()
	before := e.revision()
	e.WriteDocument("default/production", document)
	e.Eventually(func() bool { return e.revision() > before }, "the edited document should be in force")
}

// config gives what the provider receives for a device that comes to a path.
func (e *edge) config(path string, jar *cookiejar.Jar) map[string]any {
	e.t.Helper()
	if jar == nil {
		jar, _ = cookiejar.New(nil)
	}
	e.Get(path, jar)
	return e.Provider.Last(e.t).Config(e.t)
}

// Whoever is in the middle of a login goes on with what they saw.
func TestPausingByEditing(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	jar, _ := cookiejar.New(nil)
	first := e.config("/authorize", jar)
	for _, status := range []string{"paused", "completed"} {
		t.Run(status, func(t *testing.T) {
			e.edit(withStatus(t, split, status))
			if got := e.config("/authorize", nil); got != nil {
				t.Errorf("a new device receives %v", got)
			}
			for _, path := range []string{"/login", "/authorize"} {
				if got := e.config(path, jar); got["variation_id"] != first["variation_id"] {
					t.Errorf("%s: the device receives %v, it received %v", path, got, first)
				}
			}
		})
	}
	t.Run("active again", func(t *testing.T) {
		e.edit(split)
		if got := e.config("/authorize", nil); got == nil {
			t.Error("a new device receives nothing")
		}
	})
	t.Run("archived", func(t *testing.T) {
		e.edit(withStatus(t, split, "archived"))
		if got := e.config("/login", jar); got != nil {
			t.Errorf("the device receives %v", got)
		}
	})
}

// An edit takes effect while a login is under way: the device keeps its
// variation, with the configuration that this has now.
func TestEditingAVariation(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	jar, _ := cookiejar.New(nil)
	first := e.config("/authorize", jar)
	e.edit(replaced(t, split, `"value": "Sign in"`, `"value": "Log in"`))
	got := e.config("/login", jar)
	headline := got["config"].(map[string]any)["headline"].(map[string]any)["value"]
	if got["variation_id"] != first["variation_id"] || headline != "Log in" {
		t.Errorf("the device receives %v", got)
	}
}

func TestBrokenEdit(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, App: "max_document_size 100KiB"})
	jar, _ := cookiejar.New(nil)
	first := e.config("/authorize", jar)
	tests := []struct{ name, document, reason string }{
		{"no JSON", split[:len(split)/2], ""},
		{"empty", "", ""},
		{"weight that is no number", replaced(t, split, `"weight": 50, "is_control": true`, `"weight": "half", "is_control": true`), "experiments[0].allocations[0].weight"},
		{"too large", split + strings.Repeat(" ", 100<<10), "102400 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rejected := func() int { return e.count("caddy.log", "experiment_config_rejected") }
			warned, revision := rejected(), e.revision()
			e.WriteDocument("default/production", test.document)
			e.Eventually(func() bool { return e.state() == "degraded" }, "the state should be degraded")
			tenant := e.retriedStatus()["tenants"].([]any)[0].(map[string]any)
			if reason := tenant["last_error"].(string); !strings.Contains(reason, test.reason) || tenant["revision"] != revision {
				t.Errorf("the status is %v", tenant)
			}
			if got := e.config("/login", jar); got["variation_id"] != first["variation_id"] {
				t.Errorf("the device receives %v, it received %v", got, first)
			}
			if e.config("/authorize", nil) == nil {
				t.Error("a new device receives nothing")
			}
			e.edit(split + strings.Repeat("\n", int(revision)))
			if e.state() != "healthy" {
				t.Error("the repaired document leaves the state degraded")
			}
			if got := rejected() - warned; got != 1 {
				t.Errorf("there were %d warnings", got)
			}
		})
	}
	line := e.LogLines("caddy.log", 1, "experiment_config_rejected", "allocations[0].weight")[0]
	if line["level"] != "warn" || line["kept"] != true || line["tenant"] != "default/production" {
		t.Errorf("the warning is %v", line)
	}
}

// What is not ready is no mistake in the document: it is loaded, and the
// experiment waits.
func TestUnreadyExperimentAssignsNobody(t *testing.T) {
	tests := []struct{ name, old, new, code string }{
		{"weights", `"weight": 50, "is_control": true`, `"weight": 40, "is_control": true`, "experiment_invalid_allocation_weights"},
		{"two controls", `"weight": 50, "is_control": false`, `"weight": 50, "is_control": true`, "experiment_missing_control"},
		{"archived flag", `"name": "screen", "status": "active"`, `"name": "screen", "status": "archived"`, "feature_flag_not_active"},
	}
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	jar, _ := cookiejar.New(nil)
	first := e.config("/authorize", jar)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e.edit(replaced(t, split, test.old, test.new))
			if got := e.config("/authorize", nil); got != nil {
				t.Errorf("a new device receives %v", got)
			}
			if got := e.config("/login", jar); got["variation_id"] != first["variation_id"] {
				t.Errorf("the device with a decision receives %v", got)
			}
			if e.state() != "healthy" {
				t.Error("the state is not healthy")
			}
			experiment := e.retriedStatus()["tenants"].([]any)[0].(map[string]any)["experiments"].([]any)[0].(map[string]any)
			if experiment["is_valid"] != false || experiment["deciding"] != false {
				t.Errorf("the status says %v", experiment)
			}
			line := e.LogLines("caddy.log", 1, "an active experiment assigns nobody", test.code)[0]
			if line["level"] != "warn" || line["code"] != test.code || line["experiment_id"] != "exp_Sp1it" {
				t.Errorf("the warning is %v", line)
			}
		})
	}
}

func TestTwoActiveExperiments(t *testing.T) {
	const head = `"experiments": [{
		"id": "exp_Sp1it", "name": "split", "feature_flag_id": "flg_Screen",`
	// another is a copy under another id. It stands first, and by its id it would
	// come first.
	another := func(started string) string {
		_, experiment, _ := strings.Cut(split, `"experiments": [`)
		experiment = strings.Replace(experiment[:strings.LastIndex(experiment, "]")], "exp_Sp1it", "exp_Another", 1)
		document := strings.Replace(split, `"experiments": [`, `"experiments": [`+strings.Replace(experiment, "{", "{"+started, 1)+",", 1)
		return strings.Replace(document, `"id": "exp_Sp1it",`, `"id": "exp_Sp1it", "started_at": "2026-03-01T00:00:00Z",`, 1)
	}
	if !strings.Contains(split, head) {
		t.Fatal("the document has another form")
	}
	tests := []struct{ name, started, deciding, other string }{
		{"earlier start", `"started_at": "2026-02-01T00:00:00Z",`, "exp_Another", "exp_Sp1it"},
		{"later start", `"started_at": "2026-04-01T00:00:00Z",`, "exp_Sp1it", "exp_Another"},
		{"same start, smaller id", `"started_at": "2026-03-01T00:00:00Z",`, "exp_Another", "exp_Sp1it"},
	}
	e := startEdge(t, setup{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := e.count("caddy.log", "experiment_active_limit_exceeded")
			e.edit(another(test.started))
			for range 10 {
				if got := e.config("/authorize", nil); got["experiment_id"] != test.deciding {
					t.Fatalf("a device receives %v", got)
				}
			}
			lines := e.LogLines("caddy.log", before+1, "experiment_active_limit_exceeded")
			if line := lines[before]; line["experiment_id"] != test.other || line["level"] != "warn" {
				t.Errorf("the warning is %v", line)
			}
		})
	}
	t.Run("with a limit of two", func(t *testing.T) {
		if err := e.Load(setup{App: "max_active_experiments 2"}); err != nil {
			t.Fatal(err)
		}
		for _, experiment := range e.retriedStatus()["tenants"].([]any)[0].(map[string]any)["experiments"].([]any) {
			if experiment.(map[string]any)["deciding"] != true {
				t.Errorf("the status says %v", experiment)
			}
		}
	})
}

// count is how many lines of a log have a word now.
func (e *edge) count(file, word string) int {
	return len(e.LogLines(file, 0, word))
}
