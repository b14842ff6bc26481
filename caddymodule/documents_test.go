package caddymodule_test

import (
	"strings"
	"testing"
)

// split is a document with one active experiment that halves the devices.
const split = `{
	"feature_flags": [{
		"id": "flg_Screen", "name": "screen", "status": "active",
		"parameters": {
			"headline": {"type": "string", "value": "Sign in"},
			"passkey": {"type": "boolean", "value": false}
		},
		"variations": [
			{"id": "var_Base", "name": "base", "overrides": {}},
			{"id": "var_Passkey", "name": "passkey", "overrides": {"passkey": {"value": true}}},
			{"id": "var_Spare", "name": "spare", "overrides": {"headline": {"value": "Grüß Gott 👋"}}}
		]
	}],
	"segments": [],
	"experiments": [{
		"id": "exp_Sp1it", "name": "split", "feature_flag_id": "flg_Screen",
		"authentication_flow": "pre_authentication", "allocation_strategy": "percentage",
		"assignment_config": {"subject": "device"}, "status": "active",
		"allocations": [
			{"variation_id": "var_Base", "weight": 50, "is_control": true},
			{"variation_id": "var_Passkey", "weight": 50, "is_control": false}
		]
	}]
}`

// audience is a document with one active experiment over segments.
const audience = `{
	"feature_flags": [{
		"id": "flg_Greeting", "name": "greeting", "status": "active",
		"parameters": {"headline": {"type": "string", "value": "Sign in"}},
		"variations": [
			{"id": "var_Everyone", "name": "everyone", "overrides": {}},
			{"id": "var_Phones", "name": "phones", "overrides": {"headline": {"value": "Face or finger"}}},
			{"id": "var_Nordic", "name": "nordic", "overrides": {"headline": {"value": "Hej"}}}
		]
	}],
	"segments": [
		{"id": "seg_UsPhones", "name": "us phones", "rules": [{"match": {"device_type": ["mobile"], "country": ["us"]}}]},
		{"id": "seg_SwedishDesktops", "name": "swedish desktops", "rules": [{"match": {"device_type": ["desktop"], "country": ["SE"]}}]}
	],
	"experiments": [{
		"id": "exp_Audience", "name": "audience", "feature_flag_id": "flg_Greeting",
		"allocation_strategy": "segment", "status": "active",
		"allocations": [
			{"variation_id": "var_Phones", "segment_id": "seg_UsPhones", "priority": 1, "is_control": false},
			{"variation_id": "var_Nordic", "segment_id": "seg_SwedishDesktops", "priority": 2, "is_control": false},
			{"variation_id": "var_Everyone", "is_control": true, "is_fallback": true}
		]
	}]
}`

// replaced gives a document with one passage changed.
func replaced(t testing.TB, document, old, new string) string {
	t.Helper()
	if strings.Count(document, old) != 1 {
		t.Fatalf("the document should have %q once", old)
	}
	return strings.Replace(document, old, new, 1)
}

// withStatus gives a document with its experiment in another status.
func withStatus(t testing.TB, document, status string) string {
	t.Helper()
	return replaced(t, document, `"status": "active",
		"allocations"`, `"status": "`+status+`",
		"allocations"`)
}
