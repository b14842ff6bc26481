package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

const redisAPI = `experiments_api {
		token ci-secret
	}`

// onRedis is an edge over a Redis.
func onRedis(server *redistest.Server, options string) setup {
	return setup{
		App:    "store redis " + server.URL() + " {\n last_known_good {dir}/kept\n" + options + "\n}",
		Before: redisAPI,
	}
}

// activate makes an active experiment over the API of an edge.
func (e *edge) activate() string {
	e.t.Helper()
	flag := e.made("/feature-flags", `{"name": "screen", "parameters": {"passkey": {"type": "boolean", "value": false}}}`)
	control := e.made("/feature-flags/"+flag+"/variations", `{"name": "control", "overrides": {}}`)
	e.made("/feature-flags/"+flag+"/variations", `{"name": "treatment", "overrides": {"passkey": {"value": true}}}`)
	e.call(http.MethodPost, "/feature-flags/"+flag+"/status", "ci-secret", `{"status": "active"}`)
	experiment := e.made("/experiments", fmt.Sprintf(`{"name": "all", "feature_flag_id": %q, "authentication_flow": "pre_authentication",
		"allocation_strategy": "percentage", "assignment_config": {"subject": "device"}, "allocations": [
		{"variation_id": %q, "weight": 100, "is_control": true}]}`, flag, control))
	if status, answer := e.call(http.MethodPost, "/experiments/"+experiment+"/status", "ci-secret", `{"status": "active"}`); status != http.StatusOK {
		e.t.Fatalf("activating answered %d %v", status, answer)
	}
	return experiment
}

// Reloads keep the connections and whatever else there is.
func TestReloadsOverRedis(t *testing.T) {
	server := redistest.Start(t)
	e := startEdge(t, onRedis(server, ""))
	experiment := e.activate()
	reload := func(options string) {
		t.Helper()
		if err := e.Load(onRedis(server, options)); err != nil {
			t.Fatal(err)
		}
		e.Get("/authorize", nil)
		if got := e.Provider.Last(t).Config(t)["experiment_id"]; got != experiment {
			t.Fatalf("after a reload the provider is told of %v", got)
		}
	}
	clients := func() string {
		var ids []string
		for line := range strings.Lines(server.Command("CLIENT", "LIST")) {
			if id, _, _ := strings.Cut(line, " "); !strings.Contains(line, "cmd=client|list") {
				ids = append(ids, id)
			}
		}
		return strings.Join(ids, " ")
	}
	reload("")
	goroutines, files := e.settledUse()
	before := clients()
	for range 30 {
		reload("")
	}
	if now := clients(); now != before {
		t.Errorf("the connections were %s, after reloads they are %s", before, now)
	}
	for range 10 { // another client each time
		reload("timeout 2s")
		reload("")
	}
	nowGoroutines, nowFiles := e.settledUse()
	if nowGoroutines > goroutines || nowFiles > files {
		t.Errorf("there were %d goroutines and %d open files, now there are %d and %d", goroutines, files, nowGoroutines, nowFiles)
	}
	if now := clients(); strings.Count(now, " ") > strings.Count(before, " ") {
		t.Errorf("the connections were %s, with other settings in between they are %s", before, now)
	}
}

// A start never waits for Redis, and says in the log what is the matter.
func TestStartWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	begin := time.Now()
	e := startEdge(t, onRedis(server, ""))
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the start took %s", took)
	}
	e.Get("/authorize", nil)
	if config := e.Provider.Last(t).Config(t); config != nil {
		t.Errorf("the provider received %v", config)
	}
	e.LogLines("caddy.log", 1, `"code":"experiment_circuit_open"`, "connection refused")
	e.Eventually(func() bool { return e.Status()["status"] == "degraded" }, "the status should be degraded")
	if reach := e.Status()["store"].(map[string]any); reach["reachable"] != false || reach["last_error"] == "" {
		t.Errorf("of the store the status says %v", reach)
	}
	if status, answer := e.call(http.MethodGet, "/experiments", "ci-secret", ""); status != http.StatusServiceUnavailable || answer["errorCode"] != "experiment_store_unavailable" {
		t.Errorf("reading is answered %d %v", status, answer)
	}
	server.Restart()
	e.Eventually(func() bool { return e.Status()["status"] == "healthy" }, "the edge should recover")
	experiment := e.activate()
	e.Get("/authorize", nil)
	if config := e.Provider.Last(t).Config(t); config == nil {
		t.Error("after the start of redis the provider receives nothing")
	}
	server.Kill()
	e.Eventually(func() bool { return e.Status()["status"] == "degraded" }, "the status should be degraded again")
	d := e.Diagnose("default/production", experiment)
	expect(t, d, management.QuestionTraffic, "store", management.ResultProblem, "has not answered since|connection refused")
	expect(t, d, management.QuestionLogs, "experiment_circuit_open", management.ResultNote, "times since this process started")
}

