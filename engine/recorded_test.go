package engine

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// recorded is a document with every field that belongs to metrics and to the
// iterations of experiments, each value on a line of its own.
const recorded = `{
"feature_flags": [{"id": "flg_1", "name": "f", "status": "active", "parameters": {}, "variations": [{"id": "var_A", "name": "a"}, {"id": "var_B", "name": "b"}]}],
"segments": [],
"experiments": [{
  "id": "exp_1", "name": "e", "feature_flag_id": "flg_1", "allocation_strategy": "percentage", "status": "active",
  "allocations": [{"variation_id": "var_A", "weight": 20, "is_control": true}, {"variation_id": "var_B", "weight": 30.5, "is_control": false}],
  "key": "first-experiment",
  "maintainer_id": "member",
  "holdout_id": "none",
  "tags": ["login"],
  "archived_at": "2026-01-01T00:00:00Z",
  "iterations": [{
    "id": "itr_1",
    "status": "running",
    "hypothesis": "B is better",
    "created_at": "2026-01-02T00:00:00Z",
    "started_at": "2026-01-03T00:00:00Z",
    "ended_at": "2026-01-04T00:00:00Z",
    "treatments": [{
      "variation_id": "var_Gone",
      "name": "gone",
      "baseline": true,
      "weight": 12.5
    }],
    "metrics": [{
      "key": "unknown",
      "is_group": true
    }],
    "primary_metric": "login",
    "flag": {
      "key": "flag",
      "rule_id": "rule",
      "config_version": 3,
      "not_in_experiment_variation_id": "var_C"
    },
    "randomization_unit": "user",
    "attributes": ["country"],
    "can_reshuffle_traffic": false,
    "winning_variation_id": "var_D",
    "winning_reason": "it won",
    "salt": "pepper",
    "shares": [{
      "variation_id": "var_E",
      "weight": 7
    }]
  }, {
    "id": "itr_2",
    "status": "not_started",
    "primary_group": "funnel"
  }]
}],
"metrics": [{
  "key": "revenue",
  "name": "Revenue",
  "description": "per device",
  "kind": "click",
  "event_key": "bought it!",
  "is_numeric": true,
  "unit_aggregation_type": "sum",
  "success_criteria": "LowerThanBaseline",
  "unit": "EUR",
  "event_default": {
    "disabled": true,
    "value": -1.5
  },
  "analysis_type": "percentile",
  "percentile_value": 95,
  "denominator_event_key": "visit",
  "window": "36h",
  "cap": 0.999,
  "randomization_units": ["user"],
  "selector": "#buy",
  "urls": [{
    "kind": "exact",
    "url": "https://shop.example/"
  }, {
    "kind": "substring",
    "substring": "/cart"
  }, {
    "kind": "regex",
    "pattern": "^/c"
  }],
  "is_active": false,
  "maintainer_id": "somebody",
  "tags": ["money"],
  "created_at": "2026-01-05T00:00:00Z",
  "updated_at": "2026-01-06T00:00:00Z"
}],
"metric_groups": [{
  "key": "funnel",
  "name": "Funnel",
  "description": "to the till",
  "kind": "funnel",
  "metrics": [{
    "key": "login",
    "name": "first"
  }, {
    "key": "revenue"
  }],
  "version": 3,
  "maintainer_id": "anybody",
  "tags": ["steps"],
  "created_at": "2026-01-07T00:00:00Z",
  "updated_at": "2026-01-08T00:00:00Z"
}],
"randomization_units": [{
  "randomization_unit": "user id",
  "standard_randomization_unit": "user",
  "default": true,
  "hidden": true
}]
}`

