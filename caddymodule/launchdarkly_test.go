package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// launchdarkly is an edge whose experiments are made over LaunchDarkly's API.
// Variations are known by their names here.
type launchdarkly struct {
	*edge
	experiment string            // its id
	names      map[string]string // of the variations, by their ids
	devices    []http.CookieJar  // device i says in X-Device that it is "device-i"
}

const ldExperiments = "projects/default/environments/production/experiments"

func newLaunchDarkly(t *testing.T, devices int) *launchdarkly {
	s := recordingSetup()
	s.Store = nil
	s.Site += "\nsubject {http.request.header.X-Device}"
	x := &launchdarkly{edge: startEdge(t, s), names: map[string]string{"": ""}}
	for range devices {
		x.devices = append(x.devices, newJar())
	}
	flag := x.made("/feature-flags", `{"name": "Screen", "parameters": {"color": {"type": "string", "value": "blue"}}}`)
	for name, overrides := range map[string]string{"control": `{}`, "treatment": `{"color": {"value": "red"}}`, "rest": `{"color": {"value": "green"}}`} {
		x.names[x.made("/feature-flags/"+flag+"/variations", `{"name": "`+name+`", "overrides": `+overrides+`}`)] = name
	}
	if status, answer := x.call(http.MethodPost, "/feature-flags/"+flag+"/status", "ci-secret", `{"status": "active"}`); status != http.StatusOK {
		t.Fatalf("activating the flag answered %d %v", status, answer)
	}
	x.must(http.StatusCreated, http.MethodPost, "metrics/default", `{"key": "paid", "kind": "custom", "eventKey": "order", "isNumeric": true, "unit": "EUR", "unitAggregationType": "sum", "successCriteria": "HigherThanBaseline"}`)
	return x
}

