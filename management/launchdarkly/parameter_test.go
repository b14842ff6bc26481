package launchdarkly_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// Each case asks a list for something, and says which keys come back in which order.
func TestListParameters(t *testing.T) {
	s := newSite(t, nil).world()
	s.flag("admin page")
	s.flag("old page")
	s.must(201, "POST", metrics, `{"key":"seen","name":"A view","kind":"pageview","tags":["shop","a b"],"urls":[{"kind":"substring","substring":"/cart"}]}`)
	s.must(201, "POST", metrics, `{"key":"tapped","name":"Tap","kind":"click","tags":["shop"],"maintainerId":"kim"}`)
	s.must(201, "POST", groups, `{"key":"more","name":"A group","kind":"standard","maintainerId":"kim","tags":["x"],"metrics":[{"key":"tapped"}]}`)
	s.create("red", iteration("", "50", "50"))
	s.patch("red", startIt)
	s.edit(func(d *engine.Document) { d.FeatureFlags[2].Status = engine.FlagArchived })
	revenue := s.must(200, "GET", metrics+"/revenue", "").word("_versionId")
	for _, c := range []struct{ path, name, value, want string }{
		{flags, "filter", "query:ADMIN", "admin-page"},
		{flags, "filter", "query:page,hasExperiment:true", "login-page"},
		{flags, "filter", "hasExperiment:false", "admin-page"},
		{flags, "filter", "state:archived", "old-page"},
		{flags, "filter", "archived:true", "old-page"},
		{flags, "filter", "state:live", "login-page admin-page"},
		{flags, "filter", "state:deprecated", ""},
		{flags, "filter", "tags:a+b", ""},
		{flags, "filter", "type:permanent", ""},
		{flags, "filter", "type:temporary,filterEnv:production,sdkAvailability:server", "login-page admin-page"},
		{flags, "filter", `creationDate:{"before":1},query:page`, ""},
		{flags, "filter", `creationDate:{"before":4102444800000}`, "login-page admin-page"},
		{flags, "filter", "maintainerId:m", ""},
		{flags, "archived", "true", "old-page"},
		{flags, "archived", "0", "login-page admin-page"},
		{flags, "tag", "x", ""},
		{flags, "sort", "key", "admin-page login-page"},
		{flags, "sort", "type,-creationDate", "admin-page login-page"},
		{flags, "env", "production", "login-page admin-page"},
		{flags, "expand", "migrationSettings", "login-page admin-page"},
		{flags, "compare", "false", "login-page admin-page"},
		{flags, "limit", "1", "login-page"},
		{flags, "offset", "1", "admin-page"},
		{metrics, "filter", `tags contains ["shop","a b"]`, "seen"},
		{metrics, "filter", `tags contains ["shop"]`, "seen tapped"},
		{metrics, "filter", `query equals "REV"`, "revenue"},
		{metrics, "filter", `query equals ["tap", "view"]`, "seen tapped"},
		{metrics, "filter", `eventKind equals 'click' and maintainerIds anyOf ["kim"]`, "tapped"},
		{metrics, "filter", `isNumeric equals true,unitAggregationType equals sum`, "revenue"},
		{metrics, "filter", `hasConnections equals true`, "converted revenue login"},
		{metrics, "filter", `metricUsedIn equals none and eventKeys anyOf [seen, s]`, "seen"},
		{metrics, "filter", `metricUsedIn equals guarded_rollouts`, ""},
		{metrics, "filter", `versionIds anyOf ["` + revenue + `"]`, "revenue"},
		{metrics, "filter", `dataSourceKeys notEquals launchdarkly`, ""},
		{metrics, "filter", `dataSourceKeys anyOf [launchdarkly] and query equals tapped`, "tapped"},
		{metrics, "filter", `maintainerTeamKey equals x`, ""},
		{metrics + "?limit=3", "sort", "name", "seen converted tapped"},
		{metrics + "?limit=3", "sort", "-createdAt", "tapped seen revenue"},
		{groups, "filter", `experimentStatus equals 'running' and query equals 'step'`, "steps"},
		{groups, "filter", `experimentStatus equals started`, "steps"},
		{groups, "filter", `experimentStatus equals stopped`, ""},
		{groups, "filter", `kind equals standard`, "more"},
		{groups, "filter", `hasConnections equals false`, "more"},
		{groups, "filter", `maintainerIds anyOf [kim, lee]`, "more"},
		{groups, "sort", "name", "more steps"},
		{groups, "sort", "-connectionCount", "steps more"},
	} {
		sep := "?"
		if strings.Contains(c.path, "?") {
			sep = "&"
		}
		if got := s.must(200, "GET", c.path+sep+c.name+"="+url.QueryEscape(c.value), ""); keys(got) != c.want {
			t.Errorf("%s %s=%s: got %q, want %q", c.path, c.name, c.value, keys(got), c.want)
		}
	}
	for _, c := range []struct{ path, name, value, words string }{
		{flags, "filter", "evaluated:{\"after\":1},filterEnv:production", "filter: the fields are archived, creationDate"},
		{flags, "filter", "filterEnv:staging", "filter: filterEnv must be one of production"},
		{flags, "filter", "creationDate:1", "filter: creationDate must be of the form"},
		{flags, "filter", `creationDate:{"after":1}`, "filter: creationDate must be of the form"},
		{flags, "filter", "archived:maybe", "filter: archived must be one of"},
		{flags, "filter", "query", "filter: "},
		{flags, "sort", "colour", "sort: must be of"},
		{flags, "sort", "targetingModifiedDate", "sort: targetingModifiedDate must be alone and needs env"},
		{flags, "env", "staging", "env: must be production"},
		{flags, "expand", "evaluation", "expand: must be of"},
		{flags, "compare", "true", "compare: must not be true"},
		{flags, "archived", "yes", "archived: must be true or false"},
		{flags, "summary", "2", "summary: must be true or false"},
		{flags + "/login-page", "env", "staging", "env: must be production"},
		{flags, "view", "x", "view: is no parameter of this operation; it has limit, offset"},
		{metrics, "filter", `tags equals "x"`, "filter: tags must be followed by contains"},
		{metrics, "filter", `view equals x`, "filter: the fields are"},
		{metrics, "filter", `eventKind equals hover`, "filter: eventKind must be one of"},
		{metrics, "filter", `query:x`, "filter: query must be followed by an operator"},
		{metrics, "sort", "key", "sort: must be of createdAt, name"},
		{metrics, "expand", "experiments", "expand: must be of experimentCount"},
		{groups, "filter", "experimentStatus equals 'dead'", "filter: experimentStatus must be one of"},
		{groups, "expand", "metrics", "expand: must be of experiments"},
		{experiments, "analysisConfig", "1", "analysisConfig: is no parameter"},
		{experiments, "limit", "1&limit=2", "limit: must not be there more than once"},
		{experiments, "filter", strings.Repeat("a", 5000), "filter: must have at most 4096 bytes"},
		{experiments, "filter", "%zz", "invalid query"},
		{metrics + "/revenue", "expand", "lastSeen", "expand: must be of"},
	} {
		value := url.QueryEscape(c.value)
		if c.name == "limit" || c.value == "%zz" {
			value = c.value
		}
		s.refused(400, c.words, "GET", c.path+"?"+c.name+"="+value, "")
	}
	s.refused(404, "no version", "GET", metrics+"/revenue?versionId=x", "")
	s.must(200, "GET", metrics+"/revenue?versionId="+revenue, "")
	s.refused(400, "ignoreConflicts: is no parameter", "PATCH", metrics+"/revenue?ignoreConflicts=true", `[]`)
	short, long := s.must(200, "GET", flags, ""), s.must(200, "GET", flags+"?summary=0", "")
	if short.at("items", 0, "environments", "production", "rules") != nil || long.at("items", 0, "environments", "production", "rules") == nil || long.at("items", 0, "deprecated") != false {
		t.Errorf("in short %s, in full %s", short.text, long.text)
	}
	one := s.must(200, "GET", metrics+"/tapped?expand=experiments,metricGroups,metricGroupCount", "")
	if one.at("metricGroups", 0, "key") != "more" || one.at("metricGroupCount") != 1.0 || one.at("dataSource", "key") != "launchdarkly" {
		t.Errorf("expanded: %s", one.text)
	}
	if one := s.must(200, "GET", metrics+"/revenue?expand=experiments", ""); one.at("experiments", 0, "key") != "red" || one.at("experiments", 0, "environmentKey") != "production" {
		t.Errorf("expanded: %s", one.text)
	}
	if one := s.must(200, "GET", groups+"/steps?expand=experiments,experimentCount", ""); one.at("experiments", 0, "key") != "red" || one.at("experimentCount") != 1.0 {
		t.Errorf("expanded: %s", one.text)
	}
}

