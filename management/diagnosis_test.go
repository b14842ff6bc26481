package management

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// checkDiagnosis holds the answer of the one operation that the OpenAPI document
// does not have against its own closed form.
func checkDiagnosis(t testing.TB, got reply) {
	t.Helper()
	if got.status != http.StatusOK {
		return
	}
	var d struct {
		ExperimentID *string `json:"experiment_id"`
		Tenant       *string `json:"tenant"`
		Result       *Result `json:"result"`
		Checks       *[]struct {
			Question *Question `json:"question"`
			Check    *string   `json:"check"`
			Result   *Result   `json:"result"`
			Finding  *string   `json:"finding"`
			Remedy   *string   `json:"remedy"`
		} `json:"checks"`
	}
	decoder := json.NewDecoder(bytes.NewReader(got.text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil || d.ExperimentID == nil || d.Tenant == nil || d.Result == nil || d.Checks == nil {
		t.Fatalf("the diagnosis has not its form: %v", err)
	}
	results := []Result{ResultOK, ResultProblem, ResultNote, ResultUnknown}
	worst := ResultOK
	for _, c := range *d.Checks {
		if c.Question == nil || c.Check == nil || c.Result == nil || c.Finding == nil || c.Remedy == nil ||
			!slices.Contains(Questions[:], *c.Question) || !slices.Contains(results, *c.Result) || *c.Finding == "" {
			t.Fatalf("a check has not its form: %+v", c)
		}
		if *c.Result == ResultProblem {
			worst = ResultProblem
			if *c.Remedy == "" {
				t.Errorf("the problem %s has no remedy", *c.Check)
			}
		}
	}
	if *d.Result != worst {
		t.Errorf("the result is %s, the checks say %s", *d.Result, worst)
	}
}

const examined = `{
	"feature_flags": [
		{"id": "flg_1", "name": "login", "status": "active", "parameters": {"color": {"type": "string", "value": "blue"}},
		 "variations": [{"id": "var_A", "name": "a"}, {"id": "var_B", "name": "b", "overrides": {"color": {"value": "red"}}}]},
		{"id": "flg_2", "name": "other", "status": "active", "parameters": {"color": {"type": "string", "value": "blue"}}, "variations": [{"id": "var_Z", "name": "z"}]}],
	"segments": [
		{"id": "seg_1", "name": "phones", "rules": [{"match": {"device_type": ["mobile"], "country": ["US"]}}]},
		{"id": "seg_2", "name": "chrome", "rules": [{"match": {"browser": ["chrome"]}}]}],
	"experiments": [
		{"id": "exp_1", "name": "one", "feature_flag_id": "flg_1", "allocation_strategy": "percentage", "status": "active",
		 "allocations": [{"variation_id": "var_A", "weight": 50, "is_control": true}, {"variation_id": "var_B", "weight": 50, "is_control": false}]},
		{"id": "exp_2", "name": "two", "feature_flag_id": "flg_1", "allocation_strategy": "segment", "status": "draft",
		 "allocations": [{"variation_id": "var_B", "segment_id": "seg_1", "priority": 1, "is_control": false},
			{"variation_id": "var_B", "segment_id": "seg_2", "priority": 2, "is_control": false},
			{"variation_id": "var_A", "is_control": true, "is_fallback": true}]}]
}`

// wellFacts are those of an edge on which nothing is wrong.
func wellFacts() *EdgeFacts {
	return &EdgeFacts{
		Store:    store.StoreStatus{Reachable: true},
		Entitled: true, State: store.StateHealthy, Revision: 7, API: "http://localhost:8082/api/v2/experimentation",
		Sites: []SiteFacts{{
			URL: "https://auth.example.com", AuthorizePaths: []string{"/authorize"}, Overrides: "open", Sticky: time.Hour, Connections: true,
			AccessLog: AccessLogFacts{State: AccessLogOn, Logger: "http.log.access.log0", Sinks: []SinkFacts{{Name: "log0", Details: FieldKept}}},
		}},
		Location:    LocationFacts{Configured: true, Path: "city.mmdb", Loaded: true, Regions: true},
		DecisionLog: &DecisionLogFacts{},
		Decisions:   []DecisionCount{{"var_A", "bucket", 12}},
		Warnings:    map[string]uint64{},
	}
}

func examination(t testing.TB) Examination {
	t.Helper()
	document, err := engine.Decode([]byte(examined))
	if err != nil {
		t.Fatal(err)
	}
	return Examination{Tenant: store.DefaultTenant, Document: document, Revision: 7, MaxActive: 1, Edge: wellFacts()}
}

// useSegments makes the segment experiment the active one.
func useSegments(x *Examination) {
	x.Document.Experiments[0].Status = engine.ExperimentPaused
	x.Document.Experiments[1].Status = engine.ExperimentActive
}

// Whatever can be wrong with an experiment is found, with its values, and comes
// with its own remedy.
func TestDiagnosisFindsTheCause(t *testing.T) {
	weight := func(w engine.Weight) *engine.Weight { return &w }
	tests := []struct {
		name       string
		experiment string // exp_1 if empty
		change     func(*Examination)
		question   Question
		check      string
		result     Result
		finding    string // words of it, separated by |
		remedy     string
	}{
		{"draft", "", func(x *Examination) { x.Document.Experiments[0].Status = engine.ExperimentDraft }, QuestionTraffic, "status", ResultProblem,
			"draft", `localhost:8082/api/v2/experimentation/experiments/exp_1/status"|{"status": "active"}`},
		{"paused", "", func(x *Examination) { x.Document.Experiments[0].Status = engine.ExperimentPaused }, QuestionTraffic, "status", ResultProblem, "paused", `{"status": "active"}`},
		{"completed", "", func(x *Examination) { x.Document.Experiments[0].Status = engine.ExperimentCompleted }, QuestionTraffic, "status", ResultProblem,
			"completed|cannot be activated again", `experimentation/experiments"|"feature_flag_id":"flg_1"`},
		{"archived", "", func(x *Examination) { x.Document.Experiments[0].Status = engine.ExperimentArchived }, QuestionTraffic, "status", ResultProblem, "archived|override", "POST"},
		{"not active, for the logs", "", func(x *Examination) { x.Document.Experiments[0].Status = engine.ExperimentPaused }, QuestionLogs, "status", ResultProblem, "paused", `{"status": "active"}`},
		{"flag in draft", "", func(x *Examination) { x.Document.FeatureFlags[0].Status = engine.FlagDraft }, QuestionTraffic, engine.CodeFlagNotActive, ResultProblem,
			"is_valid is false|flg_1|draft", `feature-flags/flg_1/status"|{"status": "active"}`},
		{"flag in draft, activation", "", func(x *Examination) { x.Document.FeatureFlags[0].Status = engine.FlagDraft }, QuestionActivation, "flag_status", ResultProblem, "flg_1|draft", "feature-flags/flg_1/status"},
		{"flag archived", "", func(x *Examination) { x.Document.FeatureFlags[0].Status = engine.FlagArchived }, QuestionActivation, "flag_status", ResultProblem, "archived", `make a new one|/feature-flags"`},
		{"weights", "", func(x *Examination) { x.Document.Experiments[0].Allocations[0].Weight = weight(40_000) }, QuestionTraffic, engine.CodeInvalidWeights, ResultProblem,
			"they sum to 90", `"paused"|PATCH|"variation_id":"var_A","weight":50|"active"`},
		{"no control", "", func(x *Examination) { x.Document.Experiments[0].Allocations[0].IsControl = false }, QuestionActivation, engine.CodeMissingControl, ResultProblem,
			"0 have", `"variation_id":"var_A","weight":50,"is_control":true`},
		{"two controls", "", func(x *Examination) { x.Document.Experiments[0].Allocations[1].IsControl = true }, QuestionTraffic, engine.CodeMissingControl, ResultProblem,
			"2 have", `"variation_id":"var_B","weight":50,"is_control":false`},
		{"no allocations", "", func(x *Examination) { x.Document.Experiments[0].Allocations = nil }, QuestionTraffic, engine.CodeMissingAllocations, ResultProblem,
			"no allocations", `"variation_id":"var_A","weight":50,"is_control":true`},
		{"another flag's variation", "", func(x *Examination) { x.Document.Experiments[0].Allocations[1].VariationID = "var_Z" }, QuestionActivation, engine.CodeForeignVariation, ResultProblem,
			"var_Z|flg_1", `"variation_id":"var_A","weight":50|"variation_id":"var_B","weight":50`},
		{"no fallback", "exp_2", func(x *Examination) { x.Document.Experiments[1].Allocations[2].IsFallback = false }, QuestionActivation, engine.CodeMissingDefault, ResultProblem,
			"is_fallback", `"is_fallback":true`},
		{"two fallbacks", "exp_2", func(x *Examination) { x.Document.Experiments[1].Allocations[0].IsFallback = true }, QuestionTraffic, engine.CodeMultipleDefaults, ResultProblem, "2 allocations", "PATCH"},
		{"one variation", "", func(x *Examination) {
			x.Document.FeatureFlags[0].Variations = x.Document.FeatureFlags[0].Variations[:1]
			x.Document.FeatureFlags[0].Status = engine.FlagDraft
		}, QuestionActivation, "variations", ResultProblem, "1 variations", "feature-flags/flg_1/variations"},
		{"another is active", "exp_2", func(*Examination) {}, QuestionActivation, "active_limit", ResultProblem, `exp_1 "one"|experiment_active_limit_exceeded`,
			`experiments/exp_1/status|{"status": "paused"}|max_active_experiments 2`},
		{"another comes first", "exp_2", func(x *Examination) { x.Document.Experiments[1].Status = engine.ExperimentActive }, QuestionTraffic, "active_limit", ResultProblem, `exp_1 "one"`, "exp_1/status"},
		{"completed, activation", "", func(x *Examination) { x.Document.Experiments[0].Status = engine.ExperimentCompleted }, QuestionActivation, "transition", ResultProblem, CodeExperimentCompleted, "POST"},
		{"changing what is active", "", func(*Examination) {}, QuestionActivation, CodeExperimentRequiresPause, ResultNote, "pause it", `"paused"|PATCH|"active"`},

		{"store lost", "", func(x *Examination) { x.Edge.Store = store.StoreStatus{LastError: "connection refused"} }, QuestionTraffic, "store", ResultProblem, "has not answered since|connection refused", "caddy experiments status"},
		{"degraded", "", func(x *Examination) { x.Edge.State, x.Edge.LastError = store.StateDegraded, "line 3: no JSON" }, QuestionTraffic, "document", ResultProblem,
			"revision 7|line 3: no JSON", "experiments status|validate"},
		{"no document", "", func(x *Examination) { x.Edge.State = store.StateEmpty }, QuestionTraffic, "document", ResultProblem, "no document of default/production", "status"},
		{"not applied yet", "", func(x *Examination) { x.Revision = 8 }, QuestionTraffic, "document", ResultNote, "revision 7|revision 8", "status"},
		{"not entitled", "", func(x *Examination) { x.Edge.Entitled = false }, QuestionTraffic, "entitled", ResultProblem, CodeNotEntitled, "tenants default/production"},
		{"no site", "", func(x *Examination) { x.Edge.Sites = nil }, QuestionTraffic, "sites", ResultProblem, "no site of this edge uses tenant default/production", "tenant default/production"},
		{"a site perhaps", "", func(x *Examination) { x.Edge.Sites, x.Edge.SitesUnknown = nil, "it is too large" }, QuestionTraffic, "sites", ResultUnknown, "too large", "adapt"},
		{"authorize paths", "", func(*Examination) {}, QuestionTraffic, "authorize_path", ResultNote, "https://auth.example.com|exactly|/authorize", "authorize_path"},
		{"behind a matcher", "", func(x *Examination) { x.Edge.Sites[0].Conditional = true }, QuestionTraffic, "matcher", ResultNote, "behind a matcher", "adapt"},
		{"traffic", "", func(*Examination) {}, QuestionTraffic, "decisions", ResultOK, "var_A by bucket: 12", ""},
		{"no traffic", "", func(x *Examination) { x.Edge.Decisions = nil }, QuestionTraffic, "decisions", ResultNote, "nobody", "decide 'https://auth.example.com/authorize'"},
		{"bypass", "", func(*Examination) {}, QuestionTraffic, "bypass", ResultNote, "override", "https://auth.example.com/authorize?experiment_id=exp_1&variation_id=var_B"},
		{"bypass with a token", "", func(x *Examination) { x.Edge.Sites[0].Overrides = "signed" }, QuestionTraffic, "bypass", ResultNote, "override", "token --experiment exp_1 --variation var_B|curl"},
		{"bypass switched off", "", func(x *Examination) { x.Edge.Sites[0].Overrides = "off" }, QuestionTraffic, "bypass", ResultNote, "override", "overrides signed|token|curl"},

		{"no location database", "exp_2", func(x *Examination) { useSegments(x); x.Edge.Location = LocationFacts{} }, QuestionTraffic, "segment_rules", ResultProblem,
			"seg_1|country|no location database", "geoip ./GeoLite2-City.mmdb"},
		{"location database not loaded", "exp_2", func(x *Examination) {
			useSegments(x)
			x.Edge.Location = LocationFacts{Configured: true, Path: "x.mmdb", LastError: "no such file"}
		}, QuestionTraffic, "segment_rules", ResultProblem, "x.mmdb|no such file", "geoip"},
		{"no regions", "exp_2", func(x *Examination) {
			useSegments(x)
			x.Edge.Location.Regions = false
			x.Document.Segments[0].Rules[0].Match[engine.Region] = engine.Expression{Values: []string{"WA"}}
		}, QuestionTraffic, "segment_rules", ResultProblem, "region|city.mmdb has countries but no regions", "geoip"},
		{"no connection types", "exp_2", func(x *Examination) {
			useSegments(x)
			x.Edge.Sites[0].Connections = false
			x.Document.Segments[0].Rules[0].Match[engine.ConnectionType] = engine.Expression{Values: []string{"social"}}
		}, QuestionTraffic, "segment_rules", ResultProblem, "connection_type|connections", "connections {\n\tgoogle-oauth2 social\n}"},
		{"one rule of two", "exp_2", func(x *Examination) {
			useSegments(x)
			x.Edge.Location = LocationFacts{}
			x.Document.Segments[0].Rules = append(x.Document.Segments[0].Rules, engine.Rule{Match: map[engine.Attribute]engine.Expression{engine.Browser: {Values: []string{"firefox"}}}})
		}, QuestionTraffic, "segment_rules", ResultNote, "1 of 2 rules of seg_1", "geoip"},
		{"an exclusion without effect", "exp_2", func(x *Examination) {
			useSegments(x)
			x.Edge.Location = LocationFacts{}
			x.Document.Segments[0].Rules = []engine.Rule{{NotMatch: map[engine.Attribute]engine.Expression{engine.Country: {Values: []string{"US"}}}}}
		}, QuestionTraffic, "segment_exclusions", ResultNote, "seg_1 never excludes|country", ""},
		{"a device type that nobody has", "exp_2", func(x *Examination) {
			useSegments(x)
			x.Document.Segments[0].Rules[0].Match[engine.DeviceType] = engine.Expression{Values: []string{"phone"}}
		}, QuestionTraffic, "segment_rules", ResultProblem, "device_type of phone|mobile, desktop, tablet", "segments/seg_1"},
		{"a country that is none", "exp_2", func(x *Examination) {
			useSegments(x)
			x.Document.Segments[0].Rules[0].Match[engine.Country] = engine.Expression{Values: []string{"USA"}}
		}, QuestionTraffic, "segment_rules", ResultProblem, "country of USA|two letters", "segments/seg_1"},
		{"a region with its country", "exp_2", func(x *Examination) {
			useSegments(x)
			x.Document.Segments[0].Rules[0].Match[engine.Region] = engine.Expression{Values: []string{"US-WA"}}
		}, QuestionTraffic, "segment_rules", ResultProblem, "US-WA|without the country", "segments/seg_1"},
		{"no rules", "exp_2", func(x *Examination) { useSegments(x); x.Document.Segments[0].Rules = nil }, QuestionTraffic, "segment_rules", ResultProblem, "seg_1 has no rules", "rules"},
		{"local addresses", "exp_2", useSegments, QuestionTraffic, "location", ResultNote, "local and private addresses are nowhere|trusted_proxies", "--ip"},
		{"shadowed", "exp_2", func(x *Examination) {
			useSegments(x)
			x.Document.Segments[1].Rules = []engine.Rule{{Match: map[engine.Attribute]engine.Expression{
				engine.DeviceType: {Values: []string{"Mobile"}}, engine.Country: {Values: []string{"us"}}, engine.Browser: {Values: []string{"chrome"}},
			}}}
		}, QuestionTraffic, "segment_order", ResultProblem, "seg_2|nobody|seg_1 matches before it", "priority for seg_2"},
		{"fallback", "exp_2", useSegments, QuestionTraffic, "fallback", ResultNote, "var_A, the fallback", "decide"},

		{"ranges", "", func(*Examination) {}, QuestionSame, "hashing", ResultNote, `SHA-256(subject + "exp_1")|var_A from 0 up to 50|var_B from 50 up to 100`, "--subject"},
		{"segments draw nothing", "exp_2", useSegments, QuestionSame, "hashing", ResultNote, "nothing is drawn|var_B to seg_1|var_A control fallback", ""},
		{"everybody gets one", "", func(x *Examination) {
			x.Document.Experiments[0].Allocations[0].Weight, x.Document.Experiments[0].Allocations[1].Weight = weight(0), weight(100_000)
		}, QuestionSame, "only_variation", ResultProblem, "var_B gets everybody", `"variation_id":"var_A","weight":50`},
		{"one allocation", "", func(x *Examination) {
			x.Document.Experiments[0].Allocations = x.Document.Experiments[0].Allocations[:1]
			x.Document.Experiments[0].Allocations[0].Weight = weight(100_000)
		}, QuestionSame, "only_variation", ResultProblem, "var_A gets everybody", `"variation_id":"var_B","weight":50`},
		{"overrides open", "", func(*Examination) {}, QuestionSame, "overrides", ResultNote, "open|any status", "&experiment_id=exp_1&variation_id=var_A|&experiment_id=exp_1&variation_id=var_B"},
		{"overrides signed", "", func(x *Examination) { x.Edge.Sites[0].Overrides = "signed" }, QuestionSame, "overrides", ResultNote, "signed", "token --experiment exp_1 --variation var_B"},
		{"overrides off", "", func(x *Examination) { x.Edge.Sites[0].Overrides = "off" }, QuestionSame, "overrides", ResultNote, "off", "overrides signed"},
		{"carried", "", func(*Examination) {}, QuestionSame, "sticky", ResultNote, "1h0m0s", "sticky"},
		{"a shared subject", "", func(x *Examination) { x.Edge.Sites[0].Subject = "{http.request.header.X-Device}" }, QuestionSame, "subject", ResultNote, "{http.request.header.X-Device}", "subject"},

		{"no log at all", "", func(x *Examination) {
			x.Edge.Sites[0].AccessLog, x.Edge.DecisionLog = AccessLogFacts{State: AccessLogOff}, nil
		}, QuestionLogs, "access_log", ResultProblem, "https://auth.example.com writes no access log", "Caddyfile, https://auth.example.com:\nlog"},
		{"a decision log instead", "", func(x *Examination) { x.Edge.Sites[0].AccessLog = AccessLogFacts{State: AccessLogOff} }, QuestionLogs, "access_log", ResultNote, "writes no access log", "Caddyfile, https://auth.example.com:\nlog"},
		{"hosts left out", "", func(x *Examination) {
			x.Edge.Sites[0].AccessLog, x.Edge.DecisionLog = AccessLogFacts{State: AccessLogHostOff}, nil
		}, QuestionLogs, "access_log", ResultProblem, "skip_hosts|no_hostname", "Caddyfile, https://auth.example.com:\nlog"},
		{"log_skip", "", func(x *Examination) {
			x.Edge.Sites[0].AccessLog, x.Edge.DecisionLog = AccessLogFacts{State: AccessLogSkipped}, nil
		}, QuestionLogs, "access_log", ResultProblem, "log_skip", "take log_skip out"},
		{"log_skip for some", "", func(x *Examination) { x.Edge.Sites[0].AccessLog.State = AccessLogSkippedFew }, QuestionLogs, "access_log_skip", ResultNote, "some of its requests", "log_skip"},
		{"no log takes it", "", func(x *Examination) { x.Edge.Sites[0].AccessLog.Sinks, x.Edge.DecisionLog = nil, nil }, QuestionLogs, "access_log", ResultProblem, "http.log.access.log0|no log takes them", "http.log.access.log0|include|INFO"},
		{"details deleted", "", func(x *Examination) {
			x.Edge.Sites[0].AccessLog.Sinks[0].Details, x.Edge.DecisionLog = FieldDeleted, nil
		}, QuestionLogs, "details_filter", ResultProblem, "log log0 deletes the field details", "filter in the format of log log0"},
		{"details changed", "", func(x *Examination) {
			x.Edge.Sites[0].AccessLog.Sinks[0].Details, x.Edge.DecisionLog = FieldChanged, nil
		}, QuestionLogs, "details_filter", ResultProblem, "replaces", "filter"},
		{"a foreign format", "", func(x *Examination) { x.Edge.Sites[0].AccessLog.Sinks[0].Details = FieldUnknown }, QuestionLogs, "details_filter", ResultUnknown, "format of its own", "log"},
		{"a field of it deleted", "", func(x *Examination) {
			x.Edge.Sites[0].AccessLog.Sinks[0].Filtered = []string{"details.experiment.source"}
		}, QuestionLogs, "details_filter", ResultNote, "details.experiment.source", "filter"},
		{"sampling", "", func(x *Examination) { x.Edge.Sites[0].AccessLog.Sinks[0].Sampled = true }, QuestionLogs, "sampling", ResultNote, "sampled", "sampling"},
		{"logging unknown", "", func(x *Examination) {
			x.Edge.Sites[0].AccessLog = AccessLogFacts{State: AccessLogUnknown, Reason: "it does not say"}
		}, QuestionLogs, "access_log", ResultUnknown, "it does not say", "adapt"},
		{"logged", "", func(*Examination) {}, QuestionLogs, "access_log", ResultOK, "log log0", ""},
		{"other requests", "", func(*Examination) {}, QuestionLogs, "enriched_requests", ResultNote, "authorization request", ""},
		{"no decision log", "", func(x *Examination) { x.Edge.DecisionLog = nil }, QuestionLogs, "decision_log", ResultNote, "no decision log", "decision_log ./decisions.log"},
		{"decisions dropped", "", func(x *Examination) { x.Edge.DecisionLog.Dropped = 3 }, QuestionLogs, "decision_log", ResultNote, "3 lines", ""},
		{"header over budget", "", func(x *Examination) { x.HeaderBudget = 100 }, QuestionLogs, "header_budget", ResultProblem, "experiment_header_too_large|var_A, var_B|103|100", "header_budget 103"},
		{"circuit open", "", func(x *Examination) { x.Edge.Warnings["experiment_circuit_open"] = 2 }, QuestionLogs, "experiment_circuit_open", ResultNote, "2 times", "wait some minutes"},
		{"unknown experiments", "", func(x *Examination) { x.Edge.Warnings["experiment_not_found"] = 5 }, QuestionLogs, "experiment_not_found", ResultNote, "5 times", "experiment_id"},
		{"orphaned parameters", "", func(x *Examination) { x.Edge.Warnings["experiment_orphaned_params"] = 1 }, QuestionLogs, "experiment_orphaned_params", ResultNote, "1 times|without experiment_id", "experiment_id"},
		{"nobody knows the edge", "", func(x *Examination) { x.Edge = nil }, QuestionLogs, "access_log", ResultUnknown, "not known", "doctor exp_1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x := examination(t)
			test.change(&x)
			id := test.experiment
			if id == "" {
				id = "exp_1"
			}
			d, found := Diagnose(id, x)
			if !found {
				t.Fatal("the experiment was not found")
			}
			var all []string
			for _, c := range d.Checks {
				if c.Question != test.question || c.ID != test.check {
					continue
				}
				if c.Result == test.result && hasWords(c.Finding, test.finding) && hasWords(c.Remedy, test.remedy) {
					return
				}
				all = append(all, string(c.Result)+": "+c.Finding+" → "+c.Remedy)
			}
			t.Errorf("%s %s should be %s with %q and %q; it is\n%s", test.question, test.check, test.result, test.finding, test.remedy, strings.Join(all, "\n"))
		})
	}
}

func hasWords(text, words string) bool {
	for word := range strings.SplitSeq(words, "|") {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// Where nothing is wrong, no check says so.
func TestDiagnosisOfTheWell(t *testing.T) {
	for _, name := range []string{"percentage", "segment"} {
		x := examination(t)
		id := "exp_1"
		if name == "segment" {
			useSegments(&x)
			id = "exp_2"
		}
		d, _ := Diagnose(id, x)
		for _, c := range d.Checks {
			if c.Result == ResultProblem || c.Result == ResultUnknown {
				t.Errorf("%s: %s %s is %s: %s", name, c.Question, c.ID, c.Result, c.Finding)
			}
		}
		if d.Result != ResultOK || d.ExperimentID != id || d.Tenant != store.DefaultTenant {
			t.Errorf("%s: the diagnosis is %s of %s in %s", name, d.Result, d.ExperimentID, d.Tenant)
		}
		for _, q := range Questions {
			if !slices.ContainsFunc(d.Checks, func(c Check) bool { return c.Question == q }) {
				t.Errorf("%s: no check answers %q", name, q.Text())
			}
		}
	}
	if _, found := Diagnose("exp_9", examination(t)); found {
		t.Error("an experiment that does not exist has a diagnosis")
	}
}

func TestDiagnosisOverTheAPI(t *testing.T) {
	s := newSite(t, nil).world()
	got := s.must(200, "GET", "experiments/{experiment}/diagnosis", "")
	if got.field("result") != "problem" || got.field("checks", 0, "check") != "status" || got.field("checks", 0, "result") != "problem" {
		t.Errorf("a draft is diagnosed as %v: %v", got.field("result"), got.field("checks", 0))
	}
	if remedy, _ := got.field("checks", 0, "remedy").(string); !strings.Contains(remedy, "$API/experiments/") {
		t.Errorf("without an edge the remedy is %q", remedy)
	}
	s.status("active")
	if got := s.must(200, "GET", "experiments/{experiment}/diagnosis", ""); got.field("result") != "ok" {
		t.Errorf("an active one is diagnosed as %v", got.field("result"))
	}
	s.refused(404, CodeExperimentNotFound, "GET", "experiments/exp_1/diagnosis", "")
	s.refused(405, CodeMethodNotAllowed, "POST", "experiments/{experiment}/diagnosis", "{}")
	s.refused(400, CodeInvalidQuery, "GET", "experiments/{experiment}/diagnosis?x=1", "")
	for header, want := range map[string]int{"Bearer no": 401, "": 401} {
		r := s.request("GET", "experiments/{experiment}/diagnosis", "")
		r.Header.Set("Authorization", header)
		if got := s.send(r); got.status != want {
			t.Errorf("with %q it answers %d", header, got.status)
		}
	}
	narrow := newSite(t, func(c *Config) { c.Tokens = []Token{{Secret: secret, Scopes: []Scope{ScopeCreate}}} })
	narrow.refused(403, CodeInsufficientScope, "GET", "experiments/exp_1/diagnosis", "")
}

func TestQuestionsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range Questions {
		if !strings.Contains(string(text), "\n## "+q.Text()+"\n") {
			t.Errorf("docs/troubleshooting.md has no heading %q", q.Text())
		}
	}
}

// Paths of the machine and the texts of errors are for those who operate the
// edge. Whoever has a token is told what is wrong, and who knows more.
func TestDiagnosisKeepsTheMachineToItself(t *testing.T) {
	const path, reason = "/srv/secret/city.mmdb", "dial tcp 10.0.0.7:6379: WRONGPASS of /srv/secret"
	tests := map[string]func(*EdgeFacts){
		"store":    func(f *EdgeFacts) { f.Store = store.StoreStatus{LastError: reason} },
		"degraded": func(f *EdgeFacts) { f.State, f.LastError = store.StateDegraded, reason },
		"empty":    func(f *EdgeFacts) { f.State, f.LastError = store.StateEmpty, reason },
		"no database": func(f *EdgeFacts) {
			f.Location = LocationFacts{Configured: true, Path: path, LastError: reason}
		},
		"no regions": func(f *EdgeFacts) {
			f.Location = LocationFacts{Configured: true, Path: path, Loaded: true}
		},
	}
	for name, change := range tests {
		facts := wellFacts()
		change(facts)
		s := newSite(t, func(c *Config) { c.Edge = func(store.Tenant, string) EdgeFacts { return *facts } }).world()
		s.edit(func(document *engine.Document) {
			examined := examination(t).Document
			useSegments(&Examination{Document: examined})
			examined.Segments[0].Rules[0].Match[engine.Region] = engine.Expression{Operator: engine.OneOf, Values: []string{"WA"}}
			*document = *examined
		})
		got := s.must(200, "GET", "experiments/exp_2/diagnosis", "")
		text := string(got.text)
		if strings.Contains(text, "secret") || strings.Contains(text, "10.0.0.7") {
			t.Errorf("%s: a token is told %s", name, text)
		}
		if got.field("result") != "problem" || name != "no regions" && !strings.Contains(text, "the log of the edge") {
			t.Errorf("%s: the diagnosis is %s", name, text)
		}
	}
}
