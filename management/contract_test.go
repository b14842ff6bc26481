package management

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is the OpenAPI description that requests and answers are held
// against.
type contract struct {
	operations []describedOperation
}

// describedOperation is one operation of the description.
type describedOperation struct {
	method, id string
	path       []string
	statuses   []int
	request    *jsonschema.Schema
	answer     *jsonschema.Schema
	success    int
}

var loadContract = sync.OnceValues(func() (*contract, error) {
	path := os.Getenv("OPENAPI_DOCUMENT")
	if path == "" {
		path = "../../shared/reference/auth0-experimentation-openapi.json"
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseRegexpEngine(pattern)
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", document); err != nil {
		return nil, err
	}
	schema := func(holder any) (*jsonschema.Schema, error) {
		ref, _ := dig(holder, "content", "application/json", "schema", "$ref").(string)
		if ref == "" {
			return nil, nil
		}
		return compiler.Compile("openapi.json" + ref)
	}
	c := &contract{}
	paths, _ := dig(document, "paths").(map[string]any)
	for path, methods := range paths {
		for method, operation := range methods.(map[string]any) {
			o := describedOperation{method: strings.ToUpper(method), path: strings.Split(path, "/")}
			o.id, _ = dig(operation, "operationId").(string)
			if o.request, err = schema(dig(operation, "requestBody")); err != nil {
				return nil, err
			}
			responses, _ := dig(operation, "responses").(map[string]any)
			for text, response := range responses {
				status, _ := strconv.Atoi(text)
				o.statuses = append(o.statuses, status)
				if status < 300 {
					o.success = status
					if o.answer, err = schema(response); err != nil {
						return nil, err
					}
				}
			}
			c.operations = append(c.operations, o)
		}
	}
	return c, nil
})

func dig(v any, way ...string) any {
	for _, step := range way {
		object, _ := v.(map[string]any)
		v = object[step]
	}
	return v
}

// expression is a pattern of the description. Its one look-ahead, which Go does
// not have, forbids NUL.
type expression struct {
	text string
	*regexp.Regexp
	noNUL bool
}

func (e expression) String() string { return e.text }

func (e expression) MatchString(s string) bool {
	return !(e.noNUL && strings.Contains(s, "\x00")) && e.Regexp.MatchString(s)
}

func pattern(text string) (jsonschema.Regexp, error) {
	plain := strings.Replace(text, `(?!.*\x00)`, "", 1)
	compiled, err := regexp.Compile(plain)
	return expression{text, compiled, plain != text}, err
}

func (c *contract) find(r *http.Request) *describedOperation {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v2"), "/")
	for i, o := range c.operations {
		if o.method != r.Method || len(o.path) != len(path) {
			continue
		}
		same := true
		for j := range path {
			same = same && (o.path[j] == path[j] || strings.HasPrefix(o.path[j], "{"))
		}
		if same {
			return &c.operations[i]
		}
	}
	return nil
}

// ours are the statuses that the description leaves out and that any operation
// may have.
var ours = []int{
	http.StatusUnauthorized, http.StatusMethodNotAllowed, http.StatusPreconditionFailed, http.StatusServiceUnavailable,
}

