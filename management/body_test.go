package management

import (
	"fmt"
	"strings"
	"testing"
)

func TestBodies(t *testing.T) {
	const flag, experiment = "feature-flags", "experiments"
	parameters := `"parameters":{"a":{"type":"boolean","value":true}}`
	segment := func(rules string) string { return `{"name":"abc","rules":` + rules + `}` }
	eleven := `"client_id":["a"],"connection":["a"],"connection_type":["a"],"organization_id":["a"],"domain":["a"],"device_type":["a"],"browser":["a"],"platform":["a"],"user_agent":["a"],"country":["a"],"region":["a"]`
	for _, c := range []struct {
		name, path, body, want string
	}{
		{"empty", flag, " ", "the body is empty"},
		{"no JSON", flag, `{"name":`, "the body is not JSON"},
		{"two values", flag, `{} {}`, "the body is not JSON"},
		{"not UTF-8", flag, "{\"name\":\"\xff\"}", "the body is not valid UTF-8"},
		{"a list", flag, `[]`, "must be an object, got an array"},
		{"null", flag, `null`, "must be an object, got null"},
		{"nothing of it", flag, `{}`, "name: is missing; parameters: is missing"},
		{"field twice", flag, `{"name":"abc","name":"abc",` + parameters + `}`, "name: is given twice"},
		{"field twice inside", flag, `{"name":"abc","parameters":{"a":{"type":"boolean","value":{"x":1,"x":2}}}}`, "parameters.a.value.x: is given twice"},
		{"field unknown", flag, `{"name":"abc","nmae":"abc",` + parameters + `}`, "nmae: is no field here"},
		{"field unknown inside", flag, `{"name":"abc","parameters":{"a":{"type":"boolean","value":true,"default":1}}}`, "parameters.a.default: is no field here"},
		{"field of the answer", flag, `{"id":"flg_1","name":"abc",` + parameters + `}`, "id: is no field here"},
		{"too deep", flag, `{"name":"abc","parameters":{"a":{"type":"array","value":` + strings.Repeat("[", 22) + strings.Repeat("]", 22) + `}}}`, "is nested deeper than 24 levels"},
		{"far too deep", flag, strings.Repeat("[", 100000) + strings.Repeat("]", 100000), "the body is not JSON"},
		{"name of another type", flag, `{"name":1,` + parameters + `}`, "name: must be a string, got a number"},
		{"name null", flag, `{"name":null,` + parameters + `}`, "name: must be a string, got null"},
		{"name short", flag, `{"name":"ab",` + parameters + `}`, "name: must have 3 to 255 characters, has 2"},
		{"name long", flag, `{"name":` + long(256) + `,` + parameters + `}`, "name: must have 3 to 255 characters, has 256"},
		{"name with space before", flag, `{"name":" abc",` + parameters + `}`, "name: must not begin or end with white space"},
		{"name with space behind", flag, `{"name":"abc\u00a0",` + parameters + `}`, "name: must not begin or end with white space"},
		{"name with NUL", flag, `{"name":"a\u0000c",` + parameters + `}`, "name: must not contain line breaks or NUL"},
		{"name with a line break", flag, `{"name":"a\nc",` + parameters + `}`, "name: must not contain line breaks or NUL"},
		{"description short", flag, `{"name":"abc","description":"",` + parameters + `}`, "description: must have 3 to 1024 characters, has 0"},
		{"description long", flag, `{"name":"abc","description":` + long(1025) + `,` + parameters + `}`, "description: must have 3 to 1024"},
		{"description null", flag, `{"name":"abc","description":null,` + parameters + `}`, "description: must be a string, got null"},
		{"no parameters", flag, `{"name":"abc","parameters":{}}`, "parameters: must have at least 1 parameters"},
		{"parameters of another type", flag, `{"name":"abc","parameters":[]}`, "parameters: must be an object, got an array"},
		{"eleven parameters", flag, `{"name":"abc","parameters":{` + large(11, 1) + `}}`, "parameters: must have at most 10 parameters, has 11"},
		{"parameter without type", flag, `{"name":"abc","parameters":{"a":{"value":true}}}`, "parameters.a.type: is missing"},
		{"parameter without value", flag, `{"name":"abc","parameters":{"a":{"type":"boolean"}}}`, "parameters.a.value: is missing"},
		{"parameter of an unknown type", flag, `{"name":"abc","parameters":{"a":{"type":"date","value":1}}}`, "parameters.a.type: must be one of string, boolean"},
		{"parameter's description long", flag, `{"name":"abc","parameters":{"a":{"type":"boolean","value":true,"description":` + long(256) + `}}}`, "parameters.a.description: must have 0 to 255"},
		{"parameter without name", flag, `{"name":"abc","parameters":{"":{"type":"boolean","value":true}}}`, "must have a name of 1 to 255"},
		{"override without value", "feature-flags/{flag}/variations", `{"name":"abc","overrides":{"color":{}}}`, "overrides.color.value: is missing"},
		{"override bare", "feature-flags/{flag}/variations", `{"name":"abc","overrides":{"color":"red"}}`, "overrides.color: must be an object, got a string"},
		{"overrides missing", "feature-flags/{flag}/variations", `{"name":"abc"}`, "overrides: is missing"},
		{"no rules", "segments", segment(`[]`), "rules: must have at least 1 rules"},
		{"rule empty", "segments", segment(`[{}]`), "rules[0]: must have match or not_match"},
		{"rule of older form", "segments", segment(`[{"match_type":"all","conditions":[]}]`), "rules[0].match_type: is no field here"},
		{"no conditions", "segments", segment(`[{"match":{}}]`), "rules[0].match: must have at least one condition"},
		{"eleven conditions", "segments", segment(`[{"not_match":{` + eleven + `}}]`), "rules[0].not_match: must have at most 10 conditions, has 11"},
		{"attribute unknown", "segments", segment(`[{"match":{"city":["a"]}}]`), "rules[0].match.city: is no attribute"},
		{"operator unknown", "segments", segment(`[{"match":{"country":{"equals":["a"]}}}]`), "rules[0].match.country.equals: is no operator"},
		{"two operators", "segments", segment(`[{"match":{"country":{"contains":["a"],"exists":true}}}]`), "rules[0].match.country: must be an array"},
		{"no values", "segments", segment(`[{"match":{"country":[]}}]`), "rules[0].match.country: must have at least 1 values"},
		{"no values inside", "segments", segment(`[{"match":{"country":{"contains":[]}}}]`), "rules[0].match.country.contains: must have at least 1 values"},
		{"value long", "segments", segment(`[{"match":{"country":{"contains":["a",` + long(1025) + `]}}}]`), "rules[0].match.country.contains[1]: must have 0 to 1024"},
		{"value of another type", "segments", segment(`[{"match":{"country":[1]}}]`), "rules[0].match.country[0]: must be a string, got a number"},
		{"no allocations", experiment, strings.Replace(halvesOf("abc"), halves, "[]", 1), "allocations: must have at least 1 allocations"},
		{"weight too large", experiment, strings.Replace(halvesOf("abc"), "50", "100.1", 1), "allocations[0].weight: must be a number between 0 and 100"},
		{"weight too fine", experiment, strings.Replace(halvesOf("abc"), "50", "0.0001", 1), "allocations[0].weight: must have at most three decimals"},
		{"weight of another type", experiment, strings.Replace(halvesOf("abc"), "50", `"50"`, 1), "allocations[0].weight: must be a number, got a string"},
		{"control missing", experiment, strings.Replace(halvesOf("abc"), `,"is_control":true`, "", 1), "allocations[0].is_control: is missing"},
		{"priority 0", experiment, strings.Replace(targetedAt("abc"), `"priority":1`, `"priority":0`, 1), "allocations[1].priority: must be a whole number from 1"},
		{"id of another kind", experiment, strings.Replace(halvesOf("abc"), "{control}", "seg_1", 1), "allocations[0].variation_id: must be var_ followed by"},
		{"id with a forbidden character", experiment, strings.Replace(halvesOf("abc"), "{flag}", "flg_0", 1), "feature_flag_id: must be flg_ followed by"},
		{"strategy unknown", experiment, strings.Replace(halvesOf("abc"), "percentage", "random", 1), "allocation_strategy: must be one of percentage, segment"},
		{"subject unknown", experiment, strings.Replace(halvesOf("abc"), "device", "user", 1), "assignment_config.subject: must be one of device"},
		{"flow empty", experiment, strings.Replace(halvesOf("abc"), "pre_authentication", "", 1), "authentication_flow: must have 1 to 255"},
		{"status unknown", "experiments/{experiment}/status", `{"status":"draft"}`, "status: must be one of active, paused, completed, archived"},
		{"status unknown to flags", "feature-flags/{flag}/status", `{"status":"paused"}`, "status: must be one of draft, active, archived"},
		{"status missing", "experiments/{experiment}/status", `{}`, "status: is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, nil).world()
			before := marshalled(t, s)
			if got := s.refused(400, CodeInvalidBody, "POST", c.path, c.body); !strings.Contains(got.message(), c.want) || len(got.message()) > 5000 {
				t.Errorf("the message is %q, want in it %q", got.message(), c.want)
			}
			if marshalled(t, s) != before {
				t.Error("the document has changed")
			}
		})
	}
	for _, c := range []struct{ name, path, body, want string }{
		{"nothing", "feature-flags/{flag}", `{}`, "the body has no fields; give at least one to change"},
		{"nothing of a variation", "feature-flags/{flag}/variations/{control}", `{}`, "no fields"},
		{"nothing of a segment", "segments/{segment}", `{}`, "no fields"},
		{"nothing of an experiment", "experiments/{experiment}", `{}`, "no fields"},
		{"flag", "experiments/{experiment}", `{"feature_flag_id":"{flag}"}`, "feature_flag_id: cannot be changed"},
		{"flow", "experiments/{experiment}", `{"authentication_flow":"login"}`, "authentication_flow: cannot be changed"},
		{"strategy", "experiments/{experiment}", `{"allocation_strategy":"segment"}`, "allocation_strategy: cannot be changed"},
		{"status", "experiments/{experiment}", `{"status":"draft"}`, "status: must be one of active"},
		{"status null", "experiments/{experiment}", `{"status":null}`, "status: must be a string, got null"},
		{"name null", "experiments/{experiment}", `{"name":null}`, "name: must be a string, got null"},
		{"parameters null", "feature-flags/{flag}", `{"parameters":null}`, "parameters: must be an object, got null"},
		{"allocations null", "experiments/{experiment}", `{"allocations":null}`, "allocations: must be an array, got null"},
	} {
		t.Run("patch of "+c.name, func(t *testing.T) {
			s := newSite(t, nil).world()
			if got := s.refused(400, CodeInvalidBody, "PATCH", c.path, c.body); !strings.Contains(got.message(), c.want) {
				t.Errorf("the message is %q, want in it %q", got.message(), c.want)
			}
		})
	}
}