func TestDecodeRecorded(t *testing.T) {
	got := decode(t, recorded)
	no, quantile := false, 0.999
	e := &got.Experiments[0]
	if e.Key != "first-experiment" || e.MaintainerID != "member" || e.HoldoutID != "none" || !reflect.DeepEqual(e.Tags, []string{"login"}) || !reflect.DeepEqual(e.ArchivedAt, day(1)) {
		t.Errorf("the experiment is %+v", e)
	}
	iterations := []Iteration{{
		ID: "itr_1", Status: IterationRunning, Hypothesis: "B is better", CreatedAt: day(2), StartedAt: day(3), EndedAt: day(4),
		Treatments: []IterationTreatment{{VariationID: "var_Gone", Name: "gone", Baseline: true, Weight: 12_500}},
		Metrics:    []IterationMetric{{Key: "unknown", IsGroup: true}}, PrimaryMetric: "login",
		Flag:              &IterationFlag{Key: "flag", RuleID: "rule", ConfigVersion: 3, NotInExperimentVariationID: "var_C"},
		RandomizationUnit: "user", Attributes: []string{"country"}, CanReshuffleTraffic: &no,
		WinningVariationID: "var_D", WinningReason: "it won", Salt: "pepper", Shares: []Share{{"var_E", 7_000}},
	}, {ID: "itr_2", Status: IterationNotStarted, PrimaryGroup: "funnel"}}
	if !reflect.DeepEqual(e.Iterations, iterations) {
		t.Errorf("got  %+v\nwant %+v", e.Iterations, iterations)
	}
	metrics := []Metric{{
		Key: "revenue", Name: "Revenue", Description: "per device", Kind: MetricClick, EventKey: "bought it!", IsNumeric: true,
		UnitAggregationType: AggregationSum, SuccessCriteria: LowerThanBaseline, Unit: "EUR", EventDefault: &EventDefault{true, -1.5},
		AnalysisType: AnalysisPercentile, PercentileValue: 95, DenominatorEventKey: "visit", Window: "36h", Cap: &quantile,
		URLs:     []MetricURL{{Kind: URLExact, URL: "https://shop.example/"}, {Kind: URLSubstring, Substring: "/cart"}, {Kind: URLRegex, Pattern: "^/c"}},
		Selector: "#buy", IsActive: &no, RandomizationUnits: []string{"user"}, MaintainerID: "somebody", Tags: []string{"money"}, CreatedAt: day(5), UpdatedAt: day(6),
	}}
	if !reflect.DeepEqual(got.Metrics, metrics) {
		t.Errorf("got  %+v\nwant %+v", got.Metrics, metrics)
	}
	groups := []MetricGroup{{
		Key: "funnel", Name: "Funnel", Description: "to the till", Kind: GroupFunnel, Metrics: []GroupedMetric{{"login", "first"}, {Key: "revenue"}},
		Version: 3, MaintainerID: "anybody", Tags: []string{"steps"}, CreatedAt: day(7), UpdatedAt: day(8),
	}}
	if !reflect.DeepEqual(got.MetricGroups, groups) {
		t.Errorf("got  %+v\nwant %+v", got.MetricGroups, groups)
	}
	if units := []RandomizationUnit{{"user id", "user", true, true}}; !reflect.DeepEqual(got.RandomizationUnits, units) {
		t.Errorf("got %+v, want %+v", got.RandomizationUnits, units)
	}
	if again := decode(t, marshal(t, got)); !reflect.DeepEqual(again, got) {
		t.Errorf("written and read again it is\n%+v\nwant\n%+v", again, got)
	}
}

// A document that says nothing of metrics reads back as it was.
func TestAbsentListsStayAbsent(t *testing.T) {
	for _, read := range []func([]byte) (*Document, error){Decode, NewReader().Decode} {
		document, err := read([]byte(whole))
		if err != nil {
			t.Fatal(err)
		}
		if document.Metrics != nil || document.MetricGroups != nil || document.RandomizationUnits != nil || document.Experiments[0].Iterations != nil {
			t.Errorf("got %+v", document)
		}
		if text := marshal(t, document); strings.Contains(text, "metric") || strings.Contains(text, "iteration") || strings.Contains(text, "randomization") {
			t.Errorf("it is written as %s", text)
		}
	}
	if got := marshal(t, Document{MetricGroups: []MetricGroup{{Key: "g", Kind: GroupStandard}}}); !strings.Contains(got, `"metrics":[]`) {
		t.Errorf("a group without metrics is written as %s", got)
	}
}

