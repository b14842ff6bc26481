package management

import (
	"reflect"
	"strings"
	"testing"
)

func TestWholeLife(t *testing.T) {
	s := newSite(t, nil).world()
	got := s.must(200, "GET", "experiments/{experiment}", "")
	if got.field("status") != "draft" || got.field("is_valid") != true || got.field("started_at") != nil {
		t.Errorf("created: %s", got.text)
	}
	active := s.must(200, "POST", "experiments/{experiment}/status", `{"status":"active"}`)
	started := active.field("started_at")
	if active.field("status") != "active" || started == nil {
		t.Errorf("activated: %s", active.text)
	}
	s.must(200, "POST", "experiments/{experiment}/status", `{"status":"paused"}`)
	again := s.must(200, "POST", "experiments/{experiment}/status", `{"status":"active"}`)
	if again.field("started_at") != started {
		t.Errorf("started_at was %v and is %v", started, again.field("started_at"))
	}
	completed := s.must(200, "POST", "experiments/{experiment}/status", `{"status":"completed"}`)
	if completed.field("ended_at") == nil || completed.field("started_at") != started {
		t.Errorf("completed: %s", completed.text)
	}
	s.must(200, "POST", "experiments/{experiment}/status", `{"status":"archived"}`)
	if list := s.must(200, "GET", "experiments", ""); list.field("experiments", 0) != nil {
		t.Errorf("an archived experiment is listed: %s", list.text)
	}
	if list := s.must(200, "GET", "experiments?status=archived", ""); list.field("experiments", 0) == nil {
		t.Errorf("an archived experiment cannot be found: %s", list.text)
	}
	for range 2 { // the second time there is nothing left to delete
		s.must(204, "DELETE", "experiments/{experiment}", "")
		s.must(204, "DELETE", "segments/{segment}", "")
		s.must(204, "DELETE", "feature-flags/{flag}", "")
	}
	if d := s.document(); len(d.FeatureFlags)+len(d.Segments)+len(d.Experiments) > 0 {
		t.Errorf("left: %+v", d)
	}
	revision := uint64(0)
	for i, e := range s.events {
		if e.RevisionBefore != revision || e.RevisionAfter != revision+1 || e.Token != "test" || e.Tenant != "default/production" ||
			e.EntityID == "" || e.Operation == "" || e.ClientAddress != "192.0.2.1" || e.Time.IsZero() {
			t.Errorf("event %d: %+v", i, e)
		}
		revision = e.RevisionAfter
	}
	if len(s.events) != 14 {
		t.Errorf("got %d events, want 14", len(s.events))
	}
}