// unwritten does what must succeed and write nothing, nor be audited.
func (s *site) unwritten(method, path, body string) reply {
	s.Helper()
	before, audits := s.document().Revision, len(s.audits)
	got := s.must(200, method, path, body)
	if s.document().Revision != before || len(s.audits) != audits {
		s.Errorf("%s %s %s: was written", method, path, body)
	}
	return got
}

// A patch follows RFC 6902 on what clients get, of which a part is read-only.
func TestPatchesOfMetrics(t *testing.T) {
	s := newSite(t, nil).world()
	s.must(201, "POST", metrics, `{"key":"tapped","kind":"click","selector":".buy","urls":[{"kind":"exact","url":"https://a.example/"}],"tags":["a","b"]}`)
	one := metrics + "/tapped"
	before := s.must(200, "GET", one, "")
	for _, patch := range []string{
		`[]`, `[{"op":"replace","path":"/name","value":"tapped"}]`, `[{"op":"test","path":"/_id","value":"tapped"}]`, `[{"op":"replace","path":"/key","value":"tapped"}]`,
		`[{"op":"add","path":"/tags/-","value":"c"},{"op":"remove","path":"/tags/2"}]`, `[{"op":"replace","path":"/percentileValue","value":null}]`,
		`[{"op":"replace","path":"/analysisType","value":"mean"},{"op":"replace","path":"/isActive","value":false},{"op":"replace","path":"/unit","value":""},{"op":"replace","path":"/eventKey","value":""},
		  {"op":"replace","path":"/eventDefault/disabled","value":false},{"op":"replace","path":"/selector","value":".buy"},{"op":"replace","path":"/urls","value":[{"kind":"exact","url":"https://a.example/"}]},
		  {"op":"replace","path":"/analysisUnits","value":["user","device"]}]`,
	} {
		if got := s.unwritten("PATCH", one, patch); string(got.text) != string(before.text) {
			t.Errorf("%s: got %s, want %s", patch, got.text, before.text)
		}
	}
	for words, patch := range map[string]string{
		"there is nothing at this path":     `[{"op":"replace","path":"/nope","value":1}]`,
		"patch[0].path: there is nothing":   `[{"op":"remove","path":"/nope"}]`,
		"nope: is no member that a patch":   `[{"op":"add","path":"/nope","value":1}]`,
		"_id: cannot be changed: it is rea": `[{"op":"replace","path":"/_id","value":"x"}]`,
		"_creationDate: cannot be changed":  `[{"op":"replace","path":"/_creationDate","value":1}]`,
		"_versionId: cannot be changed":     `[{"op":"remove","path":"/_versionId"}]`,
		"dataSource: cannot be changed":     `[{"op":"replace","path":"/dataSource/key","value":"snowflake"}]`,
		"experimentCount: cannot be":        `[{"op":"copy","from":"/metricGroupCount","path":"/experimentCount"},{"op":"replace","path":"/experimentCount","value":4}]`,
		"patch: must leave an object":       `[{"op":"replace","path":"","value":[]}]`,
		"_creationDate: cannot be":          `[{"op":"replace","path":"","value":{}}]`,
		"urls[1].url: is missing":           `[{"op":"add","path":"/urls/-","value":{"kind":"canonical"}}]`,
		"urls[0].pattern: must not be":      `[{"op":"add","path":"/urls/0/pattern","value":"x"}]`,
		"kind: is missing":                  `[{"op":"remove","path":"/kind"}]`,
		"tags[2]: must be a string":         `[{"op":"add","path":"/tags/-","value":{}}]`,
	} {
		s.refused(400, words, "PATCH", one, patch)
	}
	got := s.must(200, "PATCH", one, `{"comment":"why","patch":[{"op":"test","path":"/tags/0","value":"a"},{"op":"add","path":"/tags/-","value":"c"},{"op":"move","from":"/tags/0","path":"/tags/1"},
		{"op":"copy","from":"/name","path":"/description"},{"op":"add","path":"/urls/-","value":{"kind":"regex","pattern":"^/x"}},{"op":"replace","path":"/isActive","value":true},{"op":"replace","path":"/analysisUnits","value":["device"]}]}`)
	if got.at("tags", 0) != "b" || got.at("tags", 2) != "c" || got.at("description") != "tapped" || got.at("urls", 1, "pattern") != "^/x" || got.at("isActive") != true || got.at("randomizationUnits", 0) != "device" ||
		got.at("_versionId") == before.at("_versionId") || s.audits[len(s.audits)-1].Comment != "why" {
		t.Errorf("patched: %s", got.text)
	}
}

