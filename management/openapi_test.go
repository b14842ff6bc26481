package management

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// served is an operation of our OpenAPI document.
type served struct {
	method, path, id, tag string
	scopes                []any // of the client credentials; nil if it needs no token
	request               *jsonschema.Schema
	answers               map[int]*jsonschema.Schema // nil: no body
}

var loadOpenAPI = sync.OnceValues(func() ([]served, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(openAPI))
	if err != nil {
		return nil, err
	}
	closeAll(document)
	compiler := jsonschema.NewCompiler()
	compiler.UseRegexpEngine(pattern)
	compiler.AssertFormat()
	if err := compiler.AddResource("ours.json", document); err != nil {
		return nil, err
	}
	// A pointer into the document names a schema where it stands.
	schema := func(way ...string) (*jsonschema.Schema, error) {
		if dig(document, way...) == nil {
			return nil, nil
		}
		escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
		at := "ours.json#"
		for _, step := range way {
			at += "/" + escape.Replace(step)
		}
		return compiler.Compile(at)
	}
	var all []served
	for path, methods := range dig(document, "paths").(map[string]any) {
		for method, operation := range methods.(map[string]any) {
			o := served{method: strings.ToUpper(method), path: path, answers: map[int]*jsonschema.Schema{}}
			o.id, _ = dig(operation, "operationId").(string)
			o.tag, _ = dig(operation, "tags").([]any)[0].(string)
			if security := dig(operation, "security").([]any); len(security) == 2 {
				o.scopes, _ = dig(security[1], "clientCredentials").([]any)
			}
			if o.request, err = schema("paths", path, method, "requestBody", "content", "application/json", "schema"); err != nil {
				return nil, err
			}
			for text, response := range dig(operation, "responses").(map[string]any) {
				way := []string{"paths", path, method, "responses", text}
				if ref, _ := dig(response, "$ref").(string); ref != "" {
					way = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
				}
				if dig(document, way...) == nil {
					return nil, errors.New("a reference leads nowhere: " + strings.Join(way, "/"))
				}
				var status int
				if err := json.Unmarshal([]byte(text), &status); err != nil {
					return nil, err
				}
				if o.answers[status], err = schema(append(way, "content", "application/json", "schema")...); err != nil {
					return nil, err
				}
			}
			all = append(all, o)
		}
	}
	return all, nil
})

// closeAll closes all objects that do not say that they are open, so that a
// field that is answered and not described is found. To clients they are open:
// there may be more of them one day.
func closeAll(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, says := v["additionalProperties"]; v["type"] == "object" && v["properties"] != nil && !says {
			v["additionalProperties"] = false
		}
		for _, member := range v {
			closeAll(member)
		}
	case []any:
		for _, member := range v {
			closeAll(member)
		}
	}
}

// checkOpenAPI fails the test if a request that has been followed, or the answer
// to any, is not what our OpenAPI document says of them.
func checkOpenAPI(t testing.TB, r *http.Request, sent []byte, got reply) {
	t.Helper()
	all, err := loadOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(o served) bool { return o.method == r.Method && samePath(o.path, r.URL.Path) })
	if i < 0 {
		if got.status < 400 && r.Method != http.MethodHead {
			t.Errorf("the OpenAPI document does not have %s %s, which was answered with %d", r.Method, r.URL.Path, got.status)
		}
		return
	}
	o := all[i]
	schema, described := o.answers[got.status]
	switch {
	case !described:
		t.Errorf("%s: the OpenAPI document does not have the status %d\n%s", o.id, got.status, got.text)
	case schema == nil && len(got.text) > 0:
		t.Errorf("%s: the answer %d has a body: %s", o.id, got.status, got.text)
	case schema != nil:
		if err := validate(schema, got.text); err != nil {
			t.Errorf("%s: the answer %d is not as the OpenAPI document says: %v\n%s", o.id, got.status, err, got.text)
		}
	}
	if got.status < 300 && o.request != nil && r.Header.Get("Content-Type") == "application/json" && !strings.HasSuffix(r.URL.Path, "/events") {
		var v any
		if json.Unmarshal(sent, &v) != nil {
			return
		}
		if o.path == TokenPath {
			return // fields that are unknown are ignored there
		}
		if err := validate(o.request, sent); err != nil {
			t.Errorf("%s was answered with %d, which the OpenAPI document rules out: %v\n%s", o.id, got.status, err, sent)
		}
	}
}

