package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// logins is a provider that ends a login on /finish and on /cancel, and shows a
// page on every other path.
func logins(w http.ResponseWriter, r *http.Request) {
	const back = "https://app.example/callback"
	switch r.URL.Path {
	case "/finish":
		http.Redirect(w, r, back+"?code=secret&state=1", http.StatusFound)
	case "/cancel":
		http.Redirect(w, r, back+"?error=access_denied&state=1", http.StatusFound)
	case "/fragment":
		http.Redirect(w, r, back+"#id_token=secret", http.StatusSeeOther)
	case "/silent":
		http.Redirect(w, r, back+"?error=login_required", http.StatusFound)
	case "/onward":
		http.Redirect(w, r, "/next?code=internal", http.StatusFound)
	case "/upstream":
		http.Redirect(w, r, "https://social.example/authorize?response_type=code&client_id=x", http.StatusFound)
	}
}

// recording is an edge that keeps events and recognises the ends of logins.
func recording(t testing.TB) *edge {
	return startEdge(t, recordingSetup())
}

func recordingSetup() setup {
	return setup{
		App:  "events {dir}/events",
		Site: "outcomes on", Before: redisAPI, Provider: logins,
		Store: map[string]string{"default/production": split},
	}
}

// browse asks as a browser does.
func (e *edge) browse(path string, jar http.CookieJar, header ...string) *http.Response {
	e.t.Helper()
	return e.Get(path, jar, append(header, "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")...)
}

// record is a line of the exported events.
type record struct {
	ID, Event, Unit, Experiment, Iteration, Variation, Source, Segment string
	Bot                                                                bool
	DeviceType                                                         string `json:"device_type"`
	WeightsVersion                                                     string `json:"weights_version"`
	Weights                                                            map[string]float64
	Value                                                              *float64
	T                                                                  int64
}

