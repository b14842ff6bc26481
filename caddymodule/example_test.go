package caddymodule_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// example is the edge of caddyfile.example, run by a binary of its own on
// other ports and on a copy of the demo's files.
type example struct {
	t       *testing.T
	binary  string
	config  string
	dir     string
	port    int
	admin   int
	api     int
	process *exec.Cmd
}

// newExample builds the binary that a user gets and prepares the example.
func newExample(t *testing.T) *example {
	t.Helper()
	x := &example{t: t, binary: builtCaddy(t), dir: t.TempDir(), port: freePort(t), admin: freePort(t), api: freePort(t)}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(x.dir, "demo/logs"), 0o755); err != nil {
		t.Fatal(err) // for the provider's socket
	}
	for _, part := range []string{"demo/experiments", "demo/provider", "geo/testdata"} {
		if err := os.CopyFS(filepath.Join(x.dir, part), os.DirFS(filepath.Join(root, part))); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "caddyfile.example"))
	if err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer(
		"8080", fmt.Sprint(x.port), "8082", fmt.Sprint(x.api),
		"\tservers {", fmt.Sprintf("\tadmin 127.0.0.1:%d\n\tservers {", x.admin),
	).Replace(string(text))
	x.config = filepath.Join(x.dir, "caddyfile.example")
	if err := os.WriteFile(x.config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	x.start()
	t.Cleanup(x.stop)
	return x
}

// builtCaddy builds the binary that a user gets, once.
func builtCaddy(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("building Caddy takes a while; not with -short")
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv("HOME"), "edge") // removed after all tests
	build := exec.Command("go", "build", "-o", path, "./cmd/caddy")
	build.Env = environ // with the caches of the user, whose home is not the tests'
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return path, nil
})

func (x *example) start() {
	x.t.Helper()
	x.process = exec.Command(x.binary, "run", "--config", x.config, "--adapter", "caddyfile")
	x.process.Dir = x.dir
	x.process.Env = append(os.Environ(), "HOME="+x.dir, "XDG_DATA_HOME="+x.dir, "XDG_CONFIG_HOME="+x.dir)
	var output bytes.Buffer
	x.process.Stderr = &output
	if err := x.process.Start(); err != nil {
		x.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		// The sites answer before the whole configuration is in force.
		response, err := http.Get(fmt.Sprintf("http://localhost:%d/experiments/status", x.admin))
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("the example does not answer: %v\n%s", err, output.String())
		}
	}
}

func (x *example) stop() {
	_ = x.process.Process.Signal(os.Interrupt)
	_ = x.process.Wait() // tells only that it was interrupted
}

// command runs one of the experiments commands against the example.
func (x *example) command(arguments ...string) string {
	x.t.Helper()
	arguments = append([]string{"experiments"}, arguments...)
	out, err := exec.Command(x.binary, append(arguments, "--address", fmt.Sprintf("127.0.0.1:%d", x.admin))...).Output()
	if err != nil {
		x.t.Fatalf("%v: %v", arguments, err)
	}
	return string(out)
}

// setStatus sets the status of the demo's experiment over the management API.
func (x *example) setStatus(status string) int {
	x.t.Helper()
	request, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://localhost:%d/api/v2/experimentation/experiments/exp_PasskeyDemo/status", x.api),
		strings.NewReader(`{"status": "`+status+`"}`))
	if err != nil {
		x.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer demo-token")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		x.t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func (x *example) url(host, path string) string {
	return fmt.Sprintf("http://%s:%d%s", host, x.port, path)
}