// must sends a request as LaunchDarkly's clients do and gives the answer.
func (x *launchdarkly) must(want int, method, path, body string) map[string]any {
	x.t.Helper()
	request, err := http.NewRequest(method, x.URL+"/api/v2/"+path, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	request.Header.Set("Authorization", "ci-secret")
	request.Header.Set("LD-API-Version", "beta")
	request.Header.Set("Content-Type", "application/json")
	response := x.Do(request, nil)
	text, _ := io.ReadAll(response.Body)
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil || response.StatusCode != want {
		x.t.Fatalf("%s %s answered %s, want %d: %s", method, path, response.Status, want, text)
	}
	return answer
}

// ldIteration asks for an iteration with a share of control and of treatment. Who
// is left over gets rest.
func ldIteration(control, treatment int, more string) string {
	given := func(name string, percent int) string {
		return fmt.Sprintf(`{"name": %q, "baseline": %t, "allocationPercent": "%d", "parameters": [{"flagKey": "screen", "variationId": %q}]}`, name, name == "control", percent, name)
	}
	return `{"hypothesis": "it helps", "metrics": [{"key": "login"}, {"key": "paid"}], "primarySingleMetricKey": "login", "treatments": [` +
		given("control", control) + "," + given("treatment", treatment) + `],
		"flags": {"screen": {"ruleId": "fallthrough", "flagConfigVersion": 1, "notInExperimentVariationId": "rest"}}` + more + `}`
}

// create makes the experiment and starts its first iteration.
func (x *launchdarkly) create(iteration string) {
	x.t.Helper()
	made := x.must(http.StatusCreated, http.MethodPost, ldExperiments, `{"key": "red", "name": "Red", "iteration": `+iteration+`}`)
	x.experiment = made["_id"].(string)
	x.patch(`{"kind": "startIteration"}`)
}

// iterate starts another iteration, and gives its id.
func (x *launchdarkly) iterate(iteration string) string {
	x.t.Helper()
	made := x.must(http.StatusOK, http.MethodPost, ldExperiments+"/red/iterations", iteration)
	x.patch(`{"kind": "startIteration", "changeJustification": "more traffic"}`)
	return made["_id"].(string)
}

func (x *launchdarkly) patch(instruction string) {
	x.t.Helper()
	x.must(http.StatusOK, http.MethodPatch, ldExperiments+"/red", `{"instructions": [`+instruction+`]}`)
}

// visited is what a device got: the variation's name, empty for none.
type visited struct {
	subject, variation, exposure string
}

// visit has every device begin a login, or go on with the one that its cookies
// are of.
func (x *launchdarkly) visit(cookies bool) []visited {
	x.t.Helper()
	var out []visited
	for i, jar := range x.devices {
		if !cookies {
			jar = nil
		}
		subject := fmt.Sprint("device-", i)
		x.browse("/authorize?client_id=app", jar, "X-Device", subject)
		got := x.Provider.Last(x.t)
		v := visited{subject: subject, exposure: got.Header.Get("X-Experiment-Exposure")}
		if config := got.Config(x.t); config != nil {
			v.variation = x.names[config["variation_id"].(string)]
		}
		out = append(out, v)
	}
	return out
}

// check compares what devices got with their buckets, worked out by hand, and the
// bounds of ranges. Those outside of the experiment must have no exposure.
func (x *launchdarkly) check(all []visited, key string, bounds ...bound) {
	x.t.Helper()
	for _, v := range all {
		bucket, want := bucketByHand(v.subject, key), "rest"
		for _, b := range slices.Backward(bounds) {
			if bucket < b.below {
				want = b.name
			}
		}
		if v.variation != want {
			x.t.Errorf("%s is in bucket %d and got %q, want %s", v.subject, bucket, v.variation, want)
		}
		if (v.exposure != "") != (want != "rest") {
			x.t.Errorf("%s got %s, with the exposure %q", v.subject, v.variation, v.exposure)
		}
	}
}

// bound is where the range of a variation ends.
type bound struct {
	name  string
	below int64
}

// exposures waits until the log has the exposures of an iteration, and no others
// of it.
func (x *launchdarkly) exposures(iteration string, all []visited) {
	x.t.Helper()
	want := map[string]int{}
	for _, v := range all {
		if v.exposure != "" {
			want[v.variation]++
		}
	}
	got := map[string]int{}
	x.Eventually(func() bool {
		got = map[string]int{}
		for _, r := range x.exported() {
			if r.Variation != "" && r.Iteration == iteration {
				got[x.names[r.Variation]]++
			}
		}
		return maps.Equal(got, want)
	}, "the exposures of %s should be %v, they are %v", iteration, want, formatter(func() string { return fmt.Sprint(got) }))
}

// results reads the units and the sum of each treatment, by the variation's name.
func (x *launchdarkly) results(metric, iteration string) map[string][2]float64 {
	x.t.Helper()
	answer := x.must(http.StatusOK, http.MethodGet, ldExperiments+"/red/metrics/"+metric+"/results?iterationId="+iteration, "")
	out := map[string][2]float64{}
	for _, r := range answer["treatmentResults"].([]any) {
		r := r.(map[string]any)
		out[x.names[r["treatmentId"].(string)]] = [2]float64{r["units"].(float64), r["eventValuesSum"].(float64)}
	}
	return out
}

// An experiment of LaunchDarkly's API decides logins at the edge, and has the
// results of those who are in it.
func TestLaunchDarklyDecidesAtTheEdge(t *testing.T) {
	x := newLaunchDarkly(t, 120)
	x.create(ldIteration(30, 40, ""))
	first := engine.FirstIterationID(x.experiment)
	all := x.visit(true)
	x.check(all, x.experiment, bound{"control", 30}, bound{"treatment", 70})
	x.exposures(first, all)

	logins, paid := map[string][2]float64{}, map[string][2]float64{}
	ended := 0
	for i, v := range all {
		if i%3 == 0 { // who is outside ends a login too, which is no outcome
			x.browse("/finish", x.devices[i], "X-Device", v.subject)
		}
		if v.variation == "rest" {
			continue
		}
		l, p := logins[v.variation], paid[v.variation]
		l[0], p[0] = l[0]+1, p[0]+1
		if i%3 == 0 {
			l[1]++
			ended++
		}
		if i%2 == 0 {
			p[1] += float64(10 + i)
			body := fmt.Sprintf(`{"id": "order-%d", "event": "order", "exposure_id": %q, "value": %d}`, i, v.exposure, 10+i)
			if status, answer := x.call(http.MethodPost, "/events", "ci-secret", body); status != http.StatusAccepted {
				t.Fatalf("the order was answered with %d %v", status, answer)
			}
		}
		logins[v.variation], paid[v.variation] = l, p
	}
	if len(logins) != 2 || len(x.names) != 4 {
		t.Fatalf("inside of the experiment are %v", logins)
	}
	x.Eventually(func() bool { return count(x.exported())["s"] == ended }, "%d logins should be in the log", ended)
	if got := x.results("login", first); !maps.Equal(got, logins) {
		t.Errorf("logins are %v, want %v", got, logins)
	}
	if got := x.results("paid", first); !maps.Equal(got, paid) {
		t.Errorf("payments are %v, want %v", got, paid)
	}
	units := map[string]bool{}
	for _, v := range all {
		unit, _, _ := strings.Cut(v.exposure, ".")
		units[unit] = v.exposure != ""
	}
	for _, r := range x.exported() {
		if r.Unit != "" && !units[r.Unit] || x.names[r.Variation] == "rest" {
			t.Errorf("somebody outside is in the log: %+v", r)
		}
	}
}

// More traffic that must not be reshuffled moves nobody who was in; an iteration
// after a stop has other buckets.
func TestLaunchDarklyMovesNobodyWhoWasIn(t *testing.T) {
	x := newLaunchDarkly(t, 200)
	x.create(ldIteration(20, 30, ""))
	before := x.visit(true)
	x.check(before, x.experiment, bound{"control", 20}, bound{"treatment", 50})

	second := x.iterate(ldIteration(30, 50, `, "canReshuffleTraffic": false`))
	for i, v := range x.visit(true) {
		if v.variation != before[i].variation {
			t.Errorf("in the middle of a login %s was moved from %s to %s", v.subject, before[i].variation, v.variation)
		}
	}
	after := x.visit(false)
	x.check(after, x.experiment, bound{"control", 20}, bound{"treatment", 50}, bound{"control", 60}, bound{"treatment", 80})
	x.exposures(second, after)
	came := 0
	for i, v := range before {
		switch now := after[i].variation; {
		case v.variation == now:
		case v.variation == "rest":
			came++
		default:
			t.Errorf("%s was moved from %s to %s", v.subject, v.variation, now)
		}
	}
	if came == 0 {
		t.Error("nobody came in")
	}

	x.patch(`{"kind": "stopIteration"}`)
	for _, v := range x.visit(false) {
		if v.variation != "" || v.exposure != "" {
			t.Fatalf("when it is stopped %s gets %+v", v.subject, v)
		}
	}
	third := x.iterate(ldIteration(30, 50, ""))
	again := x.visit(false)
	x.check(again, x.experiment+third, bound{"control", 30}, bound{"treatment", 80})
	x.exposures(third, again)
	moved := 0
	for i, v := range after {
		if v.variation != again[i].variation {
			moved++
		}
	}
	// Of 200, 124 move on average; a run with fewer than 80 is off by more than six
	// standard deviations.
	if moved < 80 {
		t.Errorf("only %d of %d devices have moved", moved, len(after))
	}
}
