package management

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// long is a JSON string of n characters.
func long(n int) string { return `"` + strings.Repeat("x", n) + `"` }

// refusals has every refusal that the API has for what a request asks. The
// message is a part of what the answer must say.
var refusals = []struct {
	name               string
	before             func(*site)
	method, path, body string
	status             int
	code               string
	message            string
}{
	{"flag unknown", nil, "GET", "feature-flags/flg_1", "", 404, CodeFlagNotFound, "Feature flag not found."},
	{"flag with an id of another form", nil, "GET", "feature-flags/nonsense", "", 404, CodeFlagNotFound, ""},
	{"flag unknown, patched", nil, "PATCH", "feature-flags/flg_1", `{"name":"abc"}`, 404, CodeFlagNotFound, ""},
	{"flag unknown, status", nil, "POST", "feature-flags/flg_1/status", `{"status":"active"}`, 404, CodeFlagNotFound, ""},
	{"flag unknown, variations", nil, "GET", "feature-flags/flg_1/variations", "", 404, CodeFlagNotFound, ""},
	{"flag unknown, new variation", nil, "POST", "feature-flags/flg_1/variations", `{"name":"abc","overrides":{}}`, 404, CodeFlagNotFound, ""},
	{"flag unknown, variation", nil, "GET", "feature-flags/flg_1/variations/{control}", "", 404, CodeFlagNotFound, ""},
	{"flag unknown, variation patched", nil, "PATCH", "feature-flags/flg_1/variations/{control}", `{"name":"abc"}`, 404, CodeFlagNotFound, ""},
	{"flag unknown, variation deleted", nil, "DELETE", "feature-flags/flg_1/variations/{control}", "", 404, CodeFlagNotFound, ""},
	{"flag unknown, experiment", nil, "POST", "experiments", strings.Replace(halvesOf("another"), "{flag}", "flg_1", 1), 404, CodeFlagNotFound, ""},
	{"flag's name taken", nil, "POST", "feature-flags", `{"name":"login page","parameters":{"a":{"type":"boolean","value":true}}}`, 409, CodeFlagNameTaken, "A feature flag with this name already exists."},
	{"flag's name taken by patch", func(s *site) {
		s.must(201, "POST", "feature-flags", `{"name":"other flag","parameters":{"a":{"type":"boolean","value":true}}}`)
	},
		"PATCH", "feature-flags/{flag}", `{"name":"other flag"}`, 409, CodeFlagNameTaken, ""},
	{"flag of the provider patched", managed, "PATCH", "feature-flags/flg_managed", `{"name":"abc"}`, 403, CodeFlagNotModifiable, "Feature flag cannot be modified."},
	{"flag of the provider activated", managed, "POST", "feature-flags/flg_managed/status", `{"status":"active"}`, 403, CodeFlagNotModifiable, ""},
	{"flag of the provider deleted", managed, "DELETE", "feature-flags/flg_managed", "", 403, CodeFlagNotModifiable, ""},
	{"flag of the provider varied", managed, "POST", "feature-flags/flg_managed/variations", `{"name":"abc","overrides":{}}`, 403, CodeFlagNotModifiable, ""},
	{"flag in use deleted", nil, "DELETE", "feature-flags/{flag}", "", 409, CodeFlagInUse, "in use by one or more non-archived experiments"},
	{"flag archived, new experiment", func(s *site) { s.must(200, "POST", "feature-flags/{flag}/status", `{"status":"archived"}`) },
		"POST", "experiments", halvesOf("another"), 400, CodeFlagArchived, ""},
	{"flag active to draft", nil, "POST", "feature-flags/{flag}/status", `{"status":"draft"}`, 400, CodeFlagTransition, "Status transition is not allowed: active to draft."},
	{"flag active to active", nil, "POST", "feature-flags/{flag}/status", `{"status":"active"}`, 400, CodeFlagTransition, ""},
	{"flag archived to active", func(s *site) { s.must(200, "POST", "feature-flags/{flag}/status", `{"status":"archived"}`) },
		"POST", "feature-flags/{flag}/status", `{"status":"active"}`, 400, CodeFlagTransition, ""},
	{"flag archived to archived", func(s *site) { s.must(200, "POST", "feature-flags/{flag}/status", `{"status":"archived"}`) },
		"POST", "feature-flags/{flag}/status", `{"status":"archived"}`, 400, CodeFlagTransition, ""},
	{"flag with one variation activated", func(s *site) {
		s.edit(func(d *engine.Document) {
			d.FeatureFlags = append(d.FeatureFlags, engine.FeatureFlag{ID: "flg_1", Name: "abc", Status: engine.FlagDraft, Variations: []engine.Variation{{ID: "var_1", Name: "abc"}}})
		})
	}, "POST", "feature-flags/flg_1/status", `{"status":"active"}`, 400, CodeFlagTooFew, "Feature flag must have at least 2 variations to be activated."},
	{"flag's last variation deleted", func(s *site) {
		s.must(204, "DELETE", "experiments/{experiment}", "")
		s.must(204, "DELETE", "feature-flags/{flag}/variations/{control}", "")
	}, "DELETE", "feature-flags/{flag}/variations/{treatment}", "", 400, CodeFlagLastVariation, "Cannot delete the last variation."},
	{"flag with too many variations", func(s *site) {
		for i := range MaxVariations - 2 {
			s.must(201, "POST", "feature-flags/{flag}/variations", `{"name":"number `+strconv.Itoa(i)+`","overrides":{}}`)
		}
	}, "POST", "feature-flags/{flag}/variations", `{"name":"one more","overrides":{}}`, 400, CodeFlagVariationLimit, "Feature flag variation limit exceeded."},
	{"flag over the header budget", nil, "POST", "feature-flags", `{"name":"large flag","parameters":{` + large(10, 900) + `}}`, 400, CodeFlagHeaderTooLarge, "of the baseline would make a header of"},
	{"flag over the header budget by patch", nil, "PATCH", "feature-flags/{flag}", `{"parameters":{"color":{"type":"string","value":"blue"},` + large(9, 900) + `}}`, 400, CodeFlagHeaderTooLarge, "it may have 8000"},
	{"flag over the header budget by override", func(s *site) {
		s.must(200, "PATCH", "feature-flags/{flag}", `{"parameters":{"color":{"type":"string","value":"blue"},`+large(9, 820)+`}}`)
	}, "PATCH", "feature-flags/{flag}/variations/{treatment}", `{"overrides":{"a":{"value":` + long(1000) + `},"b":{"value":` + long(1000) + `}}}`, 400, CodeFlagHeaderTooLarge, "var_"},
	{"parameter of another type", nil, "POST", "feature-flags", `{"name":"abc","parameters":{"a.b":{"type":"boolean","value":1}}}`, 400, CodeParameterType, `parameters["a.b"].value: must be of type boolean, is number`},
	{"parameter null", nil, "PATCH", "feature-flags/{flag}", `{"parameters":{"color":{"type":"string","value":null}}}`, 400, CodeParameterType, "is null"},
	{"parameter too large", nil, "POST", "feature-flags", `{"name":"abc","parameters":{"a":{"type":"string","value":` + long(1023) + `}}}`, 400, CodeParameterTooLarge, "Parameter value exceeds maximum size of 1KB."},
	{"parameter removed that is overridden", nil, "PATCH", "feature-flags/{flag}", `{"parameters":{"limit":{"type":"number","value":3}}}`, 400, CodeParameterOverridden, "parameters.color: cannot be removed"},
	{"parameter retyped that is overridden", nil, "PATCH", "feature-flags/{flag}", `{"parameters":{"color":{"type":"number","value":3}}}`, 400, CodeParameterOverridden, "parameters.color.type"},

	{"variation unknown", nil, "GET", "feature-flags/{flag}/variations/var_1", "", 404, CodeVariationNotFound, "Variation not found."},
	{"variation unknown, patched", nil, "PATCH", "feature-flags/{flag}/variations/var_1", `{"name":"abc"}`, 404, CodeVariationNotFound, ""},
	{"variation's name taken", nil, "POST", "feature-flags/{flag}/variations", `{"name":"control","overrides":{}}`, 409, CodeVariationNameTaken, "already exists on this feature flag"},
	{"variation's name taken by patch", nil, "PATCH", "feature-flags/{flag}/variations/{treatment}", `{"name":"control"}`, 409, CodeVariationNameTaken, ""},
	{"variation in use deleted", nil, "DELETE", "feature-flags/{flag}/variations/{control}", "", 409, CodeVariationInUse, "non-archived allocations"},
	{"override of no parameter", nil, "POST", "feature-flags/{flag}/variations", `{"name":"abc","overrides":{"size":{"value":1}}}`, 400, CodeOverrideUnknown, "Invalid override key. overrides.size"},
	{"override of another type", nil, "POST", "feature-flags/{flag}/variations", `{"name":"abc","overrides":{"limit":{"value":"1"}}}`, 400, CodeOverrideType, "overrides.limit.value: must be of type number, is string"},
	{"override like the default", nil, "POST", "feature-flags/{flag}/variations", `{"name":"abc","overrides":{"limit":{"value":3.0}}}`, 400, CodeOverrideDefault, "overrides.limit.value"},
	{"override like the default by patch", nil, "PATCH", "feature-flags/{flag}/variations/{treatment}", `{"overrides":{"color":{"value":"blu\u0065"}}}`, 400, CodeOverrideDefault, ""},
	{"override too large", nil, "PATCH", "feature-flags/{flag}/variations/{treatment}", `{"overrides":{"color":{"value":` + long(1023) + `}}}`, 400, CodeOverrideTooLarge, "Override value exceeds maximum size of 1KB."},

	{"segment unknown", nil, "GET", "segments/seg_1", "", 404, CodeSegmentNotFound, "Segment not found."},
	{"segment unknown, patched", nil, "PATCH", "segments/seg_1", `{"name":"abc"}`, 404, CodeSegmentNotFound, ""},
	{"segment's name taken", nil, "POST", "segments", `{"name":"mobile users","rules":[{"match":{"country":["US"]}}]}`, 409, CodeSegmentNameTaken, "A segment with this name already exists."},
	{"segment's name taken by patch", func(s *site) {
		s.must(201, "POST", "segments", `{"name":"others","rules":[{"match":{"country":["US"]}}]}`)
	}, "PATCH", "segments/{segment}", `{"name":"others"}`, 409, CodeSegmentNameTaken, ""},
	{"segment of the provider patched", managed, "PATCH", "segments/seg_managed", `{"name":"abc"}`, 403, CodeSegmentNotModifiable, "Segment cannot be modified."},
	{"segment of the provider deleted", managed, "DELETE", "segments/seg_managed", "", 403, CodeSegmentNotModifiable, ""},
	{"segment in use deleted", func(s *site) { s.must(201, "POST", "experiments", targetedAt("another")) }, "DELETE", "segments/{segment}", "", 409, CodeSegmentInUse, ""},

	{"experiment unknown", nil, "GET", "experiments/exp_1", "", 404, CodeExperimentNotFound, "Experiment not found."},
	{"experiment unknown, patched", nil, "PATCH", "experiments/exp_1", `{"name":"abc"}`, 404, CodeExperimentNotFound, ""},
	{"experiment unknown, status", nil, "POST", "experiments/exp_1/status", `{"status":"active"}`, 404, CodeExperimentNotFound, ""},
	{"experiment unknown, validated", nil, "POST", "experiments/exp_1/validate", "", 404, CodeExperimentNotFound, ""},
	{"experiment's name taken", nil, "POST", "experiments", halvesOf("first experiment"), 409, CodeExperimentNameTaken, "An experiment with this name already exists."},
	{"experiment's name taken by patch", func(s *site) { s.must(201, "POST", "experiments", halvesOf("another")) }, "PATCH", "experiments/{experiment}", `{"name":"another"}`, 409, CodeExperimentNameTaken, ""},
	{"experiment active, deleted", func(s *site) { s.status("active") }, "DELETE", "experiments/{experiment}", "", 400, CodeExperimentActive, "Pause or complete the experiment first."},
	{"experiment active, allocations", func(s *site) { s.status("active") }, "PATCH", "experiments/{experiment}", `{"allocations":` + halves + `}`, 400, CodeExperimentRequiresPause, "Cannot modify allocations on an active experiment"},
	{"experiment completed to active", func(s *site) { s.status("active", "completed") }, "POST", "experiments/{experiment}/status", `{"status":"active"}`, 400, CodeExperimentCompleted, "Completed experiments cannot be reactivated."},
	{"experiment draft to paused", nil, "POST", "experiments/{experiment}/status", `{"status":"paused"}`, 400, CodeExperimentTransition, "Status transition is not allowed: draft to paused."},
	{"experiment not ready", func(s *site) {
		s.must(200, "PATCH", "experiments/{experiment}", `{"allocations":[{"variation_id":"{control}","weight":1,"is_control":false}]}`)
	}, "POST", "experiments/{experiment}/status", `{"status":"active"}`, 400, CodeExperimentNotReady, "Experiment cannot be activated: validation failed. exactly one allocation must have is_control true, 0 have; the weights must sum to 100, they sum to 1."},
	{"experiment with too many allocations", nil, "PATCH", "experiments/{experiment}",
		`{"allocations":[` + strings.TrimSuffix(strings.Repeat(`{"variation_id":"{control}","is_control":false},`, 21), ",") + `]}`, 400, CodeExperimentAllocationLimit, "Experiments may have at most 20 allocations."},
	{"new experiment with too many allocations", nil, "POST", "experiments",
		strings.Replace(halvesOf("another"), halves, `[`+strings.TrimSuffix(strings.Repeat(`{"variation_id":"{control}","is_control":false},`, 21), ",")+`]`, 1), 400, CodeExperimentAllocationLimit, ""},
	{"experiment of an unknown segment", nil, "POST", "experiments", strings.Replace(targetedAt("another"), "{segment}", "seg_1", 1), 400, CodeExperimentSegmentUnknown, "allocations[1].segment_id"},
	{"experiment of another flag's variation", nil, "PATCH", "experiments/{experiment}", `{"allocations":[{"variation_id":"var_1","is_control":true}]}`, 400, engine.CodeForeignVariation, "Variation does not belong to the referenced feature flag. allocations[0].variation_id"},
	{"experiment of a flag in draft", func(s *site) {
		s.edit(func(d *engine.Document) { d.FeatureFlags[0].Status = engine.FlagDraft })
	}, "POST", "experiments/{experiment}/status", `{"status":"active"}`, 400, engine.CodeFlagNotActive, ""},
	{"experiment without allocations", func(s *site) {
		s.edit(func(d *engine.Document) { d.Experiments[0].Allocations = nil })
	}, "POST", "experiments/{experiment}/status", `{"status":"active"}`, 400, engine.CodeMissingAllocations, ""},
	{"experiment without control", allocated(`[{"variation_id":"{control}","weight":100,"is_control":false}]`), "POST", "experiments/{experiment}/status", `{"status":"active"}`, 400, engine.CodeMissingControl, ""},
	{"experiment with other weights", allocated(`[{"variation_id":"{control}","weight":99.999,"is_control":true}]`), "POST", "experiments/{experiment}/status", `{"status":"active"}`, 400, engine.CodeInvalidWeights, "they sum to 99.999"},
	{"experiment without fallback", targeted(func(a []engine.Allocation) { a[0].IsFallback = false }), "POST", "experiments/exp_1/status", `{"status":"active"}`, 400, engine.CodeMissingDefault, ""},
	{"experiment with two fallbacks", targeted(func(a []engine.Allocation) { a[1].IsFallback = true }), "POST", "experiments/exp_1/status", `{"status":"active"}`, 400, engine.CodeMultipleDefaults, ""},
	{"experiment of expensive segments", func(s *site) {
		targeted(func([]engine.Allocation) {})(s)
		s.edit(func(d *engine.Document) {
			d.Segments[0].Rules = slices.Repeat([]engine.Rule{{Match: map[engine.Attribute]engine.Expression{
				engine.UserAgent: {Operator: engine.Contains, Values: []string{"x"}}}}}, 200)
		})
	}, "POST", "experiments/exp_1/status", `{"status":"active"}`, 400, engine.CodeSegmentsTooExpensive, "of at most 131072"},
	{"experiment beside an active one", func(s *site) {
		s.status("active")
		targeted(func([]engine.Allocation) {})(s)
	}, "POST", "experiments/exp_1/status", `{"status":"active"}`, 400, engine.CodeActiveLimitExceeded, "already active"},
	{"experiment of a flow without requests", func(s *site) {
		s.must(200, "PATCH", "experiments/{experiment}", `{"authentication_flow":"mfa_challenge"}`)
	}, "POST", "experiments/{experiment}/status", `{"status":"active"}`, 400, engine.CodeFlowNotServed, "its authentication_flow is mfa_challenge"},
	{"experiment of an archived segment", archived, "POST", "experiments", strings.Replace(targetedAt("another"), "{segment}", "seg_Former", 1), 400, engine.CodeSegmentArchived, "allocations[1].segment_id: segment seg_Former is archived"},
	{"experiment whose segment was archived by hand", func(s *site) {
		targeted(func([]engine.Allocation) {})(s)
		s.edit(func(d *engine.Document) { d.Segments[0].Status = engine.SegmentArchived })
	}, "POST", "experiments/exp_1/status", `{"status":"active"}`, 400, engine.CodeSegmentArchived, "is archived"},
	{"segment archived to active", archived, "PATCH", "segments/seg_Former", `{"name":"renamed","status":"active"}`, 400, CodeSegmentTransition, "archived to active"},
	{"segment in use archived", func(s *site) { s.must(201, "POST", "experiments", targetedAt("another")) }, "PATCH", "segments/{segment}", `{"name":"renamed","status":"archived"}`, 409, CodeSegmentInUse, ""},
	{"experiment paused, levels", func(s *site) { s.status("active", "paused") }, "PATCH", "experiments/{experiment}", `{"name":"renamed","levels":[5]}`, 400, CodeExperimentRequiresDraft, "levels: can only be changed"},
	{"experiment of one's own flag with default_config", nil, "PATCH", "experiments/{experiment}", `{"default_config":"flag"}`, 400, CodeExperimentDefaultConfig, "default_config"},
	{"ramp of an experiment without levels", nil, "POST", "experiments/{experiment}/advance-ramp", `{"target_level":5}`, 400, CodeExperimentNoRamp, ""},
	{"ramp of a draft", ramping, "POST", "experiments/{experiment}/advance-ramp", `{"target_level":50}`, 409, CodeExperimentNotActive, "in draft status"},
	{"ramp over a level", func(s *site) { ramping(s); s.status("active") }, "POST", "experiments/{experiment}/advance-ramp", `{"target_level":100}`, 400, CodeExperimentNotNextLevel, "must be 50, the level after 5; got 100"},
	{"ramp beyond its end", func(s *site) {
		ramping(s)
		s.status("active")
		s.must(200, "POST", "experiments/{experiment}/advance-ramp", `{"target_level":50}`)
		s.must(200, "POST", "experiments/{experiment}/advance-ramp", `{"target_level":100}`)
	}, "POST", "experiments/{experiment}/advance-ramp", `{"target_level":99}`, 400, CodeExperimentNotNextLevel, "its last level"},
	{"patch whose transition is refused", nil, "PATCH", "experiments/{experiment}", `{"name":"renamed","status":"paused"}`, 400, CodeExperimentTransition, "draft to paused"},

	{"method that a path lacks", nil, "PUT", "experiments/{experiment}", "", 405, CodeMethodNotAllowed, ""},
	{"path of nobody", nil, "GET", "experiment", "", 404, CodeRouteNotFound, ""},
}

