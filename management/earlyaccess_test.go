package management

import (
	"bytes"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schemas of the Early Access generation: those of requests by operation, those
// of answers by what they are about.
var earlyAccess = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	text, err := os.ReadFile("testdata/early-access.json")
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("early-access.json", document); err != nil {
		return nil, err
	}
	out := map[string]*jsonschema.Schema{}
	definitions, _ := dig(document, "$defs").(map[string]any)
	for name := range definitions {
		if out[name], err = compiler.Compile("early-access.json#/$defs/" + name); err != nil {
			return nil, err
		}
	}
	return out, nil
})

// answersOf says which schema the answers of an operation have.
var answersOf = map[string]string{
	"create_experiment": "experiment", "get_experiment": "experiment", "update_experiment": "experiment", "update_experiment_status": "experiment",
	"create_segment": "segment", "get_segment": "segment", "update_segment": "segment",
	"get_experiments": "experiments", "get_segments": "segments", "advance_experiment_ramp": "ramp",
}

// checkEarlyAccess fails the test if an answer is not what clients of the Early
// Access generation are promised.
func checkEarlyAccess(t testing.TB, operation string, text []byte) {
	t.Helper()
	schemas, err := earlyAccess()
	if err != nil {
		t.Fatal(err)
	}
	if name := answersOf[operation]; name != "" {
		if err := validate(schemas[name], text); err != nil {
			t.Errorf("the answer of %s: %v\n%s", operation, err, text)
		}
	}
}

// asksEarlyAccess reports whether a request is one of the Early Access generation.
func asksEarlyAccess(t testing.TB, operation string, text []byte) bool {
	t.Helper()
	schemas, err := earlyAccess()
	if err != nil {
		t.Fatal(err)
	}
	return schemas[operation] != nil && validate(schemas[operation], text) == nil
}

// What the Early Access generation adds to answers.
var (
	addedToExperiments = []string{"feature_flag_name", "default_config", "feature_flag_snapshot", "editable_fields", "levels", "current_level"}
	addedToAllocations = []string{"variation_name", "segment_name", "variation_snapshot", "segment_snapshot"}
)

// asBeta takes out of an answer what the Early Access generation adds.
func asBeta(text []byte) []byte {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return text
	}
	strip := func(entity any) {
		fields, _ := entity.(map[string]any)
		for _, name := range addedToExperiments {
			delete(fields, name)
		}
		if _, segment := fields["rules"]; segment {
			delete(fields, "status")
		}
		allocations, _ := fields["allocations"].([]any)
		for _, allocation := range allocations {
			for _, name := range addedToAllocations {
				delete(allocation.(map[string]any), name)
			}
		}
	}
	strip(v)
	for _, list := range []string{"experiments", "segments"} {
		entities, _ := dig(v, list).([]any)
		for _, entity := range entities {
			strip(entity)
		}
	}
	return encode(v)
}

// rampOf is the body of a percentage experiment with a ramp, as a client of the Early
// Access generation sends it.
func rampOf(name, levels string) string {
	return `{"name":"` + name + `","feature_flag_id":"{flag}","authentication_flow":"authentication","allocation_strategy":"percentage","levels":` + levels + `,"allocations":` + halves + `}`
}

