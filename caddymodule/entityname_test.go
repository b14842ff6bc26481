package caddymodule_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// keyed is split, whose experiment has a key, beside one of another name.
func keyed(t testing.TB) string {
	return replaced(t, split, `"id": "exp_Sp1it",`, `"id": "exp_Sp1it", "key": "sign-in",`)
}

// called returns what the experiment of keyed is called.
func calledSplit(t testing.TB) []string {
	var document struct {
		Experiments []struct{ ID, Key, Name string }
	}
	if err := json.Unmarshal([]byte(keyed(t)), &document); err != nil || len(document.Experiments) != 1 {
		t.Fatalf("%v: %+v", err, document)
	}
	e := document.Experiments[0]
	return []string{e.ID, e.Key, e.Name, strings.ToUpper(e.Name)}
}

// Each command takes an id, a key or a name, and says what there is where it is
// given something else.
func TestCommandsTakeNames(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": keyed(t), "default/segments": audience}})
	e.LoadText("", "events {dir}/events\ngeoip {dir}/nowhere.mmdb optional", `one.test:{port} {
	bind 127.0.0.1
	experiments
	reverse_proxy {provider}
}
two.test:{port} {
	bind 127.0.0.1
	experiments {
		tenant default/segments
		overrides signed
	}
	reverse_proxy {provider}
}
`)
	commands := map[string]func(name string, more ...string) ran{
		"doctor": func(name string, more ...string) ran {
			return e.Command("", append([]string{"doctor", name}, more...)...)
		},
		"results": func(name string, more ...string) ran {
			return e.Command("", append([]string{"results", name}, more...)...)
		},
		"token": func(name string, more ...string) ran {
			return e.Command("", append([]string{"token", "--experiment", name}, more...)...)
		},
	}
	for command, run := range commands {
		for _, name := range calledSplit(t) {
			if got := run(name); !strings.Contains(got.out, "exp_Sp1it") || strings.Contains(got.log, "called that") {
				t.Errorf("%s %q: exit %d, %s %s", command, name, got.code, got.out, got.log)
			}
		}
		for name, words := range map[string]string{
			"sign-im":      `experiment "sign-im"|default/production|there are: exp_Sp1it (sign-in)`,
			"exp_Audience": "default/segments has: add --tenant default/segments",
			"":             "missing|exp_Sp1it",
		} {
			got := run(name)
			if got.code != 1 || got.out != "" || strings.Count(got.log, "\n") != 1 {
				t.Errorf("%s %q: exit %d, %q, %q", command, name, got.code, got.out, got.log)
			}
			for word := range strings.SplitSeq(words, "|") {
				if !strings.Contains(got.log, word) {
					t.Errorf("%s %q does not say %q: %s", command, name, word, got.log)
				}
			}
		}
		if got := run("exp_Audience", "--tenant", "default/segments"); !strings.Contains(got.out, "exp_Audience") {
			t.Errorf("%s of the other tenant: exit %d, %s %s", command, got.code, got.out, got.log)
		}
		if got := run("exp_Sp1it", "--tenant", "default/segmnets"); got.code != 1 || !strings.Contains(got.log, "default/segmnets has no document") || !strings.Contains(got.log, "tenants with one are: default/production, default/segments") {
			t.Errorf("%s of a tenant that there is not: exit %d, %s", command, got.code, got.log)
		}
	}
}

// Where several experiments have a name, it takes the id.
func TestCommandsAskWhich(t *testing.T) {
	twice := replaced(t, halves2(t), `"name": "second"`, `"name": "FIRST"`)
	e := startEdge(t, setup{Store: map[string]string{"default/production": twice}})
	got := e.Command("", "doctor", "first")
	if got.code != 1 || !strings.Contains(got.log, "several") || !strings.Contains(got.log, "exp_First") || !strings.Contains(got.log, "exp_Second") {
		t.Errorf("exit %d: %s", got.code, got.log)
	}
}