// page gets a page as a browser with the cookies of jar.
func (x *example) page(jar http.CookieJar, host, path string) string {
	x.t.Helper()
	request, err := http.NewRequest(http.MethodGet, x.url("127.0.0.1", path), nil)
	if err != nil {
		x.t.Fatal(err)
	}
	request.Host = fmt.Sprintf("%s:%d", host, x.port) // not every resolver knows *.localhost
	client := http.Client{Jar: jar, Timeout: patience}
	response, err := client.Do(request)
	if err != nil {
		x.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return string(body)
}

func newJar() http.CookieJar {
	jar, _ := cookiejar.New(nil) // fails on no option that is set here
	return jar
}

const (
	headlinePassword = `<h1 id="headline">Sign in</h1>`
	headlinePasskey  = `<h1 id="headline">Welcome back – no password needed</h1>`
	headlinePhone    = `<h1 id="headline">Sign in with your face or finger</h1>`
	headlineNordic   = `<h1 id="headline">Välkommen</h1>`
)

// TestExample follows a newcomer through the example.
func TestExample(t *testing.T) {
	x := newExample(t)
	t.Run("both variations, kept over a restart", func(t *testing.T) {
		seen := map[string]int{}
		jars := make([]http.CookieJar, 40)
		pages := make([]string, len(jars))
		for i := range jars {
			jars[i] = newJar()
			pages[i] = headline(x.page(jars[i], "localhost", "/authorize?client_id=demo"))
			seen[pages[i]]++
		}
		if seen[headlinePassword] == 0 || seen[headlinePasskey] == 0 || len(seen) != 2 {
			t.Fatalf("40 devices saw %v", seen)
		}
		x.stop()
		x.start()
		for i := range jars {
			if again := headline(x.page(jars[i], "localhost", "/authorize?client_id=demo")); again != pages[i] {
				t.Fatalf("a device saw %s and, after a restart, %s", pages[i], again)
			}
		}
	})
	t.Run("a forced variation, carried to the next page", func(t *testing.T) {
		for variation, want := range map[string]string{"var_PasswordFirst": headlinePassword, "var_PasskeyFirst": headlinePasskey} {
			jar := newJar()
			for _, path := range []string{"/authorize?experiment_id=exp_PasskeyDemo&variation_id=" + variation, "/password"} {
				if got := headline(x.page(jar, "localhost", path)); got != want {
					t.Errorf("%s: %s", path, got)
				}
			}
		}
	})
	t.Run("devices and places", func(t *testing.T) {
		for host, want := range map[string]string{"us-phone.localhost": headlinePhone, "swedish-desktop.localhost": headlineNordic} {
			if got := headline(x.page(newJar(), host, "/authorize?client_id=demo")); got != want {
				t.Errorf("%s: %s", host, got)
			}
		}
		if got := headline(x.page(newJar(), "segments.localhost", "/authorize?client_id=demo")); got != headlinePassword {
			t.Errorf("a client from nowhere: %s", got)
		}
	})
	t.Run("logs without secrets", func(t *testing.T) {
		x.page(newJar(), "us-phone.localhost", "/authorize?client_id=demo&state=S3CRET&code_challenge=S3CRET&login_hint=S3CRET")
		access := waitForText(t, filepath.Join(x.dir, "demo/logs/access.log"), `"segment_id":"seg_UsPhonesDemo"`)
		waitForText(t, filepath.Join(x.dir, "demo/logs/decisions.log"), `"segment_id":"seg_NordicDesktopsDemo"`)
		if strings.Contains(access, "S3CRET") {
			t.Error("the access log has a secret of the query")
		}
	})
	t.Run("commands", func(t *testing.T) {
		if table := x.command("status"); !strings.Contains(table, "exp_AudienceDemo  active  yes") {
			t.Errorf("status:\n%s", table)
		}
		if query := x.command("token", "--experiment", "exp_PasskeyDemo", "--variation", "var_PasskeyFirst"); !strings.HasPrefix(query,
			"experiment_id=exp_PasskeyDemo&variation_id=var_PasskeyFirst&experiment_token=v1.") {
			t.Errorf("token: %s", query)
		}
	})
	t.Run("in a browser", func(t *testing.T) { testInBrowser(t, x) })
	t.Run("pausing by editing the file", func(t *testing.T) {
		inFlight := newJar()
		before := headline(x.page(inFlight, "localhost", "/authorize"))
		path := filepath.Join(x.dir, "demo/experiments/default/production.json")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		paused := bytes.Replace(text, []byte(`"status": "active",
      "allocations"`), []byte(`"status": "paused",
      "allocations"`), 1)
		if err := os.WriteFile(path, paused, 0o644); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(3 * time.Second); !strings.Contains(x.page(newJar(), "localhost", "/authorize"), "(nothing)"); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("new devices still get a variation after the pause")
			}
		}
		if after := headline(x.page(inFlight, "localhost", "/authorize")); after != before {
			t.Errorf("a login in flight saw %s before the pause, %s after", before, after)
		}
	})
	t.Run("resuming over the API", func(t *testing.T) {
		if status := x.setStatus("active"); status != http.StatusOK {
			t.Fatalf("the API answered %d", status)
		}
		if page := x.page(newJar(), "localhost", "/authorize"); strings.Contains(page, "(nothing)") {
			t.Error("the next device gets nothing")
		}
	})
}

func headline(page string) string {
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, `<h1 id="headline">`) {
			return line
		}
	}
	return page
}

func waitForText(t *testing.T, path, want string) string {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		text, _ := os.ReadFile(path)
		if strings.Contains(string(text), want) {
			return string(text)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has no %s:\n%s", path, want, text)
		}
	}
}

// testInBrowser looks at the example with a real browser, which resolves
// *.localhost and keeps cookies by itself.
func testInBrowser(t *testing.T, x *example) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed; ./test.sh installs it")
	}
	open := func(profile, host, path string) string {
		t.Helper()
		command := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync",
			"--user-data-dir="+filepath.Join(x.dir, profile), "--dump-dom", x.url(host, path))
		page, err := command.Output()
		if err != nil {
			t.Fatalf("chromium: %v", err)
		}
		return headline(string(page))
	}
	if got := open("forced", "localhost", "/authorize?experiment_id=exp_PasskeyDemo&variation_id=var_PasskeyFirst"); got != headlinePasskey {
		t.Errorf("forced: %s", got)
	}
	if got := open("sweden", "swedish-desktop.localhost", "/authorize?client_id=demo"); got != headlineNordic {
		t.Errorf("from Sweden: %s", got)
	}
	first := open("device", "localhost", "/authorize?client_id=demo")
	if again := open("device", "localhost", "/password"); again != first {
		t.Errorf("the browser saw %s, and on the next page of the login %s", first, again)
	}
}