// What somebody puts into Redis is named in log and status, and never applied.
func TestPoisonedDocument(t *testing.T) {
	const key = "{experiments}:document:default/production"
	server := redistest.Start(t)
	e := startEdge(t, onRedis(server, ""))
	experiment := e.activate()
	good := server.Command("GET", key)
	for name, poison := range map[string]string{
		"its signature is wrong":       strings.Replace(good, `"screen"`, `"green"`, 1),
		"not signed":                   "experiments.v1 experiments default/production 99 - -\n" + good,
		"the first line is missing":    "{}",
		"belongs to the tenant":        strings.Replace(good, "default/production", "acme/production", 1),
		"share one signing_key":        strings.Replace(good, strings.Fields(good)[4], "another", 1),
		"the document is too large":    strings.SplitN(good, "\n", 2)[0] + "\n" + strings.Repeat(" ", 9<<20),
		"it is no document of ours: i": "experiments.v9 from the future\n",
	} {
		t.Run(name, func(t *testing.T) {
			server.Command("SET", key, poison)
			e.LogLines("caddy.log", 1, `"code":"experiment_config_rejected"`, name)
			tenant := e.Status()["tenants"].([]any)[0].(map[string]any)
			if refusal, _ := tenant["last_refusal"].(map[string]any); refusal == nil || !strings.Contains(refusal["reason"].(string), name) {
				t.Errorf("the status says %v", tenant["last_refusal"])
			}
			e.Get("/authorize", nil)
			if got := e.Provider.Last(t).Config(t)["experiment_id"]; got != experiment {
				t.Errorf("the provider is told of %v", got)
			}
			e.Eventually(func() bool { return server.Command("GET", key) == good }, "the good document should be put back")
			e.Eventually(func() bool { return e.Status()["status"] == "healthy" }, "all should be well")
		})
	}
}

// Whoever has lost the key that a document was signed with can replace it.
func TestImportReplacesWhatIsRefused(t *testing.T) {
	server := redistest.Start(t)
	e := startEdge(t, onRedis(server, ""))
	e.activate()
	_, document := e.admin(http.MethodGet, "/experiments/document")
	other := onRedis(server, "\nlast_known_good {dir}/other")
	other.App = strings.Replace(other.App, "\n last_known_good {dir}/kept", "", 1) + "\nsigning_key fedcba9876543210fedcba9876543210"
	if err := e.Load(other); err != nil {
		t.Fatal(err)
	}
	e.LogLines("caddy.log", 1, `"code":"experiment_config_rejected"`, "share one signing_key")
	e.Get("/authorize", nil)
	if config := e.Provider.Last(t).Config(t); config != nil {
		t.Fatalf("a document of another key is followed: %v", config)
	}
	if err := imported(e.put("/experiments/document", document)); err != nil {
		t.Fatal(err)
	}
	e.Get("/authorize", nil)
	if config := e.Provider.Last(t).Config(t); config == nil {
		t.Error("after the import the provider is told of nothing")
	}
	e.Eventually(func() bool { return e.Status()["status"] == "healthy" }, "all should be well")
}