// halves2 is split with two experiments that are drafts.
func halves2(t testing.TB) string {
	var document map[string]any
	if err := json.Unmarshal([]byte(split), &document); err != nil {
		t.Fatal(err)
	}
	var experiments []any
	for id, name := range map[string]string{"exp_First": "first", "exp_Second": "second"} {
		text, err := json.Marshal(document["experiments"].([]any)[0])
		if err != nil {
			t.Fatal(err)
		}
		var e map[string]any
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		e["id"], e["name"], e["status"] = id, name, "draft"
		experiments = append(experiments, e)
	}
	document["experiments"] = experiments
	text, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A token is for what there is, and says where it changes nothing.
func TestTokenCommand(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": keyed(t)}})
	got := e.Command("", "token", "--experiment", "sign-in", "--variation", "passkey", "--valid-for", "7d")
	if got.code != 0 || !strings.HasPrefix(got.out, "experiment_id=exp_Sp1it&variation_id=var_Passkey&experiment_token=v1.") || strings.Count(got.out, "\n") != 1 {
		t.Errorf("exit %d: %s", got.code, got.out)
	}
	if !strings.Contains(got.log, "note: overrides are open on "+e.URL) {
		t.Errorf("it does not say that nobody needs the token: %s", got.log)
	}
	for arguments, words := range map[string]string{
		"--experiment exp_Nope":                         `experiment "exp_Nope"`,
		"--experiment exp_Sp1it --variation var_Nope":   `variation "var_Nope"|var_Base (base), var_Passkey (passkey), var_Spare (spare)`,
		"--experiment exp_Sp1it --segment seg_Nope":     `segment "seg_Nope"|has none at all`,
		"--experiment exp_Sp1it --valid-for 1day":       `--valid-for "1day"`,
		"--experiment exp_Sp1it --valid-for -1h":        "valid_for: must be positive",
		"":                                              "experiment: is missing",
		"--experiment exp_Sp1it --tenant default/other": "default/other has no document",
	} {
		got := e.Command("", append([]string{"token"}, strings.Fields(arguments)...)...)
		if got.code != 1 || got.out != "" {
			t.Errorf("%q: exit %d, %s", arguments, got.code, got.out)
		}
		for word := range strings.SplitSeq(words, "|") {
			if !strings.Contains(got.log, word) {
				t.Errorf("%q does not say %q: %s", arguments, word, got.log)
			}
		}
	}
	if err := e.Load(setup{Site: "overrides signed"}); err != nil {
		t.Fatal(err)
	}
	got = e.Command("", "token", "--experiment", "exp_Sp1it", "--variation", "var_Spare")
	if got.code != 0 || got.log != "" {
		t.Errorf("where overrides are signed: exit %d, %s", got.code, got.log)
	}
	e.Get("/authorize?"+strings.TrimSpace(got.out), nil)
	if config := e.Provider.Last(t).Config(t); config["variation_id"] != "var_Spare" {
		t.Errorf("the token forces %v", config)
	}
}

// firstIteration is that of split's experiment.
const firstIteration = "itr_Sp1it"

// The command has what the management API has, in its names, and a table for
// spreadsheets.
func TestResultsCommand(t *testing.T) {
	e := recording(t)
	for range 6 {
		jar := newJar()
		e.browse("/authorize?client_id=app", jar)
		e.browse("/finish", jar)
	}
	e.Eventually(func() bool { return count(e.exported())["s"] == 6 && count(e.exported())["exposure"] == 6 }, "all events should be in the log")
	whole := func(query string) string {
		status, answer := e.call(http.MethodGet, "/experiments/exp_Sp1it/results"+query, "ci-secret", "")
		delete(answer, "as_of")
		text, err := json.Marshal(answer)
		if status != http.StatusOK || err != nil {
			t.Fatalf("%d %v: %s", status, err, text)
		}
		return string(text)
	}
	for options, query := range map[string]string{
		"":                                  "",
		"--metric login --level 0.95":       "?metric=login&level=0.95",
		"--slice device_type --days":        "?slice=device_type&series=true",
		"--from 2020-01-01 --to 2021-01-01": "?from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z",
		"--prior control --interval delta":  "?prior=control&interval=delta",
		"--cuped 24h --matured":             "?cuped=24h&matured=true",
		"--iteration " + firstIteration:     "?iteration_id=" + firstIteration,
	} {
		got := e.Command("", append([]string{"results", "exp_Sp1it", "--json"}, strings.Fields(options)...)...)
		var answer map[string]any
		if err := json.Unmarshal([]byte(got.out), &answer); err != nil || got.code != 0 {
			t.Fatalf("%s: exit %d, %v: %s", options, got.code, err, got.log)
		}
		delete(answer, "as_of")
		if text, err := json.Marshal(answer); err != nil || string(text) != whole(query) {
			t.Errorf("%s: the command has %v\n%s\nthe API\n%s", options, err, text, whole(query))
		}
	}
	got := e.Command("", "results", "exp_Sp1it", "--csv")
	rows, err := csv.NewReader(strings.NewReader(got.out)).ReadAll()
	if err != nil || got.code != 0 || len(rows) < 3 || rows[0][2] != "metric" {
		t.Errorf("exit %d, %v, %d rows: %s", got.code, err, len(rows), got.log)
	}
	for options, words := range map[string]string{
		"--metric logn":       `"logn"|there are: login, signup`,
		"--slice phone":       "phone|device_type, browser",
		"--iteration itr_Non": "itr_Non|there are: ",
		"--from yesterday":    "from: must be an RFC 3339 time",
		"--level 90":          "level: must be a number from 0.5",
		"--prior strong":      "prior: must be one of weak, control",
		"--json --csv":        "csv json",
		"--group nonsense":    "nonsense",
	} {
		got := e.Command("", append([]string{"results", "exp_Sp1it"}, strings.Fields(options)...)...)
		if got.code != 1 || got.out != "" {
			t.Errorf("%q: exit %d, %s", options, got.code, got.out)
		}
		for word := range strings.SplitSeq(words, "|") {
			if !strings.Contains(got.log, word) {
				t.Errorf("%q does not say %q: %s", options, word, got.log)
			}
		}
	}
	for query, want := range map[string]int{
		"experiment=exp_Sp1it&format=xml":                            http.StatusBadRequest,
		"experiment=exp_Sp1it&nonsense=1":                            http.StatusBadRequest,
		"experiment=exp_Sp1it&metric=login&metric=logout":            http.StatusBadRequest,
		"experiment=exp_Sp1it&days=true&iteration=" + firstIteration: http.StatusOK, // as they were called before
	} {
		if status, body := e.admin(http.MethodGet, "/experiments/results?"+query); status != want {
			t.Errorf("%s is answered with %d %s", query, status, body)
		}
	}
}