// large are n parameters a, b, c, … with values of so many characters.
func large(n, size int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(`"%c":{"type":"string","value":%s}`, 'a'+i, long(size))
	}
	return strings.Join(parts, ",")
}

// managed adds entities that the provider manages.
func managed(s *site) {
	s.edit(func(d *engine.Document) {
		d.FeatureFlags = append(d.FeatureFlags, engine.FeatureFlag{ID: "flg_managed", Name: "managed", Type: engine.TypeAuth0, Status: engine.FlagDraft})
		d.Segments = append(d.Segments, engine.Segment{ID: "seg_managed", Name: "managed", Type: engine.TypeAuth0})
	})
}

// allocated gives the experiment other allocations.
func allocated(allocations string) func(*site) {
	return func(s *site) {
		s.must(200, "PATCH", "experiments/{experiment}", `{"allocations":`+allocations+`}`)
	}
}

// archived adds a segment that is archived.
func archived(s *site) {
	s.edit(func(d *engine.Document) {
		d.Segments = append(d.Segments, engine.Segment{ID: "seg_Former", Name: "old", Status: engine.SegmentArchived})
	})
}

// ramping sets a ramp for the experiment.
func ramping(s *site) { s.must(200, "PATCH", "experiments/{experiment}", `{"levels":[5,50,100]}`) }