// Redis can say that a newer document was committed than anybody has. Who
// imports one replaces it all the same, unless they state a revision.
func TestImportOverrulesAWrongHead(t *testing.T) {
	server := redistest.Start(t)
	e := startEdge(t, onRedis(server, ""))
	e.activate()
	_, document := e.admin(http.MethodGet, "/experiments/document")
	// The stream says so as well, which keeps the edge from putting it right.
	server.Command("XADD", "{experiments}:changes", "*", "tenant", "default/production", "revision", "1000", "id", "x")
	server.Command("HSET", "{experiments}:heads", "default/production", "1000")
	for deadline := time.Now().Add(time.Minute); e.Status()["status"] != "degraded"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the status should say so")
		}
	}
	e.LogLines("caddy.log", 1, `"code":"experiment_config_rejected"`, "revision 1000 was committed")
	if status, _ := e.put("/experiments/document?revision=1", document); status != http.StatusConflict {
		t.Errorf("an import of another revision was answered with %d", status)
	}
	if err := imported(e.put("/experiments/document", document)); err != nil {
		t.Fatal(err)
	}
	e.Eventually(func() bool { return e.Status()["status"] == "healthy" }, "all should be well")
	e.made("/segments", `{"name": "changes go on", "rules": [{"match": {"country": ["US"]}}]}`)
}

// A key that is rotated keeps what the old one has signed.
func TestSigningKeyRotationOverRedis(t *testing.T) {
	server := redistest.Start(t)
	e := startEdge(t, onRedis(server, ""))
	experiment := e.activate()
	rotated := onRedis(server, "")
	rotated.App += "\nsigning_key fedcba9876543210fedcba9876543210 " + testKey
	if err := e.Load(rotated); err != nil {
		t.Fatal(err)
	}
	e.Eventually(func() bool { // a start waits half a second for the store
		e.Get("/authorize", nil)
		return e.Provider.Last(t).Config(t)["experiment_id"] == experiment
	}, "the provider should be told of the experiment")
	e.made("/segments", `{"name": "signed anew", "rules": [{"match": {"country": ["US"]}}]}`)
	onlyNew := onRedis(server, "")
	onlyNew.App += "\nsigning_key fedcba9876543210fedcba9876543210"
	if err := e.Load(onlyNew); err != nil {
		t.Fatal(err)
	}
	e.Get("/authorize", nil)
	if got := e.Provider.Last(t).Config(t)["experiment_id"]; got != experiment {
		t.Errorf("with the new key alone the provider is told of %v", got)
	}
}

func TestRedisSettingsAreChecked(t *testing.T) {
	e := startEdge(t, setup{})
	for name, test := range map[string]struct{ store, reason string }{
		"address":  {"redis 127.0.0.1:6379", "write for example: redis://127.0.0.1:6379/0"},
		"several":  {"redis redis://a redis://b", "sentinel or cluster"},
		"prefix":   {"redis {\nprefix a/b\n}", "prefix"},
		"timeout":  {"redis {\ntimeout 1ms\n}", "timeout: must be from 50ms"},
		"empty":    {"redis {\nlast_known_good {env.NOT_SET}\n}", "last_known_good: is empty"},
		"tls":      {"redis {\ntls {\nserver_name x\n}\n}", "write rediss://"},
		"no ca":    {"redis rediss://h {\ntls {\nca /nowhere.pem\n}\n}", "reading the authorities"},
		"bad ca":   {"redis rediss://h {\ntls {\nca {dir}/Caddyfile\n}\n}", "reading the authorities"},
		"no key":   {"redis rediss://h {\ntls {\ncertificate /nowhere.pem /nowhere.key\n}\n}", "loading certificate and key"},
		"password": {"redis redis://:s3cret@h:x", "url 1"},
	} {
		t.Run(name, func(t *testing.T) {
			err := e.Load(setup{App: "store " + test.store})
			if err == nil || !strings.Contains(err.Error(), test.reason) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error is %v, should have %q", err, test.reason)
			}
		})
	}
}

func TestWhatIsKept(t *testing.T) {
	server := redistest.Start(t)
	e := startEdge(t, onRedis(server, ""))
	e.activate()
	var document struct {
		Experiments []struct{ Name string }
	}
	_, text, _ := strings.Cut(server.Command("GET", "{experiments}:document:default/production"), "\n")
	if err := json.Unmarshal([]byte(text), &document); err != nil || document.Experiments[0].Name != "all" {
		t.Errorf("what is in redis is no document: %v", err)
	}
	e.Eventually(func() bool {
		_, err := os.Stat(filepath.Join(e.Dir, "kept/default/production.lkg"))
		return err == nil
	}, "the document should be kept on disk")
	if circuit, found := e.metrics()["caddy_experiments_store_circuit_open"]; !found || circuit != 0 {
		t.Errorf("the metrics say of the circuit: %v, %t", circuit, found)
	}
}
