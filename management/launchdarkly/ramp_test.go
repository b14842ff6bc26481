package launchdarkly_test

import (
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// An iteration that starts an experiment with a ramp puts it on the first level, as
// every activation does, and one of a flow without requests does not start.
func TestStartingARamp(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.edit(func(d *engine.Document) {
		d.Experiments[0].Levels, d.Experiments[0].AuthenticationFlow = []int{5, 50}, engine.FlowPasswordReset
	})
	s.patchRefused(400, "its authentication_flow is password_reset", "red", startIt)
	s.edit(func(d *engine.Document) { d.Experiments[0].AuthenticationFlow = engine.FlowAuthentication })
	s.patch("red", startIt)
	if e := s.experiment("red"); e.CurrentLevel == nil || *e.CurrentLevel != 5 || e.Snapshot == nil || len(e.Snapshot.Variations) != 2 {
		t.Errorf("started: %+v", e)
	}
}