func TestLifeOfARamp(t *testing.T) {
	s := newSite(t, nil).world()
	got := s.must(201, "POST", "experiments", rampOf("slowly", "[1,10,100]"))
	path := "experiments/" + got.id()
	fields := func(want ...string) {
		t.Helper()
		var got []string
		editable, _ := s.must(200, "GET", path, "").field("editable_fields").([]any)
		for _, field := range editable {
			got = append(got, field.(string))
		}
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("editable are %v, want %v", got, want)
		}
	}
	at := func(level any) {
		t.Helper()
		if got := s.must(200, "GET", path, ""); got.field("current_level") != level {
			t.Errorf("current_level is %v, want %v", got.field("current_level"), level)
		}
	}
	at(nil)
	fields("name", "description", "authentication_flow", "levels", "allocations")
	if got.field("feature_flag_name") != "login page" || got.field("allocations", 1, "variation_name") != "treatment" || got.field("feature_flag_snapshot") != nil ||
		got.field("assignment_config", "subject") != "device" || got.field("is_valid") != true {
		t.Errorf("created: %s", got.text)
	}
	s.refused(409, CodeExperimentNotActive, "POST", path+"/advance-ramp", `{"target_level":10}`)

	// Edits and the transition are one write.
	before := len(s.events)
	active := s.must(200, "PATCH", path, `{"name":"slowly up","levels":[5,50,100],"status":"active"}`)
	if len(s.events) != before+1 || active.field("name") != "slowly up" || active.field("status") != "active" || active.field("current_level") != 5.0 || active.field("started_at") == nil {
		t.Errorf("activated with %d writes: %s", len(s.events)-before, active.text)
	}
	fields("name", "description")
	if active.field("feature_flag_snapshot", "parameters", "color", "value") != "blue" || active.field("feature_flag_snapshot", "variations") != nil ||
		active.field("allocations", 1, "variation_snapshot", "overrides", "color", "value") != "red" {
		t.Errorf("snapshots: %s", active.text)
	}
	s.must(200, "PATCH", "feature-flags/{flag}", `{"parameters":{"color":{"type":"string","value":"green"},"limit":{"type":"number","value":3}}}`)
	if kept := s.must(200, "GET", path, ""); kept.field("feature_flag_snapshot", "parameters", "color", "value") != "blue" {
		t.Errorf("the snapshot has changed with the flag: %s", kept.text)
	}

	s.refused(400, CodeExperimentNotNextLevel, "POST", path+"/advance-ramp", `{"target_level":100}`)
	s.refused(400, CodeExperimentNotNextLevel, "POST", path+"/advance-ramp", `{"target_level":6}`)
	s.refused(400, CodeExperimentNotNextLevel, "POST", path+"/advance-ramp", `{"target_level":1}`)
	move := func(target string, from, to float64, writes int) {
		t.Helper()
		before := len(s.events)
		got := s.must(200, "POST", path+"/advance-ramp", `{"target_level":`+target+`}`)
		if got.field("from_level") != from || got.field("to_level") != to || got.field("current_level") != to || path != "experiments/"+got.field("experiment_id").(string) {
			t.Errorf("to %s: %s", target, got.text)
		}
		if len(s.events) != before+writes {
			t.Errorf("to %s: %d writes, want %d", target, len(s.events)-before, writes)
		}
		at(to)
	}
	move("5", 5, 5, 0)
	move("50", 5, 50, 1)
	move("50", 50, 50, 0)
	s.refused(400, CodeExperimentNotNextLevel, "POST", path+"/advance-ramp", `{"target_level":5}`)
	s.refused(400, CodeExperimentRequiresDraft, "PATCH", path, `{"levels":[1]}`)

	s.must(200, "POST", path+"/status", `{"status":"paused"}`)
	at(50.0)
	fields("name", "description", "allocations")
	s.refused(409, CodeExperimentNotActive, "POST", path+"/advance-ramp", `{"target_level":100}`)
	s.must(200, "PATCH", path, `{"status":"active"}`)
	at(50.0) // where it was
	move("100", 50, 100, 1)
	s.refused(400, CodeExperimentNotNextLevel, "POST", path+"/advance-ramp", `{"target_level":99}`)
	move("100", 100, 100, 0)
	ended := s.must(200, "PATCH", path, `{"status":"completed"}`)
	if ended.field("ended_at") == nil || ended.field("current_level") != 100.0 {
		t.Errorf("completed: %s", ended.text)
	}
	s.must(200, "PATCH", path, `{"status":"archived","description":"what came of it"}`)
	fields("name", "description", "allocations")
	s.document()
}