// targeted adds a segment experiment exp_1 that is ready but for a change.
func targeted(change func([]engine.Allocation)) func(*site) {
	return func(s *site) {
		s.must(201, "POST", "experiments", targetedAt("another"))
		s.edit(func(d *engine.Document) {
			e := &d.Experiments[len(d.Experiments)-1]
			e.ID = "exp_1"
			change(e.Allocations)
		})
	}
}

func TestRefusals(t *testing.T) {
	answered := map[string]bool{}
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, nil).world()
			if c.before != nil {
				c.before(s)
			}
			before, events := marshalled(t, s), len(s.events)
			got := s.refused(c.status, c.code, c.method, c.path, c.body)
			if !strings.Contains(got.message(), c.message) {
				t.Errorf("the message is %q, want in it %q", got.message(), c.message)
			}
			if after := marshalled(t, s); after != before || len(s.events) != events {
				t.Error("the refused request changed the document")
			}
			answered[c.code] = true
		})
	}
	// Those have tests of their own.
	for _, code := range []string{
		CodeInvalidBody, CodeInvalidContentType, CodeBodyTooLarge, CodeInvalidQuery, CodeInvalidToken, CodeInsufficientScope, CodeNotEntitled,
		CodePreconditionFailed, CodeTooManyRequests, CodeDocumentTooLarge, CodeDocumentLimit, CodeDocumentInvalid, CodeStoreUnavailable, CodeServiceFailed,
		CodeEventsBusy, CodeEventsOff, CodeEventsTooLarge, CodeEventsRejected, CodeEventsUnavailable, CodeResultsBusy, CodeIterationNotFound, CodeMetricNotFound,
	} {
		answered[code] = true
	}
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		if !answered[code] {
			t.Errorf("no case is refused with %s", code)
		}
	}
}

