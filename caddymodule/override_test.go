package caddymodule_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/caddymodule"
	"github.com/caddy-experiments/caddy-experiments/engine"
)

// several is a document with experiments in every status: split's, which is
// active, and others that only an override reaches.
const several = `{
	"feature_flags": [
		{"id": "flg_Screen", "name": "screen", "status": "active",
			"parameters": {"headline": {"type": "string", "value": "Sign in"}},
			"variations": [{"id": "var_Base", "name": "base", "overrides": {}}, {"id": "var_Passkey", "name": "passkey", "overrides": {}},
				{"id": "var_Spare", "name": "spare", "overrides": {"headline": {"value": "Grüß Gott 👋"}}}]},
		{"id": "flg_Second", "name": "other", "status": "active",
			"parameters": {"n": {"type": "number", "value": 1}},
			"variations": [{"id": "var_SecondA", "name": "a", "overrides": {}}, {"id": "var_SecondB", "name": "b", "overrides": {}}]}
	],
	"segments": [
		{"id": "seg_Phones", "name": "phones", "rules": [{"match": {"device_type": ["mobile"]}}]},
		{"id": "seg_Unused", "name": "unused", "rules": [{"match": {"device_type": ["desktop"]}}]}
	],
	"experiments": [
		{"id": "exp_Active", "name": "active", "feature_flag_id": "flg_Screen", "allocation_strategy": "percentage", "status": "active",
			"allocations": [{"variation_id": "var_Base", "weight": 0, "is_control": true}, {"variation_id": "var_Passkey", "weight": 100, "is_control": false}]},
		{"id": "exp_Draft", "name": "draft", "feature_flag_id": "flg_Second", "allocation_strategy": "percentage", "status": "draft",
			"allocations": [{"variation_id": "var_SecondA", "weight": 100, "is_control": true}]},
		{"id": "exp_Paused", "name": "paused", "feature_flag_id": "flg_Second", "allocation_strategy": "segment", "status": "paused",
			"allocations": [{"variation_id": "var_SecondB", "segment_id": "seg_Phones", "priority": 1, "is_control": false}, {"variation_id": "var_SecondA", "is_control": true, "is_fallback": true}]},
		{"id": "exp_Done", "name": "completed", "feature_flag_id": "flg_Second", "allocation_strategy": "percentage", "status": "completed",
			"allocations": [{"variation_id": "var_SecondA", "weight": 100, "is_control": true}]},
		{"id": "exp_Archived", "name": "archived", "feature_flag_id": "flg_Second", "allocation_strategy": "percentage", "status": "archived",
			"allocations": [{"variation_id": "var_SecondA", "weight": 100, "is_control": true}]}
	]
}`

// seen makes the provider see what is otherwise only in logs.
const seen = "request_header X-Seen {http.experiments.source}/{http.experiments.segment_id}"

// outcome is what the provider saw of a decision: experiment, variation,
// control, source and segment.
func outcome(t testing.TB, r received) string {
	t.Helper()
	config := r.Config(t)
	if config == nil {
		return "none"
	}
	control := "treatment"
	if config["is_control"].(bool) {
		control = "control"
	}
	return config["experiment_id"].(string) + " " + config["variation_id"].(string) + " " + control + " " + r.Header.Get("X-Seen")
}

const active = "exp_Active var_Passkey treatment bucket/"

// warnings are the codes of the warnings so far. The event of an assignment is
// written after the warnings of its request.
func warnings(e *edge) []string {
	var codes []string
	for _, line := range e.LogLines("caddy.log", 0, `"level":"warn"`, `"code":"experiment_`) {
		codes = append(codes, line["code"].(string))
	}
	return codes
}

const (
	notFound = "experiment_not_found"
	orphaned = "experiment_orphaned_params"
	invalid  = "experiment_override_invalid"
)

