package caddymodule_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/caddymodule"
)

// A reload releases what the old configuration opened while its last requests
// are still running.
func TestSlowRequestAcrossReload(t *testing.T) {
	arrived, answer := make(chan struct{}, 1), make(chan struct{})
	s := setup{
		App:   "decision_log {dir}/decisions.log",
		Store: map[string]string{"default/production": split},
		Provider: func(w http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			<-answer
			_, _ = io.WriteString(w, "page")
		},
	}
	e := startEdge(t, s)
	type result struct {
		response *http.Response
		body     []byte
		err      error
	}
	finished := make(chan result)
	go func() {
		response, err := http.Get(e.URL + "/authorize?client_id=slow")
		if err != nil {
			finished <- result{err: err}
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		finished <- result{response, body, err}
	}()
	<-arrived
	// Other settings everywhere, so that nothing of the old configuration is
	// kept for the new one.
	if err := e.Load(setup{App: "header_budget 4000\nsigning_key fedcba9876543210fedcba9876543210"}); err != nil {
		t.Fatal(err)
	}
	close(answer)
	r := <-finished
	if r.err != nil || r.response.StatusCode != http.StatusOK || string(r.body) != "page" {
		t.Fatalf("the request ended with %v, %v, %q", r.response, r.err, r.body)
	}
	variation := e.Provider.Last(t).Config(t)["variation_id"]
	line := e.LogLines("access.log", 1, "client_id=slow")[0]
	if got := line["details"].(map[string]any)["experiment"].(map[string]any)["variation_id"]; got != variation {
		t.Errorf("the access log has %v, the provider received %v", got, variation)
	}
	if len(r.response.Cookies()) != 2 {
		t.Errorf("the browser received the cookies %v", r.response.Cookies())
	}
}

// A configuration may fail at any point: what it shares with the one in force
// must neither be lost nor be held for ever.
func TestFailedReloadKeepsServing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := setup{App: "geoip {dir}/geo.mmdb optional\ndecision_log {dir}/decisions.log", Store: map[string]string{"default/production": split}}
	e := startEdge(t, s)
	tests := []struct {
		name  string
		setup setup
	}{
		{"while opening the locations, after the store", setup{App: "geoip {dir}/missing.mmdb\ndecision_log {dir}/decisions.log"}},
		{"while opening the decision log, after a new store", setup{App: "header_budget 4000\ngeoip {dir}/geo.mmdb optional\ndecision_log {dir}/caddy.log/x"}},
		{"at the site, after the app", setup{App: s.App + "\ntenants acme/*"}},
		{"at another site, after this one", setup{App: s.App, Before: "reverse_proxy nowhere:99999999"}},
	}
	jar, _ := cookiejar.New(nil)
	e.Get("/authorize", jar)
	variation := e.Provider.Last(t).Config(t)["variation_id"]
	status, references := e.retriedStatus(), caddymodule.PoolReferences()
	if len(references) != 3 {
		t.Fatalf("the pool has %v", references)
	}
	check := func(t *testing.T) {
		t.Helper()
		sameJSON(t, "references in the pool", caddymodule.PoolReferences(), references)
		sameJSON(t, "status", e.retriedStatus(), status, "last_contact")
		e.Get("/authorize", jar)
		if got := e.Provider.Last(t).Config(t)["variation_id"]; got != variation {
			t.Errorf("the device has variation %v, it had %v", got, variation)
		}
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := e.Load(test.setup); err == nil {
				t.Fatal("was loaded")
			}
			check(t)
		})
	}
	t.Run("while starting", func(t *testing.T) {
		config := strings.ReplaceAll(string(e.adapted(s)), "caddy.log", "failed.log")
		config = replaced(t, config, fmt.Sprintf("127.0.0.1:%d", e.barePort), taken.Addr().String())
		// Apps start in random order, ours before or after the one that fails.
		for range 8 {
			if err := caddy.Load([]byte(config), true); err == nil {
				t.Fatal("was loaded")
			}
			check(t)
		}
	})
	// The store is still followed, and its news are in the log of the
	// configuration in force.
	lines := len(e.LogLines("caddy.log", 1, "configuration applied"))
	e.WriteDocument("default/production", replaced(t, split, `"value": "Sign in"`, `"value": "Log in"`))
	e.LogLines("caddy.log", lines+1, "configuration applied")
}

// A reload that does not concern the store must not read it anew, let alone
// begin without a configuration.
func TestSnapshotSurvivesReload(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	before := e.retriedStatus()
	if err := e.Load(setup{Site: "sticky 2h", App: "decision_log {dir}/decisions.log"}); err != nil {
		t.Fatal(err)
	}
	after := e.retriedStatus()
	delete(after, "decision_log")
	sameJSON(t, "status", after, before, "last_contact")
	if err := e.Load(setup{App: "max_active_experiments 2"}); err != nil {
		t.Fatal(err)
	}
	applied := func(status map[string]any) any { return status["tenants"].([]any)[0].(map[string]any)["applied_at"] }
	if applied(e.retriedStatus()) == applied(before) {
		t.Error("another limit of active experiments needs another snapshot")
	}
}