func TestPatchesOfGroups(t *testing.T) {
	s := newSite(t, nil).world()
	one := groups + "/steps"
	s.unwritten("PATCH", one, `[{"op":"replace","path":"/metrics/1","value":{"key":"converted","nameInGroup":"Buy"}},{"op":"test","path":"/kind","value":"funnel"}]`)
	for words, patch := range map[string]string{
		"kind: cannot be changed": `[{"op":"replace","path":"/kind","value":"standard"}]`, "key: cannot be changed": `[{"op":"replace","path":"/key","value":"x"}]`,
		"_version: cannot be changed": `[{"op":"replace","path":"/_version","value":9}]`, "there is nothing": `[{"op":"replace","path":"/nope","value":9}]`,
		`there is no metric "gone"`: `[{"op":"add","path":"/metrics/-","value":{"key":"gone"}}]`, "metrics: must have at least": `[{"op":"replace","path":"/metrics","value":[]}]`,
		"metrics[2].weight: is not supported": `[{"op":"add","path":"/metrics/-","value":{"key":"signup","weight":1}}]`, "name: must not be empty": `[{"op":"replace","path":"/name","value":""}]`,
	} {
		s.refused(400, words, "PATCH", one, patch)
	}
	s.refused(404, "no metric group", "PATCH", groups+"/gone", `[]`)
	s.create("red", iteration("", "50", "50"))
	got := s.must(200, "PATCH", one, `[{"op":"replace","path":"/name","value":"Path"},{"op":"add","path":"/tags/-","value":"b"},{"op":"add","path":"/metrics/1","value":{"key":"signup","nameInGroup":"Sign up"}},{"op":"replace","path":"/maintainerId","value":"kim"}]`)
	if got.at("name") != "Path" || got.at("tags", 1) != "b" || got.at("metrics", 1, "nameInGroup") != "Sign up" || got.length("metrics") != 3 || got.at("_version") != 2.0 || got.at("maintainer", "member", "_id") != "kim" {
		t.Errorf("patched: %s", got.text)
	}
	s.patch("red", startIt)
	s.refused(409, `running experiment "red"`, "PATCH", one, `[{"op":"remove","path":"/metrics/1"}]`)
	if got := s.must(200, "PATCH", one, `[{"op":"replace","path":"/metrics/0/nameInGroup","value":"In"}]`); got.at("_version") != 3.0 {
		t.Errorf("renamed while it runs: %s", got.text)
	}
}