// checkContract fails the test if a request and its answer are not what the
// description says of them.
func checkContract(t testing.TB, r *http.Request, sent []byte, got reply) {
	t.Helper()
	checkOpenAPI(t, r, sent, got)
	if r.URL.Path == TokenPath || strings.HasSuffix(r.URL.Path, "/openapi.json") {
		return // ours, and OAuth's answers are of another form
	}
	checkEnvelope(t, r, got)
	if operation := operationOf(r); got.status < 300 {
		checkEarlyAccess(t, operation, got.text)
	}
	c, err := loadContract()
	if err != nil {
		return // TestContractIsChecked says so
	}
	o := c.find(r)
	if o == nil {
		if strings.HasSuffix(r.URL.Path, "/diagnosis") {
			checkDiagnosis(t, got)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/results") || strings.HasSuffix(r.URL.Path, "/advance-ramp") || strings.HasSuffix(r.URL.Path, "/events") || strings.HasSuffix(r.URL.Path, "/log-stream") {
			return // ours, which the description does not know
		}
		if got.status != http.StatusMethodNotAllowed && got.status != http.StatusNotFound && got.status != http.StatusUnauthorized && r.Method != http.MethodHead {
			t.Errorf("%s %s is no operation, and was answered with %d", r.Method, r.URL.Path, got.status)
		}
		return
	}
	if !slices.Contains(o.statuses, got.status) && !slices.Contains(ours, got.status) {
		t.Errorf("%s must not answer with %d\n%s", o.id, got.status, got.text)
	}
	if got.status >= 300 {
		return
	}
	if got.status != o.success {
		t.Errorf("%s answered with %d, want %d", o.id, got.status, o.success)
	}
	if o.answer == nil {
		if len(got.text) > 0 {
			t.Errorf("%s answered with a body: %s", o.id, got.text)
		}
	} else if err := validate(o.answer, asBeta(got.text)); err != nil {
		t.Errorf("the answer of %s: %v\n%s", o.id, err, got.text)
	}
	if o.request != nil && r.Header.Get("Content-Type") == "application/json" && !asksEarlyAccess(t, o.id, sent) {
		if err := validate(o.request, sent); err != nil {
			t.Errorf("%s was answered with %d: %v\n%s", o.id, got.status, err, sent)
		}
	}
}

// operationOf is the id of our operation that a request is for.
func operationOf(r *http.Request) string {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, Prefix), "/")
	switch {
	case len(path) == 3 && path[0] == "experiments" && path[2] == "advance-ramp":
		return "advance_experiment_ramp"
	case len(path) == 3 && path[0] == "experiments" && path[2] == "status":
		return "update_experiment_status"
	case len(path) > 2 || path[0] != "experiments" && path[0] != "segments":
		return ""
	}
	kind, one := path[0], strings.TrimSuffix(path[0], "s")
	switch {
	case r.Method == http.MethodGet && len(path) == 1:
		return "get_" + kind
	case r.Method == http.MethodGet:
		return "get_" + one
	case r.Method == http.MethodPost:
		return "create_" + one
	case r.Method == http.MethodPatch:
		return "update_" + one
	}
	return ""
}

func validate(schema *jsonschema.Schema, text []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// checkEnvelope checks what every refusal has.
func checkEnvelope(t testing.TB, r *http.Request, got reply) {
	t.Helper()
	if got.header.Get("X-RateLimit-Limit") == "" && got.code() != CodeRouteNotFound {
		t.Errorf("%s %s: there is no X-RateLimit-Limit", r.Method, r.URL.Path)
	}
	if got.status < 300 {
		return
	}
	var fields map[string]any
	if err := json.Unmarshal(got.text, &fields); err != nil || len(fields) != 4 {
		t.Errorf("%s %s: not an envelope: %s", r.Method, r.URL.Path, got.text)
		return
	}
	code, known := codes[got.code()]
	message, _ := fields["message"].(string)
	if !known || code.Status != got.status || fields["statusCode"] != float64(got.status) ||
		fields["error"] != http.StatusText(got.status) || message == "" {
		t.Errorf("%s %s: got %d and the envelope %s", r.Method, r.URL.Path, got.status, got.text)
	}
}

func TestContractIsChecked(t *testing.T) {
	c, err := loadContract()
	if err != nil {
		t.Skipf("requests and answers are not held against the OpenAPI document, set OPENAPI_DOCUMENT to its path: %v", err)
	}
	if len(c.operations) != 23 {
		t.Errorf("the description has %d operations, want 23", len(c.operations))
	}
	api := newSite(t, nil).api
	for _, o := range c.operations {
		path := "/api/v2" + strings.Join(o.path, "/")
		r, known := api.routes[path]
		if !known || r.operations[o.method].id != o.id {
			t.Errorf("there is no %s %s", o.method, path)
		}
	}
}
