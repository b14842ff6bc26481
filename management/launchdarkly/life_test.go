package launchdarkly_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// The whole life of an experiment, as clients and the document see it.
func TestLife(t *testing.T) {
	s := newSite(t, nil).world()
	control, treatment := s.variation("control"), s.variation("treatment")
	made := s.must(201, "POST", experiments, `{"name":"Red button","key":"red","description":"d","maintainerId":"m1","tags":["login","red"],"methodology":"bayesian","type":"experiment","dataSource":"launchdarkly","futureField":null,
		"iteration":`+iteration(`,"attributes":["country","plan"]`, "10", "20.5")+`}`)
	for want, got := range map[any]any{
		"red": made.at("key"), "Red button": made.at("name"), "m1": made.at("_maintainerId"), "login": made.at("tags", 0), "bayesian": made.at("methodology"), "experiment": made.at("type"), "production": made.at("environmentKey"),
		"not_started": made.at("currentIteration", "status"), control: made.at("currentIteration", "treatments", 0, "_id"),
		"The treatment": made.at("currentIteration", "treatments", 1, "name"), "20.5": made.at("currentIteration", "treatments", 1, "allocationPercent"),
		treatment: made.at("currentIteration", "treatments", 1, "parameters", 0, "variationId"), "login-page": made.at("currentIteration", "treatments", 1, "parameters", 0, "flagKey"),
		"user": made.at("currentIteration", "randomizationUnit"), "fallthrough": made.at("currentIteration", "flags", "login-page", "targetingRule"),
		3.0: made.at("currentIteration", "flags", "login-page", "flagConfigVersion"), "converted": made.at("currentIteration", "primarySingleMetric", "key"),
		true: made.at("currentIteration", "canReshuffleTraffic"), "plan": made.at("currentIteration", "attributes", 1),
		experiments + "/red": made.at("_links", "self", "href"),
		"/api/v2/projects/default/environments/production": made.at("_links", "parent", "href"),
	} {
		if got != want {
			t.Errorf("created: got %v, want %v", got, want)
		}
	}
	if got := made.at("currentIteration", "flags", "login-page", "notInExperimentVariationId"); got != control {
		t.Errorf("those outside get %v, want the baseline %s", got, control)
	}
	e := s.experiment("red")
	if e.Status != engine.ExperimentDraft || e.Iterations[0].ID != engine.FirstIterationID(e.ID) || len(e.Allocations) != 2 || !e.Allocations[0].IsControl || *e.IsValid != true {
		t.Errorf("stored: %+v", e)
	}

	plain := s.must(200, "GET", experiments+"/red", "")
	for _, hidden := range [][]any{{"draftIteration"}, {"previousIterations"}, {"currentIteration", "treatments"}, {"currentIteration", "secondaryMetrics"}, {"currentIteration", "metrics"}} {
		if plain.at(hidden...) != nil {
			t.Errorf("%v is there without being asked for", hidden)
		}
	}
	full := s.must(200, "GET", experiments+"/"+e.ID+"?expand=previousIterations,draftIteration,secondaryMetrics,treatments", "")
	if full.at("draftIteration", "_id") != full.at("currentIteration", "_id") || full.length("currentIteration", "secondaryMetrics") != 1 || full.length("currentIteration", "metrics") != 3 ||
		full.at("currentIteration", "metrics", 2, "isGroup") != true || full.at("currentIteration", "metrics", 2, "metrics", 0, "nameInGroup") != "Log in" {
		t.Errorf("expanded: %s", full.text)
	}

	s.clock.advance(time.Hour)
	begun := s.patch("red", `{"kind":"updateName","value":"Redder"}`, `{"kind":"updateDescription","value":""}`, startIt)
	if begun.at("name") != "Redder" || begun.at("description") != nil || begun.at("currentIteration", "status") != "running" || begun.at("currentIteration", "startedAt") == nil || begun.at("draftIteration") != nil {
		t.Errorf("started: %s", begun.text)
	}
	e = s.experiment("red")
	if e.Status != engine.ExperimentActive || e.StartedAt == nil || e.Iterations[0].Salt != "" || e.BucketingKey() != e.ID || e.NotInExperiment() != control {
		t.Errorf("started: %+v", e)
	}

	second := s.must(200, "POST", experiments+"/red/iterations", iteration("", "50", "50"))
	third := s.must(200, "POST", experiments+"/red/iterations", iteration("", "40", "60"))
	if second.at("_id") == third.at("_id") || third.at("status") != "not_started" || third.length("treatments") != 2 {
		t.Errorf("drafted: %s", third.text)
	}
	if got := s.must(200, "GET", experiments+"/red?expand=draftIteration", ""); got.at("draftIteration", "_id") != third.at("_id") || got.at("currentIteration", "status") != "running" {
		t.Errorf("a draft beside a running one: %s", got.text)
	}
	s.patchRefused(400, "changeJustification", "red", startIt)
	again := s.patch("red", restartIt)
	if again.at("currentIteration", "_id") != third.at("_id") || again.at("previousIterations", 0, "status") != "stopped" || again.at("previousIterations", 0, "endedAt") == nil {
		t.Errorf("started again: %s", again.text)
	}
	e = s.experiment("red")
	if want := e.ID + third.word("_id"); e.BucketingKey() != want || len(e.Iterations) != 2 || *e.Allocations[1].Weight != 60_000 {
		t.Errorf("started again: %+v", e)
	}

	s.patchRefused(400, "running", "red", archiveIt)
	s.patchRefused(400, "winningTreatmentId", "red", `{"kind":"stopIteration","winningTreatmentId":"`+s.variation("third")+`"}`)
	over := s.patch("red", `{"kind":"stopIteration","winningTreatmentId":"`+treatment+`","winningReason":"clear"}`)
	if over.at("currentIteration", "status") != "stopped" || over.at("currentIteration", "winningTreatmentId") != treatment || over.at("currentIteration", "winningReason") != "clear" {
		t.Errorf("stopped: %s", over.text)
	}
	if e = s.experiment("red"); e.Status != engine.ExperimentCompleted || e.EndedAt == nil {
		t.Errorf("stopped: %+v", e)
	}
	s.patchRefused(400, "create one first", "red", startIt)
	gone := s.patch("red", archiveIt)
	if gone.at("archivedDate") == nil {
		t.Errorf("archived: %s", gone.text)
	}
	s.refused(400, "archived", "POST", experiments+"/red/iterations", iteration("", "50", "50"))
	s.patchRefused(400, "archived", "red", startIt)
	back := s.patch("red", restoreIt)
	if e = s.experiment("red"); e.Status != engine.ExperimentCompleted || back.at("archivedDate") != nil {
		t.Errorf("restored: %+v", e)
	}
	fourth := s.must(200, "POST", experiments+"/red/iterations", iteration(`,"canReshuffleTraffic":false`, "50", "50"))
	s.patch("red", startIt)
	if e = s.experiment("red"); e.Status != engine.ExperimentActive || e.EndedAt != nil || e.BucketingKey() != e.ID+fourth.word("_id") {
		t.Errorf("a stopped one started again reshuffles: %+v", e)
	}
}