// What is not carried out is refused by its name.
func TestUnsupportedMembersRefused(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	post := func(more string) string {
		return `{"name":"n","key":"n",` + more + `,"iteration":` + iteration("", "50", "50") + `}`
	}
	const of = ": is not supported here"
	for _, c := range []struct{ words, method, path, body string }{
		{"methodology: must be one of bayesian", "POST", experiments, post(`"methodology":"frequentist"`)},
		{"type: must be one of experiment", "POST", experiments, post(`"type":"mab"`)},
		{"dataSource: must be one of launchdarkly", "POST", experiments, post(`"dataSource":"snowflake"`)},
		{"analysisConfig" + of, "POST", experiments, post(`"analysisConfig":{"bayesianThreshold":"95"}`)},
		{`holdoutId: there is no holdout "h"`, "POST", experiments, post(`"holdoutId":"h"`)},
		{"tags[0]: must be a string", "POST", experiments, post(`"tags":[1]`)},
		{"covariateId" + of, "POST", experiments + "/red/iterations", iteration(`,"covariateId":"c"`, "50", "50")},
		{"reallocationFrequencyMillis" + of, "POST", experiments + "/red/iterations", iteration(`,"reallocationFrequencyMillis":1`, "50", "50")},
		{"metrics[0].weight" + of, "POST", experiments + "/red/iterations", strings.Replace(iteration("", "50", "50"), `{"key":"converted"}`, `{"key":"converted","weight":2}`, 1)},
		{"flags.login-page.layer" + of, "POST", experiments + "/red/iterations", strings.Replace(iteration("", "50", "50"), `"flagConfigVersion":3`, `"flagConfigVersion":3,"layer":"l"`, 1)},
		{"treatments[0]._id" + of, "POST", experiments + "/red/iterations", strings.Replace(iteration("", "50", "50"), `"name":"The control"`, `"name":"The control","_id":"x"`, 1)},
		{"instructions[0].when" + of, "PATCH", experiments + "/red", `{"instructions":[{"kind":"startIteration","when":"later"}]}`},
		{"environmentKey" + of, "PATCH", experiments + "/red", `{"environmentKey":"production","instructions":[{"kind":"startIteration"}]}`},
		{"winsorUpperPercentile" + of, "POST", metrics, `{"key":"m","kind":"click","winsorUpperPercentile":99}`},
		{"filters" + of, "POST", metrics, `{"key":"m","kind":"click","filters":{}}`},
		{"dataSource.key: must be one of", "POST", metrics, `{"key":"m","kind":"click","dataSource":{"key":"snowflake"}}`},
		{"analysisUnits: must be randomizationUnits", "POST", metrics, `{"key":"m","kind":"click","analysisUnits":["user"],"randomizationUnits":["device"]}`},
		{"version" + of, "POST", groups, `{"key":"g","name":"G","kind":"standard","version":1,"metrics":[{"key":"login"}]}`},
		{"randomizationUnits[0]._hidden" + of, "PUT", settings, `{"randomizationUnits":[{"randomizationUnit":"user","_hidden":true}]}`},
	} {
		s.refused(400, c.words, c.method, c.path, c.body)
	}
	s.patch("red", startIt)
	s.refused(404, `does not measure metric "signup"`, "GET", experiments+"/red/metrics/signup/results", "")
	s.refused(404, `there is no metric "gone"`, "GET", experiments+"/red/metrics/gone/results", "")
	s.must(200, "GET", experiments+"/red/metrics/login/results", "") // which is a step of its funnel
	s.must(201, "POST", groups, `{"key":"g","name":"G","kind":"standard","metrics":[{"key":"login"}]}`)
	s.refused(404, `does not measure metric group "g"`, "GET", experiments+"/red/metric-groups/g/results", "")
	s.edit(func(d *engine.Document) { d.Experiments[0].Iterations = nil }) // as the other API makes them
	s.must(200, "GET", experiments+"/red/metrics/signup/results", "")
}
