package management

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// A remedy for a tenant without an API on this edge goes by the document.
func TestRemedyWithoutAPI(t *testing.T) {
	x := examination(t)
	x.Tenant, x.Edge.API = "acme/test", ""
	x.Document.Experiments[0].Status = engine.ExperimentPaused
	d, _ := Diagnose("exp_1", x)
	const want = "caddy experiments export -o document.json --tenant acme/test\nin document.json, at experiments/exp_1: {\"status\": \"active\"}\ncaddy experiments import document.json --tenant acme/test"
	if d.Checks[0].Remedy != want {
		t.Errorf("the remedy is\n%s", d.Checks[0].Remedy)
	}
}

// A remedy that proposes allocations makes the experiment ready.
func TestProposedAllocationsAreReady(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.Edge = func(store.Tenant, string) EdgeFacts { return *wellFacts() }
	}).world()
	broken := map[string]func(*engine.Experiment){
		"weights":   func(e *engine.Experiment) { *e.Allocations[0].Weight = 1 },
		"control":   func(e *engine.Experiment) { e.Allocations[0].IsControl = false },
		"none":      func(e *engine.Experiment) { e.Allocations = nil },
		"one alone": func(e *engine.Experiment) { *e.Allocations[0].Weight, *e.Allocations[1].Weight = 100_000, 0 },
	}
	for name, spoil := range broken {
		s.edit(func(document *engine.Document) { spoil(&document.Experiments[0]) })
		var d Diagnosis
		if err := json.Unmarshal(s.must(200, "GET", "experiments/{experiment}/diagnosis", "").text, &d); err != nil {
			t.Fatal(err)
		}
		proposed := ""
		for _, c := range d.Checks {
			if _, body, found := strings.Cut(c.Remedy, `-d '{"allocations": [{`); found && c.Result == ResultProblem {
				proposed = `{"allocations": [{` + body[:strings.Index(body, "'")]
				break
			}
		}
		s.must(200, "PATCH", "experiments/{experiment}", proposed)
		if got := s.must(200, "POST", "experiments/{experiment}/validate", ""); got.field("is_valid") != true {
			t.Errorf("%s: with %s it is not ready: %s", name, proposed, got.text)
		}
	}
}
