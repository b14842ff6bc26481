package logins

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// front is a Caddy of its own process in front of a provider, with experiments
// or without.
type front struct {
	t       testing.TB
	program *program
	dir     string
	binary  string

	experiments bool
	store       string // of the experiments app
	scheme      string
	port, admin int

	upstream *recorder
}

// setup says what a front is like.
type setup struct {
	experiments bool
	store       string // Caddyfile; default: a file with the document
	encrypted   bool
}

// startFront starts a provider and Caddy before it. The provider is told at which
// origin the world sees it, and gives its own.
func startFront(t testing.TB, s setup, provider func(t testing.TB, origin string) string) *front {
	t.Helper()
	f := &front{
		t: t, dir: t.TempDir(), binary: need(t, "Caddy", builtCaddy), experiments: s.experiments, store: s.store,
		scheme: "http", port: freePort(t), admin: freePort(t),
	}
	if s.encrypted {
		f.scheme = "https"
	}
	if f.store == "" {
		f.store = "store file ./experiments"
	}
	f.upstream = newRecorder(t, provider(t, f.origin()))
	if err := os.MkdirAll(filepath.Join(f.dir, "experiments/default"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.document(), []byte(document), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.configure(time.Hour); err != nil {
		t.Fatal(err)
	}
	f.program = run(t, f.dir, nil, f.binary, "run", "--config", "Caddyfile")
	f.program.answers(fmt.Sprintf("http://127.0.0.1:%d/config/", f.admin))
	return f
}

// origin is where the world sees the provider. Browsers take localhost for
// secure; certificates have names.
func (f *front) origin() string { return fmt.Sprintf("%s://localhost:%d", f.scheme, f.port) }

func (f *front) document() string { return filepath.Join(f.dir, "experiments/default/production.json") }

// configure writes the Caddyfile. The time that a decision is carried is what
// makes it differ from the one before.
func (f *front) configure(sticky time.Duration) error {
	var app, site string
	if f.experiments {
		app = "experiments {\n" + f.store + "\nsigning_key a-key-of-the-tests-that-is-long-enough\ndecision_log ./decisions.log\n}"
		site = fmt.Sprintf("experiments {\nsticky %s\n}", sticky)
	} else {
		site = fmt.Sprintf("vars sticky %s", sticky)
	}
	if f.scheme == "https" {
		site = "tls internal\n" + site
	}
	text := fmt.Sprintf(`{
	admin 127.0.0.1:%d
	skip_install_trust
	auto_https disable_redirects
	log {
		output file %[2]s/caddy.log
		format json
	}
	%[3]s
}
%[4]s {
	bind 127.0.0.1
	log {
		output file %[2]s/access.log
		format json
	}
	%[5]s
	reverse_proxy %[6]s
}
`, f.admin, f.dir, app, f.origin(), site, f.upstream.address())
	return os.WriteFile(filepath.Join(f.dir, "Caddyfile"), []byte(text), 0o644)
}

// reload puts another configuration in force.
func (f *front) reload(sticky time.Duration) error {
	if err := f.configure(sticky); err != nil {
		return err
	}
	out, err := f.command("reload", "--config", "Caddyfile")
	if err != nil {
		return fmt.Errorf("reloading: %w\n%s", err, out)
	}
	return nil
}

// command runs one of Caddy's commands against the front.
func (f *front) command(arguments ...string) ([]byte, error) {
	command := exec.Command(f.binary, append(arguments, "--address", fmt.Sprintf("127.0.0.1:%d", f.admin))...)
	command.Dir = f.dir
	return command.CombinedOutput()
}

// assignments is how many devices have been given a variation so far.
func (f *front) assignments() int {
	return strings.Count(readAll(f.t, filepath.Join(f.dir, "caddy.log")), `"experiment_assignment_succeeded"`)
}

// decision is a line of the decision log.
type decision struct {
	ExperimentID string `json:"experiment_id"`
	VariationID  string `json:"variation_id"`
	Source       string `json:"source"`
}

// decisions waits until the decision log has at least n lines, and gives all.
func (f *front) decisions(n int) []decision {
	f.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var all []decision
		for line := range strings.Lines(readAll(f.t, filepath.Join(f.dir, "decisions.log"))) {
			var d decision
			if !strings.HasSuffix(line, "\n") {
				break // still being written
			}
			if err := json.Unmarshal([]byte(line), &d); err != nil {
				f.t.Fatalf("the decision log has %q: %v", line, err)
			}
			all = append(all, d)
		}
		if len(all) >= n {
			return all
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("the decision log has %d lines and not %d", len(all), n)
		}
	}
}

// What all fronts with experiments have in force.
const (
	experiment = "exp_Logins"
	before     = "var_Before"
	after      = "var_After"
	document   = `{
  "feature_flags": [{"id": "flg_Logins", "name": "login page", "status": "active",
    "parameters": {"headline": {"type": "string", "value": "Log in"}},
    "variations": [
      {"id": "var_Before", "name": "before", "overrides": {}},
      {"id": "var_After", "name": "after", "overrides": {"headline": {"value": "Welcome back"}}}]}],
  "segments": [],
  "experiments": [{"id": "exp_Logins", "name": "headline", "feature_flag_id": "flg_Logins", "status": "active",
    "authentication_flow": "pre_authentication", "allocation_strategy": "percentage", "assignment_config": {"subject": "device"},
    "allocations": [
      {"variation_id": "var_Before", "weight": 50, "is_control": true},
      {"variation_id": "var_After", "weight": 50, "is_control": false}]}]
}
`
)
