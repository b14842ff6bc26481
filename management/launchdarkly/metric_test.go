package launchdarkly_test

import (
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

func TestMetrics(t *testing.T) {
	s := newSite(t, nil).world()
	made := s.must(201, "POST", metrics, `{"key":"slow","name":"Slowness","description":"d","kind":"custom","eventKey":"ms","isNumeric":true,"unit":"ms","successCriteria":"LowerThanBaseline",
		"tags":["a","b"],"randomizationUnits":["user"],"unitAggregationType":"average","analysisType":"percentile","percentileValue":95,"eventDefault":{"disabled":true},
		"maintainerId":"m","window":"24h","cap":0.99,"isActive":true,"selector":".x","urls":[{"kind":"exact","url":"https://shop.example/"}],"dataSource":{"key":"launchdarkly"}}`)
	got := s.must(200, "GET", metrics+"/slow", "")
	if string(made.text) != string(got.text) {
		t.Errorf("made %s, got %s", made.text, got.text)
	}
	for name, want := range map[string]any{
		"key": "slow", "name": "Slowness", "description": "d", "kind": "custom", "eventKey": "ms", "isNumeric": true, "unit": "ms", "successCriteria": "LowerThanBaseline",
		"unitAggregationType": "average", "analysisType": "percentile", "percentileValue": 95.0, "maintainerId": "m", "window": "24h", "cap": 0.99,
		"isActive": true, "selector": ".x",
	} {
		if got.at(name) != want {
			t.Errorf("%s: got %v, want %v", name, got.at(name), want)
		}
	}
	if got.at("eventDefault", "disabled") != true || got.at("tags", 1) != "b" || got.at("randomizationUnits", 0) != "user" || got.at("_versionId") == "" || got.at("_links", "self", "href") != metrics+"/slow" {
		t.Errorf("got %s", got.text)
	}
	if clicked := s.must(201, "POST", metrics, `{"key":"clicked","kind":"click"}`); clicked.at("eventKey") != "clicked" || clicked.at("name") != "clicked" || clicked.length("tags") != 0 {
		t.Errorf("clicked: %s", clicked.text)
	}
	all := s.must(200, "GET", metrics+"?limit=3", "")
	if all.length("items") != 3 || all.at("totalCount") != 8.0 || all.at("_links", "next") == nil {
		t.Errorf("listed: %s", all.text)
	}
	for words, body := range map[string]string{
		"key: is missing": `{"kind":"custom","eventKey":"x"}`, "kind: is missing": `{"key":"x"}`, "kind: must be one of": `{"key":"x","kind":"odd"}`,
		"eventKey: is missing": `{"key":"x","kind":"custom"}`, "isNumeric: must be true": `{"key":"x","kind":"click","isNumeric":1}`,
		"eventDefault.value: must be a number": `{"key":"x","kind":"click","eventDefault":{"value":"1"}}`,
		"percentileValue: is missing":          `{"key":"x","kind":"click","analysisType":"percentile"}`,
		"percentileValue: must be a whole":     `{"key":"x","kind":"click","percentileValue":100}`,
		"tags[0]: must be a string":            `{"key":"x","kind":"click","tags":[1]}`,
		"window: must be a duration":           `{"key":"x","kind":"click","window":"soon"}`,
		"cap: must be a number above":          `{"key":"x","kind":"click","cap":2}`,
		"randomizationUnits: \"planet\" is":    `{"key":"x","kind":"click","randomizationUnits":["planet"]}`,
	} {
		s.refused(400, words, "POST", metrics, body)
	}
	s.refused(409, "already exists", "POST", metrics, `{"key":"slow","kind":"click"}`)
	s.refused(409, "already exists", "POST", metrics, `{"key":"login","kind":"click"}`)
	s.refused(404, "no metric", "GET", metrics+"/gone", "")
	s.refused(404, "no metric", "DELETE", metrics+"/gone", "")
	s.refused(403, "built in", "DELETE", metrics+"/login", "")
	s.must(204, "DELETE", metrics+"/slow", "")
	s.refused(404, "no metric", "GET", metrics+"/slow", "")
}

func TestMetricInUse(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.refused(409, `metric group "steps"`, "DELETE", metrics+"/converted", "")
	s.refused(409, `experiment "red"`, "DELETE", metrics+"/revenue", "")
	s.refused(409, `experiment "red"`, "DELETE", groups+"/steps", "")
	s.patch("red", archiveIt)
	s.must(204, "DELETE", groups+"/steps", "")
	s.must(204, "DELETE", metrics+"/revenue", "")
	s.must(204, "DELETE", metrics+"/converted", "")
	got := s.must(200, "GET", experiments+"/red?expand=secondaryMetrics", "") // history names what is gone
	if got.at("currentIteration", "primarySingleMetric", "key") != "converted" || got.length("currentIteration", "metrics") != 3 {
		t.Errorf("got %s", got.text)
	}
}

func TestPatchMetric(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	got := s.must(200, "PATCH", metrics+"/revenue", `[{"op":"test","path":"/unit","value":"EUR"},{"op":"replace","path":"/name","value":"Money"},{"op":"add","path":"/eventDefault/value","value":2},{"op":"remove","path":"/unit"}]`)
	if got.at("name") != "Money" || got.at("eventDefault", "value") != 2.0 || got.at("unit") != nil || got.at("unitAggregationType") != "sum" || got.at("isActive") != false {
		t.Errorf("patched: %s", got.text)
	}
	s.patch("red", startIt)
	s.must(200, "PATCH", metrics+"/revenue", `[{"op":"replace","path":"/name","value":"Turnover"}]`)
	s.refused(409, `running experiment "red"`, "PATCH", metrics+"/revenue", `[{"op":"replace","path":"/eventKey","value":"other"}]`)
	s.patch("red", stopIt)
	s.must(200, "PATCH", metrics+"/revenue", `[{"op":"replace","path":"/eventKey","value":"other"}]`)
	s.refused(409, `step of funnel "steps"`, "PATCH", metrics+"/converted", `[{"op":"replace","path":"/unitAggregationType","value":"sum"}]`)
	for words, body := range map[string]string{
		"patch: is missing": `{}`, "patch: must be a JSON patch": `{"patch":{}}`, "patch[0].op: must be one of": `[{"op":"increase","path":"/name"}]`, "patch[0].path: is missing": `[{"op":"remove"}]`,
		"patch[0].path: there is nothing": `[{"op":"remove","path":"/tags/0"}]`, "patch[0].path: is another value": `[{"op":"test","path":"/name","value":"x"}]`,
		"key: cannot be changed": `[{"op":"replace","path":"/key","value":"x"}]`, "isNumeric: must be true": `[{"op":"replace","path":"/isNumeric","value":"x"}]`,
	} {
		s.refused(400, words, "PATCH", metrics+"/revenue", body)
	}
	s.refused(404, "no metric", "PATCH", metrics+"/gone", `[]`)
	s.refused(403, "built in", "PATCH", metrics+"/login", `[]`)
}

func TestMetricGroups(t *testing.T) {
	s := newSite(t, nil).world()
	got := s.must(200, "GET", groups+"/steps", "")
	if got.at("kind") != "funnel" || got.at("metrics", 1, "key") != "converted" || got.at("metrics", 1, "nameInGroup") != "Buy" || got.at("maintainer", "member", "_id") != "m" || got.at("tags", 0) != "a" {
		t.Errorf("got %s", got.text)
	}
	named := s.must(201, "POST", groups, `{"name":"Other Steps","kind":"funnel","tags":[],"maintainerId":"m","metrics":[{"key":"login"}]}`)
	if named.at("key") != "other-steps" || named.at("metrics", 0, "nameInGroup") != "login" {
		t.Errorf("made %s", named.text)
	}
	if all := s.must(200, "GET", groups, ""); all.at("totalCount") != 2.0 || all.at("items", 0, "key") != "steps" {
		t.Errorf("listed %s", all.text)
	}
	for words, body := range map[string]string{
		"already exists": `{"key":"steps","name":"x","kind":"standard","metrics":[{"key":"login"}]}`, "kind: must be one of": `{"name":"x","kind":"odd","metrics":[{"key":"login"}]}`,
		"metrics: is missing": `{"name":"x","kind":"funnel"}`, "metrics: must have at least": `{"name":"x","kind":"funnel","metrics":[]}`,
		`there is no metric "gone"`: `{"name":"x","kind":"funnel","metrics":[{"key":"gone"}]}`, "is a sum": `{"name":"x","kind":"funnel","metrics":[{"key":"revenue"}]}`,
		"is there twice": `{"name":"x","kind":"standard","metrics":[{"key":"login"},{"key":"login"}]}`, "name: is missing": `{"kind":"funnel","metrics":[{"key":"login"}]}`,
	} {
		s.refused(400, words, "POST", groups, body)
	}
	s.refused(404, "no metric group", "GET", groups+"/gone", "")
	s.refused(404, "no metric group", "DELETE", groups+"/gone", "")
	s.must(204, "DELETE", groups+"/other-steps", "")
}

func TestSettings(t *testing.T) {
	s := newSite(t, nil).world()
	got := s.must(200, "GET", settings, "")
	if got.at("randomizationUnits", 0, "randomizationUnit") != "user" || got.at("randomizationUnits", 0, "default") != true || got.at("randomizationUnits", 1, "randomizationUnit") != "device" || got.at("_projectKey") != "default" {
		t.Errorf("preset: %s", got.text)
	}
	put := s.must(200, "PUT", settings, `{"randomizationUnits":[{"randomizationUnit":"org","standardRandomizationUnit":"organization"},{"randomizationUnit":"device","default":true,"standardRandomizationUnit":"guest"}]}`)
	got = s.must(200, "GET", settings, "")
	if string(put.text) != string(got.text) || got.at("randomizationUnits", 0, "randomizationUnit") != "device" || got.at("randomizationUnits", 1, "standardRandomizationUnit") != "organization" ||
		got.at("randomizationUnits", 1, "default") != false || got.at("randomizationUnits", 0, "_displayName") != "Device" {
		t.Errorf("put: %s, got %s", put.text, got.text)
	}
	if made := s.create("red", iteration("", "50", "50")); made.at("currentIteration", "randomizationUnit") != "device" {
		t.Errorf("the default is taken: %s", made.text)
	}
	s.must(200, "PUT", settings, `{"randomizationUnits":[{"randomizationUnit":"a"},{"randomizationUnit":"user"}]}`)
	if i := s.document().RandomizationUnits; !i[1].Default || i[0].Default {
		t.Errorf("without a default the user is it: %+v", i)
	}
	for words, body := range map[string]string{
		"randomizationUnits: is missing": `{}`, "randomizationUnits: must have": `{"randomizationUnits":[]}`,
		"randomizationUnits[0].randomizationUnit: is missing":         `{"randomizationUnits":[{}]}`,
		"randomizationUnits[0].randomizationUnit: must be a string":   `{"randomizationUnits":[{"randomizationUnit":1}]}`,
		"randomizationUnits[1].randomizationUnit: is there":           `{"randomizationUnits":[{"randomizationUnit":"a"},{"randomizationUnit":"a"}]}`,
		"randomizationUnits[1].default: only one":                     `{"randomizationUnits":[{"randomizationUnit":"a","default":true},{"randomizationUnit":"b","default":true}]}`,
		"randomizationUnits[0].standardRandomizationUnit: must be on": `{"randomizationUnits":[{"randomizationUnit":"a","standardRandomizationUnit":"planet"}]}`,
		"randomizationUnits[0].default: must be true or false":        `{"randomizationUnits":[{"randomizationUnit":"a","default":"yes"}]}`,
	} {
		s.refused(400, words, "PUT", settings, body)
	}
}

func TestFlags(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "10", "20"))
	id := s.document().FeatureFlags[0].ID
	got := s.must(200, "GET", flags+"/login-page", "")
	if byID := s.must(200, "GET", flags+"/"+id, ""); string(byID.text) != string(got.text) {
		t.Errorf("by id: %s", byID.text)
	}
	if got.at("_id") != id || got.at("key") != "login-page" || got.at("kind") != "multivariate" || got.at("variations", 1, "value", "color") != "red" || got.at("variations", 0, "value", "color") != "blue" ||
		got.at("variations", 1, "_id") != s.variation("treatment") || got.at("environments", "production", "on") != true || got.at("environments", "production", "fallthrough", "variation") != 0.0 ||
		got.at("environments", "production", "_version").(float64) < 1 {
		t.Errorf("got %s", got.text)
	}
	s.patch("red", startIt)
	got = s.must(200, "GET", flags+"/login-page", "")
	way := []any{"environments", "production", "fallthrough", "rollout"}
	at := func(more ...any) any { return got.at(append(way[:len(way):len(way)], more...)...) }
	if at("kind") != "experiment" || at("variations", 0, "weight") != 10_000.0 || at("variations", 2, "weight") != 70_000.0 || at("variations", 2, "_untracked") != true || at("experimentAllocation", "defaultVariation") != 0.0 {
		t.Errorf("while it runs: %s", got.text)
	}
	s.flag("another page") // the slug is no longer that of one alone
	s.edit(func(d *engine.Document) { d.FeatureFlags[1].Name = "Login, page" })
	s.refused(404, "no flag", "GET", flags+"/login-page", "")
	all := s.must(200, "GET", flags, "")
	if all.at("totalCount") != 2.0 || all.at("items", 0, "key") != id {
		t.Errorf("listed: %s", all.text)
	}
	if got := s.must(200, "GET", experiments+"/red", ""); got.at("currentIteration", "flags", id) == nil {
		t.Errorf("the experiment's flag: %s", got.text)
	}
	s.refused(404, "no flag", "GET", flags+"/gone", "")
}
