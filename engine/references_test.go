package engine

import (
	"errors"
	"strings"
	"testing"
)

// Each case replaces one reference of the whole document.
func TestReferences(t *testing.T) {
	secondFlag := `}, {"id": "flg_2", "name": "other", "status": "draft", "parameters": {}, "variations": [
{"id": "var_A", "name": "again"}
]}],
"segments": [{`
	tests := []struct {
		name, old, new string
		want           []string
	}{
		{"flag of an experiment", "  \"feature_flag_id\": \"flg_1\",\n  \"auth", "  \"feature_flag_id\": \"flg_9\",\n  \"auth",
			[]string{"line 57: experiments[0].feature_flag_id: there is no feature flag flg_9"}},
		{"flag that a variation states", `    "feature_flag_id": "flg_1"`, `    "feature_flag_id": "flg_2"`,
			[]string{"line 20: feature_flags[0].variations[0].feature_flag_id: must be flg_1, the flag it stands in, got flg_2"}},
		{"variation of an allocation", `"variation_id": "var_A"`, `"variation_id": "var_9"`,
			[]string{"line 66: experiments[0].allocations[0].variation_id: there is no variation var_9"}},
		{"segment of an allocation", `"segment_id": "seg_1"`, `"segment_id": "seg_9"`,
			[]string{"line 68: experiments[0].allocations[0].segment_id: there is no segment seg_9"}},
		{"parameter of an override", "\"overrides\": {\n      \"color\"", "\"overrides\": {\n      \"colour\"",
			[]string{`line 22: feature_flags[0].variations[0].overrides.colour: there is no parameter "colour" in feature flag flg_1`}},
		{"type of an override", `"value": "red"`, `"value": ["red"]`,
			[]string{"line 23: feature_flags[0].variations[0].overrides.color.value: must be a string as the parameter declares, got an array"}},
		{"null override", `"value": "red"`, `"value": null`,
			[]string{"line 23: feature_flags[0].variations[0].overrides.color.value: must be a string as the parameter declares, got null"}},
		{"variation id of another flag", "}],\n\"segments\": [{", secondFlag,
			[]string{"line 32: feature_flags[1].variations[0].id: var_A is the id of another one already"}},
		{"flag id twice", "}],\n\"segments\": [{", "},\n{\"id\":\"flg_1\",\"name\":\"n\",\"status\":\"draft\",\"parameters\":{}}],\n\"segments\": [{",
			[]string{"line 32: feature_flags[1].id: flg_1 is the id of another one already"}},
		{"segment id twice", "}],\n\"experiments\": [{", "},\n{\"name\":\"n\",\"rules\":[],\n\"id\":\"seg_1\"}],\n\"experiments\": [{",
			[]string{"line 54: segments[1].id: seg_1 is the id of another one already"}},
		{"experiment id twice, dangling too", "  \"updated_at\": \"2026-01-10T00:00:00Z\"\n}]", "  \"updated_at\": \"2026-01-10T00:00:00Z\"\n},\n" +
			`{"id":"exp_1","name":"n","feature_flag_id":"flg_8","allocation_strategy":"segment","status":"draft","allocations":[` + "\n" + `{"variation_id":"var_8","segment_id":"seg_8","is_control":false}]}]`,
			[]string{
				"line 78: experiments[1].id: exp_1 is the id of another one already",
				"line 78: experiments[1].feature_flag_id: there is no feature flag flg_8",
				"line 79: experiments[1].allocations[0].variation_id: there is no variation var_8",
				"line 79: experiments[1].allocations[0].segment_id: there is no segment seg_8",
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if strings.Count(whole, test.old) != 1 {
				t.Fatalf("%q stands %d times in the document", test.old, strings.Count(whole, test.old))
			}
			_, err := Decode([]byte(strings.Replace(whole, test.old, test.new, 1)))
			if want := strings.Join(test.want, "; "); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// A variation of another flag exists, so the document stands; the experiment is
// just not ready.
func TestForeignVariationIsNoFault(t *testing.T) {
	decode(t, oneExperiment("percentage", "active", `[{"variation_id":"var_Z","weight":100,"is_control":true}]`))
}

// Parameter values must be of the declared type, whichever it is.
func TestParameterTypes(t *testing.T) {
	values := map[ParameterType]string{TypeString: `"s"`, TypeBoolean: `false`, TypeNumber: `-1e-7`, TypeArray: `[null]`, TypeObject: `{"a":null}`}
	document := func(declared ParameterType, value, override string) []byte {
		return []byte(`{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":{"p":{"type":"` + string(declared) + `","value":` + value +
			`}},"variations":[{"id":"var_A","name":"a","overrides":{"p":{"value":` + override + `}}}]}]}`)
	}
	for declared, own := range values {
		for kind, other := range values {
			_, err := Decode(document(declared, other, own))
			_, overrideErr := Decode(document(declared, own, other))
			if ok := kind == declared; (err == nil) != ok || (overrideErr == nil) != ok {
				t.Errorf("declared %s, given %s: value %v, override %v", declared, other, err, overrideErr)
			}
		}
		var faults Faults
		if _, err := Decode(document(declared, "null", own)); !errors.As(err, &faults) {
			t.Errorf("null was taken as a value of type %s", declared)
		}
	}
}
