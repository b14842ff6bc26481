package auth0sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	auth0 "github.com/auth0/go-auth0/management"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

const token = "the token of the SDK"

// What follows is what somebody writes who uses the routes with the SDK, which
// has no types of its own for them.
type (
	parameter struct {
		Type  string `json:"type"`
		Value any    `json:"value"`
	}
	override struct {
		Value any `json:"value"`
	}
	variation struct {
		ID        string              `json:"id,omitempty"`
		Name      string              `json:"name,omitempty"`
		Overrides map[string]override `json:"overrides"`
	}
	flag struct {
		ID          string               `json:"id,omitempty"`
		Name        string               `json:"name,omitempty"`
		Description string               `json:"description,omitempty"`
		Status      string               `json:"status,omitempty"`
		Parameters  map[string]parameter `json:"parameters,omitempty"`
		Variations  []variation          `json:"variations,omitempty"`
	}
	rule struct {
		Match    map[string]any `json:"match,omitempty"`
		NotMatch map[string]any `json:"not_match,omitempty"`
	}
	segment struct {
		ID    string `json:"id,omitempty"`
		Name  string `json:"name,omitempty"`
		Type  string `json:"type,omitempty"`
		Rules []rule `json:"rules,omitempty"`
	}
	allocation struct {
		VariationID string  `json:"variation_id"`
		Weight      float64 `json:"weight"`
		IsControl   bool    `json:"is_control"`
	}
	assignment struct {
		Subject string `json:"subject"`
	}
	experiment struct {
		ID                 string       `json:"id,omitempty"`
		Name               string       `json:"name,omitempty"`
		FeatureFlagID      string       `json:"feature_flag_id,omitempty"`
		AuthenticationFlow string       `json:"authentication_flow,omitempty"`
		Strategy           string       `json:"allocation_strategy,omitempty"`
		Assignment         *assignment  `json:"assignment_config,omitempty"`
		Allocations        []allocation `json:"allocations,omitempty"`
		Status             string       `json:"status,omitempty"`
		IsValid            *bool        `json:"is_valid,omitempty"`
		StartedAt          *time.Time   `json:"started_at,omitempty"`
		EndedAt            *time.Time   `json:"ended_at,omitempty"`
		CreatedAt          *time.Time   `json:"created_at,omitempty"`
		UpdatedAt          *time.Time   `json:"updated_at,omitempty"`
	}
	experimentList struct {
		auth0.List
		Experiments []experiment `json:"experiments"`
	}
	validation struct {
		IsValid bool `json:"is_valid"`
		Errors  []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
)

// client is the SDK at an API.
type client struct {
	testing.TB
	*auth0.Management
}

// serve serves an API over a file store and gives the SDK for it.
func serve(t testing.TB, config management.Config, through func(http.Handler) http.Handler, options ...auth0.Option) *client {
	t.Helper()
	config.Store = file.New(t.TempDir(), 0)
	config.Tokens = []management.Token{{Secret: token, Name: "sdk"}}
	api, err := management.New(config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(through(api))
	t.Cleanup(server.Close)
	options = append([]auth0.Option{auth0.WithInsecure(), auth0.WithStaticToken(token), auth0.WithClient(server.Client())}, options...)
	sdk, err := auth0.New(server.URL, options...)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, sdk}
}

func direct(h http.Handler) http.Handler { return h }

// at is the URI of one of the routes.
func (c *client) at(path ...string) string {
	return c.URI(append([]string{"experimentation"}, path...)...)
}

// must makes a request that succeeds; the answer is written into the payload,
// as the SDK has it.
func (c *client) must(method, uri string, payload any, options ...auth0.RequestOption) {
	c.Helper()
	if err := c.Request(c.Context(), method, uri, payload, options...); err != nil {
		c.Fatalf("%s %s: %v", method, uri, err)
	}
}

// refused makes a request that fails with the SDK's own error.
func (c *client) refused(status int, message, method, uri string, payload any, options ...auth0.RequestOption) {
	c.Helper()
	err := c.Request(c.Context(), method, uri, payload, options...)
	var refusal auth0.Error
	if !errors.As(err, &refusal) {
		c.Fatalf("%s %s: got %v, want an error of the SDK", method, uri, err)
	}
	want := fmt.Sprintf("%d %s: ", status, http.StatusText(status))
	if refusal.Status() != status || !strings.HasPrefix(refusal.Error(), want) || !strings.Contains(refusal.Error(), message) {
		c.Errorf("%s %s: got %d, %q; want %q with %q in it", method, uri, refusal.Status(), refusal, want, message)
	}
}

// refusedWith makes a request that fails with one of our codes. The SDK's own
// error does not have it.
func (c *client) refusedWith(status int, code, method, uri string, payload any) {
	c.Helper()
	request, err := c.NewRequest(c.Context(), method, uri, payload)
	if err != nil {
		c.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		ErrorCode string `json:"errorCode"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		c.Fatal(err)
	}
	if response.StatusCode != status || answer.ErrorCode != code {
		c.Errorf("%s %s: got %d %s, want %d %s", method, uri, response.StatusCode, answer.ErrorCode, status, code)
	}
}

func TestAuth0SDK(t *testing.T) {
	c := serve(t, management.Config{}, direct)

	theFlag := flag{Name: "login page", Parameters: map[string]parameter{
		"color":   {"string", "blue"},
		"limit":   {"number", 3},
		"passkey": {"boolean", false},
	}}
	c.must("POST", c.at("feature-flags"), &theFlag)
	if theFlag.ID == "" || theFlag.Status != "draft" {
		t.Errorf("created: %+v", theFlag)
	}
	variations := []variation{
		{Name: "control", Overrides: map[string]override{}},
		{Name: "red", Overrides: map[string]override{"color": {"red"}}},
		{Name: "passkeys", Overrides: map[string]override{"passkey": {true}, "limit": {5}}},
	}
	for i := range variations {
		c.must("POST", c.at("feature-flags", theFlag.ID, "variations"), &variations[i])
	}
	c.must("POST", c.at("feature-flags", theFlag.ID, "status"), &flag{Status: "active"})
	var got flag
	c.must("GET", c.at("feature-flags", theFlag.ID), &got)
	if got.Status != "active" || !reflect.DeepEqual(got.Parameters["color"], parameter{"string", "blue"}) || !reflect.DeepEqual(got.Parameters["limit"], parameter{"number", 3.0}) {
		t.Errorf("the flag: %+v", got)
	}

	theSegment := segment{Name: "phones", Rules: []rule{
		{Match: map[string]any{"device_type": []string{"mobile"}}, NotMatch: map[string]any{"country": map[string]any{"exists": false}}},
	}}
	c.must("POST", c.at("segments"), &theSegment)
	if theSegment.ID == "" || theSegment.Type != "self" {
		t.Errorf("created: %+v", theSegment)
	}

	first := percentage("first", theFlag.ID, split(variations, 50, 30, 20))
	second := percentage("second", theFlag.ID, split(variations, 90, 10))
	second.AuthenticationFlow = "login"
	third := percentage("third", theFlag.ID, split(variations, 10))
	for _, e := range []*experiment{first, second, third} {
		c.must("POST", c.at("experiments"), e)
		if e.ID == "" || e.Status != "draft" || e.IsValid == nil || e.CreatedAt.IsZero() {
			t.Errorf("created: %+v", e)
		}
	}
	if !*first.IsValid || *third.IsValid {
		t.Errorf("ready: %v, and not ready: %v", *first.IsValid, *third.IsValid)
	}
	c.refused(409, "name", "POST", c.at("experiments"), percentage("first", theFlag.ID, split(variations, 50, 50)))
	c.refused(400, "allocations", "POST", c.at("experiments"), percentage("fourth", theFlag.ID, []allocation{{"", 50, true}}))
	c.refused(400, "take", "GET", c.at("experiments"), nil, auth0.Take(51))

	c.must("POST", c.at("experiments", first.ID, "validate"), nil)
	var ready validation
	c.must("POST", c.at("experiments", first.ID, "validate"), &ready)
	if !ready.IsValid || len(ready.Errors) > 0 {
		t.Errorf("validated: %+v", ready)
	}
	c.must("POST", c.at("experiments", third.ID, "validate"), &ready)
	if ready.IsValid || len(ready.Errors) == 0 || ready.Errors[0].Message == "" {
		t.Errorf("validated: %+v", ready)
	}
	moved := status(c, first.ID, "active")
	if moved.Status != "active" || moved.StartedAt == nil {
		t.Errorf("activated: %+v", moved)
	}

	// The names of all pages in order.
	pages := func(take int, options ...auth0.RequestOption) string {
		t.Helper()
		var names []string
		for from := ""; ; {
			var list experimentList
			page := append([]auth0.RequestOption{auth0.Take(take)}, options...)
			if from != "" {
				page = append(page, auth0.From(from))
			}
			c.must("GET", c.at("experiments"), &list, page...)
			if len(list.Experiments) > take {
				t.Fatalf("a page of %d has %d experiments", take, len(list.Experiments))
			}
			for _, e := range list.Experiments {
				names = append(names, e.Name)
			}
			if !list.HasNext() {
				return strings.Join(names, " ")
			}
			from = list.Next
		}
	}
	for _, take := range []int{1, 2, 50} {
		if got := pages(take); got != "first second third" {
			t.Errorf("pages of %d: %s", take, got)
		}
	}
	for want, option := range map[string]auth0.RequestOption{
		"first":              auth0.Parameter("status", "active"),
		"second":             auth0.Parameter("authentication_flow", "login"),
		"second third":       auth0.Parameter("status", "draft"),
		"first second third": auth0.Parameter("feature_flag_id", theFlag.ID),
		"":                   auth0.Parameter("status", "paused"),
	} {
		if got := pages(1, option); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	c.refused(400, "status", "GET", c.at("experiments"), nil, auth0.Parameter("status", "lively"))

	one := c.at("experiments", first.ID)
	reweighted := &experiment{Allocations: split(variations, 20, 30, 50)}
	c.refused(400, "Cannot modify allocations on an active experiment", "PATCH", one, reweighted)
	c.refusedWith(400, management.CodeExperimentRequiresPause, "PATCH", one, reweighted)
	c.refused(400, "active", "POST", c.at("experiments", second.ID, "status"), &experiment{Status: "active"})
	c.refusedWith(400, "experiment_active_limit_exceeded", "POST", c.at("experiments", second.ID, "status"), &experiment{Status: "active"})
	c.refusedWith(400, management.CodeExperimentActive, "DELETE", one, nil)

	started := moved.StartedAt
	status(c, first.ID, "paused")
	c.must("PATCH", one, reweighted)
	if moved = status(c, first.ID, "active"); !moved.StartedAt.Equal(*started) {
		t.Errorf("resumed: %+v", moved)
	}
	var read experiment
	c.must("GET", one, &read)
	if !reflect.DeepEqual(read.Allocations, split(variations, 20, 30, 50)) || read.Status != "active" || !*read.IsValid {
		t.Errorf("updated: %+v", read)
	}

	if moved = status(c, first.ID, "completed"); moved.EndedAt == nil {
		t.Errorf("completed: %+v", moved)
	}
	c.refusedWith(400, management.CodeExperimentCompleted, "POST", c.at("experiments", first.ID, "status"), &experiment{Status: "active"})
	status(c, first.ID, "archived")
	if got := pages(50); got != "second third" {
		t.Errorf("after archiving: %s", got)
	}
	c.refusedWith(409, management.CodeFlagInUse, "DELETE", c.at("feature-flags", theFlag.ID), nil)
	for _, e := range []*experiment{first, second, third} {
		c.must("DELETE", c.at("experiments", e.ID), nil)
		c.refused(404, "Experiment not found", "GET", c.at("experiments", e.ID), nil)
	}
	c.must("DELETE", c.at("segments", theSegment.ID), nil)
	c.must("DELETE", c.at("feature-flags", theFlag.ID), nil)
	c.refused(404, "Segment not found", "GET", c.at("segments", theSegment.ID), nil)
	c.refused(404, "Feature flag not found", "GET", c.at("feature-flags", theFlag.ID), nil)
	if got := pages(50); got != "" {
		t.Errorf("left: %s", got)
	}
}

func percentage(name, flagID string, allocations []allocation) *experiment {
	return &experiment{Name: name, FeatureFlagID: flagID, AuthenticationFlow: "pre_authentication",
		Strategy: "percentage", Assignment: &assignment{"device"}, Allocations: allocations}
}

// split gives the variations their weights; the first is the control.
func split(variations []variation, weights ...float64) []allocation {
	var all []allocation
	for i, weight := range weights {
		all = append(all, allocation{variations[i].ID, weight, i == 0})
	}
	return all
}

func status(c *client, id, word string) experiment {
	c.Helper()
	e := experiment{Status: word}
	c.must("POST", c.at("experiments", id, "status"), &e)
	return e
}

func TestAuth0SDKWithWrongToken(t *testing.T) {
	c := serve(t, management.Config{}, direct, auth0.WithStaticToken("another token"))
	c.refused(401, "Invalid token", "GET", c.at("experiments"), nil)
}

// The SDK repeats what was refused for its rate, after what either of two headers
// says.
func TestAuth0SDKWaitsForItsTurn(t *testing.T) {
	for name, hidden := range map[string]string{"Retry-After": "", "X-RateLimit-Reset": "Retry-After"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := &gate{hidden: hidden}
			c := serve(t, management.Config{Rate: 1, Burst: 1}, gate.through)
			televisions := []rule{{Match: map[string]any{"device_type": []string{"tv"}}}}
			c.must("POST", c.at("segments"), &segment{Name: "first", Rules: televisions})
			before := time.Now()
			second := segment{Name: "second", Rules: televisions}
			c.must("POST", c.at("segments"), &second)
			if took := time.Since(before); took < time.Second || took > 5*time.Second || second.ID == "" {
				t.Errorf("it took %s: %+v", took, second)
			}
			if got := gate.all(); !reflect.DeepEqual(got, []int{201, 429, 201}) {
				t.Errorf("the answers were %v", got)
			}
		})
	}
}

func TestAuth0SDKWithoutRetries(t *testing.T) {
	c := serve(t, management.Config{Rate: 1e-3, Burst: 1}, direct, auth0.WithNoRetries())
	c.must("GET", c.at("experiments"), &experimentList{})
	c.refused(429, "X-RateLimit-Remaining", "GET", c.at("experiments"), nil)
}

// gate notes the status of every answer and hides one of its headers.
type gate struct {
	hidden string

	mu       sync.Mutex
	statuses []int
}

func (g *gate) all() []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.statuses
}

func (g *gate) through(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		g.mu.Lock()
		g.statuses = append(g.statuses, recorder.Code)
		g.mu.Unlock()
		for name, values := range recorder.Header() {
			if name != g.hidden {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
	})
}
