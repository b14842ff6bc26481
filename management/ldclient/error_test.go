package ldclient

import (
	"testing"

	ldapi "github.com/launchdarkly/api-client-go/v17"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// Each kind of error reaches the client as the type that it has for it.
func TestErrors(t *testing.T) {
	c := serve(t, management.Config{Tokens: []management.Token{
		{Secret: "reader", Scopes: []management.Scope{management.ScopeRead}}, {Secret: "foreign", Tenant: store.Tenant("other/production")},
	}}, nil)
	c.metrics()
	flag := c.flag("login page")
	create := func(key string) error {
		_, _, err := c.ExperimentsApi.CreateExperiment(c.ctx, project, environment).ExperimentPost(ldapi.ExperimentPost{Key: key, Name: key, Iteration: iteration(flag, "50", "50")}).Execute()
		return err
	}
	for _, key := range []string{"red", "blue"} {
		if err := create(key); err != nil {
			t.Fatal(err)
		}
	}
	refusedAs[ldapi.InvalidRequestErrorRep](c, "invalid_request", "already exists", create("red"))
	_, _, err := c.patch("red", []string{"stopIteration"})
	refusedAs[ldapi.InvalidRequestErrorRep](c, "invalid_request", "no iteration to stop", err)
	c.mustPatch("red", []string{"startIteration"})
	_, _, err = c.patch("blue", []string{"startIteration"})
	refusedAs[ldapi.StatusConflictErrorRep](c, "optimistic_locking_error", `"red"`, err)
	bad := iteration(flag, "50", "50")
	bad.Metrics = append(bad.Metrics, ldapi.MetricInput{Key: "gone"})
	_, _, err = c.ExperimentsApi.CreateIteration(c.ctx, project, environment, "red").IterationInput(bad).Execute()
	refusedAs[ldapi.InvalidRequestErrorRep](c, "invalid_request", `"gone"`, err)
	_, _, err = c.ExperimentsApi.GetExperiment(c.ctx, project, environment, "gone").Execute()
	refusedAs[ldapi.NotFoundErrorRep](c, "not_found", `"gone"`, err)
	_, _, err = c.ExperimentsApi.GetExperimentResults(c.ctx, project, environment, "red", "converted").IterationId("gone").Execute()
	refusedAs[ldapi.NotFoundErrorRep](c, "not_found", `"gone"`, err)
	_, _, err = c.ExperimentsApi.GetExperiments(c.ctx, project, environment).Filter("color:red").Execute()
	refusedAs[ldapi.InvalidRequestErrorRep](c, "invalid_request", "filter", err)
	_, _, err = c.MetricsApi.PostMetric(c.ctx, project).MetricPost(ldapi.MetricPost{Key: "converted", Kind: "click"}).Execute()
	refusedAs[ldapi.StatusConflictErrorRep](c, "optimistic_locking_error", "already exists", err)

	_, _, err = c.ExperimentsApi.GetExperiments(as(t.Context(), "wrong"), project, environment).Execute()
	refusedAs[ldapi.UnauthorizedErrorRep](c, "unauthorized", "", err)
	_, _, err = c.ExperimentsApi.GetExperiments(as(t.Context(), "foreign"), project, environment).Execute()
	refusedAs[ldapi.ForbiddenErrorRep](c, "forbidden", "other", err)
	_, _, err = c.ExperimentsApi.CreateIteration(as(t.Context(), "reader"), project, environment, "red").IterationInput(bad).Execute()
	refusedAs[ldapi.ForbiddenErrorRep](c, "forbidden", "scopes", err)
}

func TestRateLimited(t *testing.T) {
	c := serve(t, management.Config{Rate: 1e-3, Burst: 1}, nil)
	_, response, err := c.ExperimentsApi.GetExperiments(c.ctx, project, environment).Execute()
	c.ok(200, response, err)
	_, response, err = c.ExperimentsApi.GetExperiments(c.ctx, project, environment).Execute()
	refusedAs[ldapi.RateLimitedErrorRep](c, "rate_limited", "", err)
	if response.Header.Get("X-Ratelimit-Global-Remaining") != "0" || response.Header.Get("Retry-After") == "" {
		t.Errorf("the headers: %v", response.Header)
	}
}

func TestBetaHeaderMissing(t *testing.T) {
	c := serve(t, management.Config{RequireBeta: true}, func(c *ldapi.Configuration) { delete(c.DefaultHeader, "LD-API-Version") })
	_, _, err := c.ExperimentsApi.GetExperiments(c.ctx, project, environment).Execute()
	refusedAs[ldapi.ForbiddenErrorRep](c, "forbidden", "LD-API-Version", err)
}
