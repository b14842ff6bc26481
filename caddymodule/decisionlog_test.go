package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDecisionLog(t *testing.T) {
	e := startEdge(t, located(setup{
		Store: map[string]string{"default/production": audience},
		App:   "decision_log {dir}/decisions.log",
		Provider: func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Query().Get("client_id") {
			case "redirected":
				http.Redirect(w, r, "/login", http.StatusFound)
			case "refused":
				w.WriteHeader(http.StatusBadRequest)
			case "hinted":
				w.WriteHeader(http.StatusEarlyHints)
				w.WriteHeader(http.StatusSeeOther)
			case "streamed":
				_, _ = w.Write([]byte("a"))
				w.(http.Flusher).Flush()
				_, _ = w.Write([]byte("b"))
			case "aborted":
				w.Header().Set("Content-Length", "100")
				_, _ = w.Write([]byte("a"))
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}
		},
		Before: "@down query client_id=down\nreverse_proxy @down 127.0.0.1:1\n" +
			"@handled query client_id=handled\nrespond @handled 204\n@failing query client_id=failing\nerror @failing 503\n",
	}))
	header := []string{"User-Agent", safariOnPhone, "X-Forwarded-For", "198.51.100.7"}
	tests := []struct {
		client string
		status int
	}{{"plain", 200}, {"redirected", 302}, {"refused", 400}, {"hinted", 303}, {"streamed", 200}, {"down", 502}, {"handled", 204}, {"failing", 503}}
	jar, _ := cookiejar.New(nil)
	for _, test := range tests {
		if got := e.Get("/authorize?state=s3cret&client_id="+test.client, jar, header...).StatusCode; got != test.status {
			t.Errorf("%s was answered %d, want %d", test.client, got, test.status)
		}
		// None of these is an authorization request.
		for _, path := range []string{"/login", "/authorize/", "/token"} {
			e.Get(path+"?client_id="+test.client, jar, header...)
		}
	}
	e.Raw(e.port, get("/authorize?client_id=aborted"), false)
	e.Get("/authorize?prompt=none&client_id=silent", nil, header...)

	lines := e.LogLines("decisions.log", len(tests)+2)
	if len(lines) != len(tests)+2 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, test := range tests {
		at, err := time.Parse(time.RFC3339, lines[i]["time"].(string))
		if err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("%s: the time is %v", test.client, lines[i]["time"])
		}
		delete(lines[i], "time")
		source := "carried"
		if i == 0 {
			source = "segment"
		}
		want := fmt.Sprintf("map[browser:safari client_id:%s country:US details:map[experiment:map[allocation_strategy:segment experiment_id:exp_Audience "+
			"is_control:false segment_id:seg_UsPhones source:%s variation_id:var_Phones]] device_type:mobile platform:ios region:WA status:%d tenant:default/production]",
			test.client, source, test.status)
		if got := fmt.Sprint(lines[i]); got != want {
			t.Errorf("%s: the line is\n%s, want\n%s", test.client, got, want)
		}
	}
	if aborted := lines[len(tests)]; aborted["client_id"] != "aborted" || aborted["status"] != 200. {
		t.Errorf("the line of an answer that broke off is %v", aborted)
	}
	if silent := lines[len(tests)+1]; silent["client_id"] != "silent" || silent["details"] != nil {
		t.Errorf("the line of a silent request is %v", silent)
	}
}

// A reload keeps the log open; another file takes over from its reload on.
func TestDecisionLogOverReloads(t *testing.T) {
	s := setup{Store: map[string]string{"default/production": split}, App: "decision_log {dir}/one.log"}
	e := startEdge(t, s)
	for i := range 5 {
		e.Get(fmt.Sprintf("/authorize?client_id=a%d", i), nil)
		if err := e.Load(s); err != nil {
			t.Fatal(err)
		}
	}
	e.LogLines("one.log", 5)
	s.App = "decision_log {dir}/two.log"
	if err := e.Load(s); err != nil {
		t.Fatal(err)
	}
	e.Get("/authorize?client_id=b", nil)
	s.App = ""
	if err := e.Load(s); err != nil {
		t.Fatal(err)
	}
	e.Get("/authorize?client_id=c", nil)
	if lines := e.LogLines("two.log", 1); len(lines) != 1 || lines[0]["client_id"] != "b" {
		t.Errorf("the other file has %v", lines)
	}
	if lines := e.LogLines("one.log", 5); len(lines) != 5 {
		t.Errorf("the first file has %v", lines)
	}
}

// A line belongs to a request, so it must be whole at once even in quiet times,
// and nothing may be lost when the server stops.
func TestDecisionLogIsWrittenOut(t *testing.T) {
	s := setup{Store: map[string]string{"default/production": split}, App: "decision_log {dir}/decisions.log"}
	e := startEdge(t, s)
	const requests = 300
	for range requests {
		e.Get("/authorize", nil)
	}
	s.App = ""
	if err := e.Load(s); err != nil { // closes the log
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(e.Dir, "decisions.log"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n != requests {
		t.Errorf("%d lines of %d are written", n, requests)
	}
}

func TestDecisionLogTargets(t *testing.T) {
	for _, target := range []string{"stdout", "stderr"} {
		e := startEdge(t, setup{App: ""})
		config, err := e.adapt(setup{App: "decision_log " + target})
		if err != nil {
			t.Fatal(err)
		}
		var decoded struct {
			Apps struct {
				Experiments struct {
					DecisionLog json.RawMessage `json:"decision_log"`
				} `json:"experiments"`
			} `json:"apps"`
		}
		if err := json.Unmarshal(config, &decoded); err != nil {
			t.Fatal(err)
		}
		if got, want := string(decoded.Apps.Experiments.DecisionLog), `{"writer":{"output":"`+target+`"}}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
