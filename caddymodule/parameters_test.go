package caddymodule

import (
	"strings"
	"testing"
)

func TestParameters(t *testing.T) {
	tests := []struct {
		name, query, form string
		which             parameter
		want              string
		given, repeated   bool
	}{
		{"plain", "experiment_id=exp_1", "", paramExperiment, "exp_1", true, false},
		{"absent", "experiment=exp_1&xexperiment_id=a", "", paramExperiment, "", false, false},
		{"first of two", "client_id=a&client_id=b", "", paramClient, "a", true, true},
		{"query before form", "client_id=a", "client_id=b", paramClient, "a", true, true},
		{"form alone", "", "prompt=none", paramPrompt, "none", true, false},
		{"without value", "variation_id", "", paramVariation, "", true, false},
		{"value with equals signs", "experiment_token=a=b==", "", paramToken, "a=b==", true, false},
		{"encoded name", "%63lient%5fid=a", "", paramClient, "a", true, false},
		{"encoded twice", "%2563lient_id=a", "", paramClient, "", false, false},
		{"plus", "organization=a+b%2B", "", paramOrganization, "a b+", true, false},
		{"broken value", "client_id=%", "", paramClient, "", true, false},
		{"broken value, then a good one", "client_id=%&client_id=a", "", paramClient, "", true, true},
		{"broken neighbours", "%=%&client_id=a&%zz", "", paramClient, "a", true, false},
		{"semicolon is no separator", "client_id=a;experiment_id=b", "", paramClient, "a;experiment_id=b", true, false},
		{"longest name, encoded", strings.NewReplacer("e", "%65", "x", "%78", "p", "%70", "r", "%72", "i", "%69", "m", "%6D", "n", "%6e", "t", "%74", "_", "%5F", "o", "%6f", "k", "%6b").Replace("experiment_token") + "=a", "", paramToken, "a", true, false},
		{"case matters", "Client_Id=a", "", paramClient, "", false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var p parameters
			p.scan(test.query)
			p.scan(test.form)
			if p.values[test.which] != test.want || p.given[test.which] != test.given || p.repeated[test.which] != test.repeated {
				t.Errorf("got %q, given %t, repeated %t", p.values[test.which], p.given[test.which], p.repeated[test.which])
			}
		})
	}
}

func TestParametersCostLittle(t *testing.T) {
	query := strings.Repeat("state=abc&scope=openid%20profile&", 300) + "client_id=spa&experiment_id=exp_1"
	var p parameters
	if n := testing.AllocsPerRun(100, func() { p = parameters{}; p.scan(query) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if p.values[paramClient] != "spa" {
		t.Errorf("got %q", p.values[paramClient])
	}
}