// What a reload changes must not be taken for what is open already.
func TestReloadChangesStoreAndLogs(t *testing.T) {
	s := setup{App: "decision_log {dir}/first.log", Store: map[string]string{"default/production": split, "../elsewhere/default/production": audience}}
	e := startEdge(t, s)
	e.Get("/authorize", nil)
	s.App = "decision_log {dir}/second.log"
	config := replaced(t, string(e.adapted(s)), e.Dir+"/experiments", e.Dir+"/elsewhere")
	if err := caddy.Load([]byte(config), true); err != nil {
		t.Fatal(err)
	}
	e.Get("/authorize", nil)
	e.LogLines("first.log", 1, "exp_Sp1it")
	e.LogLines("second.log", 1, "exp_Audience")
	if first, _ := os.ReadFile(filepath.Join(e.Dir, "first.log")); strings.Contains(string(first), "exp_Audience") {
		t.Error("the first decision log goes on")
	}
}

// The status is of the sites that there are: a tenant whose site is gone must not
// keep it degraded.
func TestReloadForgetsTenants(t *testing.T) {
	e := startEdge(t, setup{Site: "tenant acme/staging", Store: map[string]string{"acme/staging": "{", "default/production": split}})
	if status := e.retriedStatus(); status["status"] != "degraded" {
		t.Errorf("with a broken document the status is %v", status)
	}
	if err := e.Load(setup{}); err != nil {
		t.Fatal(err)
	}
	status := e.retriedStatus()
	if tenants := status["tenants"].([]any); status["status"] != "healthy" || len(tenants) != 1 {
		t.Errorf("without the site the status is %v", status)
	}
	// What has been counted stays counted; what is the case is no more.
	if scraped := e.scrape(); regexp.MustCompile(`caddy_experiments_config_\w+\{tenant="acme/staging"`).MatchString(scraped) {
		t.Error("without the site its metrics are still reported")
	}
}

func TestFiftyReloadsUnderLoad(t *testing.T) {
	app := func(i int) setup {
		return setup{
			App:  fmt.Sprintf("header_budget %d\ngeoip {dir}/geo.mmdb optional\ndecision_log {dir}/decisions-%d.log", 4000+i, i%3),
			Site: fmt.Sprintf("sticky %dm", 60+i),
		}
	}
	s := app(0)
	s.Store = map[string]string{"default/production": split}
	e := startEdge(t, s)
	if err := e.Load(app(1)); err != nil {
		t.Fatal(err)
	}
	e.Get("/authorize", nil) // opens the logs
	goroutines, files := e.settledUse()

	var requests, answered, failures atomic.Int64
	var lost sync.Map // requests without an answer
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			client := http.Client{Transport: transport}
			for {
				select {
				case <-stop:
					return
				default:
				}
				path := fmt.Sprintf("/authorize?client_id=c%d", requests.Add(1))
				response, err := client.Get(e.URL + path)
				if err != nil {
					lost.Store(path, err)
					continue
				}
				answered.Add(1)
				_, err = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != http.StatusOK || len(response.Cookies()) != 2 {
					failures.Add(1)
					t.Logf("failed: %v %v", response, err)
				}
			}
		})
	}
	for i := range 50 {
		if err := e.Load(app(i + 2)); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	clients.Wait()
	if failures.Load() > 0 || answered.Load() < 50 {
		t.Errorf("%d requests were answered, %d of them wrongly", answered.Load(), failures.Load())
	}
	// Where a socket is closed, the kernel resets connections that Caddy has not
	// accepted yet, with or without us. What Caddy has accepted must be answered.
	for _, r := range e.Provider.Since(0) {
		if err, found := lost.Load(r.RequestURI); found {
			t.Errorf("%s reached the provider and was lost: %v", r.RequestURI, err)
		}
	}
	if log, _ := os.ReadFile(filepath.Join(e.Dir, "access.log")); len(log) > 0 {
		lost.Range(func(path, err any) bool {
			if strings.Contains(string(log), path.(string)+`"`) {
				t.Errorf("%s reached Caddy and was lost: %v", path, err)
			}
			return true
		})
	}
	nowGoroutines, nowFiles := e.settledUse()
	if nowGoroutines > goroutines || nowFiles > files {
		t.Errorf("there were %d goroutines and %d open files, now there are %d and %d", goroutines, files, nowGoroutines, nowFiles)
	}
	for key, references := range caddymodule.PoolReferences() {
		if references != 1 {
			t.Errorf("%d configurations hold %q", references, key)
		}
	}
}

// use gives the goroutines and open files of this process, without those of idle
// connections.
func (e *edge) use() (goroutines, files int) {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	e.Provider.server.CloseClientConnections()
	open, _ := os.ReadDir("/proc/self/fd")
	return runtime.NumGoroutine(), len(open)
}

// settledUse waits until the use does not fall any more.
func (e *edge) settledUse() (goroutines, files int) {
	e.t.Helper()
	goroutines, files = e.use()
	same := 0
	e.Eventually(func() bool {
		nowGoroutines, nowFiles := e.use()
		if nowGoroutines < goroutines || nowFiles < files {
			goroutines, files, same = nowGoroutines, nowFiles, 0
		}
		same++
		return same > 50
	}, "the use of the process does not settle")
	return goroutines, files
}
