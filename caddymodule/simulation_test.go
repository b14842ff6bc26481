package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results"
)

// TestSimulation lets people log in at the example, with a true effect, and
// asks which variation won; then with a splitter that loses some of them.
func TestSimulation(t *testing.T) {
	x := newExample(t)
	simulate := builtSimulation(t)
	run := func(arguments ...string) string {
		t.Helper()
		arguments = append(arguments, "-edge", fmt.Sprintf("http://localhost:%d", x.port), "-api", fmt.Sprintf("http://localhost:%d", x.api))
		out, err := exec.Command(simulate, arguments...).Output()
		if err != nil {
			t.Fatalf("simulating: %v\n%s", err, out)
		}
		return string(out)
	}
	out := run("-logins", "3000", "-password", "0.6", "-passkey", "0.75")
	shown := regexp.MustCompile(`(\w+) page: (\d+) devices, (\d+) logins`).FindAllStringSubmatch(out, -1)
	if len(shown) != 2 {
		t.Fatalf("the simulation says %s", out)
	}
	r := x.results(t, func(r *reported) bool {
		return r.Variations[0].Units+r.Variations[1].Units == 3000 && r.Metrics[0].TreatmentResults[0].EventValuesSum+r.Metrics[0].TreatmentResults[1].EventValuesSum == number(shown[0][3])+number(shown[1][3])
	})
	// The flag's variations are in the order in which the simulation counts them.
	for i, page := range shown {
		got := r.Metrics[0].TreatmentResults[i]
		if float64(got.Units) != number(page[2]) || got.EventValuesSum != number(page[3]) {
			t.Errorf("%s: %d units with %v logins, the simulation had %s and %s", got.TreatmentID, got.Units, got.EventValuesSum, page[2], page[3])
		}
	}
	if r.Decision.Status != results.Winner || r.Decision.VariationID != "var_PasskeyFirst" || r.Split.Status != results.SplitFine {
		t.Errorf("decision %+v, split %+v", r.Decision, r.Split)
	}
	// Devices have other ids each time, so that one run in twenty misses the interval.
	d := r.Metrics[0].TreatmentResults[1].RelativeDifferences[0]
	if half := (*d.Upper - *d.Lower) / 2; *d.Lower-half > 0.25 || *d.Upper+half < 0.25 {
		t.Errorf("the true effect of 25 %% is far from the interval from %v to %v", *d.Lower, *d.Upper)
	}
	if table := x.command("results", "passkey-prompt", "--days"); !strings.Contains(table, "passkey-first wins on login") || !strings.Contains(table, "●") {
		t.Errorf("the table is\n%s", table)
	}
	run("-broken", "-logins", "20000")
	broken := x.results(t, func(r *reported) bool { return r.Variations[0].Units > 11000 })
	if broken.Split.Status != results.SplitMismatched || broken.Decision.Status != results.Untrustworthy {
		t.Errorf("with a broken splitter: decision %+v, split %+v", broken.Decision, broken.Split)
	}
	// A backup has all of it.
	before := x.command("results", "passkey-prompt", "--metric", "login")
	backup := filepath.Join(t.TempDir(), "backup")
	x.command("events", "backup", backup)
	x.stop()
	restored := filepath.Join(x.dir, "restored")
	if out, err := exec.Command(x.binary, "experiments", "events", "restore", backup, restored).CombinedOutput(); err != nil {
		t.Fatalf("restoring: %v\n%s", err, out)
	}
	if err := exec.Command("sh", "-c", fmt.Sprintf("rm -rf %[1]s && mv %[2]s %[1]s", filepath.Join(x.dir, "demo/logs/events"), restored)).Run(); err != nil {
		t.Fatal(err)
	}
	x.start()
	if after := x.command("results", "passkey-prompt", "--metric", "login"); after != before {
		t.Errorf("after going back to the backup\n%s\nit was\n%s", after, before)
	}
}

// builtSimulation builds the program that logs in.
func builtSimulation(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "simulate")
	build := exec.Command("go", "build", "-o", path, "../bench/simulate")
	build.Env = environ
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return path
}

// reported is what the tests look at of the results in JSON.
type reported struct {
	Variations []struct{ Units int64 }
	Decision   struct {
		Status      results.Status
		VariationID string `json:"variation_id"`
	}
	Split struct {
		Status results.SplitStatus
	} `json:"srm"`
	Metrics []struct {
		TreatmentResults []struct {
			TreatmentID         string `json:"treatment_id"`
			Units               int64
			EventValuesSum      float64                           `json:"event_values_sum"`
			RelativeDifferences []struct{ Lower, Upper *float64 } `json:"relative_differences"`
		} `json:"treatment_results"`
	}
}

// results asks for the results of the demo's experiment until they are as they
// should be: events take a moment to arrive.
func (x *example) results(t *testing.T, complete func(*reported) bool) *reported {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		var r reported
		if err := json.Unmarshal([]byte(x.command("results", "exp_PasskeyDemo", "--json")), &r); err != nil {
			t.Fatal(err)
		}
		if complete(&r) {
			return &r
		}
		if time.Now().After(deadline) {
			t.Fatalf("the results are still %+v", r.Variations)
		}
	}
}

func number(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64) // it matched digits
	return n
}
