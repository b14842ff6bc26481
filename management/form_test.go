package management

import (
	"net/url"
	"strings"
	"testing"
)

func (s *site) form(method, path string, fields url.Values) reply {
	s.Helper()
	replaced := url.Values{}
	for name, values := range fields {
		for _, value := range values {
			replaced.Add(s.words.Replace(name), s.words.Replace(value))
		}
	}
	r := s.request(method, path, replaced.Encode())
	r.Header.Set("Content-Type", formType)
	return s.send(r)
}

func TestForms(t *testing.T) {
	experiment := func(more url.Values) url.Values {
		fields := url.Values{"name": {"by form"}, "feature_flag_id": {"{flag}"}, "authentication_flow": {"login"}, "allocation_strategy": {"percentage"}}
		for name, values := range more {
			fields[name] = values
		}
		return fields
	}
	for _, c := range []struct {
		name, method, path string
		fields             url.Values
		status             int
		want               string
	}{
		{"JSON inside", "POST", "feature-flags", url.Values{"name": {"by form"}, "parameters": {`{"a":{"type":"number","value":1}}`}}, 201, `"parameters":{"a":{"type":"number","value":1}}`},
		{"brackets", "POST", "feature-flags", url.Values{"name": {"by form"}, "parameters[a][type]": {"string"}, "parameters[a][value]": {"blue"}, "parameters[b][type]": {"boolean"}, "parameters[b][value]": {"false"}},
			201, `"parameters":{"a":{"type":"string","value":"blue"},"b":{"type":"boolean","value":false}}`},
		{"text that looks like a number", "POST", "feature-flags", url.Values{"name": {"123"}, "parameters": {`{"a":{"type":"number","value":1}}`}}, 201, `"name":"123"`},
		{"description removed", "PATCH", "feature-flags/{flag}", url.Values{"description": {""}}, 200, `"login page","type"`},
		{"status", "POST", "experiments/{experiment}/status", url.Values{"status": {"active"}}, 200, `"status":"active"`},
		{"items one by one", "POST", "experiments", experiment(url.Values{"assignment_config": {`{"subject":"device"}`},
			"allocations": {`{"variation_id":"{control}","weight":50,"is_control":true}`, `{"variation_id":"{treatment}","weight":50,"is_control":false}`}}), 201, `"is_valid":true`},
		{"one item", "POST", "segments", url.Values{"name": {"by form"}, "rules": {`{"match":{"country":["US"]}}`}}, 201, `"rules":[{"match":{"country":["US"]}}]`},
		{"items in brackets", "POST", "experiments", experiment(url.Values{"assignment_config[subject]": {"device"},
			"allocations[0][variation_id]": {"{control}"}, "allocations[0][weight]": {"33.5"}, "allocations[0][is_control]": {"true"},
			"allocations[1][variation_id]": {"{treatment}"}, "allocations[1][weight]": {"66.5"}, "allocations[1][is_control]": {"false"}}), 201, `"is_valid":true`},
		{"rules in brackets", "POST", "segments", url.Values{"name": {"by form"}, "rules[0][match][country][0]": {"US"}, "rules[0][match][browser][exists]": {"true"}}, 201,
			`"rules":[{"match":{"browser":{"exists":true},"country":["US"]}}]`},
		{"field unknown", "POST", "feature-flags", url.Values{"name": {"by form"}, "colour": {"x"}}, 400, "colour: is no field here"},
		{"field twice", "POST", "feature-flags", url.Values{"name": {"by form", "other"}}, 400, "name: is given twice"},
		{"object twice", "POST", "feature-flags", url.Values{"name": {"by form"}, "parameters": {"{}", "{}"}}, 400, "parameters: is given twice"},
		{"both ways", "POST", "feature-flags", url.Values{"name": {"by form"}, "parameters": {"{}"}, "parameters[a][type]": {"string"}}, 400, "is given twice"},
		{"no JSON inside", "POST", "feature-flags", url.Values{"name": {"by form"}, "parameters": {"a=b"}}, 400, "parameters: must be JSON"},
		{"injected", "POST", "segments", url.Values{"name": {"by form"}, "rules": {`{}],"description":"abc","rules":[{}`, `{}`}}, 400, "rules: must be JSON"},
		{"brackets of a scalar", "POST", "feature-flags", url.Values{"name[a]": {"by form"}}, 400, "is no field of a form"},
		{"brackets open", "POST", "feature-flags", url.Values{"parameters[a": {"1"}}, 400, "is no field of a form"},
		{"weight as a word", "POST", "experiments", experiment(url.Values{"assignment_config[subject]": {"device"}, "allocations[0][variation_id]": {"{control}"}, "allocations[0][weight]": {"half"}, "allocations[0][is_control]": {"true"}}), 400, "allocations[0].weight: must be a number, got a string"},
		{"many fields", "POST", "feature-flags", url.Values{"name": make([]string, 1001)}, 400, "more than 1000 fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, nil).world()
			got := s.form(c.method, c.path, c.fields)
			text := string(got.text)
			if c.status >= 400 {
				text = got.message()
			}
			if got.status != c.status || !strings.Contains(text, c.want) {
				t.Errorf("got %d %s, want %d with %s in it", got.status, got.text, c.status, c.want)
			}
			s.document()
		})
	}
	t.Run("broken escape", func(t *testing.T) {
		s := newSite(t, nil)
		r := s.request("POST", "feature-flags", "name=%zz")
		r.Header.Set("Content-Type", formType)
		if got := s.send(r); got.status != 400 || got.code() != CodeInvalidBody {
			t.Errorf("got %d %s", got.status, got.text)
		}
	})
}