func marshalled(t testing.TB, s *site) string {
	t.Helper()
	version, err := s.store.Load(t.Context(), "default/production")
	if err != nil {
		t.Fatal(err)
	}
	return string(version.Text)
}

// Every way from one status to another is either a transition or refused.
func TestTransitions(t *testing.T) {
	ways := map[string][]string{
		"draft": {}, "active": {"active"}, "paused": {"active", "paused"},
		"completed": {"active", "completed"}, "archived": {"archived"},
	}
	allowed := map[string]string{
		"draft": "active archived", "active": "paused completed", "paused": "active completed archived", "completed": "archived", "archived": "",
	}
	for from, way := range ways {
		for _, to := range []string{"active", "paused", "completed", "archived"} {
			t.Run(from+" to "+to, func(t *testing.T) {
				s := newSite(t, nil).world()
				s.status(way...)
				got := s.do("POST", "experiments/{experiment}/status", `{"status":"`+to+`"}`)
				if want := strings.Contains(allowed[from], to); (got.status == http.StatusOK) != want {
					t.Errorf("got %d %s, want it allowed: %v", got.status, got.text, want)
				}
				if got.status != http.StatusOK && got.status != http.StatusBadRequest {
					t.Errorf("got %d", got.status)
				}
			})
		}
	}
}

