package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-experiments/caddy-experiments/management"
)

// Diagnose asks the edge about an experiment.
func (e *edge) Diagnose(tenant, experiment string) management.Diagnosis {
	e.t.Helper()
	status, body := e.admin(http.MethodGet, "/experiments/diagnosis?"+url.Values{"tenant": {tenant}, "experiment": {experiment}}.Encode())
	var d management.Diagnosis
	if err := json.Unmarshal([]byte(body), &d); err != nil || status != http.StatusOK {
		e.t.Fatalf("the diagnosis is answered with %d: %.300s", status, body)
	}
	return d
}

// expect fails the test unless a check came to a result with these words,
// separated by |, in its finding.
func expect(t testing.TB, d management.Diagnosis, question management.Question, check string, result management.Result, words string) {
	t.Helper()
	var all []string
	for _, c := range d.Checks {
		if c.Question != question || c.ID != check {
			continue
		}
		found := c.Result == result
		for word := range strings.SplitSeq(words, "|") {
			found = found && strings.Contains(c.Finding, word)
		}
		if found {
			return
		}
		all = append(all, string(c.Result)+": "+c.Finding)
	}
	t.Errorf("%s %s should be %s with %q, it is\n%s", question, check, result, words, strings.Join(all, "\n"))
}

// problems lists the checks that found one.
func problems(d management.Diagnosis) []string {
	var out []string
	for _, c := range d.Checks {
		if c.Result == management.ResultProblem || c.Result == management.ResultUnknown {
			out = append(out, string(c.Question)+" "+c.ID+": "+c.Finding)
		}
	}
	return out
}