var overrideTests = []struct {
	name        string
	query, form string
	want        string
	warning     string
}{
	{"none", "client_id=spa", "", active, ""},
	{"experiment alone, active", "experiment_id=exp_Active", "", "exp_Active var_Passkey treatment override/", ""},
	{"experiment alone, draft", "experiment_id=exp_Draft", "", "exp_Draft var_SecondA control override/", ""},
	{"experiment alone, paused", "experiment_id=exp_Paused", "", "exp_Paused var_SecondA control override/", ""},
	{"experiment alone, completed", "experiment_id=exp_Done", "", "exp_Done var_SecondA control override/", ""},
	{"experiment alone, archived", "experiment_id=exp_Archived", "", "exp_Archived var_SecondA control override/", ""},
	{"experiment alone, unknown", "experiment_id=exp_Nobody", "", "none", notFound},
	{"experiment of no valid form", "experiment_id=%3Cscript%3E", "", "none", notFound},
	{"variation", "experiment_id=exp_Draft&variation_id=var_SecondA", "", "exp_Draft var_SecondA control override/", ""},
	{"variation without weight", "experiment_id=exp_Active&variation_id=var_Base", "", "exp_Active var_Base control override/", ""},
	{"variation that is not allocated", "experiment_id=exp_Active&variation_id=var_Spare", "", "exp_Active var_Spare treatment override/", ""},
	{"variation of another flag", "experiment_id=exp_Active&variation_id=var_SecondA", "", active, invalid},
	{"variation of none", "experiment_id=exp_Active&variation_id=var_Nobody", "", active, invalid},
	{"variation of an archived one", "experiment_id=exp_Archived&variation_id=var_SecondB", "", "exp_Archived var_SecondB treatment override/", ""},
	{"segment", "experiment_id=exp_Paused&segment_id=seg_Phones", "", "exp_Paused var_SecondB treatment override/seg_Phones", ""},
	{"segment without allocation", "experiment_id=exp_Paused&segment_id=seg_Unused", "", active, invalid},
	{"segment of none", "experiment_id=exp_Paused&segment_id=seg_Nobody", "", active, invalid},
	{"segment of an experiment without", "experiment_id=exp_Active&segment_id=seg_Phones", "", active, invalid},
	{"segment and variation", "experiment_id=exp_Paused&segment_id=seg_Phones&variation_id=var_SecondB", "", "exp_Paused var_SecondB treatment override/seg_Phones", ""},
	{"orphaned variation", "variation_id=var_Spare", "", active, orphaned},
	{"orphaned segment", "segment_id=seg_Phones", "", active, orphaned},
	{"empty experiment", "experiment_id=&variation_id=var_Spare", "", active, orphaned},
	{"experiment that cannot be decoded", "experiment_id=%zz&variation_id=var_Spare", "", active, orphaned},
	{"all empty", "experiment_id=&variation_id=&segment_id=", "", active, ""},
	{"experiment twice", "experiment_id=exp_Draft&experiment_id=exp_Draft", "", active, invalid},
	{"variation twice", "experiment_id=exp_Draft&variation_id=var_SecondA&variation_id=var_SecondB", "", active, invalid},
	{"twice, once encoded", "experiment_id=exp_Draft&%65xperiment_id=exp_Draft", "", active, invalid},
	{"twice, once empty", "experiment_id=&experiment_id=exp_Draft", "", active, invalid},
	{"encoded", "%65%78%70%65%72%69%6d%65%6e%74%5f%69%64=%65xp_%44raft&variation%5Fid=var_Second%42", "", "exp_Draft var_SecondB treatment override/", ""},
	{"fully encoded", encodedAll("experiment_id") + "=" + encodedAll("exp_Draft"), "", "exp_Draft var_SecondA control override/", ""},
	{"other case", "EXPERIMENT_ID=exp_Draft", "", active, ""},
	{"after much else", strings.Repeat("a=b&", 1000) + "experiment_id=exp_Draft", "", "exp_Draft var_SecondA control override/", ""},
	{"by form", "", "experiment_id=exp_Draft&variation_id=var_SecondB", "exp_Draft var_SecondB treatment override/", ""},
	{"by form, encoded", "", "experiment%5Fid=exp%5FDraft", "exp_Draft var_SecondA control override/", ""},
	{"by query and form together", "experiment_id=exp_Draft", "variation_id=var_SecondB", "exp_Draft var_SecondB treatment override/", ""},
	{"in query and form", "experiment_id=exp_Draft", "experiment_id=exp_Draft", active, invalid},
	{"with prompt=none", "experiment_id=exp_Draft&prompt=none", "", "none", ""},
}

func encodedAll(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		b.WriteString("%" + string(digits[text[i]>>4]) + string(digits[text[i]&15]))
	}
	return b.String()
}

