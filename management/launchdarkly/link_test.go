package launchdarkly_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// hrefs are the links anywhere in an answer.
func hrefs(value any) []string {
	var out []string
	switch value := value.(type) {
	case map[string]any:
		if href, ok := value["href"].(string); ok {
			out = append(out, href)
		}
		for _, member := range value {
			out = append(out, hrefs(member)...)
		}
	case []any:
		for _, member := range value {
			out = append(out, hrefs(member)...)
		}
	}
	return out
}

// Every link of every answer leads to one.
func TestLinksCanBeFollowed(t *testing.T) {
	s := newSite(t, nil).world()
	for _, key := range []string{"red", "blue", "green"} {
		s.create(key, iteration(`,"attributes":["country"]`, "20", "20"))
	}
	s.patch("red", startIt)
	s.must(200, "POST", experiments+"/red/iterations", iteration(`,"canReshuffleTraffic":false`, "30", "30"))
	s.patch("red", restartIt)
	s.exposed("red")
	s.patch("green", archiveIt)
	s.edit(func(d *engine.Document) { // which leaves names of what is gone in the history
		it := &d.Experiments[1].Iterations[0]
		it.Metrics = append(it.Metrics, engine.IterationMetric{Key: "gone"}, engine.IterationMetric{Key: "gone-steps", IsGroup: true})
		d.Experiments[2].Iterations[0].PrimaryMetric, d.Experiments[2].Iterations[0].Metrics = "gone", []engine.IterationMetric{{Key: "gone"}}
	})
	const all = "expand=previousIterations,draftIteration,secondaryMetrics,treatments"
	next := []string{
		"/api/v2/projects?expand=environments", "/api/v2/projects/default?expand=environments", "/api/v2/projects/default/environments",
		"/api/v2/projects/default/experiments?limit=1&lifecycleState=active,archived&" + all, experiments + "?limit=1&offset=1&" + all, experiments + "/red?" + all, experiments + "/green?" + all,
		metrics + "?limit=2&offset=2", metrics + "/converted?expand=experiments,metricGroups", groups + "?expand=experiments", groups + "/steps", settings,
		flags + "?summary=0", flags + "/login-page", experiments + "/red/metrics/converted/results?expand=traffic", experiments + "/red/metric-groups/steps/results",
		flags + "/login-page/experiments/production/converted",
	}
	seen := map[string]bool{}
	for len(next) > 0 {
		path := next[0]
		next = next[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		got := s.do("GET", path, "")
		if got.status != 200 {
			t.Errorf("GET %s: %d %s", path, got.status, got.text)
			continue
		}
		next = append(next, hrefs(got.value)...)
	}
	paths := slices.Collect(maps.Keys(seen))
	for _, want := range []string{"/api/v2/projects/default", "/api/v2/projects/default/environments/production", metrics, flags, groups + "/steps", experiments + "/blue"} {
		if !slices.Contains(paths, want) {
			t.Errorf("nothing links to %s", want)
		}
	}
	if slices.ContainsFunc(paths, func(path string) bool { return strings.Contains(path, "gone") }) {
		t.Errorf("there is a link to what is gone: %v", paths)
	}
}

func TestProjects(t *testing.T) {
	s := newSite(t, nil).world()
	const projects = "/api/v2/projects"
	for query, found := range map[string]float64{
		"": 1, "?limit=5&offset=0&sort=-name": 1, "?sort=createdOn": 1, "?filter=query:DEF": 1, "?filter=query:other": 0, "?filter=keys:other|Default": 1,
		"?filter=keys:other": 0, "?filter=tags:a%2Bb": 0, "?filter=query:def,keys:other": 0, "?offset=1": 1,
	} {
		got := s.must(200, "GET", projects+query, "")
		shown := int(found)
		if strings.Contains(query, "offset=1") {
			shown = 0
		}
		if got.at("totalCount") != found || got.length("items") != shown {
			t.Errorf("%s: %s", query, got.text)
		}
	}
	got := s.must(200, "GET", projects+"/default?expand=environments", "")
	if got.at("key") != "default" || got.at("environments", "items", 0, "key") != "production" || got.at("_links", "environments", "href") != projects+"/default/environments" || got.at("includeInSnippetByDefault") != false {
		t.Errorf("got %s", got.text)
	}
	if got := s.must(200, "GET", projects+"/default", ""); got.at("environments") != nil {
		t.Errorf("not expanded: %s", got.text)
	}
	if got := s.must(200, "GET", projects+"/default/environments?filter=query:prod&sort=critical", ""); got.at("items", 0, "key") != "production" || got.at("items", 0, "apiKey") != "" || got.at("totalCount") != 1.0 {
		t.Errorf("environments: %s", got.text)
	}
	if got := s.must(200, "GET", projects+"/default/environments/production", ""); got.at("name") != "production" || got.at("_id") != "default/production" {
		t.Errorf("environment: %s", got.text)
	}
	s.create("red", iteration("", "50", "50"))
	if got := s.must(200, "GET", projects+"/default/experiments?filter=status:not_started", ""); keys(got) != "red" || got.at("items", 0, "environmentKey") != "production" {
		t.Errorf("any environment's: %s", got.text)
	}
	for path, words := range map[string]string{
		projects + "?expand=flags": "expand: must be of environments", projects + "?sort=key": "sort: must be of createdOn, name", projects + "?filter=colour:red": "filter: the fields are keys, query, tags",
		projects + "/default/environments?expand=x": "expand: is no parameter", projects + "/default?filter=query:x": "filter: is no parameter",
		projects + "/default/environments/production?expand=x": "has none",
	} {
		s.refused(400, words, "GET", path, "")
	}
	s.refused(403, "denied", "GET", projects+"/other", "")
	s.refused(403, "denied", "GET", projects+"/default/environments/staging", "")
	s.refused(405, "", "POST", projects, `{}`)
	s.refused(405, "", "DELETE", projects+"/default", "")
}