// What is just within the limits is taken.
func TestLimits(t *testing.T) {
	s := newSite(t, func(c *Config) { c.HeaderBudget = 1 << 20 }).world()
	for _, c := range []struct{ name, path, body string }{
		{"shortest", "feature-flags", `{"name":"abc","description":"abc","parameters":{"a":{"type":"string","value":"","description":""}}}`},
		{"longest", "feature-flags", `{"name":"` + strings.Repeat("ü", 255) + `","description":` + long(1024) + `,"parameters":{` + large(10, 1022) + `}}`},
		{"deepest", "feature-flags", `{"name":"deep","parameters":{"a":{"type":"array","value":` + strings.Repeat("[", 21) + strings.Repeat("]", 21) + `}}}`},
		{"odd parameter names", "feature-flags", `{"name":"odd","parameters":{"a.b":{"type":"number","value":1e400},"\"\\":{"type":"object","value":{"\u0000":"<&>"}},"ß∂":{"type":"boolean","value":false}}}`},
		{"longest condition", "segments", `{"name":"long","rules":[{"match":{"user_agent":[` + long(1024) + `,""]}}]}`},
		{"odd conditions", "segments", `{"name":"odd","rules":[{"match":{"user_agent":["\ud800","\u2028"]}}]}`},
		{"weight zero", "experiments", strings.NewReplacer(`{control}","weight":50`, `{control}","weight":0`, `"weight":50`, `"weight":100.000`).Replace(halvesOf("zero"))},
		{"twenty allocations", "experiments", strings.Replace(halvesOf("twenty"), halves, `[`+strings.TrimSuffix(strings.Repeat(`{"variation_id":"{control}","is_control":false,"weight":5},`, 20), ",")+`]`, 1)},
	} {
		if got := s.do("POST", c.path, c.body); got.status != 201 {
			t.Errorf("%s: got %d %s", c.name, got.status, got.text)
		}
		s.document()
	}
	flag := s.must(201, "POST", "feature-flags", `{"name":"deepest","parameters":{"a":{"type":"array","value":[]}}}`).id()
	s.must(201, "POST", "feature-flags/"+flag+"/variations", `{"name":"abc","overrides":{"a":{"value":`+strings.Repeat("[", 21)+strings.Repeat("]", 21)+`}}}`)
	s.document()
}