// exported gives the events of the edge's log.
func (e *edge) exported() []record {
	e.t.Helper()
	response, err := http.Get(e.Admin + "/experiments/events")
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		e.t.Fatalf("exporting was answered with %s", response.Status)
	}
	var records []record
	for decoder := json.NewDecoder(response.Body); decoder.More(); {
		var r record
		if err := decoder.Decode(&r); err != nil {
			e.t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

// count counts the exported events by event, or as exposures and splits. Those
// that count as one are one.
func count(records []record) map[string]int {
	counts := map[string]int{}
	seen := map[string]bool{}
	for _, r := range records {
		if key := r.Event + " " + r.ID; r.Event != "" && seen[key] {
			continue
		} else {
			seen[key] = true
		}
		switch {
		case r.Variation != "" && (r.Bot || r.Source == "override"):
			counts["apart"]++
		case r.Variation != "":
			counts["exposure"]++
		case r.Weights != nil:
			counts["split"]++
		default:
			counts[r.Event]++
		}
	}
	return counts
}

// awaitEvents waits until the log has so many events of each kind, and none of
// another.
func (e *edge) awaitEvents(want map[string]int) []record {
	e.t.Helper()
	var records []record
	e.Eventually(func() bool {
		records = e.exported()
		return fmt.Sprint(count(records)) == fmt.Sprint(want)
	}, "the log should have %v, it has %v", want, formatter(func() string { return fmt.Sprint(count(records)) }))
	return records
}

// formatter formats itself when it is needed.
type formatter func() string

func (f formatter) String() string { return f() }

func TestExposures(t *testing.T) {
	e := recording(t)
	first, second := newJar(), newJar()
	e.browse("/authorize?client_id=app", first)
	got := e.Provider.Last(t)
	id := got.Header.Get("X-Experiment-Exposure")
	unit, tag, found := strings.Cut(id, ".")
	if !found || len(unit) != 22 || len(tag) != 11 {
		t.Fatalf("the provider receives the exposure %q", id)
	}
	// The same device in the same iteration is the same exposure, on every page.
	for _, path := range []string{"/login", "/authorize?client_id=app", "/authorize?client_id=other"} {
		e.browse(path, first)
		if again := e.Provider.Last(t).Header.Get("X-Experiment-Exposure"); again != id {
			t.Errorf("on %s the exposure is %q, it was %q", path, again, id)
		}
	}
	e.browse("/authorize?client_id=app", second)
	e.Get("/authorize?client_id=app", newJar(), "User-Agent", "Googlebot/2.1 (+http://www.google.com/bot.html)")
	e.browse("/authorize?client_id=app&experiment_id=exp_Sp1it&variation_id=var_Spare", newJar())
	// Nobody sees these, or they are no login.
	e.browse("/authorize?client_id=app&prompt=none", newJar())
	e.browse("/authorize?client_id=app", newJar(), "Sec-Purpose", "prefetch")
	e.browse("/elsewhere", newJar(), "X-Experiment-Exposure", "forged")
	if forged := e.Provider.Last(t).Header["X-Experiment-Exposure"]; forged != nil {
		t.Errorf("the provider receives %q from a client", forged)
	}
	records := e.awaitEvents(map[string]int{"exposure": 2, "apart": 2, "split": 1})
	for _, r := range records {
		switch {
		case r.Weights != nil:
			if r.Weights["var_Base"] != 50 || r.Weights["var_Passkey"] != 50 || r.WeightsVersion == "" {
				t.Errorf("split %+v", r)
			}
		case r.Unit == unit:
			if r.ID != id || r.Experiment != "exp_Sp1it" || r.Iteration != engine.FirstIterationID("exp_Sp1it") || r.Source != "bucket" || r.WeightsVersion == "" {
				t.Errorf("exposure %+v", r)
			}
			if age := time.Since(time.UnixMilli(r.T)); age < 0 || age > time.Minute {
				t.Errorf("the exposure is %s old", age)
			}
		}
	}
	raw, _ := json.Marshal(records)
	for _, cookie := range first.Cookies(mustParse(t, e.URL)) {
		if value := strings.Split(cookie.Value, "."); cookie.Name == "experiment_device" && strings.Contains(string(raw), value[2]) {
			t.Error("the device's id is in the log")
		}
	}
}

func mustParse(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestOutcomes(t *testing.T) {
	e := recording(t)
	jar := newJar()
	e.browse("/authorize?client_id=app", jar)
	time.Sleep(30 * time.Millisecond)
	// The pages on the way are no end, and the end is one however often it is seen.
	for _, path := range []string{"/onward", "/upstream", "/silent", "/login", "/finish", "/finish"} {
		e.browse(path, jar)
	}
	records := e.awaitEvents(map[string]int{"exposure": 1, "split": 1, "s": 1, "login_ms": 1})
	for _, r := range records {
		if r.Event == "login_ms" && (r.Value == nil || *r.Value < 30 || *r.Value > 20_000) {
			t.Errorf("the login took %v ms", r.Value)
		}
	}
	// The next login of the device is another outcome of the same exposure.
	e.browse("/authorize?client_id=app", jar)
	e.browse("/cancel", jar)
	e.browse("/authorize?client_id=app", jar)
	e.browse("/fragment", jar)
	e.awaitEvents(map[string]int{"exposure": 1, "split": 1, "s": 2, "login_ms": 2, "f": 1})
	// A silent login is none that anybody sees, and who has no experiment has no
	// outcome.
	e.browse("/authorize?client_id=app&prompt=none", jar)
	e.browse("/finish", newJar())
	time.Sleep(300 * time.Millisecond)
	e.awaitEvents(map[string]int{"exposure": 1, "split": 1, "s": 2, "login_ms": 2, "f": 1})
}

// What the edge has recorded, and what is sent to it, are the results.
func TestResultsOfTheEdge(t *testing.T) {
	e := recording(t)
	variations := map[string]int{}
	for i := range 40 {
		jar := newJar()
		e.browse("/authorize?client_id=app", jar)
		got := e.Provider.Last(t)
		variation := got.Config(t)["variation_id"].(string)
		variations[variation]++
		if i%2 == 0 {
			e.browse("/finish", jar)
			continue
		}
		body := fmt.Sprintf(`{"id":"log-%d","event":"s","exposure_id":%q}`, i, got.Header.Get("X-Experiment-Exposure"))
		for range 2 {
			if status, answer := e.call(http.MethodPost, "/events", "ci-secret", body); status != http.StatusAccepted {
				t.Fatalf("the outcome was answered with %d %v", status, answer)
			}
		}
	}
	e.Eventually(func() bool { return count(e.exported())["s"] == 40 && count(e.exported())["exposure"] == 40 }, "all events should be in the log")
	status, answer := e.call(http.MethodGet, "/experiments/exp_Sp1it/results?metric=login", "ci-secret", "")
	if status != http.StatusOK {
		t.Fatalf("the results were answered with %d %v", status, answer)
	}
	for _, v := range answer["variations"].([]any) {
		v := v.(map[string]any)
		if int(v["units"].(float64)) != variations[v["id"].(string)] {
			t.Errorf("%v has %v units, want %d", v["id"], v["units"], variations[v["id"].(string)])
		}
	}
	for _, r := range answer["metrics"].([]any)[0].(map[string]any)["treatment_results"].([]any) {
		if r := r.(map[string]any); r["data_mean"] != 1.0 {
			t.Errorf("%v logged in %v times a unit", r["treatment_id"], r["data_mean"])
		}
	}
	if _, answer := e.call(http.MethodGet, "/experiments/exp_Sp1it", "ci-secret", ""); answer["iterations"] != nil {
		t.Error("the experiment shows iterations in this dialect")
	}
}

// Reloads, with and without changes, lose no event.
func TestEventsOverReloads(t *testing.T) {
	s := recordingSetup()
	e := startEdge(t, s)
	for i := range 30 {
		jar := newJar()
		e.browse("/authorize?client_id=app", jar)
		if i%10 == 9 {
			s.Global = fmt.Sprintf("grace_period %ds", 2+i%3)
			if err := e.Load(s); err != nil {
				t.Fatal(err)
			}
		}
		e.browse("/finish", jar)
	}
	e.Eventually(func() bool { c := count(e.exported()); return c["exposure"] == 30 && c["s"] == 30 }, "all events should be in the log")
	if dropped := e.Status()["events"].(map[string]any)["dropped"]; dropped != 0.0 {
		t.Errorf("%v events were dropped", dropped)
	}
	// Who stops using events can begin again with the same directory.
	without := s
	without.App, without.Site = "", ""
	if err := e.Load(without); err != nil {
		t.Fatal(err)
	}
	if err := e.Load(s); err != nil {
		t.Fatal(err)
	}
	if c := count(e.exported()); c["exposure"] != 30 {
		t.Errorf("after the log was closed and opened again it has %v", c)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
}

// A disk that takes nothing holds up no login.
func TestEventsWithoutDisk(t *testing.T) {
	if os.Getuid() != 0 && os.Getenv("CI") != "" {
		t.Skip("needs to make a directory unusable")
	}
	e := recording(t)
	if err := os.RemoveAll(filepath.Join(e.Dir, "events")); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		began := time.Now()
		if got := e.browse("/authorize?client_id=app", newJar()); got.StatusCode != http.StatusOK || time.Since(began) > 5*time.Second {
			t.Fatalf("got %s after %s", got.Status, time.Since(began))
		}
	}
}