// Each thing that a person may come with is set up for real, and named.
func TestDoctorNamesTheCause(t *testing.T) {
	const production = "default/production"
	withFlag := func(status string) string {
		return replaced(t, split, `"id": "flg_Screen", "name": "screen", "status": "active"`, `"id": "flg_Screen", "name": "screen", "status": "`+status+`"`)
	}
	two := replaced(t, split, `"experiments": [{`, `"experiments": [{"id": "exp_First", "name": "the other one", "feature_flag_id": "flg_Screen", "allocation_strategy": "percentage", "status": "active",
		"started_at": "2026-01-01T00:00:00Z", "allocations": [{"variation_id": "var_Base", "weight": 100, "is_control": true}]}, {`)
	tests := []struct {
		name       string
		s          setup
		document   string
		experiment string
		question   management.Question
		check      string
		result     management.Result
		finding    string
	}{
		{"nothing wrong", setup{}, split, "exp_Sp1it", "traffic", "status", "ok", "active"},
		{"draft", setup{}, withStatus(t, split, "draft"), "exp_Sp1it", "traffic", "status", "problem", "draft"},
		{"paused", setup{}, withStatus(t, split, "paused"), "exp_Sp1it", "traffic", "status", "problem", "paused"},
		{"completed", setup{}, withStatus(t, split, "completed"), "exp_Sp1it", "activation", "transition", "problem", "completed"},
		{"archived", setup{}, withStatus(t, split, "archived"), "exp_Sp1it", "traffic", "status", "problem", "archived"},
		{"flag in draft", setup{}, withFlag("draft"), "exp_Sp1it", "traffic", "feature_flag_not_active", "problem", "flg_Screen|draft"},
		{"flag archived", setup{}, withFlag("archived"), "exp_Sp1it", "activation", "flag_status", "problem", "archived"},
		{"weights", setup{}, replaced(t, split, `"var_Passkey", "weight": 50`, `"var_Passkey", "weight": 30`), "exp_Sp1it", "traffic", "experiment_invalid_allocation_weights", "problem", "80"},
		{"control", setup{}, replaced(t, split, `"weight": 50, "is_control": true`, `"weight": 50, "is_control": false`), "exp_Sp1it", "activation", "experiment_missing_control", "problem", "0 have"},
		{"fallback", setup{}, replaced(t, audience, `"is_control": true, "is_fallback": true`, `"is_control": true, "is_fallback": false`), "exp_Audience", "activation", "experiment_missing_default", "problem", "is_fallback"},
		{"another is active", setup{}, two, "exp_Sp1it", "traffic", "active_limit", "problem", `exp_First "the other one"`},
		{"two may be active", setup{App: "max_active_experiments 2"}, two, "exp_Sp1it", "traffic", "active_limit", "ok", "2 of at most 2"},
		{"everybody the same", setup{}, two, "exp_First", "same_variation", "only_variation", "problem", "var_Base"},
		{"no site", setup{Site: "tenant acme/test"}, split, "exp_Sp1it", "traffic", "sites", "problem", production},
		{"own paths", setup{Site: "authorize_path /go /come"}, split, "exp_Sp1it", "traffic", "authorize_path", "note", "/go /come"},
		{"no geoip", setup{}, audience, "exp_Audience", "traffic", "segment_rules", "problem", "seg_UsPhones|country|no location database"},
		{"geoip away", setup{App: "geoip {dir}/none.mmdb optional"}, audience, "exp_Audience", "traffic", "segment_rules", "problem", "none.mmdb"},
		{"geoip there", located(setup{}), audience, "exp_Audience", "traffic", "segment_rules", "ok", "seg_UsPhones"},
		{"no connections", setup{}, replaced(t, audience, `{"device_type": ["mobile"], "country": ["us"]}`, `{"connection_type": ["social"]}`), "exp_Audience", "traffic", "segment_rules", "problem", "connections"},
		{"connections", setup{Site: "connections {\ngoogle-oauth2 social\n}"}, replaced(t, audience, `{"device_type": ["mobile"], "country": ["us"]}`, `{"connection_type": ["social"]}`),
			"exp_Audience", "traffic", "segment_rules", "ok", "seg_UsPhones"},
		{"signed", setup{Site: "overrides signed"}, split, "exp_Sp1it", "same_variation", "overrides", "note", "signed"},
		{"overrides off", setup{Site: "overrides off"}, split, "exp_Sp1it", "same_variation", "overrides", "note", "off"},
		{"sticky", setup{Site: "sticky 7m"}, split, "exp_Sp1it", "same_variation", "sticky", "note", "7m0s"},
		{"subject", setup{Site: "subject {http.request.header.X-Device}"}, split, "exp_Sp1it", "same_variation", "subject", "note", "X-Device"},
		{"header budget", setup{App: "header_budget 120"}, split, "exp_Sp1it", "logs", "header_budget", "problem", "var_Base|120"},
		{"decision log", setup{App: "decision_log {dir}/decisions.log"}, split, "exp_Sp1it", "logs", "decision_log", "ok", "on"},
		{"tenants", setup{App: "tenants acme/*", Site: "tenant acme/test"}, split, "exp_Sp1it", "traffic", "entitled", "problem", "feature_not_entitled"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.s.Store = map[string]string{production: test.document}
			e := startEdge(t, test.s)
			d := e.Diagnose(production, test.experiment)
			expect(t, d, test.question, test.check, test.result, test.finding)
			if found := problems(d); (len(found) > 0) != (d.Result == management.ResultProblem) {
				t.Errorf("the result is %s with %q", d.Result, found)
			}
			if test.name == "nothing wrong" && d.Result != management.ResultOK {
				t.Errorf("there are problems: %q", problems(d))
			}
		})
	}
}

// A document that is broken does not hide the one that is in force.
func TestDoctorOfABrokenDocument(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	e.WriteDocument("default/production", replaced(t, split, `"weight": 50, "is_control": true`, `"weight": 5000, "is_control": true`))
	e.Eventually(func() bool { return e.state() == "degraded" }, "the edge should be degraded")
	d := e.Diagnose("default/production", "exp_Sp1it")
	expect(t, d, "traffic", "document", "problem", "revision 1|experiments[0].allocations[0].weight")
	got := e.Command("", "doctor", "exp_Sp1it")
	if got.code != 1 || !strings.Contains(got.out, "problem  document: ") || !strings.Contains(got.out, "→ caddy experiments validate document.json") {
		t.Errorf("the command exits with %d", got.code)
	}
	if got := e.Command("", "doctor", "exp_Unknown"); got.code != 1 || !strings.Contains(got.log, "experiments[0].allocations[0].weight") {
		t.Errorf("of an unknown experiment it exits with %d: %s", got.code, got.log)
	}
}

