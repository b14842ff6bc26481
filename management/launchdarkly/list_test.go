package launchdarkly_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

func keys(r reply) string {
	var out []string
	for i := range r.length("items") {
		out = append(out, r.word("items", i, "key"))
	}
	return strings.Join(out, " ")
}

func TestListFilters(t *testing.T) {
	s := newSite(t, nil).world()
	s.flag("other flag")
	s.create("a", iteration("", "50", "50"))
	s.create("b", `{"hypothesis":"h","metrics":[{"key":"steps","isGroup":true,"primary":true}],"treatments":`+treatments("other-flag", "1", "1")+`,"flags":{"other-flag":{"ruleId":"fallthrough","flagConfigVersion":1}}}`)
	s.create("c", iteration("", "50", "50"))
	s.patch("a", startIt, stopIt)
	s.must(200, "POST", experiments+"/a/iterations", iteration("", "50", "50"))
	s.patch("c", archiveIt)
	flagID := s.document().FeatureFlags[1].ID
	for query, want := range map[string]string{
		"":                                              "a b",
		"?lifecycleState=active":                        "a b",
		"?lifecycleState=archived":                      "c",
		"?lifecycleState=active,archived":               "a b c",
		"?filter=flagKey:login-page":                    "a",
		"?filter=flagKey:" + flagID:                     "b",
		"?filter=flagKey:nothing":                       "",
		"?filter=status:stopped":                        "a",
		"?filter=status:not_started":                    "a b",
		"?filter=status:running":                        "",
		"?filter=metricKey:revenue":                     "a",
		"?filter=metricKey:login":                       "a b",
		"?filter=metricKey:login,flagKey:" + "x":        "",
		"?filter=status%3Astopped%2CflagKey%3Ax":        "",
		"?filter=metricKey:converted&expand=treatments": "a b",
	} {
		got := s.must(200, "GET", experiments+query, "")
		if keys(got) != want || got.at("total_count") != float64(len(strings.Fields(want))) || got.at("_links", "self") == nil {
			t.Errorf("%s: got %s, want %q", query, got.text, want)
		}
	}
	for query, words := range map[string]string{
		"?filter=colour:red": "filter: the fields are", "?filter=status:dead": "filter: status", "?filter=flagKey": "filter:", "?lifecycleState=dead": "lifecycleState:", "?expand=nope": "expand:", "?sort=name": "sort: is no parameter",
		"?limit=0": "limit:", "?limit=x": "limit:", "?offset=-1": "offset:",
	} {
		s.refused(400, words, "GET", experiments+query, "")
	}
}