func TestContentTypes(t *testing.T) {
	body := `{"name":"abc","parameters":{"a":{"type":"boolean","value":true}}}`
	for _, c := range []struct {
		contentType []string
		body, code  string
	}{
		{[]string{"application/json; charset=utf-8"}, body, ""},
		{[]string{"APPLICATION/JSON"}, body, ""},
		{nil, body, CodeInvalidContentType},
		{[]string{""}, body, CodeInvalidContentType},
		{[]string{"text/plain"}, body, CodeInvalidContentType},
		{[]string{"application/json", "application/json"}, body, CodeInvalidContentType},
		{[]string{"multipart/form-data; boundary=x"}, body, CodeInvalidContentType},
		{[]string{"application/json"}, strings.Replace(body, "{", "{"+strings.Repeat(" ", maxBody-len(body)), 1), ""},
		{[]string{"application/json"}, strings.Replace(body, "{", "{"+strings.Repeat(" ", maxBody-len(body)+1), 1), CodeBodyTooLarge},
	} {
		t.Run(fmt.Sprint(c.contentType, len(c.body)), func(t *testing.T) {
			s := newSite(t, nil)
			r := s.request("POST", "feature-flags", c.body)
			r.Header["Content-Type"] = c.contentType
			if got := s.send(r); got.code() != c.code || (got.status == 201) != (c.code == "") {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
}
