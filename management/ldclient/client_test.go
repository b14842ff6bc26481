package ldclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	ldapi "github.com/launchdarkly/api-client-go/v17"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

const (
	token       = "api-test"
	project     = "default"
	environment = "production"
	semantic    = "application/json; domain-model=launchdarkly.semanticpatch"
)

// semanticPatch says of every PATCH that it is a semantic one, as the client's
// documentation has it done.
type semanticPatch struct{ next http.RoundTripper }

func (p semanticPatch) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch {
		r = r.Clone(r.Context())
		r.Header.Set("Content-Type", semantic)
	}
	return p.next.RoundTrip(r)
}

// client is the official client at an API over a file store.
type client struct {
	testing.TB
	*ldapi.APIClient
	ctx   context.Context
	url   string
	store store.Store
	log   events.Log
}

// serve serves an API. How the client is set up may be changed.
func serve(t testing.TB, config management.Config, setUp func(*ldapi.Configuration)) *client {
	t.Helper()
	c := &client{TB: t, store: file.New(t.TempDir(), 0), log: eventstest.NewModel()}
	config.Store, config.Events = c.store, management.Events{Log: c.log}
	config.Tokens = append(config.Tokens, management.Token{Secret: token, Name: "ld"})
	api, err := management.New(config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	c.url = server.URL
	settings := ldapi.NewConfiguration()
	settings.Servers = ldapi.ServerConfigurations{{URL: server.URL}}
	settings.AddDefaultHeader("LD-API-Version", "beta")
	if setUp != nil {
		setUp(settings)
	}
	c.APIClient, c.ctx = ldapi.NewAPIClient(settings), as(t.Context(), token)
	return c
}

// as is a context in which the client shows a token.
func as(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, ldapi.ContextAPIKeys, map[string]ldapi.APIKey{"ApiKey": {Key: token}})
}

// ok checks an answer that has to be a success.
func (c *client) ok(status int, response *http.Response, err error) {
	c.Helper()
	if err != nil {
		var g *ldapi.GenericOpenAPIError
		if errors.As(err, &g) {
			c.Fatalf("%v: %s", err, g.Body())
		}
		c.Fatal(err)
	}
	if response.StatusCode != status {
		c.Fatalf("%s %s: got %d, want %d", response.Request.Method, response.Request.URL, response.StatusCode, status)
	}
}

// refusedAs checks an error that the client has a type for.
func refusedAs[M any, P interface {
	*M
	GetCode() string
	GetMessage() string
}](c *client, code, words string, err error) {
	c.Helper()
	var g *ldapi.GenericOpenAPIError
	if !errors.As(err, &g) {
		c.Errorf("got %v, want %s", err, code)
		return
	}
	model, ok := g.Model().(M)
	if !ok || P(&model).GetCode() != code || !strings.Contains(P(&model).GetMessage(), words) {
		c.Errorf("got %T %s, want %s with %q", g.Model(), g.Body(), code, words)
	}
}

