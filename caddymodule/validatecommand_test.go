package caddymodule

import (
	"strings"
	"testing"
)

func TestValidateDocument(t *testing.T) {
	const flag = `{"feature_flags": [{"id": "flg_1", "name": "f", "status": "active", "parameters": {}, "variations": [{"id": "var_1", "name": "v"}]}],
"experiments": [{"id": "exp_1", "name": "e", "feature_flag_id": "flg_1", "allocation_strategy": "percentage", "status": "active",
"allocations": [{"variation_id": "var_1", "weight": WEIGHT, "is_control": true}]}]}`
	tests := []struct {
		name, text string
		problem    error
		want       string
	}{
		{"ready", strings.Replace(flag, "WEIGHT", "100", 1), nil, "exp_1: active, assigns devices\n"},
		{"not ready", strings.Replace(flag, "WEIGHT", "90", 1), errIdle,
			"exp_1: active, not ready, assigns nobody\n  experiment_invalid_allocation_weights: the weights must sum to 100, they sum to 90\n"},
		{"faults", strings.Replace(flag, "WEIGHT", "900", 1), errRefused, "line 3: experiments[0].allocations[0].weight: must be a number between 0 and 100, got 900\n"},
		{"empty", `{}`, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			if problem := validateDocument(&out, []byte(test.text), 1); problem != test.problem || out.String() != test.want {
				t.Errorf("%v:\n%s", problem, out.String())
			}
		})
	}
}