// Each case replaces one text of the recorded document.
func TestRecordedFaults(t *testing.T) {
	const (
		run   = "experiments[0].iterations[0]."
		key   = "must be 1 to 256 letters, digits, '_', '.' and '-', beginning with a letter or digit, got "
		label = "must have 1 to 256 bytes and no control characters, got "
		id    = " followed by base58 characters (letters and digits without 0, O, I and l), got "
	)
	long := strings.Repeat("k", 257)
	tests := []struct {
		old, new, path, rule string
		line                 int // where it is not that of the text
	}{
		{`"key": "first-experiment"`, `"key": "-first"`, "experiments[0].key", key + `"-first"`, 0},
		{`"key": "first-experiment"`, `"key": ""`, "experiments[0].key", key + `""`, 0},
		{`"key": "first-experiment"`, `"key": "ä"`, "experiments[0].key", key + `"ä"`, 0},
		{`"key": "first-experiment"`, `"key": null`, "experiments[0].key", "must be a string, got null", 0},
		{`"maintainer_id": "member"`, `"maintainer_id": {}`, "experiments[0].maintainer_id", "must be a string, got an object", 0},
		{`"holdout_id": "none"`, `"holdout_id": 1`, "experiments[0].holdout_id", "must be a string, got a number", 0},
		{`"archived_at": "2026-01-01T00:00:00Z"`, `"archived_at": "today"`, "experiments[0].archived_at", `must be an RFC 3339 time like 2026-01-31T12:00:00Z, got "today"`, 0},
		{`"id": "itr_1"`, `"id": "exp_1"`, run + "id", "must be itr_" + id + `"exp_1"`, 0},
		{`"status": "running"`, `"status": "active"`, run + "status", `must be one of not_started, running, stopped, got "active"`, 0},
		{`"hypothesis": "B is better"`, `"hypothesis": []`, run + "hypothesis", "must be a string, got an array", 0},
		{`"hypothesis": "B is better"`, `"hypotheses": ""`, run + "hypotheses", "is no field here; check its spelling", 0},
		{`"started_at": "2026-01-03T00:00:00Z"`, `"started_at": 3`, run + "started_at", "must be a string, got a number", 0},
		{`"variation_id": "var_Gone"`, `"variation_id": "gone"`, run + "treatments[0].variation_id", "must be var_" + id + `"gone"`, 0},
		{`"baseline": true`, `"baseline": 1`, run + "treatments[0].baseline", "must be a boolean, got a number", 0},
		{`"weight": 12.5`, `"weight": 100.001`, run + "treatments[0].weight", "must be a number between 0 and 100, got 100.001", 0},
		{`"weight": 12.5`, `"weight": null`, run + "treatments[0].weight", "must be a number, got null", 0},
		{`"key": "unknown"`, `"key": "a b"`, run + "metrics[0].key", key + `"a b"`, 0},
		{`"is_group": true`, `"group": true`, run + "metrics[0].group", "is no field here; check its spelling", 0},
		{`"primary_metric": "login"`, `"primary_metric": ".login"`, run + "primary_metric", key + `".login"`, 0},
		{`"config_version": 3`, `"config_version": 3.5`, run + "flag.config_version", "must be a whole number from -2147483648, got 3.5", 0},
		{`"not_in_experiment_variation_id": "var_C"`, `"not_in_experiment_variation_id": ""`, run + "flag.not_in_experiment_variation_id", "must be var_" + id + `""`, 0},
		{`"randomization_unit": "user",`, `"randomization_unit": "",`, run + "randomization_unit", label + `""`, 0},
		{`"attributes": ["country"]`, `"attributes": [1]`, run + "attributes[0]", "must be a string, got a number", 0},
		{`"can_reshuffle_traffic": false`, `"can_reshuffle_traffic": null`, run + "can_reshuffle_traffic", "must be a boolean, got null", 0},
		{`"winning_variation_id": "var_D"`, `"winning_variation_id": "D"`, run + "winning_variation_id", "must be var_" + id + `"D"`, 0},
		{`"salt": "pepper"`, `"salt": "a\nb"`, run + "salt", label + `"a\nb"`, 0},
		{`"salt": "pepper"`, `"salt": "` + long + `"`, run + "salt", label + `"` + long + `"`, 0},
		{`"variation_id": "var_E"`, `"variation_id": 5`, run + "shares[0].variation_id", "must be a string, got a number", 0},
		{`"weight": 7`, `"weight": -7`, run + "shares[0].weight", "must be a number between 0 and 100, got -7", 0},
		{`"primary_metric": "login"`, `"primary_metric": "login", "primary_group": "funnel"`, "experiments[0].iterations[0]", "must not have both primary_metric and primary_group", 12},

		{`"key": "revenue",`, `"key": "` + long + `",`, "metrics[0].key", key + `"` + long + `"`, 0},
		{`"name": "Revenue"`, `"name": null`, "metrics[0].name", "must be a string, got null", 0},
		{`"kind": "substring"`, `"kind": "glob"`, "metrics[0].urls[1].kind", `must be one of exact, canonical, substring, regex, got "glob"`, 0},
		{`"pattern": "^/c"`, `"patterns": "^/c"`, "metrics[0].urls[2].patterns", "is no field here; check its spelling", 0},
		{`"is_active": false`, `"is_active": 0`, "metrics[0].is_active", "must be a boolean, got a number", 0},
		{`"version": 3`, `"version": 0`, "metric_groups[0].version", "must be a whole number from 1, got 0", 0},
		{`"kind": "click"`, `"kind": "hover"`, "metrics[0].kind", `must be one of custom, click, pageview, got "hover"`, 0},
		{`"event_key": "bought it!"`, `"event_key": ""`, "metrics[0].event_key", label + `""`, 0},
		{`"event_key": "bought it!"`, `"event_key": "\u0000"`, "metrics[0].event_key", label + `"\x00"`, 0},
		{`"event_key": "bought it!"`, `"event_key": "` + long + `"`, "metrics[0].event_key", label + `"` + long + `"`, 0},
		{`"is_numeric": true`, `"is_numeric": "true"`, "metrics[0].is_numeric", "must be a boolean, got a string", 0},
		{`"unit_aggregation_type": "sum"`, `"unit_aggregation_type": "max"`, "metrics[0].unit_aggregation_type", `must be one of average, sum, got "max"`, 0},
		{`"success_criteria": "LowerThanBaseline"`, `"success_criteria": "lower"`, "metrics[0].success_criteria", `must be one of HigherThanBaseline, LowerThanBaseline, got "lower"`, 0},
		{`"value": -1.5`, `"value": 1e999`, "metrics[0].event_default.value", "must be a number within the range of a float64, got 1e999", 0},
		{`"disabled": true`, `"off": true`, "metrics[0].event_default.off", "is no field here; check its spelling", 0},
		{`"analysis_type": "percentile"`, `"analysis_type": "median"`, "metrics[0].analysis_type", `must be one of mean, percentile, got "median"`, 0},
		{`"percentile_value": 95`, `"percentile_value": 100`, "metrics[0].percentile_value", "must be a whole number from 1 to 99, got 100", 0},
		{`"percentile_value": 95`, `"percentile_value": 0`, "metrics[0].percentile_value", "must be a whole number from 1, got 0", 0},
		{`"denominator_event_key": "visit"`, `"denominator_event_key": 1`, "metrics[0].denominator_event_key", "must be a string, got a number", 0},
		{`"window": "36h"`, `"window": "36"`, "metrics[0].window", `must be a duration above zero like 90s, 30m or 24h, got "36"`, 0},
		{`"window": "36h"`, `"window": "-1h"`, "metrics[0].window", `must be a duration above zero like 90s, 30m or 24h, got "-1h"`, 0},
		{`"cap": 0.999`, `"cap": 1`, "metrics[0].cap", "must be a number above 0.5 and below 1, got 1", 0},
		{`"cap": 0.999`, `"cap": 0.5`, "metrics[0].cap", "must be a number above 0.5 and below 1, got 0.5", 0},
		{`"cap": 0.999`, `"cap": "0.9"`, "metrics[0].cap", "must be a number, got a string", 0},
		{`"tags": ["money"]`, `"tags": "money"`, "metrics[0].tags", "must be an array, got a string", 0},
		{`"created_at": "2026-01-05T00:00:00Z"`, `"created_at": 5`, "metrics[0].created_at", "must be a string, got a number", 0},

		{`"kind": "funnel"`, `"kind": "list"`, "metric_groups[0].kind", `must be one of funnel, standard, got "list"`, 0},
		{`"name": "first"`, `"name": 1`, "metric_groups[0].metrics[0].name", "must be a string, got a number", 0},
		{`"name": "first"`, `"weight": 1`, "metric_groups[0].metrics[0].weight", "is no field here; check its spelling", 0},
		{`"tags": ["steps"]`, `"steps": 2`, "metric_groups[0].steps", "is no field here; check its spelling", 0},
		{`"randomization_unit": "user id"`, `"randomization_unit": "a\tb"`, "randomization_units[0].randomization_unit", label + `"a\tb"`, 0},
		{`"default": true`, `"default": 1`, "randomization_units[0].default", "must be a boolean, got a number", 0},
		{`"hidden": true`, `"secret": true`, "randomization_units[0].secret", "is no field here; check its spelling", 0},

		{`"id": "itr_2"`, `"id": "itr_1"`, "experiments[0].iterations[1].id", "itr_1 is the id of another one already", 0},
		{"\"key\": \"revenue\"\n", "\"key\": \"nothing\"\n", "metric_groups[0].metrics[1].key", "there is no metric nothing", 0},
	}
	for _, test := range tests {
		t.Run(test.path+" "+clip(test.new), func(t *testing.T) {
			if strings.Count(recorded, test.old) != 1 {
				t.Fatalf("%q stands %d times in the document", test.old, strings.Count(recorded, test.old))
			}
			line := 1 + strings.Count(recorded[:strings.Index(recorded, test.old)], "\n")
			text := strings.Replace(recorded, test.old, test.new, 1)
			_, err := Decode([]byte(text))
			var faults Faults
			if !errors.As(err, &faults) {
				t.Fatalf("Decode gave %v, want a fault", err)
			}
			want := Fault{Path: test.path, Line: line, Rule: clip(test.rule)}
			if test.line > 0 {
				want.Line = test.line
			}
			if !slices.Contains(faults, want) {
				t.Errorf("got  %v\nwant %v", faults, want)
			}
			if _, again := NewReader().Decode([]byte(text)); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Errorf("the reader says %v", again)
			}
		})
	}
}