func TestListPages(t *testing.T) {
	s := newSite(t, nil).world()
	for i := range 23 {
		s.create(fmt.Sprintf("e%02d", i), iteration("", "50", "50"))
	}
	first := s.must(200, "GET", experiments, "")
	if first.length("items") != 20 || first.at("total_count") != 23.0 || first.at("_links", "prev") != nil || first.at("items", 0, "key") != "e00" {
		t.Errorf("the first page: %s", first.text)
	}
	second := s.must(200, "GET", first.word("_links", "next", "href"), "")
	if keys(second) != "e20 e21 e22" || second.at("_links", "next") != nil {
		t.Errorf("the second page: %s", second.text)
	}
	middle := s.must(200, "GET", experiments+"?limit=5&offset=10&filter=flagKey:login-page&expand=treatments", "")
	if keys(middle) != "e10 e11 e12 e13 e14" || middle.length("items", 0, "currentIteration", "treatments") != 2 {
		t.Errorf("a page in the middle: %s", middle.text)
	}
	for name, want := range map[string]string{"first": "e00 e01 e02 e03 e04", "prev": "e05 e06 e07 e08 e09", "next": "e15 e16 e17 e18 e19", "last": "e20 e21 e22"} {
		if got := keys(s.must(200, "GET", middle.word("_links", name, "href"), "")); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if got := s.must(200, "GET", experiments+"?offset=100", ""); keys(got) != "" || got.at("total_count") != 23.0 {
		t.Errorf("behind the end: %s", got.text)
	}
}

// An experiment of the other API is one here too: by its id or the slug of its
// name, with an iteration that nobody recorded.
func TestMadeElsewhere(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.edit(func(d *engine.Document) {
		e := &d.Experiments[0]
		e.Key, e.Name, e.Iterations = "", "Früher, einmal!", nil
	})
	e := s.experiment("Früher, einmal!")
	const key = "fr-her-einmal"
	got := s.must(200, "GET", experiments+"/"+key+"?expand=treatments", "")
	if got.at("key") != key || got.at("_id") != e.ID || got.at("currentIteration", "_id") != engine.FirstIterationID(e.ID) || got.at("currentIteration", "status") != "not_started" || got.length("currentIteration", "treatments") != 2 {
		t.Errorf("a draft: %s", got.text)
	}
	s.must(200, "POST", "/api/v2/experimentation/experiments/"+e.ID+"/status", `{"status":"active"}`, "Authorization", "Bearer "+secret)
	s.edit(func(d *engine.Document) { d.Experiments[0].Iterations = nil }) // as a file may have it
	got = s.must(200, "GET", experiments+"/"+key, "")
	if got.at("currentIteration", "status") != "running" || got.at("currentIteration", "startedAt") == nil {
		t.Errorf("a running one: %s", got.text)
	}
	if got = s.must(200, "GET", experiments+"?filter=status:running", ""); got.at("total_count") != 1.0 {
		t.Errorf("running: %s", got.text)
	}
	s.patch(key, `{"kind":"updateName","value":"Now"}`)
	second := s.must(200, "POST", experiments+"/"+key+"/iterations", iteration("", "20", "20"))
	s.patchRefused(400, "changeJustification", key, startIt)
	got = s.patch(key, restartIt)
	e = s.experiment(key)
	if got.at("key") != key || got.at("previousIterations", 0, "_id") != engine.FirstIterationID(e.ID) || e.BucketingKey() != e.ID+second.word("_id") {
		t.Errorf("a second iteration: %s", got.text)
	}
	s.patch(key, `{"kind":"stopIteration","winningTreatmentId":"control"}`)
}

// A draft of the other API, too, can be started here as it is; one in which
// segments decide as well, but it has no iterations that say otherwise.
func TestStartMadeElsewhere(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.edit(func(d *engine.Document) { d.Experiments[0].Iterations = nil })
	s.patch("red", startIt)
	if e := s.experiment("red"); e.Iterations[0].Status != engine.IterationRunning || len(e.Iterations[0].Treatments) != 2 {
		t.Errorf("started: %+v", e)
	}
	s.patch("red", stopIt)
	s.create("targeted", iteration("", "50", "50"))
	s.edit(func(d *engine.Document) {
		e := &d.Experiments[1]
		e.Iterations, e.Strategy = nil, engine.StrategySegment
		e.Allocations[0].Weight, e.Allocations[1].Weight, e.Allocations[0].IsFallback = nil, nil, true
	})
	s.refused(400, "segments decide", "POST", experiments+"/targeted/iterations", iteration("", "50", "50"))
	s.patch("targeted", startIt)
	if e := s.experiment("targeted"); e.Status != engine.ExperimentActive || e.Allocations[0].Weight != nil {
		t.Errorf("started: %+v", e)
	}
}

// A name without a single letter of ASCII gives no key: the id is it.
func TestNamesWithoutKey(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.edit(func(d *engine.Document) { d.Experiments[0].Key, d.Experiments[0].Name = "", "実験" })
	id := s.experiment("実験").ID
	if got := s.must(200, "GET", experiments, ""); got.at("items", 0, "key") != id {
		t.Errorf("got %s", got.text)
	}
	s.patch(id, `{"kind":"updateName","value":"red"}`)
	if got := s.experiment("red"); got.Key != "" {
		t.Errorf("the key is %q", got.Key)
	}
	s.must(200, "GET", experiments+"/red", "")
}

// As long as nothing has started, the draft is what overrides and readiness go by.
func TestReplacedDraft(t *testing.T) {
	s := newSite(t, nil).world()
	first := s.create("red", iteration("", "50", "50"))
	second := s.must(200, "POST", experiments+"/red/iterations", iteration("", "20", "30", "40"))
	e := s.experiment("red")
	if len(e.Iterations) != 1 || e.Iterations[0].ID != second.word("_id") || first.at("currentIteration", "_id") == second.at("_id") || len(e.Allocations) != 3 || !*e.IsValid {
		t.Errorf("replaced: %+v", e)
	}
	s.patch("red", startIt)
	if e = s.experiment("red"); e.BucketingKey() != e.ID {
		t.Errorf("the first to start hashes with %s", e.BucketingKey())
	}
	s.must(200, "POST", experiments+"/red/iterations", iteration("", "50", "50"))
	if e = s.experiment("red"); len(e.Allocations) != 3 {
		t.Errorf("a draft changed what is running: %+v", e)
	}
}

// The flag stays the one that the experiment was made with.
func TestFlagStays(t *testing.T) {
	s := newSite(t, nil).world()
	s.flag("other flag")
	s.create("red", iteration("", "50", "50"))
	s.refused(400, `the experiment's flag is "login-page"`, "POST", experiments+"/red/iterations", iterationOf("other-flag", "", "50", "50"))
}

// A file may activate an experiment without saying so of its iteration.
func TestActivatedByFile(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.edit(func(d *engine.Document) { d.Experiments[0].Status = engine.ExperimentActive })
	got := s.must(200, "GET", experiments+"/red?expand=draftIteration", "")
	if got.at("currentIteration", "status") != "running" || got.at("currentIteration", "hypothesis") != "it helps" || got.at("draftIteration") != nil {
		t.Errorf("got %s", got.text)
	}
	s.patch("red", stopIt)
	if e := s.experiment("red"); len(e.Iterations) != 1 || e.Iterations[0].Status != engine.IterationStopped || e.Status != engine.ExperimentCompleted {
		t.Errorf("stopped: %+v", e)
	}
}