func TestEveryOperation(t *testing.T) {
	s := newSite(t, nil).world()
	for _, step := range []struct {
		method, path, body string
		status             int
		want               []string // parts of the answer
	}{
		{"GET", "feature-flags", "", 200, []string{`{"feature_flags":[{"id":"{flag}"`, `"type":"self"`, `"status":"active"`}},
		{"GET", "feature-flags/{flag}", "", 200, []string{`"parameters":{"color":{"type":"string","value":"blue"}`}},
		{"PATCH", "feature-flags/{flag}", `{"name":"page of login","description":"what it is"}`, 200, []string{`"name":"page of login","description":"what it is"`}},
		{"PATCH", "feature-flags/{flag}", `{"parameters":{"color":{"type":"string","value":"green","description":"a name"}}}`, 200, []string{`"parameters":{"color":{"type":"string","value":"green","description":"a name"}}`}},
		{"PATCH", "feature-flags/{flag}", `{"description":null}`, 200, []string{`"name":"page of login","type"`}},
		{"GET", "feature-flags/{flag}/variations", "", 200, []string{`{"variations":[{"id":"{control}","feature_flag_id":"{flag}","name":"control","overrides":{}`, `"{treatment}"`}},
		{"GET", "feature-flags/{flag}/variations/{treatment}", "", 200, []string{`"overrides":{"color":{"value":"red"}}`}},
		{"PATCH", "feature-flags/{flag}/variations/{treatment}", `{"name":"crimson","overrides":{"color":{"value":"crimson"}},"description":"redder"}`, 200, []string{`"name":"crimson","description":"redder","overrides":{"color":{"value":"crimson"}}`}},
		{"PATCH", "feature-flags/{flag}/variations/{treatment}", `{"description":null}`, 200, []string{`"name":"crimson","overrides"`}},
		{"POST", "feature-flags/{flag}/variations", `{"name":"third","overrides":{},"description":"the third"}`, 201, []string{`"description":"the third"`}},
		{"GET", "segments", "", 200, []string{`{"segments":[{"id":"{segment}"`, `"type":"self"`}},
		{"GET", "segments?type=auth0", "", 200, []string{`{"segments":[]}`}},
		{"GET", "segments/{segment}", "", 200, []string{`"rules":[{"match":{"device_type":["mobile"]}}]`}},
		{"PATCH", "segments/{segment}", `{"rules":[{"match":{"country":{"exists":true}},"not_match":{"domain":{"ends_with":["example.com"]}}}],"name":"others","description":"all others"}`, 200,
			[]string{`"rules":[{"match":{"country":{"exists":true}},"not_match":{"domain":{"ends_with":["example.com"]}}}]`, `"name":"others","description":"all others"`}},
		{"PATCH", "segments/{segment}", `{"description":null}`, 200, []string{`"name":"others","type"`}},
		{"POST", "experiments", targetedAt("second experiment"), 201, []string{`"status":"draft","is_valid":true`, `"segment_id":"{segment}","priority":1,"is_control":false`, `"is_fallback":true`}},
		{"GET", "experiments", "", 200, []string{`"name":"first experiment"`, `"name":"second experiment"`}},
		{"GET", "experiments?authentication_flow=login&feature_flag_id={flag}&status=draft", "", 200, []string{`{"experiments":[{"id":"exp_`, `"name":"second experiment"`}},
		{"GET", "experiments?feature_flag_id=flg_1", "", 200, []string{`{"experiments":[]}`}},
		{"GET", "experiments/{experiment}", "", 200, []string{`"authentication_flow":"pre_authentication","allocation_strategy":"percentage","assignment_config":{"subject":"device"}`}},
		{"PATCH", "experiments/{experiment}", `{"name":"renamed","description":"why","assignment_config":{"subject":"device"},"allocations":[{"variation_id":"{control}","weight":12.345,"is_control":true}]}`, 200,
			[]string{`"name":"renamed","description":"why"`, `"is_valid":false`, `"weight":12.345`}},
		{"PATCH", "experiments/{experiment}", `{"description":null,"allocations":` + halves + `}`, 200, []string{`"name":"renamed","feature_flag_id"`, `"is_valid":true`}},
		{"POST", "experiments/{experiment}/validate", "", 200, []string{`{"is_valid":true,"errors":[]}`}},
		{"POST", "experiments/{experiment}/status", `{"status":"active"}`, 200, []string{`"status":"active"`, `"started_at"`}},
		{"PATCH", "experiments/{experiment}", `{"name":"renamed while active"}`, 200, []string{`"status":"active"`}},
		{"POST", "feature-flags/{flag}/status", `{"status":"archived"}`, 200, []string{`"status":"archived"`}},
		{"GET", "experiments/{experiment}", "", 200, []string{`"is_valid":false`}},
		{"POST", "experiments/{experiment}/validate", "", 200, []string{`{"is_valid":false,"errors":[{"code":"feature_flag_not_active","message":"feature flag {flag} is in archived status`}},
	} {
		got := s.must(step.status, step.method, step.path, step.body)
		for _, want := range step.want {
			if want = s.words.Replace(want); !strings.Contains(string(got.text), want) {
				t.Errorf("%s %s %s: got %s\nwant in it %s", step.method, step.path, step.body, got.text, want)
			}
		}
		s.document()
	}
}

// What validate reports is all there is, and is_valid follows every write that
// makes a difference.
func TestValidityFollowsWrites(t *testing.T) {
	s := newSite(t, nil).world()
	validity := func(what string, want bool, codes ...any) {
		t.Helper()
		if got := s.must(200, "GET", "experiments/{experiment}", "").field("is_valid"); got != want {
			t.Errorf("%s: is_valid is %v", what, got)
		}
		s.document() // what is stored says the same
		got := []any{}
		all, _ := s.must(200, "POST", "experiments/{experiment}/validate", "").field("errors").([]any)
		for _, e := range all {
			got = append(got, e.(map[string]any)["code"])
		}
		if !reflect.DeepEqual(got, append([]any{}, codes...)) {
			t.Errorf("%s: the errors are %v, want %v", what, got, codes)
		}
	}
	validity("at first", true)
	s.must(200, "PATCH", "experiments/{experiment}", `{"allocations":[{"variation_id":"{control}","weight":10,"is_control":false}]}`)
	validity("without control", false, "experiment_missing_control", "experiment_invalid_allocation_weights")
	s.must(200, "PATCH", "experiments/{experiment}", `{"allocations":`+halves+`}`)
	validity("repaired", true)

	other := s.must(201, "POST", "experiments", targetedAt("other experiment")).id()
	s.must(200, "POST", "experiments/"+other+"/status", `{"status":"active"}`)
	if got := s.must(200, "POST", "experiments/{experiment}/validate", ""); got.field("errors", 0, "code") != "experiment_active_limit_exceeded" || got.field("is_valid") != false {
		t.Errorf("with another one active: %s", got.text)
	}
	s.refused(400, "experiment_active_limit_exceeded", "POST", "experiments/{experiment}/status", `{"status":"active"}`)
	if got := s.must(200, "POST", "experiments/"+other+"/validate", ""); got.field("is_valid") != true {
		t.Errorf("the active one: %s", got.text)
	}
	s.must(200, "POST", "experiments/"+other+"/status", `{"status":"paused"}`)

	s.must(200, "POST", "feature-flags/{flag}/status", `{"status":"archived"}`)
	validity("flag archived", false, "feature_flag_not_active")
}