// What the edge does is counted in the answer.
func TestDoctorCounts(t *testing.T) {
	document := strings.ReplaceAll(split, "exp_Sp1it", "exp_Counted")
	e := startEdge(t, setup{Store: map[string]string{"default/production": document}})
	expect(t, e.Diagnose("default/production", "exp_Counted"), "traffic", "decisions", "note", "nobody")
	for range 3 {
		e.Get("/authorize?experiment_id=exp_Counted&variation_id=var_Spare", nil)
	}
	e.Get("/authorize?experiment_id=exp_Missing", nil)
	e.Get("/authorize?variation_id=var_Spare", nil)
	d := e.Diagnose("default/production", "exp_Counted")
	expect(t, d, "traffic", "decisions", "ok", "var_Spare by override: 3")
	expect(t, d, "logs", "experiment_not_found", "note", "times")
	expect(t, d, "logs", "experiment_orphaned_params", "note", "times")
}

// foreignFormat is a log format that is not Caddy's own.
type foreignFormat struct{ zapcore.Encoder }

func (foreignFormat) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.encoders.foreign", New: func() caddy.Module { return new(foreignFormat) }}
}

func (f *foreignFormat) Provision(caddy.Context) error {
	f.Encoder = zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "msg"})
	return nil
}

func (f *foreignFormat) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func init() { caddy.RegisterModule(foreignFormat{}) }

