package launchdarkly

import (
	"os"
	"strings"
	"testing"
)

// The documentation has every operation's path and every parameter.
func TestOperationsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/launchdarkly.md")
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, _ := strings.Cut(string(text), "## Parameters")
	parameters, _, _ = strings.Cut(parameters, "\n## ")
	_, table, _ := strings.Cut(string(text), "## Operations")
	table, _, _ = strings.Cut(table, "\n## ")
	table = strings.NewReplacer("`…`", "x", "…", "projects/{project}/environments/{environment}/experiments", "[/{environment}]", "` `/api/v2/projects/{project}/environments/{environment}").Replace(table)
	for path, operations := range operations() {
		at := "/" + path + "`"
		if strings.Contains(path, "/experiments") && strings.Contains(path, "environments/") {
			at = path + "`"
		}
		if !strings.Contains(table, at) {
			t.Errorf("%s is not documented", path)
		}
		for method, o := range operations {
			if !strings.Contains(table, method) {
				t.Errorf("%s %s is not documented", method, path)
			}
			for _, name := range o.parameters {
				if !strings.Contains(parameters, "`"+name+"`") {
					t.Errorf("%s %s: parameter %s is not documented", method, path, name)
				}
			}
		}
	}
	for what, names := range map[string]map[string]bool{
		"metrics": namesOf(metricFields(nil)), "metric groups": namesOf(groupFields(nil, nil)), "flags": namesOf((&request{}).flagFields(nil)), "experiments": namesOf(experimentFields(nil)),
	} {
		for name := range names {
			if !strings.Contains(parameters, "`"+name+"`") {
				t.Errorf("filter %s of %s is not documented", name, what)
			}
		}
	}
}

func namesOf[T any](fields map[string]field[T]) map[string]bool {
	out := map[string]bool{}
	for name := range fields {
		out[name] = true
	}
	return out
}