// What is so already is success, and nothing is written.
func TestAlreadySo(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	still := func(instructions ...string) {
		t.Helper()
		before := s.document().Revision
		s.patch("red", instructions...)
		if after := s.document().Revision; after != before {
			t.Errorf("%v was written", instructions)
		}
	}
	still(restoreIt)
	still(`{"kind":"updateName","value":"The red"}`)
	s.patch("red", archiveIt)
	still(archiveIt)
	s.patch("red", restoreIt)
	if e := s.experiment("red"); e.Status != engine.ExperimentDraft {
		t.Errorf("one that never ran is restored as %s", e.Status)
	}
	s.patch("red", startIt)
	s.patch("red", `{"kind":"stopIteration","winningTreatmentId":"treatment"}`)
	still(stopIt)
	still(`{"kind":"stopIteration","winningTreatmentId":"treatment"}`)
	s.patchRefused(400, "stopped already", "red", `{"kind":"stopIteration","winningTreatmentId":"control"}`)
}

// All instructions are followed or none.
func TestAtomic(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.patchRefused(400, "no iteration to stop", "red", `{"kind":"updateName","value":"Other"}`, stopIt)
	if got := s.experiment("red").Name; got != "The red" {
		t.Errorf("half a patch was followed: %s", got)
	}
	s.patch("red", startIt, stopIt, archiveIt)
	if got := s.experiment("red").Status; got != engine.ExperimentArchived {
		t.Errorf("it is %s", got)
	}
}

// Every change is audited with the operation and the entity.
func TestAudit(t *testing.T) {
	s := newSite(t, nil).world()
	s.audits = nil
	s.create("red", iteration("", "50", "50"))
	s.must(200, "POST", experiments+"/red/iterations", iteration("", "50", "50"))
	s.patch("red", startIt)
	var got []string
	for _, e := range s.audits {
		got = append(got, e.Operation+" "+e.Token)
		if !strings.HasPrefix(e.EntityID, "exp_") || e.RevisionAfter != e.RevisionBefore+1 {
			t.Errorf("%+v", e)
		}
	}
	if want := []string{"ld_create_experiment ci", "ld_create_iteration ci", "ld_patch_experiment ci"}; !reflect.DeepEqual(got, want) {
		t.Errorf("audited %v, want %v", got, want)
	}
	if got := s.experiment("red").MaintainerID; got != "ci" {
		t.Errorf("without a maintainer it is %q, want the token", got)
	}
}

// The audit says why: what the client says of all of the patch, else of the start.
func TestAuditSaysWhy(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	why := func(body, want string) {
		t.Helper()
		s.audits = nil
		s.must(200, "PATCH", experiments+"/red", body)
		if len(s.audits) != 1 || s.audits[0].Comment != want {
			t.Errorf("%s: audited %+v, want %q", body, s.audits, want)
		}
	}
	again := func() { s.must(200, "POST", experiments+"/red/iterations", iteration("", "60", "40")) }
	why(`{"instructions":[`+startIt+`]}`, "")
	again()
	why(`{"instructions":[{"kind":"updateDescription","value":"x"},`+restartIt+`]}`, "more traffic")
	again()
	why(`{"comment":"as agreed","instructions":[`+restartIt+`]}`, "as agreed")
	why(`{"comment":"enough","instructions":[{"kind":"stopIteration"}]}`, "enough")
	s.audits = nil
	again()
	if len(s.audits) != 1 || s.audits[0].Comment != "" {
		t.Errorf("a write without a comment is audited as %+v", s.audits)
	}
	s.refused(400, "changeJustification: must be a string", "PATCH", experiments+"/red", `{"instructions":[{"kind":"startIteration","changeJustification":7}]}`)
}
