package engine

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// whole is a document with every field there is. Each value stands on a line of
// its own, so that a test can name the line of a fault.
const whole = `{
"revision": 7,
"feature_flags": [{
  "id": "flg_1",
  "name": "login",
  "description": "The login page",
  "type": "self",
  "status": "active",
  "parameters": {
    "color": {
      "type": "string",
      "value": "blue",
      "description": "of the button"
    }
  },
  "variations": [{
    "id": "var_A",
    "name": "red",
    "description": "A red button",
    "feature_flag_id": "flg_1",
    "overrides": {
      "color": {
        "value": "red"
      }
    },
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-02T00:00:00.5+02:00"
  }],
  "created_at": "2026-01-03T00:00:00Z",
  "updated_at": "2026-01-04T00:00:00Z"
}],
"segments": [{
  "id": "seg_1",
  "name": "dach",
  "description": "German speaking",
  "type": "auth0",
  "rules": [{
    "match": {
      "country": ["DE", "AT", "CH"]
    },
    "not_match": {
      "user_agent": {
        "contains": ["bot"]
      },
      "region": {
        "exists": true
      }
    }
  }],
  "created_at": "2026-01-05T00:00:00Z",
  "updated_at": "2026-01-06T00:00:00Z"
}],
"experiments": [{
  "id": "exp_1",
  "name": "button",
  "description": "Which color?",
  "feature_flag_id": "flg_1",
  "authentication_flow": "login",
  "allocation_strategy": "segment",
  "assignment_config": {
    "subject": "device"
  },
  "status": "draft",
  "is_valid": false,
  "allocations": [{
    "variation_id": "var_A",
    "weight": 12.5,
    "segment_id": "seg_1",
    "priority": 2,
    "is_control": true,
    "is_fallback": true
  }],
  "started_at": "2026-01-07T00:00:00Z",
  "ended_at": "2026-01-08T00:00:00Z",
  "created_at": "2026-01-09T00:00:00Z",
  "updated_at": "2026-01-10T00:00:00Z"
}]
}`

func day(n int) *time.Time {
	t := time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)
	return &t
}