func TestRecordedReferences(t *testing.T) {
	metric := func(key string) string { return `{"key":"` + key + `","event_key":"e"}` }
	experiment := func(id, more string) string {
		return `{"id":"` + id + `","name":"n","feature_flag_id":"flg_1","allocation_strategy":"percentage","status":"draft","allocations":[]` + more + `}`
	}
	tests := []struct{ name, text, want string }{
		{"metric twice", "{\"metrics\":[" + metric("a") + ",\n" + metric("b") + ",\n" + metric("a") + "]}", "line 3: metrics[2].key: a is the key of another one already"},
		{"built-in metric", "{\"metrics\":[" + metric("a") + ",\n" + metric("login_ms") + "]}", "line 2: metrics[1].key: login_ms is the key of a built-in metric; take another one"},
		{"group twice", "{\"metric_groups\":[{\"key\":\"g\",\"kind\":\"standard\",\"metrics\":[]},\n{\"key\":\"g\",\"kind\":\"funnel\",\"metrics\":[]}]}",
			"line 2: metric_groups[1].key: g is the key of another one already"},
		{"metric of a group", "{\"metric_groups\":[{\"key\":\"g\",\"kind\":\"standard\",\"metrics\":[{\"key\":\"signup\"},\n{\"key\":\"a\"}]}]}",
			"line 2: metric_groups[0].metrics[1].key: there is no metric a"},
		{"unit twice", "{\"randomization_units\":[{\"randomization_unit\":\"u\"},\n{\"randomization_unit\":\"u\"}]}",
			"line 2: randomization_units[1].randomization_unit: u is the randomization_unit of another one already"},
		{"two defaults", "{\"randomization_units\":[{\"randomization_unit\":\"u\",\"default\":true},\n{\"randomization_unit\":\"v\",\n\"default\":true}]}",
			"line 3: randomization_units[1].default: another randomization unit is the default already"},
		{"percentile without a value", `{"metrics":[{"key":"a","event_key":"e","analysis_type":"percentile"}]}`, "line 1: metrics[0].percentile_value: is missing; analysis_type percentile needs it"},
		{"missing in a metric", `{"metrics":[{}]}`, "line 1: metrics[0].key: is missing; line 1: metrics[0].event_key: is missing"},
		{"missing in a group", `{"metric_groups":[{}]}`, "line 1: metric_groups[0].key: is missing; line 1: metric_groups[0].kind: is missing; line 1: metric_groups[0].metrics: is missing"},
		{"missing in a unit", `{"randomization_units":[{}]}`, "line 1: randomization_units[0].randomization_unit: is missing"},
		{"metrics that are none", `{"metrics":{}}`, "line 1: metrics: must be an array, got an object"},
		{"key of an experiment twice", `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{}}],"experiments":[` +
			experiment("exp_1", `,"key":"k"`) + "," + experiment("exp_2", "") + "," + experiment("exp_3", "") + ",\n" + experiment("exp_4", `,"key":"k"`) + "]}",
			"line 2: experiments[3].key: k is the key of another one already"},
		{"iteration without anything", `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{}}],"experiments":[` + experiment("exp_1", `,"iterations":[{}]`) + "]}",
			"line 1: experiments[0].iterations[0].id: is missing; line 1: experiments[0].iterations[0].status: is missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Decode([]byte(test.text)); err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			sameReading(t, NewReader(), []byte(test.text))
		})
	}
	decode(t, `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{}}],"experiments":[`+
		experiment("exp_1", `,"iterations":[{"id":"itr_1","status":"stopped"}]`)+","+experiment("exp_2", `,"iterations":[{"id":"itr_1","status":"stopped"}]`)+"]}")
}

func TestKeys(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "a": true, "9": true, "A.b_c-d": true, "_a": false, ".a": false, "-": false, "a b": false, "a/b": false, "é": false, "a\n": false,
		strings.Repeat("x", 256): true, strings.Repeat("x", 257): false,
	} {
		if got := ValidKey(text); got != want {
			t.Errorf("ValidKey(%.20q) is %t", text, got)
		}
	}
	for text, want := range map[string]bool{
		"": false, "s": true, "bought it! ☂": true, "\x7f": false, "a\u0085": false, "a\r": false,
		strings.Repeat("☂", 85): true, strings.Repeat("☂", 86): false,
	} {
		if got := ValidEventKey(text); got != want {
			t.Errorf("ValidEventKey(%.20q) is %t", text, got)
		}
	}
}