// flag makes an active flag through the other API, and reads it with the client.
func (c *client) flag(name string) *ldapi.FeatureFlag {
	c.Helper()
	post := func(path, body string) {
		r, err := http.NewRequestWithContext(c.ctx, "POST", c.url+"/api/v2/experimentation/feature-flags"+path, strings.NewReader(body))
		if err != nil {
			c.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			c.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode >= 300 {
			c.Fatalf("POST %s: %d", path, response.StatusCode)
		}
	}
	post("", `{"name":"`+name+`","parameters":{"color":{"type":"string","value":"blue"}}}`)
	made, response, err := c.FeatureFlagsApi.GetFeatureFlag(c.ctx, project, strings.ReplaceAll(name, " ", "-")).Execute()
	c.ok(200, response, err)
	id := c.flagID(made.Key)
	post("/"+id+"/variations", `{"name":"control","overrides":{}}`)
	post("/"+id+"/variations", `{"name":"treatment","overrides":{"color":{"value":"red"}}}`)
	post("/"+id+"/status", `{"status":"active"}`)
	flag, response, err := c.FeatureFlagsApi.GetFeatureFlag(c.ctx, project, made.Key).Execute()
	c.ok(200, response, err)
	return flag
}

// flagID is the id that the client has no field for.
func (c *client) flagID(key string) string {
	c.Helper()
	document := c.document()
	for _, f := range document.FeatureFlags {
		if strings.ReplaceAll(f.Name, " ", "-") == key {
			return f.ID
		}
	}
	c.Fatalf("there is no flag %s", key)
	return ""
}

// iteration asks for an iteration of a flag with two treatments.
func iteration(flag *ldapi.FeatureFlag, percents ...string) ldapi.IterationInput {
	in := ldapi.IterationInput{
		Hypothesis: "it helps", CanReshuffleTraffic: ldapi.PtrBool(true), PrimarySingleMetricKey: ldapi.PtrString("converted"),
		Metrics: []ldapi.MetricInput{{Key: "converted"}, {Key: "login"}, {Key: "steps", IsGroup: ldapi.PtrBool(true)}},
		Flags: map[string]ldapi.FlagInput{flag.Key: {
			RuleId: "fallthrough", FlagConfigVersion: flag.Environments[environment].Version, NotInExperimentVariationId: flag.Variations[0].Id,
		}},
		Attributes: []string{"country", "plan"},
	}
	for i, percent := range percents {
		in.Treatments = append(in.Treatments, ldapi.TreatmentInput{
			Name: *flag.Variations[i].Name, Baseline: i == 0, AllocationPercent: percent,
			Parameters: []ldapi.TreatmentParameterInput{{FlagKey: flag.Key, VariationId: *flag.Variations[i].Id}},
		})
	}
	return in
}

// patch sends instructions, each a list of names and values.
func (c *client) patch(key string, instructions ...[]string) (*ldapi.Experiment, *http.Response, error) {
	input := ldapi.ExperimentPatchInput{Comment: ldapi.PtrString("because")}
	for _, words := range instructions {
		instruction := map[string]interface{}{"kind": words[0]}
		for i := 1; i < len(words); i += 2 {
			instruction[words[i]] = words[i+1]
		}
		input.Instructions = append(input.Instructions, instruction)
	}
	return c.ExperimentsApi.PatchExperiment(c.ctx, project, environment, key).ExperimentPatchInput(input).Execute()
}

// mustPatch sends instructions that have to be followed.
func (c *client) mustPatch(key string, instructions ...[]string) *ldapi.Experiment {
	c.Helper()
	e, response, err := c.patch(key, instructions...)
	c.ok(200, response, err)
	return e
}

// metrics makes what experiments here measure.
func (c *client) metrics() {
	c.Helper()
	metric, response, err := c.MetricsApi.PostMetric(c.ctx, project).MetricPost(ldapi.MetricPost{
		Key: "converted", Name: ldapi.PtrString("Converted"), Kind: "custom", EventKey: ldapi.PtrString("bought"), IsNumeric: ldapi.PtrBool(false),
		SuccessCriteria: ldapi.PtrString("HigherThanBaseline"), RandomizationUnits: []string{"user"}, Tags: []string{"shop"},
	}).Execute()
	c.ok(201, response, err)
	if metric.Key != "converted" || *metric.EventKey != "bought" {
		c.Errorf("metric: %+v", metric)
	}
	group, response, err := c.MetricsBetaApi.CreateMetricGroup(c.ctx, project).MetricGroupPost(ldapi.MetricGroupPost{
		Key: "steps", Name: "Steps", Kind: "funnel", MaintainerId: "me", Tags: []string{},
		Metrics: []ldapi.MetricInMetricGroupInput{{Key: "login", NameInGroup: "Log in"}, {Key: "converted", NameInGroup: "Buy"}},
	}).Execute()
	c.ok(201, response, err)
	if group.Key != "steps" || len(group.Metrics) != 2 || *group.Metrics[1].NameInGroup != "Buy" {
		c.Errorf("metric group: %+v", group)
	}
}

// exposed has 300 units see each treatment of the running iteration; 30 of the
// first's and 60 of the second's convert.
func (c *client) exposed(e *ldapi.Experiment, flag *ldapi.FeatureFlag) {
	c.Helper()
	batch := &events.Batch{}
	at := events.Millis(*e.CurrentIteration.StartedAt)
	for v := range 2 {
		for i := range 300 {
			unit := fmt.Sprint("unit-", v, "-", i)
			batch.Exposures = append(batch.Exposures, events.Exposure{
				ID: unit, Experiment: *e.Id, Iteration: *e.CurrentIteration.Id, Unit: unit, Variation: *flag.Variations[v].Id,
				Source: "bucket", Country: []string{"DE", "US"}[i%2], Time: at + events.Millis(i), WeightsVersion: "w",
			})
			if i < 30+30*v {
				batch.Outcomes = append(batch.Outcomes, events.Outcome{ID: unit, Event: "bought", Unit: unit, Time: at + 1000})
				batch.Outcomes = append(batch.Outcomes, events.Outcome{ID: unit, Event: "s", Unit: unit, Time: at + 500})
			}
		}
	}
	if err := c.log.Append(c.ctx, project+"/"+environment, batch); err != nil {
		c.Fatal(err)
	}
}

// wait lets a millisecond pass, so that what follows is later.
func wait() { time.Sleep(2 * time.Millisecond) }

// document is what is stored.
func (c *client) document() *engine.Document {
	c.Helper()
	version, err := c.store.Load(c.ctx, store.DefaultTenant)
	if err != nil {
		c.Fatal(err)
	}
	document, err := engine.Decode(version.Text)
	if err != nil {
		c.Fatal(err)
	}
	return document
}
