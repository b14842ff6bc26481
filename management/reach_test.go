package management

import (
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// A rule covers another only if no request is in the other alone.
func TestCoveringRules(t *testing.T) {
	rule := func(text string) engine.Rule {
		document, err := engine.Decode([]byte(`{"segments":[{"id":"seg_1","name":"s","rules":[` + text + `]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return document.Segments[0].Rules[0]
	}
	tests := []struct {
		wide, narrow string
		want         bool
	}{
		{`{"match":{"country":["US","CA"]}}`, `{"match":{"country":["us"],"browser":["chrome"]}}`, true},
		{`{"match":{"country":["US"]}}`, `{"match":{"country":["US","CA"]}}`, false},
		{`{"match":{"country":["US"],"browser":["chrome"]}}`, `{"match":{"country":["US"]}}`, false},
		{`{"match":{"country":{"exists":true}}}`, `{"match":{"country":["US"]}}`, true},
		{`{"match":{"country":{"exists":false}}}`, `{"match":{"country":["US"]}}`, false},
		{`{"match":{"country":["US"]}}`, `{"match":{"country":{"exists":true}}}`, false},
		{`{"match":{"domain":{"ends_with":[".com"]}}}`, `{"match":{"domain":{"ends_with":["a.com"]}}}`, true},
		{`{"match":{"domain":{"starts_with":["a"]}}}`, `{"match":{"domain":{"contains":["ab"]}}}`, false},
		{`{"match":{"domain":{"contains":["b"]}}}`, `{"match":{"domain":{"starts_with":["ab"]}}}`, true},
		{`{"match":{"country":["US"]},"not_match":{"browser":["ie"]}}`, `{"match":{"country":["US"]}}`, false},
		{`{"match":{"country":["US"]},"not_match":{"browser":["ie"]}}`, `{"match":{"country":["US"]},"not_match":{"browser":["ie","edge"]}}`, true},
		{`{"match":{"country":["US"]},"not_match":{"browser":["ie","edge"]}}`, `{"match":{"country":["US"]},"not_match":{"browser":["ie"]}}`, false},
	}
	d := &diagnosis{comparisons: maxComparisons}
	for _, test := range tests {
		if got := d.covers(rule(test.wide), rule(test.narrow)); got != test.want {
			t.Errorf("%s covers %s: %t", test.wide, test.narrow, got)
		}
	}
}

// Two segments of very many values must not keep a processor busy.
func TestComparisonsAreBounded(t *testing.T) {
	values := make([]string, engine.MaxConditionValues)
	for i := range values {
		values[i] = "v"
	}
	narrow := engine.Rule{Match: map[engine.Attribute]engine.Expression{engine.UserAgent: {Operator: engine.Contains, Values: values}}}
	d := &diagnosis{comparisons: maxComparisons}
	sure := 0
	for range 1000 {
		if d.covers(narrow, narrow) {
			sure++
		}
	}
	if most := maxComparisons / (2 * len(values)); sure != most {
		t.Errorf("it compared %d times, want %d", sure, most)
	}
}
