package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// fleet are edges of their own process each, that share a Redis.
type fleet struct {
	t      testing.TB
	binary string
	redis  *redistest.Server
	edges  []*member
}

// member is one edge of a fleet. Its site answers with the header that the
// identity provider would receive.
type member struct {
	*fleet
	dir              string
	port, api, admin int
	process          *exec.Cmd
}

// startFleet starts a Redis and edges as demo/fleet.caddyfile has them, with
// more options of the site.
func startFleet(t *testing.T, edges int, site string) *fleet {
	t.Helper()
	f := newFleet(t, edges, site, redistest.Persistent("always"))
	f.start()
	return f
}

// newFleet is startFleet with edges that do not run yet, and any Redis.
func newFleet(t *testing.T, edges int, site string, options ...redistest.Option) *fleet {
	t.Helper()
	f := &fleet{t: t, binary: builtCaddy(t), redis: redistest.Start(t, options...)}
	for i := range edges {
		m := &member{fleet: f, dir: t.TempDir(), port: freePort(t), api: freePort(t), admin: freePort(t)}
		m.prepare(min(i+1, 2), site)
		f.edges = append(f.edges, m)
	}
	return f
}

func (f *fleet) start() {
	f.t.Helper()
	for _, m := range f.edges {
		m.start()
		f.t.Cleanup(m.kill)
	}
}

// prepare writes the configuration of the first or of the second edge of the demo.
func (m *member) prepare(edge int, site string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Join(m.dir, "demo/logs"), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(m.dir, "geo/testdata"), os.DirFS("../geo/testdata")); err != nil {
		m.t.Fatal(err)
	}
	text, err := os.ReadFile("../demo/fleet.caddyfile")
	if err != nil {
		m.t.Fatal(err)
	}
	config := strings.NewReplacer(
		"838{$EDGE}", fmt.Sprint(m.admin), "818{$EDGE}", fmt.Sprint(m.port), "828{$EDGE}", fmt.Sprint(m.api),
		"redis://localhost:6390", m.redis.URL(), "{$EDGE}", fmt.Sprint(edge), "\t\toutcomes on\n", "\t\toutcomes on\n"+site+"\n",
	).Replace(string(text))
	if err := os.WriteFile(filepath.Join(m.dir, "Caddyfile"), []byte(config), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// start runs the edge and returns when its site answers.
func (m *member) start() {
	m.t.Helper()
	m.process = exec.Command(m.binary, "run")
	m.process.Dir = m.dir
	m.process.Env = append(os.Environ(), "HOME="+m.dir, "XDG_DATA_HOME="+m.dir, "XDG_CONFIG_HOME="+m.dir)
	output, err := os.OpenFile(filepath.Join(m.dir, "edge.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		m.t.Fatal(err)
	}
	defer output.Close()
	m.process.Stderr = output
	if err := m.process.Start(); err != nil {
		m.t.Fatal(err)
	}
	// The sites answer before the whole configuration is in force.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if m.answers(m.url("/")) && m.answers(fmt.Sprintf("http://localhost:%d/experiments/status", m.admin)) {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("the edge does not answer:\n%s", m.log())
		}
	}
}

// answers reports whether there is something at a URL.
func (m *member) answers(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode != http.StatusNotFound
}

func (m *member) kill() {
	_ = m.process.Process.Kill()
	_ = m.process.Wait() // killed
}

func (m *member) url(path string) string { return fmt.Sprintf("http://localhost:%d%s", m.port, path) }

// decided asks for a login as a device, and gives the variation's id; empty if
// there is no experiment.
func (m *member) decided(device string) string {
	m.t.Helper()
	config, err := m.authorize(http.DefaultClient, device)
	if err != nil {
		m.t.Fatal(err)
	}
	return config.VariationID
}

// received is what the identity provider is told.
type decision struct {
	ExperimentID string `json:"experiment_id"`
	VariationID  string `json:"variation_id"`
	Config       map[string]struct {
		Value any `json:"value"`
	} `json:"config"`
}