func askWith(e *edge, query, form string, jar http.CookieJar) received {
	e.t.Helper()
	request, _ := http.NewRequest(http.MethodGet, e.URL+"/authorize?"+query, nil)
	if form != "" {
		request, _ = http.NewRequest(http.MethodPost, e.URL+"/authorize?"+query, strings.NewReader(form))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if response := e.Do(request, jar); response.StatusCode != http.StatusOK {
		e.t.Errorf("answered %d", response.StatusCode)
	}
	r := e.Provider.Last(e.t)
	if r.URL.RawQuery != query || string(r.Body) != form {
		e.t.Errorf("the provider received ?%s and %q", r.URL.RawQuery, r.Body)
	}
	return r
}

func TestOverrides(t *testing.T) {
	for _, test := range overrideTests {
		t.Run(test.name, func(t *testing.T) {
			e := startEdge(t, setup{Store: map[string]string{"default/production": several}, Before: seen})
			if got := outcome(t, askWith(e, test.query, test.form, nil)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if test.warning == "" && test.want == "none" {
				return // nothing is written
			}
			if test.warning != notFound {
				e.LogLines("caddy.log", 1, "experiment_assignment_succeeded")
			} else {
				e.LogLines("caddy.log", 1, notFound)
			}
			if got := strings.Join(warnings(e), " "); got != test.warning {
				t.Errorf("warned %q, want %q", got, test.warning)
			}
		})
	}
}

func TestOverridesOff(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": several}, Site: "overrides off", Before: seen})
	for _, test := range overrideTests {
		want := active
		if strings.Contains(test.query, "prompt=none") {
			want = "none"
		}
		if got := outcome(t, askWith(e, test.query, test.form, nil)); got != want {
			t.Errorf("%s: got %s, want %s", test.name, got, want)
		}
	}
	e.LogLines("caddy.log", len(overrideTests)-1, "experiment_assignment_succeeded")
	if got := warnings(e); len(got) != 0 {
		t.Errorf("warned %q", got)
	}
}

func TestSignedOverrides(t *testing.T) {
	const newKey = "another key of thirty two bytes."
	draft := engine.Force{ExperimentID: "exp_Draft", VariationID: "var_SecondB"}
	soon := time.Now().Add(time.Minute)
	sign := func(tenant string, force engine.Force, expires time.Time, keys ...string) string {
		if keys == nil {
			keys = []string{testKey}
		}
		return caddymodule.SignToken(keys, tenant, force, expires)
	}
	good := sign("default/production", draft, soon)
	const forced = "exp_Draft var_SecondB treatment override/"
	tests := []struct{ name, query, form, want, warning string }{
		{"valid", "experiment_token=" + good, "", forced, ""},
		{"in the form", "", "experiment_id=exp_Draft&variation_id=var_SecondB&experiment_token=" + url.QueryEscape(good), forced, ""},
		{"of the older key", "experiment_token=" + sign("default/production", draft, soon, testKey, newKey), "", forced, ""},
		{"of a foreign key", "experiment_token=" + sign("default/production", draft, soon, "a foreign key of thirty-two bytes"), "", active, invalid},
		{"none", "", "", active, invalid},
		{"empty", "experiment_token=", "", active, invalid},
		{"expired", "experiment_token=" + sign("default/production", draft, time.Now().Add(-time.Second)), "", active, invalid},
		{"other tenant", "experiment_token=" + sign("default/staging", draft, soon), "", active, invalid},
		{"other variation", "experiment_token=" + sign("default/production", engine.Force{ExperimentID: "exp_Draft", VariationID: "var_SecondA"}, soon), "", active, invalid},
		{"no variation", "experiment_token=" + sign("default/production", engine.Force{ExperimentID: "exp_Draft"}, soon), "", active, invalid},
		{"other experiment", "experiment_token=" + sign("default/production", engine.Force{ExperimentID: "exp_Paused", VariationID: "var_SecondB"}, soon), "", active, invalid},
		{"with a segment", "experiment_token=" + sign("default/production", engine.Force{ExperimentID: "exp_Draft", VariationID: "var_SecondB", SegmentID: "seg_Phones"}, soon), "", active, invalid},
		{"twice", "experiment_token=" + good + "&experiment_token=" + good, "", active, invalid},
		{"oversize", "experiment_token=" + good + strings.Repeat("A", 4096), "", active, invalid},
		{"flipped", "experiment_token=" + strings.Replace(good, "exp_Draft", "exp_Drafu", 1), "", active, invalid},
		{"a carry cookie", "experiment_token=" + caddymodule.SignCarry([]string{testKey}, "default/production", "", engine.Decision{Treatment: &engine.Treatment{ExperimentID: "exp_Draft", VariationID: "var_SecondB"}}, soon), "", active, invalid},
		{"orphaned", "variation_id=x", "x=y", active, orphaned},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := startEdge(t, setup{
				Store: map[string]string{"default/production": several}, Before: seen,
				Site: "overrides signed", App: "signing_key " + testKey + ` "` + newKey + `"`,
			})
			query := test.query
			if test.form == "" {
				query = "experiment_id=exp_Draft&variation_id=var_SecondB&" + query
			}
			if got := outcome(t, askWith(e, query, test.form, nil)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			e.LogLines("caddy.log", 1, "experiment_assignment_succeeded")
			if got := strings.Join(warnings(e), " "); got != test.warning {
				t.Errorf("warned %q, want %q", got, test.warning)
			}
			for _, file := range []string{"caddy.log"} {
				if text, _ := os.ReadFile(filepath.Join(e.Dir, file)); strings.Contains(string(text), good) {
					t.Errorf("the token is in %s", file)
				}
			}
		})
	}
}

// A carried override serves the pages of its login, and no later login.
func TestOverrideServesOneLogin(t *testing.T) {
	tests := []struct{ name, document, next string }{
		{"then the active experiment", several, active},
		{"then nothing", withoutActive(t), "none"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := startEdge(t, setup{Store: map[string]string{"default/production": test.document}, Before: seen})
			jar, _ := cookiejar.New(nil)
			ask := func(path string) string {
				e.Get(path, jar)
				return outcome(t, e.Provider.Last(t))
			}
			if got := ask("/authorize?experiment_id=exp_Draft&variation_id=var_SecondB"); got != "exp_Draft var_SecondB treatment override/" {
				t.Fatalf("forced %s", got)
			}
			const carried = "exp_Draft var_SecondB treatment carried/"
			for _, path := range []string{"/login", "/login/password", "/authorize?prompt=none", "/callback"} {
				if got := ask(path); got != carried {
					t.Errorf("%s: got %s", path, got)
				}
			}
			// An experiment that is not there leaves alone what is carried.
			if got := ask("/authorize?experiment_id=exp_Nobody"); got != "none" {
				t.Errorf("unknown experiment: got %s", got)
			}
			if got := ask("/login"); got != carried {
				t.Errorf("after an unknown experiment: got %s", got)
			}
			if got := ask("/authorize?client_id=spa"); got != test.next {
				t.Errorf("the next login got %s, want %s", got, test.next)
			}
			next := strings.Replace(test.next, "bucket", "carried", 1)
			if got := ask("/login"); got != next {
				t.Errorf("its pages got %s, want %s", got, next)
			}
			site, _ := url.Parse(e.URL)
			carries := slices.ContainsFunc(jar.Cookies(site), func(c *http.Cookie) bool { return c.Name == "experiment_carry" })
			if carries != (test.next != "none") {
				t.Errorf("the browser holds %v", jar.Cookies(site))
			}
		})
	}
}

