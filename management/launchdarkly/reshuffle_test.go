package launchdarkly_test

import (
	"fmt"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// assigned is who gets what of 2000 subjects: the variations of those in the
// experiment, and nothing of the others.
func (s *site) assigned() map[string]string {
	s.Helper()
	snapshot := engine.Compile(s.document(), engine.Settings{})
	out := map[string]string{}
	for i := range 2000 {
		subject := fmt.Sprint("device-", i)
		d := snapshot.Decide(&engine.Request{Subject: subject})
		if d.Treatment == nil {
			s.Fatalf("%s gets nothing", subject)
		}
		if !d.Untracked {
			out[subject] = d.Treatment.VariationID
		}
	}
	return out
}

// moved counts those who were in and are somewhere else now.
func moved(before, after map[string]string) (n int) {
	for subject, variation := range before {
		if after[subject] != variation {
			n++
		}
	}
	return n
}

// Without reshuffling, raising traffic moves nobody who was in, however often;
// with it, and after a stop, people move.
func TestCanReshuffleTraffic(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "6", "6", "6"))
	s.patch("red", startIt)
	before := s.assigned()
	for _, percents := range [][]string{{"10", "6", "8"}, {"10", "30", "8"}, {"30", "30", "40"}} {
		s.must(200, "POST", experiments+"/red/iterations", iteration(`,"canReshuffleTraffic":false`, percents...))
		s.patch("red", restartIt)
		after := s.assigned()
		if n := moved(before, after); n != 0 || len(after) <= len(before) {
			t.Errorf("to %v: %d of %d were moved, %d are in", percents, n, len(before), len(after))
		}
		e := s.experiment("red")
		if len(engine.Readiness(e, &s.document().FeatureFlags[0], engine.Efforts(s.document()))) > 0 || e.BucketingKey() != e.ID {
			t.Errorf("to %v: %+v", percents, e)
		}
		before = after
	}
	if len(before) != 2000 {
		t.Errorf("%d of 2000 are in", len(before))
	}

	s.must(200, "POST", experiments+"/red/iterations", iteration(`,"canReshuffleTraffic":false`, "40", "30", "30"))
	s.patchRefused(400, "shrinks from 40 to 30", "red", restartIt)
	s.must(200, "POST", experiments+"/red/iterations", iteration(`,"canReshuffleTraffic":false`, "60", "40"))
	s.patchRefused(400, "shrinks from 40 to 0", "red", restartIt)

	s.must(200, "POST", experiments+"/red/iterations", iteration("", "30", "30", "40"))
	s.patch("red", restartIt)
	after := s.assigned()
	if n := moved(before, after); n < 1000 {
		t.Errorf("reshuffled: only %d were moved", n)
	}
	s.must(200, "POST", experiments+"/red/iterations", iteration(`,"canReshuffleTraffic":false`, "30", "30", "40"))
	s.patch("red", stopIt, startIt)
	if n := moved(after, s.assigned()); n < 1000 {
		t.Errorf("stopped and started: only %d were moved", n)
	}
}

// What is left over gets the variation that was named for it, untracked.
func TestNotInExperiment(t *testing.T) {
	s := newSite(t, nil).world()
	body := `{"hypothesis":"h","metrics":[],"primarySingleMetricKey":"login","treatments":` + treatments("login-page", "10", "10") +
		`,"flags":{"login-page":{"ruleId":"fallthrough","flagConfigVersion":1,"notInExperimentVariationId":"third"}}}`
	s.create("red", body)
	s.patch("red", startIt)
	snapshot := engine.Compile(s.document(), engine.Settings{})
	outside := 0
	for i := range 1000 {
		if d := snapshot.Decide(&engine.Request{Subject: fmt.Sprint(i)}); d.Untracked {
			outside++
			if d.Treatment.VariationID != s.variation("third") {
				t.Fatalf("outside: %s", d.Treatment.VariationID)
			}
		}
	}
	if outside < 750 || outside > 850 {
		t.Errorf("%d of 1000 are outside", outside)
	}
}