func (m *member) authorize(client *http.Client, device string) (decision, error) {
	request, err := http.NewRequest(http.MethodGet, m.url("/authorize?client_id=fleet"), nil)
	if err != nil {
		return decision{}, err
	}
	request.Header.Set("X-Device", device)
	response, err := client.Do(request)
	if err != nil {
		return decision{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return decision{}, err
	}
	if response.StatusCode != http.StatusOK {
		return decision{}, fmt.Errorf("the answer is %s", response.Status)
	}
	var d decision
	if text = bytes.TrimSpace(text); len(text) > 0 {
		err = json.Unmarshal(text, &d)
	}
	return d, err
}

// status is what the edge says of itself.
func (m *member) status() map[string]any {
	m.t.Helper()
	response, err := http.Get(fmt.Sprintf("http://localhost:%d/experiments/status", m.admin))
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	var status map[string]any
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
		m.t.Fatal(err)
	}
	return status
}

// log is what the edge has written so far, over all of its starts.
func (m *member) log() string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "edge.log"))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

// call sends a request to the edge's management API.
func (m *member) call(method, path, body string) (int, map[string]any) {
	m.t.Helper()
	request, err := http.NewRequest(method, fmt.Sprintf("http://localhost:%d/api/v2/experimentation%s", m.api, path), strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer demo-token")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if text, _ := io.ReadAll(response.Body); len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			m.t.Fatalf("%s %s answered %s", method, path, response.Status)
		}
	}
	return response.StatusCode, answer
}

func (m *member) made(path, body string) string {
	m.t.Helper()
	status, answer := m.call(http.MethodPost, path, body)
	if status != http.StatusCreated {
		m.t.Fatalf("POST %s answered %d %v", path, status, answer)
	}
	return answer["id"].(string)
}

// halves makes an active experiment that halves the devices, and gives its id
// and those of its variations.
func (m *member) halves() (experiment, control, treatment string) {
	m.t.Helper()
	flag := m.made("/feature-flags", `{"name": "screen", "parameters": {"passkey": {"type": "boolean", "value": false}}}`)
	control = m.made("/feature-flags/"+flag+"/variations", `{"name": "control", "overrides": {}}`)
	treatment = m.made("/feature-flags/"+flag+"/variations", `{"name": "treatment", "overrides": {"passkey": {"value": true}}}`)
	m.setStatus("/feature-flags/"+flag, "active")
	experiment = m.made("/experiments", fmt.Sprintf(`{"name": "halves", "feature_flag_id": %q, "authentication_flow": "pre_authentication",
		"allocation_strategy": "percentage", "assignment_config": {"subject": "device"}, "allocations": [
		{"variation_id": %q, "weight": 50, "is_control": true}, {"variation_id": %q, "weight": 50, "is_control": false}]}`, flag, control, treatment))
	m.setStatus("/experiments/"+experiment, "active")
	return experiment, control, treatment
}

func (m *member) setStatus(path, status string) {
	m.t.Helper()
	if code, answer := m.call(http.MethodPost, path+"/status", `{"status": "`+status+`"}`); code != http.StatusOK {
		m.t.Fatalf("making %s %s answered %d %v", path, status, code, answer)
	}
}

// within waits for a condition and gives how long that took.
func (f *fleet) within(limit time.Duration, what string, condition func() bool) time.Duration {
	f.t.Helper()
	begin := time.Now()
	for !condition() {
		if time.Since(begin) > limit {
			f.t.Fatalf("not within %s: %s", limit, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(begin)
}

// A change that one edge takes is what all edges do.
func TestFleetServesOneConfiguration(t *testing.T) {
	f := startFleet(t, 2, "subject {header.X-Device}")
	first, second := f.edges[0], f.edges[1]
	experiment, control, treatment := first.halves()
	seen := map[string]int{}
	f.within(time.Second, "the other edge decides", func() bool { return second.decided("a device") != "" })
	for i := range 100 {
		device := fmt.Sprint("device ", i)
		given := first.decided(device)
		if other := second.decided(device); other != given {
			t.Errorf("%s gets %s from one edge and %s from the other", device, given, other)
		}
		seen[given]++
	}
	if seen[control] < 25 || seen[treatment] < 25 || len(seen) != 2 {
		t.Errorf("the devices split %v", seen)
	}
	second.setStatus("/experiments/"+experiment, "paused")
	f.within(time.Second, "the first edge stops", func() bool { return first.decided("another device") == "" })
	first.setStatus("/experiments/"+experiment, "active")
	f.within(time.Second, "the second edge goes on", func() bool { return second.decided("a third device") != "" })
	status, err := exec.Command(f.binary, "experiments", "status", "--address", fmt.Sprintf("localhost:%d", second.admin)).CombinedOutput()
	if err != nil || !strings.Contains(string(status), experiment) {
		t.Errorf("the status says %s (%v)", status, err)
	}
}