// A transition that is refused takes the edits with it.
func TestPatchIsOneWrite(t *testing.T) {
	s := newSite(t, nil).world()
	before, writes := s.must(200, "GET", "experiments/{experiment}", "").text, len(s.events)
	s.refused(400, CodeExperimentTransition, "PATCH", "experiments/{experiment}", `{"name":"renamed","levels":[5],"status":"paused"}`)
	s.refused(400, "experiment_missing_control", "PATCH", "experiments/{experiment}", `{"name":"renamed","allocations":[{"variation_id":"{control}","weight":100,"is_control":false}],"status":"active"}`)
	s.status("active")
	s.refused(400, CodeExperimentRequiresPause, "PATCH", "experiments/{experiment}", `{"allocations":`+halves+`,"status":"paused"}`)
	s.status("paused")
	if after := s.must(200, "GET", "experiments/{experiment}", ""); after.field("name") != "first experiment" || after.field("levels") != nil {
		t.Errorf("before %s\nafter  %s", before, after.text)
	}
	// The status that it has is no change.
	at := len(s.events)
	if got := s.must(200, "PATCH", "experiments/{experiment}", `{"status":"paused"}`); len(s.events) != at || got.field("status") != "paused" {
		t.Errorf("%d writes: %s", len(s.events)-at, got.text)
	}
	if got := s.must(200, "PATCH", "experiments/{experiment}", `{"status":"paused","description":"still so"}`); len(s.events) != at+1 || got.field("description") != "still so" {
		t.Errorf("%d writes: %s", len(s.events)-at, got.text)
	}
	if len(s.events) != writes+3 {
		t.Errorf("%d writes, want 3", len(s.events)-writes)
	}
}

func TestFlows(t *testing.T) {
	s := newSite(t, nil).world()
	for i, flow := range []string{"authentication", "mfa_enrollment", "mfa_challenge", "password_reset", "passkey_enrollment", "all", "pre_authentication", "whatever"} {
		body := strings.Replace(halvesOf("flow "+flow), "pre_authentication", flow, 1)
		if i < 6 {
			body = strings.Replace(rampOf("flow "+flow, "[10]"), `"authentication"`, `"`+flow+`"`, 1)
		}
		got := s.must(201, "POST", "experiments", body)
		path := "experiments/" + got.id()
		if got.field("authentication_flow") != flow || got.field("is_valid") != true {
			t.Errorf("%s: %s", flow, got.text)
		}
		if list := s.must(200, "GET", "experiments?authentication_flow="+flow, ""); !bytes.Contains(list.text, []byte(got.id())) {
			t.Errorf("%s: %s", flow, list.text)
		}
		if i >= 1 && i <= 4 { // no request belongs to these
			s.refused(400, "experiment_flow_not_served", "PATCH", path, `{"status":"active"}`)
			if v := s.must(200, "POST", path+"/validate", ""); v.field("errors", 0, "code") != "experiment_flow_not_served" {
				t.Errorf("%s: %s", flow, v.text)
			}
			s.must(200, "PATCH", path, `{"authentication_flow":"authentication","status":"active"}`)
		} else {
			s.must(200, "PATCH", path, `{"status":"active"}`)
		}
		s.refused(400, CodeExperimentRequiresDraft, "PATCH", path, `{"authentication_flow":"mfa_challenge"}`)
		s.must(200, "PATCH", path, `{"status":"completed"}`)
	}
}

// One experiment of all flows is the only active one.
func TestAllFlowsAreAlone(t *testing.T) {
	s := newSite(t, func(c *Config) { c.MaxActive = 3 }).world()
	all := "experiments/" + s.must(201, "POST", "experiments", strings.Replace(halvesOf("all of them"), "pre_authentication", "all", 1)).id()
	s.status("active")
	s.refused(400, "experiment_active_limit_exceeded", "PATCH", all, `{"status":"active"}`)
	s.status("paused")
	s.must(200, "PATCH", all, `{"status":"active"}`)
	s.refused(400, "experiment_active_limit_exceeded", "POST", "experiments/{experiment}/status", `{"status":"active"}`)
}

