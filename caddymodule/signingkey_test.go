package caddymodule_test

import (
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// tellSubject shows the provider whom the edge takes the device for.
const tellSubject = "request_header X-Subject {http.experiments.subject}"

func (e *edge) subject(jar http.CookieJar) string {
	e.t.Helper()
	e.Get("/authorize", jar)
	return e.Provider.Last(e.t).Header.Get("X-Subject")
}

func TestSigningKeyFromPlaceholder(t *testing.T) {
	const other = "fedcba9876543210fedcba9876543210"
	t.Setenv("EXPERIMENTS_TEST_KEY", testKey)
	t.Setenv("EXPERIMENTS_TEST_OTHER", other)
	e := startEdge(t, setup{Before: tellSubject, Store: map[string]string{"default/production": split}})
	jar, _ := cookiejar.New(nil)
	device := e.subject(jar)
	tests := []struct {
		name, keys string
		known      bool
	}{
		{name: "same key from the environment", keys: "{env.EXPERIMENTS_TEST_KEY}", known: true},
		{name: "same key from a file", keys: "{file." + e.write("key", []byte(testKey+"\n")) + "}", known: true},
		{name: "another key", keys: "{env.EXPERIMENTS_TEST_OTHER}", known: false},
		{name: "another key in front", keys: "{env.EXPERIMENTS_TEST_OTHER} {env.EXPERIMENTS_TEST_KEY}", known: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := e.Load(setup{App: "signing_key " + test.keys, Before: tellSubject}); err != nil {
				t.Fatal(err)
			}
			// Only asked, so that no other key's cookie comes into the jar.
			request, err := http.NewRequest(http.MethodHead, e.URL+"/authorize", nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, cookie := range jar.Cookies(request.URL) {
				request.AddCookie(cookie)
			}
			e.Do(request, nil)
			if got := e.Provider.Last(t).Header.Get("X-Subject"); (got == device) != test.known {
				t.Errorf("the device is %q, it was %q", got, device)
			}
		})
	}
}

func TestStoreInPlaceholder(t *testing.T) {
	e := startEdge(t, setup{})
	t.Setenv("EXPERIMENTS_TEST_DIR", filepath.Join(e.Dir, "elsewhere"))
	e.WriteDocument("../elsewhere/default/production", split)
	config := replaced(t, string(e.adapted(setup{})), e.Dir+"/experiments", "{env.EXPERIMENTS_TEST_DIR}")
	if err := caddy.Load([]byte(config), true); err != nil {
		t.Fatal(err)
	}
	e.Get("/authorize", nil)
	if e.Provider.Last(t).Config(t) == nil {
		t.Error("the store's document is not in force")
	}
}

func TestGeneratedKeyIsKept(t *testing.T) {
	s := setup{NoKey: true, Before: tellSubject, Store: map[string]string{"default/production": split}}
	e := startEdge(t, s)
	path := filepath.Join(e.Dir, "experiments", "signing.key")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the key: its mode is %v", info.Mode())
	}
	e.LogLines("caddy.log", 1, "no signing_key is configured", "several edges must share one", path)
	key, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if log, _ := os.ReadFile(filepath.Join(e.Dir, "caddy.log")); strings.Contains(string(log), strings.TrimSpace(string(key))) {
		t.Error("the key is in the log")
	}
	jar, _ := cookiejar.New(nil)
	device := e.subject(jar)

	if err := e.Load(setup{NoKey: true, Before: tellSubject, Site: "sticky 2h"}); err != nil {
		t.Fatal(err)
	}
	if got := e.subject(jar); got != device {
		t.Errorf("after a reload the device is %q, before it was %q", got, device)
	}

	// This process remembers keys by their directory. A restarted one does not,
	// and neither does this one where the directory has moved.
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(e.Dir, moved); err != nil {
		t.Fatal(err)
	}
	e.Dir = moved
	if err := e.Load(s); err != nil {
		t.Fatal(err)
	}
	if got := e.subject(jar); got != device {
		t.Errorf("after a restart the device is %q, before it was %q", got, device)
	}
	if again, _ := os.ReadFile(filepath.Join(moved, "experiments", "signing.key")); string(again) != string(key) {
		t.Error("the restart has made another key")
	}
}

// TestGeneratedKeyThatIsDamaged cuts the file short. The edge starts with a new
// key, keeps that, and puts the damaged file aside.
func TestGeneratedKeyThatIsDamaged(t *testing.T) {
	e := startEdge(t, setup{})
	dir := filepath.Join(e.Dir, "experiments")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "signing.key")
	if err := os.WriteFile(path, []byte("half\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := setup{NoKey: true, Before: tellSubject, Store: map[string]string{"default/production": split}}
	if err := e.Load(s); err != nil {
		t.Fatal(err)
	}
	if e.subject(nil) == "" {
		t.Error("the device has no identity")
	}
	if kept, err := os.ReadFile(path); err != nil || len(kept) <= 32 {
		t.Errorf("the file has %q (%v)", kept, err)
	}
	if aside, err := os.ReadFile(path + ".damaged"); err != nil || string(aside) != "half\n" {
		t.Errorf("what was in the file is now %q (%v)", aside, err)
	}
}

// A login must not depend on a key being kept.
func TestGeneratedKeyThatCannotBeKept(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a directory that not even root can write to")
	}
	e := startEdge(t, setup{})
	config := replaced(t, string(e.adapted(setup{NoKey: true, Before: tellSubject})), e.Dir+"/experiments", "/proc/experiments")
	for range 2 {
		if err := caddy.Load([]byte(config), true); err != nil {
			t.Fatal(err)
		}
	}
	e.LogLines("caddy.log", 2, "the signing key that was made cannot be kept", "/proc/experiments")
	if response := e.Get("/authorize", nil); response.StatusCode != http.StatusOK {
		t.Errorf("a login is answered with %d", response.StatusCode)
	}
	if e.subject(nil) == "" {
		t.Error("the device has no identity")
	}
}

// TestGeneratedKeyThatCannotBeRead puts a file in the place of the directory with
// the key. A reload goes on with the key that the process has.
func TestGeneratedKeyThatCannotBeRead(t *testing.T) {
	e := startEdge(t, setup{NoKey: true, Before: tellSubject, Store: map[string]string{"default/production": split}})
	jar, _ := cookiejar.New(nil)
	device := e.subject(jar)
	dir := filepath.Join(e.Dir, "experiments")
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.Load(setup{NoKey: true, App: "header_budget 5000", Before: tellSubject}); err != nil {
		t.Fatal(err)
	}
	if got := e.subject(jar); got != device {
		t.Errorf("the device is %q, it was %q", got, device)
	}
}
