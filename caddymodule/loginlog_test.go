package caddymodule_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// experimentOf is details.experiment of a line.
func experimentOf(line map[string]any) string {
	details, _ := line["details"].(map[string]any)
	return fmt.Sprint(details["experiment"])
}

// The end of a login is a line of the decision log and an event, with what the login
// was given: where the edge sees it, and where it is sent to it.
func TestLoginsAreLogged(t *testing.T) {
	s := recordingSetup()
	s.App += "\ndecision_log {dir}/decisions.log"
	e := startEdge(t, s)
	jar := newJar()
	e.browse("/authorize?client_id=app", jar)
	seen := e.Provider.Last(t)
	given := fmt.Sprintf("map[allocation_strategy:percentage experiment_id:exp_Sp1it is_control:%v source:bucket variation_id:%v]",
		seen.Config(t)["is_control"], seen.Config(t)["variation_id"])
	for _, path := range []string{"/login", "/onward", "/silent", "/finish", "/finish"} {
		e.browse(path, jar)
	}
	e.browse("/authorize?client_id=app", jar)
	e.browse("/cancel", jar)
	e.browse("/authorize?client_id=app&experiment_id=exp_Sp1it&variation_id=var_Spare", jar)
	e.browse("/finish", jar)

	lines := e.LogLines("decisions.log", 3, `"type":"`)
	events := e.LogLines("caddy.log", 3, "experiment_login_recorded")
	override := "map[allocation_strategy:percentage experiment_id:exp_Sp1it is_control:false source:override variation_id:var_Spare]"
	for i, want := range []struct{ kind, experiment string }{{"s", given}, {"f", given}, {"s", override}} {
		if got := lines[i]; got["type"] != want.kind || experimentOf(got) != want.experiment || got["tenant"] != "default/production" || got["status"] != 302.0 || got["browser"] != "firefox" {
			t.Errorf("line %d is %v, want type %s of %s", i, got, want.kind, want.experiment)
		}
		if got := events[i]; got["level"] != "info" || got["type"] != want.kind || experimentOf(got) != want.experiment || len(fmt.Sprint(got["subject_hash"])) != 22 {
			t.Errorf("event %d is %v, want type %s of %s", i, got, want.kind, want.experiment)
		}
	}
	if others := e.LogLines("decisions.log", 6); len(others) != 6 || others[0]["type"] != nil {
		t.Errorf("the lines are %v", others)
	}

	// What a provider sends.
	exposure := seen.Header.Get("X-Experiment-Exposure")
	send := func(path, body string) {
		t.Helper()
		if status, answer := e.call(http.MethodPost, path, "ci-secret", body); status != http.StatusAccepted {
			t.Fatalf("%s was answered with %d %v", path, status, answer)
		}
	}
	for range 2 { // sent again it is one
		send("/events", `{"id":"signup","event":"ss","exposure_id":"`+exposure+`"}`)
	}
	send("/log-stream", `{"log_id":"row","type":"fp","date":"`+lines[0]["time"].(string)+`","details":{"experiment_exposure":"`+exposure+`"}}`)
	unit, _, _ := strings.Cut(exposure, ".")
	send("/events", `[{"id":"no login","event":"login_ms","value":5,"exposure_id":"`+exposure+`"},{"id":"of nothing","event":"s","exposure_id":"`+unit+`.AAAAAAAAAAA"},{"id":"unit","event":"s","unit":"`+unit+`"}]`)
	send("/events", `[{"id":"own","experiment":"exp_Sp1it","iteration":"itr_Sp1it","unit":"theirs","variation":"var_Base","source":"bucket","t":`+fmt.Sprint(time.Now().UnixMilli())+`},{"id":"last","event":"s","exposure_id":"own"}]`)
	lines = e.LogLines("decisions.log", 6, `"type":"`)
	sourceless := strings.Replace(given, " source:bucket", "", 1)
	own := "map[allocation_strategy:percentage experiment_id:exp_Sp1it is_control:true source:bucket variation_id:var_Base]"
	for i, want := range []struct{ kind, experiment string }{{"ss", sourceless}, {"f", sourceless}, {"s", own}} {
		if got := lines[3+i]; got["type"] != want.kind || experimentOf(got) != want.experiment || got["tenant"] != "default/production" {
			t.Errorf("line %d is %v, want type %s of %s", 3+i, got, want.kind, want.experiment)
		}
	}
	if len(lines) != 6 {
		t.Errorf("there are %d lines of logins, want 6", len(lines))
	}
	if events := e.LogLines("caddy.log", 6, "experiment_login_recorded"); len(events) != 6 || events[5]["subject_hash"] != nil || experimentOf(events[3]) != sourceless || events[3]["subject_hash"] != unit {
		t.Errorf("the events are %v", events)
	}
}