func TestSegmentStatus(t *testing.T) {
	s := newSite(t, nil).world()
	experiment := "experiments/" + s.must(201, "POST", "experiments", targetedAt("for some")).id()
	s.refused(409, CodeSegmentInUse, "PATCH", "segments/{segment}", `{"status":"archived"}`)
	if got := s.must(200, "PATCH", experiment, `{"status":"active"}`); got.field("allocations", 1, "segment_name") != "mobile users" || got.field("allocations", 1, "segment_snapshot", "name") != "mobile users" {
		t.Errorf("activated: %s", got.text)
	}
	s.must(200, "PATCH", experiment, `{"status":"completed"}`)
	s.must(200, "PATCH", experiment, `{"status":"archived"}`)
	writes := len(s.events)
	if got := s.must(200, "PATCH", "segments/{segment}", `{"status":"active"}`); got.field("status") != "active" || len(s.events) != writes {
		t.Errorf("as it was, with %d writes: %s", len(s.events)-writes, got.text)
	}
	got := s.must(200, "PATCH", "segments/{segment}", `{"name":"phones","status":"archived"}`)
	if got.field("name") != "phones" || got.field("status") != "archived" || len(s.events) != writes+1 {
		t.Errorf("archived: %s", got.text)
	}
	s.refused(400, CodeSegmentTransition, "PATCH", "segments/{segment}", `{"status":"active"}`)
	s.refused(400, "segment_archived", "POST", "experiments", targetedAt("for them again"))
	s.refused(400, CodeInvalidBody, "PATCH", "segments/{segment}", `{"status":"draft"}`)
	s.refused(400, CodeInvalidBody, "POST", "segments", `{"name":"another one","status":"active","rules":[{"match":{"country":["DE"]}}]}`)
	if list := s.must(200, "GET", "segments", ""); list.field("segments", 0, "status") != "archived" {
		t.Errorf("listed: %s", list.text)
	}
	s.must(204, "DELETE", "segments/{segment}", "")
}

// What contradicts itself, or says what only answers say, is refused.
func TestEarlyAccessRefusals(t *testing.T) {
	s := newSite(t, nil).world()
	create := func(more string) string {
		return strings.Replace(rampOf("another", "[5,50]"), `"levels"`, more+`,"levels"`, 1)
	}
	for _, test := range []struct{ method, path, body, code, message string }{
		{"POST", "experiments", create(`"default_config":"tenant"`), CodeExperimentDefaultConfig, "default_config: feature flag"},
		{"PATCH", "experiments/{experiment}", `{"default_config":"flag"}`, CodeExperimentDefaultConfig, "default_config"},
		{"POST", "experiments", create(`"default_config":"mine"`), CodeInvalidBody, "default_config: must be one of tenant, flag"},
		{"POST", "experiments", create(`"assignment_config":{"subject":"user"}`), CodeInvalidBody, "assignment_config.subject: must be one of device"},
		{"POST", "experiments", create(`"status":"active"`), CodeInvalidBody, "status: cannot be given here; a new experiment is a draft"},
		{"POST", "experiments", create(`"current_level":5`), CodeInvalidBody, "current_level: is in answers only; leave it out"},
		{"POST", "experiments", create(`"feature_flag_name":"login page"`), CodeInvalidBody, "feature_flag_name: is in answers only"},
		{"POST", "experiments", create(`"editable_fields":[]`), CodeInvalidBody, "editable_fields: is in answers only"},
		{"POST", "experiments", strings.Replace(create(`"description":"why"`), `"is_control":true`, `"is_control":true,"variation_name":"control"`, 1), CodeInvalidBody, "allocations[0].variation_name: is in answers only"},
		{"POST", "experiments", rampOf("another", "[5,5]"), CodeInvalidBody, "levels[1]: must be above the level before it"},
		{"POST", "experiments", rampOf("another", "[50,101]"), CodeInvalidBody, "levels[1]: must be a whole number of percent"},
		{"POST", "experiments", rampOf("another", "[0.5]"), CodeInvalidBody, "levels[0]: must be a whole number"},
		{"POST", "experiments", rampOf("another", `"5"`), CodeInvalidBody, "levels: must be an array"},
		{"POST", "experiments", rampOf("another", "null"), CodeInvalidBody, "levels: must be an array"},
		{"PATCH", "experiments/{experiment}", `{"status":"draft"}`, CodeInvalidBody, "status: must be one of active, paused, completed, archived"},
		{"PATCH", "experiments/{experiment}", `{"feature_flag_id":"{flag}"}`, CodeInvalidBody, "feature_flag_id: cannot be changed"},
		{"PATCH", "experiments/{experiment}", `{"allocation_strategy":"percentage"}`, CodeInvalidBody, "allocation_strategy: cannot be changed"},
		{"POST", "experiments/{experiment}/advance-ramp", `{"target_level":5}`, CodeExperimentNoRamp, "no levels"},
		{"POST", "experiments/{experiment}/advance-ramp", `{"target_level":"5"}`, CodeInvalidBody, "target_level: must be a number"},
		{"POST", "experiments/{experiment}/advance-ramp", `{"target_level":101}`, CodeInvalidBody, "target_level: must be a whole number of percent"},
		{"POST", "experiments/{experiment}/advance-ramp", `{"target_level":-1}`, CodeInvalidBody, "target_level"},
		{"POST", "experiments/{experiment}/advance-ramp", `{"target_level":1e2}`, CodeInvalidBody, "target_level"},
		{"POST", "experiments/{experiment}/advance-ramp", `{}`, CodeInvalidBody, "target_level: is missing"},
		{"POST", "experiments/{experiment}/advance-ramp", `{"target_level":5,"level":5}`, CodeInvalidBody, "level: is no field here"},
		{"POST", "experiments/{experiment}/advance-ramp", `[]`, CodeInvalidBody, "must be an object"},
	} {
		writes := len(s.events)
		if got := s.refused(400, test.code, test.method, test.path, test.body); !strings.Contains(got.message(), test.message) {
			t.Errorf("%s %s %s: %s", test.method, test.path, test.body, got.message())
		}
		if len(s.events) != writes {
			t.Errorf("%s %s %s: was written", test.method, test.path, test.body)
		}
	}
	s.refused(404, CodeExperimentNotFound, "POST", "experiments/exp_1/advance-ramp", `{"target_level":5}`)
	s.refused(405, CodeMethodNotAllowed, "GET", "experiments/{experiment}/advance-ramp", "")
}