// The bodies that the troubleshooting page shows come exactly like this.
func TestDocumentedBodies(t *testing.T) {
	s := newSite(t, nil).world()
	s.status("active")
	got := s.do("PATCH", "experiments/{experiment}", `{"allocations":`+halves+`}`)
	if want := `{"statusCode":400,"error":"Bad Request","message":"Cannot modify allocations on an active experiment","errorCode":"experiment_requires_pause"}`; strings.TrimSpace(string(got.text)) != want {
		t.Errorf("got %s, want %s", got.text, want)
	}
	s = newSite(t, func(c *Config) { c.Entitled = func(store.Tenant) bool { return false } })
	got = s.do("GET", "experiments", "")
	if want := `{"statusCode":403,"error":"Forbidden","message":"Experiment Center is not enabled for this tenant","errorCode":"feature_not_entitled"}`; strings.TrimSpace(string(got.text)) != want {
		t.Errorf("got %s, want %s", got.text, want)
	}
}

// What archived experiments refer to can be deleted, and what is left of them
// can be read.
func TestDeletingWhatArchivedExperimentsReferTo(t *testing.T) {
	s := newSite(t, nil).world()
	id := s.must(201, "POST", "experiments", targetedAt("another")).id()
	s.status("archived")
	s.must(200, "POST", "experiments/"+id+"/status", `{"status":"archived"}`)
	s.must(204, "DELETE", "segments/{segment}", "")
	s.must(204, "DELETE", "feature-flags/{flag}/variations/{treatment}", "")
	d := s.document()
	if len(d.Experiments) != 2 || len(d.Experiments[1].Allocations) != 1 || d.Experiments[1].Allocations[0].SegmentID != "" {
		t.Errorf("the experiments are %+v", d.Experiments)
	}
	s.must(204, "DELETE", "feature-flags/{flag}", "")
	if d := s.document(); len(d.Experiments) != 0 {
		t.Errorf("the experiments are %+v", d.Experiments)
	}
	if last := s.events[len(s.events)-1]; len(last.Removed) != 2 {
		t.Errorf("the event is %+v", last)
	}
	s.refused(404, CodeExperimentNotFound, "GET", "experiments/"+id, "")
}