// samePath reports whether a path is one of a template.
func samePath(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(want, got string) bool {
		return want == got || strings.HasPrefix(want, "{") && got != ""
	})
}

// The document has every operation with its scope, and no other one.
func TestOpenAPIHasEveryOperation(t *testing.T) {
	all, err := loadOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	api := newSite(t, nil).api
	described := map[string]bool{}
	for _, o := range all {
		described[o.method+" "+o.path] = true
		if o.path == TokenPath {
			continue
		}
		r, known := api.routes[o.path]
		if !known || r.operations[o.method].id != o.id {
			t.Errorf("there is no %s %s with the id %s", o.method, o.path, o.id)
			continue
		}
		if scope := r.operations[o.method].scope; (scope == public) != (o.scopes == nil) || scope != public && o.scopes[0] != string(scope) {
			t.Errorf("%s needs the scope %q, the document says %v", o.id, scope, o.scopes)
		}
	}
	for path, r := range api.routes {
		for method, operation := range r.operations {
			if !described[method+" "+path] {
				t.Errorf("the document does not have %s: %s %s", operation.id, method, path)
			}
		}
	}
	if !described["POST "+TokenPath] {
		t.Errorf("the document does not have %s", TokenPath)
	}
}

// The tag Auth0 stands at what Auth0's own document has.
func TestOpenAPITags(t *testing.T) {
	c, err := loadContract()
	if err != nil {
		t.Skip(err)
	}
	all, err := loadOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		theirs := slices.ContainsFunc(c.operations, func(other describedOperation) bool { return other.id == o.id }) || o.id == "advance_experiment_ramp"
		if theirs != (o.tag == "Auth0") {
			t.Errorf("%s has the tag %s", o.id, o.tag)
		}
	}
}

// Whoever asks gets the document, with or without a token, as long as strangers
// do not ask too often.
func TestOpenAPIIsServed(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Rate, c.Burst = 1, 2 })
	ask := func(method, token string) reply {
		r := s.request(method, "openapi.json", "")
		r.Header.Del("Authorization")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return s.send(r)
	}
	if got := ask("GET", ""); got.status != 200 || !bytes.Equal(got.text, openAPI) || got.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	if got := ask("HEAD", "nobody"); got.status != 200 {
		t.Errorf("HEAD: got %d", got.status)
	}
	if got := ask("GET", ""); got.status != 429 {
		t.Errorf("the third time: got %d", got.status)
	}
	if got := ask("GET", secret); got.status != 200 {
		t.Errorf("with a token: got %d", got.status)
	}
	if got := ask("DELETE", secret); got.status != 405 || got.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("DELETE: got %d %v", got.status, got.header)
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, httptest.NewRequest("POST", Prefix+"openapi.json", nil))
	if w.Code != 429 && w.Code != 401 {
		t.Errorf("POST without a token: got %d", w.Code)
	}
}

// What keeps the document from being held against nothing at all.
func TestOpenAPIIsStrict(t *testing.T) {
	all, err := loadOpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	schemas := map[string]*jsonschema.Schema{}
	for _, o := range all {
		schemas[o.id] = o.answers[200]
	}
	for id, text := range map[string]string{
		"get_experiments":     `{"experiments":[{"id":"exp_1"}]}`,
		"get_segments":        `{"segments":[],"extra":1}`,
		"get_variations":      `{"variations":{}}`,
		"validate_experiment": `{"is_valid":"yes","errors":[]}`,
		"create_access_token": `{"access_token":"x","token_type":"MAC","expires_in":1,"scope":""}`,
	} {
		if schemas[id] == nil || validate(schemas[id], []byte(text)) == nil {
			t.Errorf("%s: %s is let through", id, text)
		}
	}
}