func withoutActive(t testing.TB) string {
	return replaced(t, several, `"status": "active",
			"allocations"`, `"status": "paused",
			"allocations"`)
}

// An override replaces what the device carries, as a decision of its own.
func TestOverrideReplacesCarried(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": several}, Before: seen})
	jar, _ := cookiejar.New(nil)
	for _, step := range []struct{ path, want string }{
		{"/authorize", active},
		{"/authorize?experiment_id=exp_Active&variation_id=var_Spare", "exp_Active var_Spare treatment override/"},
		{"/login", "exp_Active var_Spare treatment carried/"},
		{"/authorize?experiment_id=exp_Draft", "exp_Draft var_SecondA control override/"},
		{"/authorize?variation_id=var_Spare", active}, // orphaned: as if absent
		{"/authorize?experiment_id=exp_Draft&experiment_id=exp_Draft", "exp_Active var_Passkey treatment carried/"},
	} {
		e.Get(step.path, jar)
		if got := outcome(t, e.Provider.Last(t)); got != step.want {
			t.Errorf("%s: got %s, want %s", step.path, got, step.want)
		}
	}
}

// A flood of bad parameters must not become a flood of log lines, and none of
// them is lost from the count.
func TestWarningsAreRateLimited(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": several}})
	const flood = 60
	for range flood {
		e.Get("/authorize?experiment_id=exp_Nobody", nil)
	}
	counted := func() (lines, all int) {
		for _, line := range e.LogLines("caddy.log", 0, notFound) {
			lines, all = lines+1, all+1
			if suppressed, ok := line["suppressed"].(float64); ok {
				all += int(suppressed)
			}
		}
		return lines, all
	}
	e.LogLines("caddy.log", 10, notFound)
	if lines, _ := counted(); lines < 10 || lines > 15 {
		t.Errorf("%d requests made %d lines", flood, lines)
	}
	time.Sleep(1100 * time.Millisecond)
	e.Get("/authorize?experiment_id=exp_Nobody", nil) // writes how many were left out
	e.Eventually(func() bool { _, all := counted(); return all == flood+1 }, "the lines should account for all %d warnings", flood+1)
}