// What is said of the access log is what happens to it.
func TestDoctorOfAccessLogs(t *testing.T) {
	const output = "output file {dir}/access.log"
	site := func(options string) string {
		return "http://auth.localhost:{port} {\n" + options + "\nexperiments\nreverse_proxy {provider}\n}\n"
	}
	filtered := func(fields string) string {
		return site("log {\n" + output + "\nformat filter {\n" + fields + "\n}\n}")
	}
	tests := []struct {
		name, global, sites string
		check               string
		result              management.Result
		finding             string
		logged              bool // details.experiment arrives
	}{
		{"plain", "", site("log {\n" + output + "\n}"), "access_log", "ok", "log log0", true},
		{"off", "", site(""), "access_log", "problem", "http://auth.localhost:|writes no access log", false},
		{"to the default log", "log {\n" + output + "\n}", site("log"), "access_log", "ok", "log default", true},
		{"left out of the default log", "log {\n" + output + "\nexclude http.log.access\n}", site("log"), "access_log", "problem", "http.log.access|no log takes them", false},
		{"of errors only", "", site("log {\n" + output + "\nlevel ERROR\n}"), "access_log", "problem", "no log takes them", false},
		{"discarded", "", site("log {\noutput discard\n}"), "access_log", "problem", "no log takes them", false},
		{"details deleted", "", filtered("fields {\ndetails delete\n}"), "details_filter", "problem", "log log0 deletes", false},
		{"details deleted, flat", "", filtered("details delete"), "details_filter", "problem", "log log0 deletes", false},
		{"details>experiment deleted", "", filtered("fields {\ndetails>experiment delete\n}"), "details_filter", "problem", "deletes", false},
		{"details replaced", "", filtered("fields {\ndetails replace gone\n}"), "details_filter", "problem", "replaces", false},
		{"deleted in a wrapped filter", "", filtered("wrap filter {\nwrap json\nfields {\ndetails delete\n}\n}\nfields {\nrequest>headers delete\n}"), "details_filter", "problem", "deletes", false},
		{"deleted around an appender", "", filtered("wrap append {\nfields {\nedge one\n}\n}\nfields {\ndetails delete\n}"), "details_filter", "problem", "deletes", false},
		{"something else deleted", "", filtered("wrap json\nfields {\nrequest>headers delete\nrequest>uri regexp \"\\?.*\" \"\"\n}"), "access_log", "ok", "log0", true},
		{"a part deleted", "", filtered("fields {\ndetails>experiment>source delete\n}"), "details_filter", "note", "details.experiment.source", true},
		{"of a foreign format", "", site("log {\n" + output + "\nformat foreign\n}"), "details_filter", "unknown", "log0 has a format of its own", true},
		{"of a foreign format in a filter", "", filtered("wrap foreign\nfields {\ndetails delete\n}"), "details_filter", "problem", "deletes", false},
		{"sampled", "", site("log {\n" + output + "\nsampling {\ninterval 1s\nfirst 100\nthereafter 100\n}\n}"), "sampling", "note", "log0 is sampled", true},
		{"skipped", "", site("log {\n" + output + "\n}\nlog_skip"), "access_log", "problem", "log_skip", false},
		{"some skipped", "", site("log {\n" + output + "\n}\nlog_skip /health"), "access_log_skip", "note", "log_skip", true},
		{"no_hostname", "log {\n" + output + "\n}", site("log elsewhere {\noutput discard\nno_hostname\n}"), "access_log", "ok", "log default", true},
		{"no_hostname by name", "", site("log elsewhere {\n" + output + "\nno_hostname\n}\nlog_name elsewhere"), "access_log", "ok", "elsewhere", true},
		{"another site's", "log {\n" + output + "\n}\nhttp_port {port}", strings.ReplaceAll(site("")+"http://other.localhost:{port} {\nlog {\noutput discard\n}\n}", ":{port}", ""),
			"access_log", "problem", "other sites of its server do", false},
		{"another site's, with a port", "log {\n" + output + "\n}", site("") + "http://other.localhost:{port} {\nlog {\noutput discard\n}\n}", "access_log", "ok", "log default", true},
		{"everywhere but here", "", "http://:{port} {\nexperiments\nreverse_proxy {provider}\n}\nhttp://other.localhost:{port} {\nlog {\n" + output + "\n}\n}",
			"access_log", "problem", "hosts are left out", false},
	}
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := fmt.Sprintf("access%d.log", i) // the one before may still be open
			e.t = t
			e.LoadText(strings.ReplaceAll(test.global, "access.log", file), "", strings.ReplaceAll(test.sites, "access.log", file))
			d := e.Diagnose("default/production", "exp_Sp1it")
			expect(t, d, "logs", test.check, test.result, test.finding)
			e.Get("/authorize", nil, "Host", "auth.localhost")
			logged := func() bool {
				text, _ := os.ReadFile(filepath.Join(e.Dir, file))
				return strings.Contains(string(text), `"experiment_id":"exp_Sp1it"`) && strings.Contains(string(text), `"msg":"handled request"`)
			}
			if test.logged {
				e.Eventually(logged, "there is no line with details.experiment")
			} else {
				time.Sleep(50 * time.Millisecond) // what does not come cannot be waited for
				if logged() {
					t.Error("there is a line with details.experiment")
				}
			}
		})
	}
}

func TestDoctorWithTheManagementAPI(t *testing.T) {
	e := startEdge(t, setup{Before: apiSetup, Store: map[string]string{"default/production": withStatus(t, split, "paused")}})
	status, answer := e.call(http.MethodGet, "/experiments/exp_Sp1it/diagnosis", "reader-secret", "")
	if status != http.StatusOK || answer["result"] != "problem" {
		t.Fatalf("the API answers %d %v", status, answer["result"])
	}
	first := answer["checks"].([]any)[0].(map[string]any)
	if first["check"] != "status" || !strings.Contains(first["remedy"].(string), e.URL+"/api/v2/experimentation/experiments/exp_Sp1it/status") {
		t.Errorf("the first check is %v", first)
	}
	if status, _ := e.call(http.MethodGet, "/experiments/exp_Unknown/diagnosis", "reader-secret", ""); status != http.StatusNotFound {
		t.Errorf("of an unknown experiment it answers %d", status)
	}
	// The remedy is a command that works as it stands.
	remedy := strings.ReplaceAll(first["remedy"].(string), "$TOKEN", "ci-secret")
	if !strings.Contains(remedy, `{"status": "active"}`) {
		t.Fatalf("the remedy is %s", remedy)
	}
	if status, _ := e.call(http.MethodPost, "/experiments/exp_Sp1it/status", "ci-secret", `{"status": "active"}`); status != http.StatusOK {
		t.Fatalf("activating answers %d", status)
	}
	if d := e.Diagnose("default/production", "exp_Sp1it"); d.Result != management.ResultOK {
		t.Errorf("with the remedy there are problems: %q", problems(d))
	}
	if got := e.Command("", "doctor", "exp_Sp1it"); got.code != 0 || !strings.Contains(got.out, "\nMy experiment will not activate\n") {
		t.Errorf("the command exits with %d: %s", got.code, got.log)
	}
	if got := e.Command("", "doctor", "exp_Sp1it", "--json"); got.code != 0 || !json.Valid([]byte(got.out)) {
		t.Errorf("the command exits with %d and prints no JSON", got.code)
	}
}

