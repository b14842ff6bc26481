package ldclient

import (
	"testing"

	ldapi "github.com/launchdarkly/api-client-go/v17"

	"github.com/caddy-experiments/caddy-experiments/management"
)

// The client reads projects and environments, as its users' tools do first.
func TestProjects(t *testing.T) {
	c := serve(t, management.Config{}, nil)
	projects, response, err := c.ProjectsApi.GetProjects(c.ctx).Limit(5).Filter("query:def").Sort("name").Expand("environments").Execute()
	c.ok(200, response, err)
	if len(projects.Items) != 1 || projects.Items[0].Key != project || projects.Items[0].Environments.Items[0].Key != environment {
		t.Errorf("projects: %+v", projects)
	}
	one, response, err := c.ProjectsApi.GetProject(c.ctx, project).Expand("environments").Execute()
	c.ok(200, response, err)
	if one.Key != project {
		t.Errorf("project: %+v", one)
	}
	all, response, err := c.EnvironmentsApi.GetEnvironmentsByProject(c.ctx, project).Filter("query:PROD").Execute()
	c.ok(200, response, err)
	if *all.TotalCount != 1 || all.Items[0].Key != environment {
		t.Errorf("environments: %+v", all)
	}
	there, response, err := c.EnvironmentsApi.GetEnvironment(c.ctx, project, environment).Execute()
	c.ok(200, response, err)
	if there.Name != environment {
		t.Errorf("environment: %+v", there)
	}
	_, _, err = c.ProjectsApi.GetProject(c.ctx, "other").Execute()
	refusedAs[ldapi.ForbiddenErrorRep](c, "forbidden", "denied", err)
}

// What the client asks of lists is answered or refused.
func TestFilters(t *testing.T) {
	c := serve(t, management.Config{}, nil)
	c.metrics()
	c.flag("login page")
	c.flag("admin page")
	flags, response, err := c.FeatureFlagsApi.GetFeatureFlags(c.ctx, project).Filter("query:admin").Summary(false).Sort("-name").Env(environment).Execute()
	c.ok(200, response, err)
	if len(flags.Items) != 1 || flags.Items[0].Key != "admin-page" || *flags.Items[0].Deprecated {
		t.Errorf("flags: %+v", flags)
	}
	flags, response, err = c.FeatureFlagsApi.GetFeatureFlags(c.ctx, project).Archived(true).Execute()
	c.ok(200, response, err)
	if len(flags.Items) != 0 {
		t.Errorf("archived flags: %+v", flags)
	}
	metrics, response, err := c.MetricsApi.GetMetrics(c.ctx, project).Filter(`tags contains ["shop"]`).Expand("experimentCount").Sort("-createdAt").Execute()
	c.ok(200, response, err)
	if len(metrics.Items) != 1 || metrics.Items[0].Key != "converted" {
		t.Errorf("metrics: %+v", metrics)
	}
	groups, response, err := c.MetricsBetaApi.GetMetricGroups(c.ctx, project).Filter("experimentStatus equals 'running' and query equals 'steps'").Execute()
	c.ok(200, response, err)
	if len(groups.Items) != 0 {
		t.Errorf("groups: %+v", groups)
	}
	_, _, err = c.FeatureFlagsApi.GetFeatureFlags(c.ctx, project).Filter("applicationEvaluated:a").Execute()
	refusedAs[ldapi.InvalidRequestErrorRep](c, "invalid_request", "filter", err)
	_, _, err = c.FeatureFlagsApi.GetFeatureFlags(c.ctx, project).Compare(true).Execute()
	refusedAs[ldapi.InvalidRequestErrorRep](c, "invalid_request", "compare", err)
}

// JSON patches of the client change metrics and groups.
func TestJSONPatches(t *testing.T) {
	c := serve(t, management.Config{}, nil)
	c.metrics()
	group, response, err := c.MetricsBetaApi.PatchMetricGroup(c.ctx, project, "steps").PatchOperation([]ldapi.PatchOperation{
		{Op: "replace", Path: "/name", Value: "The steps"}, {Op: "add", Path: "/tags/-", Value: "till"},
	}).Execute()
	c.ok(200, response, err)
	if group.Name != "The steps" || group.Tags[0] != "till" || group.Version != 2 {
		t.Errorf("group: %+v", group)
	}
	before := c.document().Revision
	metric, response, err := c.MetricsApi.PatchMetric(c.ctx, project, "converted").PatchOperation([]ldapi.PatchOperation{
		{Op: "test", Path: "/tags/0", Value: "shop"}, {Op: "replace", Path: "/name", Value: "Converted"},
	}).Execute()
	c.ok(200, response, err)
	if metric.Name != "Converted" || c.document().Revision != before {
		t.Errorf("metric: %+v, revision %d after %d", metric, c.document().Revision, before)
	}
	_, _, err = c.MetricsApi.PatchMetric(c.ctx, project, "converted").PatchOperation([]ldapi.PatchOperation{{Op: "replace", Path: "/_id", Value: "x"}}).Execute()
	refusedAs[ldapi.InvalidRequestErrorRep](c, "invalid_request", "read-only", err)
}