// A flag that Auth0 manages has a choice of where the other parameters come from.
func TestDefaultConfig(t *testing.T) {
	s := newSite(t, nil).world()
	managed(s)
	body := `{"name":"managed","feature_flag_id":"flg_managed","authentication_flow":"authentication","allocation_strategy":"percentage"`
	got := s.must(201, "POST", "experiments", body+`}`)
	path := "experiments/" + got.id()
	if got.field("default_config") != "tenant" || got.field("allocations", 0) != nil || got.field("is_valid") != false {
		t.Errorf("created: %s", got.text)
	}
	if got := s.must(200, "PATCH", path, `{"default_config":"flag"}`); got.field("default_config") != "flag" {
		t.Errorf("changed: %s", got.text)
	}
	if got := s.must(201, "POST", "experiments", strings.Replace(body, "managed", "another one", 1)+`,"default_config":"flag"}`); got.field("default_config") != "flag" {
		t.Errorf("created: %s", got.text)
	}
}

// Clients have whole numbers for weights that are whole.
func TestWholeWeightsAreWhole(t *testing.T) {
	s := newSite(t, nil).world()
	s.must(200, "PATCH", "experiments/{experiment}", `{"allocations":[{"variation_id":"{control}","weight":33.0,"is_control":true},{"variation_id":"{treatment}","weight":67,"is_control":false}]}`)
	if got := s.must(200, "GET", "experiments/{experiment}", ""); !bytes.Contains(got.text, []byte(`"weight":33,`)) || !bytes.Contains(got.text, []byte(`"weight":67,`)) {
		t.Errorf("got %s", got.text)
	}
}

// A form says the same.
func TestRampInForms(t *testing.T) {
	s := newSite(t, nil).world()
	send := func(method, path, form string) reply {
		t.Helper()
		r := s.request(method, path, form)
		r.Header.Set("Content-Type", formType)
		return s.send(r)
	}
	for i, levels := range []string{"levels=5&levels=50", "levels=[5,50]", "levels[0]=5&levels[1]=50"} {
		if got := send("PATCH", "experiments/{experiment}", levels); got.status != http.StatusOK || got.field("levels", 1) != 50.0 {
			t.Fatalf("form %d: %s", i, got.text)
		}
	}
	if got := send("PATCH", "experiments/{experiment}", "status=active"); got.field("current_level") != 5.0 {
		t.Fatalf("activated: %s", got.text)
	}
	if got := send("POST", "experiments/{experiment}/advance-ramp", "target_level=50"); got.field("current_level") != 50.0 {
		t.Fatalf("advanced: %s", got.text)
	}
}