func TestDoctorRefuses(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	for path, want := range map[string]int{
		"/experiments/diagnosis":                                  http.StatusBadRequest,
		"/experiments/diagnosis?experiment=var_1":                 http.StatusNotFound,
		"/experiments/diagnosis?experiment=exp_1&tenant=nonsense": http.StatusBadRequest,
		"/experiments/diagnosis?experiment=exp_1":                 http.StatusNotFound,
	} {
		if status, body := e.admin(http.MethodGet, path); status != want {
			t.Errorf("%s is answered with %d %s", path, status, body)
		}
	}
	if status, _ := e.admin(http.MethodPost, "/experiments/diagnosis?experiment=exp_1"); status != http.StatusMethodNotAllowed {
		t.Errorf("POST is answered with %d", status)
	}
}

// Two tenants can have the same document, and a diagnosis is of one.
func TestTenantsAreCountedApart(t *testing.T) {
	e := startEdge(t, located(setup{Store: map[string]string{"counted/one": audience, "counted/two": audience}}))
	site := func(host, tenant string) string {
		return "http://" + host + ".test:{port} {\nbind 127.0.0.1\nexperiments {\ntenant " + tenant + "\n}\nexperiments_api {\ntoken " + host + "-secret {\ntenant " + tenant + "\n}\n}\nreverse_proxy {provider}\n}\n"
	}
	e.LoadText("", "geoip {dir}/nowhere.mmdb optional", site("one", "counted/one")+site("two", "counted/two"))
	for range 3 {
		e.Get("/authorize?client_id=app", nil, "Host", "one.test")
	}
	e.Get("/authorize?client_id=app", nil, "Host", "two.test")
	e.Get("/authorize?experiment_id=exp_Unknown", nil, "Host", "two.test")
	for tenant, want := range map[string]struct{ decisions, warning string }{
		"counted/one": {"given out var_Everyone by fallback: 3", ""},
		"counted/two": {"given out var_Everyone by fallback: 1", "1 times"},
	} {
		d := e.Diagnose(tenant, "exp_Audience")
		expect(t, d, "traffic", "decisions", "ok", want.decisions)
		warned := ""
		for _, check := range d.Checks {
			if check.ID == "experiment_not_found" {
				warned = check.Finding
			}
		}
		if !strings.HasPrefix(warned, want.warning) || want.warning == "" && warned != "" {
			t.Errorf("of %s it says %q", tenant, warned)
		}
		if name := `caddy_experiments_decisions_total{experiment="exp_Audience",source="fallback",tenant="` + tenant + `",variation="var_Everyone"}`; e.metrics()[name] == 0 {
			t.Errorf("there is no %s", name)
		}
	}
	// Whoever operates the edge is told where the file is, and a token is not.
	text, _ := json.Marshal(e.Diagnose("counted/one", "exp_Audience"))
	if !strings.Contains(string(text), e.Dir) {
		t.Errorf("the admin API does not tell the path: %s", text)
	}
	response := e.Get("/api/v2/experimentation/experiments/exp_Audience/diagnosis", nil, "Host", "one.test", "Authorization", "Bearer one-secret")
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), "is not loaded") || strings.Contains(string(body), e.Dir) {
		t.Errorf("a token is told %s, %v: %s", response.Status, err, body)
	}
}