func TestDecodeWholeDocument(t *testing.T) {
	got := decode(t, whole)
	updated := got.FeatureFlags[0].Variations[0].UpdatedAt
	if want := time.Date(2026, 1, 1, 22, 0, 0, 5e8, time.UTC); !updated.Equal(want) {
		t.Errorf("updated_at of the variation is %v, want %v", updated, want)
	}
	weight, invalid := Weight(12_500), false
	want := &Document{
		Revision: 7,
		FeatureFlags: []FeatureFlag{{
			ID: "flg_1", Name: "login", Description: "The login page", Type: TypeSelf, Status: FlagActive,
			Parameters: map[string]Parameter{"color": {Type: TypeString, Value: []byte(`"blue"`), Description: "of the button"}},
			Variations: []Variation{{
				ID: "var_A", Name: "red", Description: "A red button",
				Overrides: map[string]Override{"color": {Value: []byte(`"red"`)}},
				CreatedAt: day(1), UpdatedAt: updated,
			}},
			CreatedAt: day(3), UpdatedAt: day(4),
		}},
		Segments: []Segment{{
			ID: "seg_1", Name: "dach", Description: "German speaking", Type: TypeAuth0,
			Rules: []Rule{{
				Match: map[Attribute]Expression{Country: {Operator: OneOf, Values: []string{"DE", "AT", "CH"}}},
				NotMatch: map[Attribute]Expression{
					UserAgent: {Operator: Contains, Values: []string{"bot"}},
					Region:    {Operator: Exists, Present: true},
				},
			}},
			CreatedAt: day(5), UpdatedAt: day(6),
		}},
		Experiments: []Experiment{{
			ID: "exp_1", Name: "button", Description: "Which color?", FeatureFlagID: "flg_1",
			AuthenticationFlow: "login", Strategy: StrategySegment, AssignmentConfig: AssignmentConfig{Subject: SubjectDevice},
			Status: ExperimentDraft, IsValid: &invalid,
			Allocations: []Allocation{{VariationID: "var_A", Weight: &weight, SegmentID: "seg_1", Priority: 2, IsControl: true, IsFallback: true}},
			StartedAt:   day(7), EndedAt: day(8), CreatedAt: day(9), UpdatedAt: day(10),
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	first := marshal(t, got)
	if second := marshal(t, decode(t, first)); second != first {
		t.Errorf("written and read again the document is\n%s\nwant\n%s", second, first)
	}
}

func TestDecodeDefaults(t *testing.T) {
	document := decode(t, oneExperiment("percentage", "draft", "[]"))
	e := document.Experiments[0]
	if e.AuthenticationFlow != FlowPreAuthentication || e.AssignmentConfig.Subject != SubjectDevice {
		t.Errorf("flow %q and subject %q, want the defaults", e.AuthenticationFlow, e.AssignmentConfig.Subject)
	}
	if overrides := document.FeatureFlags[1].Variations[0].Overrides; overrides == nil || len(overrides) != 0 {
		t.Errorf("overrides that are left out are %#v, want an empty map", overrides)
	}
}

// Whatever is made in Go can be stored: nil lists are written as empty ones.
func TestMarshalNilLists(t *testing.T) {
	tests := []struct {
		name     string
		document Document
		want     string
	}{
		{"zero", Document{}, `{"feature_flags":[],"segments":[],"experiments":[]}`},
		{"entities", Document{
			FeatureFlags: []FeatureFlag{{ID: "flg_1", Name: "f", Status: FlagDraft, Variations: []Variation{{ID: "var_A", Name: "a"}}}, {ID: "flg_2", Name: "g", Status: FlagDraft}},
			Segments:     []Segment{{ID: "seg_1", Name: "s"}, {ID: "seg_2", Name: "t", Rules: []Rule{{Match: map[Attribute]Expression{Country: {}, Region: {Operator: Contains}}}}}},
			Experiments:  []Experiment{{ID: "exp_1", Name: "e", FeatureFlagID: "flg_1", Strategy: StrategyPercentage, Status: ExperimentDraft, AssignmentConfig: AssignmentConfig{SubjectDevice}}},
		}, `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{},"variations":[{"id":"var_A","name":"a","overrides":{}}]},{"id":"flg_2","name":"g","status":"draft","parameters":{},"variations":[]}],` +
			`"segments":[{"id":"seg_1","name":"s","rules":[]},{"id":"seg_2","name":"t","rules":[{"match":{"country":[],"region":{"contains":[]}}}]}],` +
			`"experiments":[{"id":"exp_1","name":"e","feature_flag_id":"flg_1","authentication_flow":"","allocation_strategy":"percentage","assignment_config":{"subject":"device"},"status":"draft","allocations":[]}]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := fmt.Sprintf("%+v", test.document)
			got := marshal(t, test.document)
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			decode(t, got)
			if after := fmt.Sprintf("%+v", test.document); after != before {
				t.Errorf("writing changed the document to %s from %s", after, before)
			}
		})
	}
}

// lineOf is the line of whole on which the marked value starts.
func lineOf(t *testing.T, mark string) int {
	t.Helper()
	if strings.Count(whole, mark) != 1 {
		t.Fatalf("%q stands %d times in the document", mark, strings.Count(whole, mark))
	}
	return 1 + strings.Count(whole[:strings.Index(whole, mark)], "\n")
}

// Each case replaces one field of the whole document.
func TestDecodeFaults(t *testing.T) {
	const id = "followed by base58 characters (letters and digits without 0, O, I and l), got "
	tests := []struct {
		old, new string
		path     string
		rule     string
	}{
		{`"revision": 7`, `"revision": "7"`, "revision", "must be a number, got a string"},
		{`"revision": 7`, `"revision": -1`, "revision", "must be a whole number from 0, got -1"},
		{`"revision": 7`, `"revision": 1.5`, "revision", "must be a whole number from 0, got 1.5"},
		{`"revision": 7`, `"revision": 1e999`, "revision", "must be a whole number from 0, got 1e999"},
		{`"revision": 7`, `"revision": 99999999999999999999`, "revision", "must be a whole number from 0, got 99999999999999999999"},
		{`"revision": 7`, `"Revision": 7`, "Revision", "is no field here; check its spelling"},
		{`"revision": 7`, `"": 7`, `[""]`, "is no field here; check its spelling"},
		{`"revision": 7`, `"a.b\n": 7`, `["a.b\n"]`, "is no field here; check its spelling"},

		{`"id": "flg_1"`, `"id": 1`, "feature_flags[0].id", "must be a string, got a number"},
		{`"id": "flg_1"`, `"id": "exp_1"`, "feature_flags[0].id", `must be flg_ ` + id + `"exp_1"`},
		{`"id": "flg_1"`, `"ID": "flg_1"`, "feature_flags[0].ID", "is no field here; check its spelling"},
		{`"name": "login"`, `"name": ["login"]`, "feature_flags[0].name", "must be a string, got an array"},
		{`"name": "login"`, `"name": " \t"`, "feature_flags[0].name", "must not be empty"},
		{`"description": "The login page"`, `"description": null`, "feature_flags[0].description", "must be a string, got null"},
		{`"type": "self"`, `"type": "mine"`, "feature_flags[0].type", `must be one of auth0, self, got "mine"`},
		{`"type": "self"`, `"type": 1`, "feature_flags[0].type", "must be a string, got a number"},
		{`"status": "active"`, `"status": "paused"`, "feature_flags[0].status", `must be one of draft, active, archived, got "paused"`},
		{`"status": "active"`, `"status": true`, "feature_flags[0].status", "must be a string, got a boolean"},
		{`"created_at": "2026-01-03T00:00:00Z"`, `"created_at": 1767398400`, "feature_flags[0].created_at", "must be a string, got a number"},
		{`"updated_at": "2026-01-04T00:00:00Z"`, `"updated_at": "yesterday"`, "feature_flags[0].updated_at", `must be an RFC 3339 time like 2026-01-31T12:00:00Z, got "yesterday"`},

		{`"type": "string"`, `"type": 5`, "feature_flags[0].parameters.color.type", "must be a string, got a number"},
		{`"type": "string"`, `"type": "text"`, "feature_flags[0].parameters.color.type", `must be one of string, boolean, number, array, object, got "text"`},
		{`"value": "blue"`, `"value": 1e999`, "feature_flags[0].parameters.color.value", "must be a string as the parameter declares, got a number"},
		{`"value": "blue"`, `"value": null`, "feature_flags[0].parameters.color.value", "must be a string as the parameter declares, got null"},
		{`"description": "of the button"`, `"description": {}`, "feature_flags[0].parameters.color.description", "must be a string, got an object"},
		{`"description": "of the button"`, `"default": "x"`, "feature_flags[0].parameters.color.default", "is no field here; check its spelling"},

		{`"id": "var_A",`, `"id": "var_0",`, "feature_flags[0].variations[0].id", `must be var_ ` + id + `"var_0"`},
		{`"id": "var_A",`, `"id": false,`, "feature_flags[0].variations[0].id", "must be a string, got a boolean"},
		{`"name": "red"`, `"name": 5`, "feature_flags[0].variations[0].name", "must be a string, got a number"},
		{`"name": "red"`, `"name": ""`, "feature_flags[0].variations[0].name", "must not be empty"},
		{`"description": "A red button"`, `"description": []`, "feature_flags[0].variations[0].description", "must be a string, got an array"},
		{`"description": "A red button"`, `"is_control": true`, "feature_flags[0].variations[0].is_control", "is no field here; check its spelling"},
		{`    "feature_flag_id": "flg_1"`, `    "feature_flag_id": 1`, "feature_flags[0].variations[0].feature_flag_id", "must be a string, got a number"},
		{`"value": "red"`, `"values": "red"`, "feature_flags[0].variations[0].overrides.color.values", "is no field here; check its spelling"},
		{`"created_at": "2026-01-01T00:00:00Z"`, `"created_at": "2026-01-01"`, "feature_flags[0].variations[0].created_at", `must be an RFC 3339 time like 2026-01-31T12:00:00Z, got "2026-01-01"`},
		{`"updated_at": "2026-01-02T00:00:00.5+02:00"`, `"updated_at": "2026-01-02T00:00:00+24:00"`, "feature_flags[0].variations[0].updated_at", `must be an RFC 3339 time like 2026-01-31T12:00:00Z, got "2026-01-02T00:00:00+24:00"`},

		{`"id": "seg_1"`, `"id": "seg_"`, "segments[0].id", `must be seg_ ` + id + `"seg_"`},
		{`"id": "seg_1"`, `"id": {}`, "segments[0].id", "must be a string, got an object"},
		{`"name": "dach"`, `"name": null`, "segments[0].name", "must be a string, got null"},
		{`"description": "German speaking"`, `"description": 1`, "segments[0].description", "must be a string, got a number"},
		{`"type": "auth0"`, `"type": "AUTH0"`, "segments[0].type", `must be one of auth0, self, got "AUTH0"`},
		{`"country": ["DE", "AT", "CH"]`, `"country": "DE"`, "segments[0].rules[0].match.country", `must be an array of strings or one of {"contains":[…]}, {"starts_with":[…]}, {"ends_with":[…]}, {"exists":true|false}`},
		{`"country": ["DE", "AT", "CH"]`, `"country": {}`, "segments[0].rules[0].match.country", `must be an array of strings or one of {"contains":[…]}, {"starts_with":[…]}, {"ends_with":[…]}, {"exists":true|false}`},
		{`"country": ["DE", "AT", "CH"]`, `"country": ["DE", "AT", 1]`, "segments[0].rules[0].match.country[2]", "must be a string, got a number"},
		{`"country": ["DE", "AT", "CH"]`, `"ip": ["DE", "AT", "CH"]`, "segments[0].rules[0].match.ip", "is no attribute; the attributes are client_id, connection, connection_type, organization_id, domain, device_type, browser, platform, user_agent, country, region"},
		{`"contains": ["bot"]`, `"contains": "bot"`, "segments[0].rules[0].not_match.user_agent.contains", "must be an array, got a string"},
		{`"contains": ["bot"]`, `"contains": [["bot"]]`, "segments[0].rules[0].not_match.user_agent.contains[0]", "must be a string, got an array"},
		{`"contains": ["bot"]`, `"equals": ["bot"]`, "segments[0].rules[0].not_match.user_agent.equals", "is no operator; the operators are contains, starts_with, ends_with, exists"},
		{`"contains": ["bot"]`, `"": ["bot"]`, `segments[0].rules[0].not_match.user_agent[""]`, "is no operator; the operators are contains, starts_with, ends_with, exists"},
		{`"exists": true`, `"exists": "yes"`, "segments[0].rules[0].not_match.region.exists", "must be a boolean, got a string"},
		{`"created_at": "2026-01-05T00:00:00Z"`, `"created_at": {}`, "segments[0].created_at", "must be a string, got an object"},
		{`"updated_at": "2026-01-06T00:00:00Z"`, `"updated_at": ""`, "segments[0].updated_at", `must be an RFC 3339 time like 2026-01-31T12:00:00Z, got ""`},

		{`"description": "German speaking"`, `"match": {}`, "segments[0].match", "is no field here; check its spelling"},
		{`"is_valid": false`, `"errors": []`, "experiments[0].errors", "is no field here; check its spelling"},
		{`"id": "exp_1"`, `"id": []`, "experiments[0].id", "must be a string, got an array"},
		{`"id": "exp_1"`, `"id": "exp_l"`, "experiments[0].id", `must be exp_ ` + id + `"exp_l"`},
		{`"name": "button"`, `"name": {}`, "experiments[0].name", "must be a string, got an object"},
		{`"description": "Which color?"`, `"description": true`, "experiments[0].description", "must be a string, got a boolean"},
		{"  \"feature_flag_id\": \"flg_1\",\n  \"auth", "  \"feature_flag_id\": 2,\n  \"auth", "experiments[0].feature_flag_id", "must be a string, got a number"},
		{`"authentication_flow": "login"`, `"authentication_flow": []`, "experiments[0].authentication_flow", "must be a string, got an array"},
		{`"allocation_strategy": "segment"`, `"allocation_strategy": "random"`, "experiments[0].allocation_strategy", `must be one of percentage, segment, got "random"`},
		{`"allocation_strategy": "segment"`, `"allocation_strategy": null`, "experiments[0].allocation_strategy", "must be a string, got null"},
		{`"updated_at": "2026-01-10T00:00:00Z"`, `"updated_at": "2026-01-10T00:00:00,5Z"`, "experiments[0].updated_at", `must be an RFC 3339 time like 2026-01-31T12:00:00Z, got "2026-01-10T00:00:00,5Z"`},
		{`"subject": "device"`, `"subject": "user"`, "experiments[0].assignment_config.subject", `must be one of device, got "user"`},
		{`"subject": "device"`, `"unit": "device"`, "experiments[0].assignment_config.unit", "is no field here; check its spelling"},
		{`"status": "draft"`, `"status": "running"`, "experiments[0].status", `must be one of draft, active, paused, completed, archived, got "running"`},
		{`"status": "draft"`, `"status": 1`, "experiments[0].status", "must be a string, got a number"},
		{`"is_valid": false`, `"is_valid": "false"`, "experiments[0].is_valid", "must be a boolean, got a string"},
		{`"started_at": "2026-01-07T00:00:00Z"`, `"started_at": "2026-13-07T00:00:00Z"`, "experiments[0].started_at", `must be an RFC 3339 time like 2026-01-31T12:00:00Z, got "2026-13-07T00:00:00Z"`},
		{`"ended_at": "2026-01-08T00:00:00Z"`, `"ended_at": false`, "experiments[0].ended_at", "must be a string, got a boolean"},
		{`"created_at": "2026-01-09T00:00:00Z"`, `"created_at": null`, "experiments[0].created_at", "must be a string, got null"},
		{`"updated_at": "2026-01-10T00:00:00Z"`, `"updated_at": "2026-01-10T1:00:00Z"`, "experiments[0].updated_at", `must be an RFC 3339 time like 2026-01-31T12:00:00Z, got "2026-01-10T1:00:00Z"`},

		{`"variation_id": "var_A"`, `"variation_id": "A"`, "experiments[0].allocations[0].variation_id", `must be var_ ` + id + `"A"`},
		{`"weight": 12.5`, `"weight": "12.5"`, "experiments[0].allocations[0].weight", "must be a number, got a string"},
		{`"weight": 12.5`, `"weight": 1e999`, "experiments[0].allocations[0].weight", "must be a plain number of percent, got 1e999"},
		{`"weight": 12.5`, `"weight": 12.3456`, "experiments[0].allocations[0].weight", "must have at most three decimals, got 12.3456"},
		{`"weight": 12.5`, `"weight": -12.5`, "experiments[0].allocations[0].weight", "must be a number between 0 and 100, got -12.5"},
		{`"segment_id": "seg_1"`, `"segment_id": null`, "experiments[0].allocations[0].segment_id", "must be a string, got null"},
		{`"segment_id": "seg_1"`, `"segment_id": ""`, "experiments[0].allocations[0].segment_id", `must be seg_ ` + id + `""`},
		{`"priority": 2`, `"priority": 0`, "experiments[0].allocations[0].priority", "must be a whole number from 1, got 0"},
		{`"priority": 2`, `"priority": 2.0`, "experiments[0].allocations[0].priority", "must be a whole number from 1, got 2.0"},
		{`"priority": 2`, `"priority": true`, "experiments[0].allocations[0].priority", "must be a number, got a boolean"},
		{`"is_control": true`, `"is_control": 1`, "experiments[0].allocations[0].is_control", "must be a boolean, got a number"},
		{`"is_fallback": true`, `"is_fallback": null`, "experiments[0].allocations[0].is_fallback", "must be a boolean, got null"},
		{`"is_fallback": true`, `"segment": "seg_1"`, "experiments[0].allocations[0].segment", "is no field here; check its spelling"},
	}
	for _, test := range tests {
		t.Run(test.path+" "+test.new, func(t *testing.T) {
			line := lineOf(t, test.old)
			_, err := Decode([]byte(strings.Replace(whole, test.old, test.new, 1)))
			var faults Faults
			if !errors.As(err, &faults) {
				t.Fatalf("Decode gave %v, want a fault", err)
			}
			if want := (Fault{Path: test.path, Line: line, Rule: test.rule}); faults[0] != want && (len(faults) < 2 || faults[1] != want) {
				t.Errorf("got  %v\nwant %v", faults, want)
			}
			for _, f := range faults {
				if f.Path != test.path && f.Rule != "is missing" {
					t.Errorf("a fault of something else: %v", f)
				}
			}
		})
	}
}

// Each case replaces a list, object or entity as a whole.
func TestDecodeContainerFaults(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"document", `[]`, "line 1: must be an object, got an array"},
		{"document null", "\n null", "line 2: must be an object, got null"},
		{"document number", `NaN`, "line 1: the document is not JSON: invalid character 'N' looking for beginning of value"},
		{"flags", `{"feature_flags":{}}`, "line 1: feature_flags: must be an array, got an object"},
		{"flag", `{"feature_flags":[null]}`, "line 1: feature_flags[0]: must be an object, got null"},
		{"segments", `{"segments":""}`, "line 1: segments: must be an array, got a string"},
		{"segment", "{\"segments\":[\n[]]}", "line 2: segments[0]: must be an object, got an array"},
		{"experiments", `{"experiments":1}`, "line 1: experiments: must be an array, got a number"},
		{"experiment", `{"experiments":[true]}`, "line 1: experiments[0]: must be an object, got a boolean"},
		{"parameters", strings.Replace(whole, "\"parameters\": {\n    \"color\": {\n      \"type\": \"string\",\n      \"value\": \"blue\",\n      \"description\": \"of the button\"\n    }\n  }", `"parameters": []`, 1),
			"line 9: feature_flags[0].parameters: must be an object, got an array"},
		{"rules", `{"segments":[{"id":"seg_1","name":"s","rules":{}}]}`, "line 1: segments[0].rules: must be an array, got an object"},
		{"rule", `{"segments":[{"id":"seg_1","name":"s","rules":[[]]}]}`, "line 1: segments[0].rules[0]: must be an object, got an array"},
		{"empty rule", `{"segments":[{"id":"seg_1","name":"s","rules":[{}]}]}`, "line 1: segments[0].rules[0]: must have match or not_match"},
		{"match", `{"segments":[{"id":"seg_1","name":"s","rules":[{"match":[]}]}]}`, "line 1: segments[0].rules[0].match: must be an object, got an array"},
		{"empty match", `{"segments":[{"id":"seg_1","name":"s","rules":[{"match":{}}]}]}`, "line 1: segments[0].rules[0].match: must have at least one condition"},
		{"other rule form", `{"segments":[{"id":"seg_1","name":"s","rules":[{"match_type":"all"}]}]}`, "line 1: segments[0].rules[0].match_type: is no field here; check its spelling"},
		{"two operators", `{"segments":[{"id":"seg_1","name":"s","rules":[{"match":{"country":{"exists":true,"contains":["a"]}}}]}]}`,
			`line 1: segments[0].rules[0].match.country: must be an array of strings or one of {"contains":[…]}, {"starts_with":[…]}, {"ends_with":[…]}, {"exists":true|false}`},
		{"variations", `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{},"variations":{}}]}`, "line 1: feature_flags[0].variations: must be an array, got an object"},
		{"overrides", `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{},"variations":[{"id":"var_A","name":"a","overrides":[]}]}]}`, "line 1: feature_flags[0].variations[0].overrides: must be an object, got an array"},
		{"override", `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{},"variations":[{"id":"var_A","name":"a","overrides":{"c":1}}]}]}`, "line 1: feature_flags[0].variations[0].overrides.c: must be an object, got a number"},
		{"parameter", `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{"c":"x"}}]}`, "line 1: feature_flags[0].parameters.c: must be an object, got a string"},
		{"allocations", oneExperiment("percentage", "draft", `{}`), "line 8: experiments[0].allocations: must be an array, got an object"},
		{"allocation", oneExperiment("percentage", "draft", `[7]`), "line 8: experiments[0].allocations[0]: must be an object, got a number"},
		{"assignment", strings.Replace(whole, "{\n    \"subject\": \"device\"\n  }", `"device"`, 1), "line 60: experiments[0].assignment_config: must be an object, got a string"},

		{"missing in flag", `{"feature_flags":[{}]}`, "line 1: feature_flags[0].id: is missing; line 1: feature_flags[0].name: is missing; line 1: feature_flags[0].status: is missing; line 1: feature_flags[0].parameters: is missing"},
		{"missing in parameter", `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{"c":{}}}]}`, "line 1: feature_flags[0].parameters.c.type: is missing; line 1: feature_flags[0].parameters.c.value: is missing"},
		{"missing in variation", `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{},"variations":[{}]}]}`, "line 1: feature_flags[0].variations[0].id: is missing; line 1: feature_flags[0].variations[0].name: is missing"},
		{"missing in override", `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{},"variations":[{"id":"var_A","name":"a","overrides":{"c":{}}}]}]}`, "line 1: feature_flags[0].variations[0].overrides.c.value: is missing"},
		{"missing in segment", `{"segments":[{}]}`, "line 1: segments[0].id: is missing; line 1: segments[0].name: is missing; line 1: segments[0].rules: is missing"},
		{"missing in experiment", `{"experiments":[{}]}`, "line 1: experiments[0].id: is missing; line 1: experiments[0].name: is missing; line 1: experiments[0].feature_flag_id: is missing; " +
			"line 1: experiments[0].allocation_strategy: is missing; line 1: experiments[0].status: is missing; line 1: experiments[0].allocations: is missing"},
		{"missing in assignment", `{"experiments":[{"id":"exp_1","name":"e","feature_flag_id":"flg_1","allocation_strategy":"segment","status":"draft","allocations":[],"assignment_config":{}}]}`, "line 1: experiments[0].assignment_config.subject: is missing"},
		{"missing in allocation", oneExperiment("percentage", "draft", `[{}]`), "line 8: experiments[0].allocations[0].variation_id: is missing; line 8: experiments[0].allocations[0].is_control: is missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Decode([]byte(test.text)); err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// The limits of the management API do not bind what a document may hold.
func TestDecodeAppliesNoLimits(t *testing.T) {
	var allocations []string
	for range 25 {
		allocations = append(allocations, `{"variation_id":"var_A","weight":4,"is_control":false}`)
	}
	text := oneExperiment("percentage", "active", "["+strings.Join(allocations, ",")+"]")
	text = strings.Replace(text, `"name":"one"`, `"name":"`+strings.Repeat("n", 5000)+`","description":"d"`, 1)
	text = strings.Replace(text, `"value":"blue"`, `"value":"`+strings.Repeat("v", 5000)+`"`, 1)
	if got := len(decode(t, text).Experiments[0].Allocations); got != 25 {
		t.Errorf("%d allocations, want 25", got)
	}
}

// A document must not change when the text it was read from does.
func TestDecodeKeepsNothingOfTheText(t *testing.T) {
	text := []byte(whole)
	document, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	before := marshal(t, document)
	for i := range text {
		text[i] = 'x'
	}
	if after := marshal(t, document); after != before {
		t.Errorf("after overwriting the text the document is %s", after)
	}
}
