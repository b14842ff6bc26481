package ldclient

import (
	"math"
	"net/http"
	"testing"

	ldapi "github.com/launchdarkly/api-client-go/v17"

	"github.com/caddy-experiments/caddy-experiments/management"
)

// The client sends patches in one of three ways, none of which it was made for.
var setUps = map[string]func(*ldapi.Configuration){
	"semantic patch": func(c *ldapi.Configuration) {
		c.HTTPClient = &http.Client{Transport: semanticPatch{http.DefaultTransport}}
	},
	"plain JSON":              nil,
	"two content types":       func(c *ldapi.Configuration) { c.AddDefaultHeader("Content-Type", semantic) },
	"without the beta header": func(c *ldapi.Configuration) { delete(c.DefaultHeader, "LD-API-Version") },
}

func TestLife(t *testing.T) {
	for name, setUp := range setUps {
		t.Run(name, func(t *testing.T) { live(serve(t, management.Config{}, setUp)) })
	}
	t.Run("only with the beta header", func(t *testing.T) { live(serve(t, management.Config{RequireBeta: true}, nil)) })
}

// live takes an experiment through its life.
func live(c *client) {
	settings, response, err := c.ExperimentsApi.PutExperimentationSettings(c.ctx, project).RandomizationSettingsPut(ldapi.RandomizationSettingsPut{
		RandomizationUnits: []ldapi.RandomizationUnitInput{
			{RandomizationUnit: "device", StandardRandomizationUnit: "guest"}, {RandomizationUnit: "user", Default: ldapi.PtrBool(true), StandardRandomizationUnit: "user"},
		},
	}).Execute()
	c.ok(200, response, err)
	settings, response, err = c.ExperimentsApi.GetExperimentationSettings(c.ctx, project).Execute()
	c.ok(200, response, err)
	if len(settings.RandomizationUnits) != 2 || *settings.RandomizationUnits[0].RandomizationUnit != "user" || *settings.ProjectKey != project {
		c.Errorf("settings: %+v", settings)
	}
	c.metrics()
	flag := c.flag("login page")
	if flag.Kind != "multivariate" || len(flag.Variations) != 2 || !flag.Environments[environment].On {
		c.Errorf("flag: %+v", flag)
	}
	flags, response, err := c.FeatureFlagsApi.GetFeatureFlags(c.ctx, project).Execute()
	c.ok(200, response, err)
	if len(flags.Items) != 1 || flags.Items[0].Key != "login-page" {
		c.Errorf("flags: %+v", flags)
	}

	e, response, err := c.ExperimentsApi.CreateExperiment(c.ctx, project, environment).ExperimentPost(ldapi.ExperimentPost{
		Key: "red", Name: "Red", Description: ldapi.PtrString("d"), MaintainerId: ldapi.PtrString("me"), Iteration: iteration(flag, "50", "50"),
	}).Execute()
	c.ok(201, response, err)
	if e.Key != "red" || e.CurrentIteration.Status != "not_started" || e.MaintainerId != "me" || e.EnvironmentKey != environment || e.CreationDate == 0 {
		c.Errorf("created: %+v", e)
	}
	list, response, err := c.ExperimentsApi.GetExperiments(c.ctx, project, environment).Limit(5).Offset(0).LifecycleState("active").
		Filter("flagKey:login-page,status:not_started,metricKey:converted").Expand("treatments").Execute()
	c.ok(200, response, err)
	if *list.TotalCount != 1 || len(list.Items) != 1 || len(list.Items[0].CurrentIteration.Treatments) != 2 {
		c.Errorf("listed: %+v", list)
	}

	wait()
	e = c.mustPatch("red", []string{"updateName", "value", "Redder"}, []string{"updateDescription", "value", "e"}, []string{"startIteration", "changeJustification", "go"})
	if e.Name != "Redder" || *e.Description != "e" || e.CurrentIteration.Status != "running" || *e.CurrentIteration.StartedAt < e.CurrentIteration.CreatedAt {
		c.Errorf("started: %+v", e)
	}
	c.exposed(e, flag)
	c.results(e, flag)

	draft, response, err := c.ExperimentsApi.CreateIteration(c.ctx, project, environment, "red").IterationInput(iteration(flag, "60", "40")).Execute()
	c.ok(200, response, err)
	all, response, err := c.ExperimentsApi.GetExperiment(c.ctx, project, environment, "red").Expand("previousIterations,draftIteration,secondaryMetrics,treatments").Execute()
	c.ok(200, response, err)
	now := all.CurrentIteration
	if *all.DraftIteration.Id != *draft.Id || now.PrimarySingleMetric.Key != "converted" || now.PrimaryMetric.Key != "converted" || len(now.SecondaryMetrics) != 1 || len(now.Metrics) != 3 ||
		len(now.Metrics[2].Metrics) != 2 || *now.RandomizationUnit != "user" || *(*now.Flags)["login-page"].Links["self"].Href == "" || *now.Treatments[1].Id != *flag.Variations[1].Id || len(now.Attributes) != 2 {
		c.Errorf("expanded: %+v", all)
	}
	e = c.mustPatch("red", []string{"startIteration", "changeJustification", "more"})
	if *e.CurrentIteration.Id != *draft.Id || len(e.PreviousIterations) != 1 || e.PreviousIterations[0].Status != "stopped" {
		c.Errorf("started again: %+v", e)
	}
	e = c.mustPatch("red", []string{"stopIteration", "winningTreatmentId", *flag.Variations[1].Id, "winningReason", "better"})
	if e.CurrentIteration.Status != "stopped" || *e.CurrentIteration.WinningTreatmentId != *flag.Variations[1].Id || *e.CurrentIteration.WinningReason != "better" {
		c.Errorf("stopped: %+v", e)
	}
	if e = c.mustPatch("red", []string{"archiveExperiment"}); e.ArchivedDate == nil {
		c.Errorf("archived: %+v", e)
	}
	list, response, err = c.ExperimentsApi.GetExperiments(c.ctx, project, environment).Execute()
	c.ok(200, response, err)
	if *list.TotalCount != 0 {
		c.Errorf("listed: %+v", list)
	}
	if e = c.mustPatch("red", []string{"restoreExperiment"}); e.ArchivedDate != nil || e.CurrentIteration.Status != "stopped" {
		c.Errorf("restored: %+v", e)
	}
}

// results reads the results in the three forms that there are.
func (c *client) results(e *ldapi.Experiment, flag *ldapi.FeatureFlag) {
	close := func(what string, got *float32, want float64) {
		if got == nil || math.Abs(float64(*got)-want) > 1e-6 {
			c.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	r, response, err := c.ExperimentsApi.GetExperimentResults(c.ctx, project, environment, "red", "converted").Expand("traffic").IterationId(*e.CurrentIteration.Id).Execute()
	c.ok(200, response, err)
	if len(r.TreatmentResults) != 2 || len(r.Results) != 2 || *r.Results[0].Attribute != "country" || !*r.MetricSeen.Ever || *r.MetricSeen.Timestamp < *e.CurrentIteration.StartedAt || r.ProbabilityOfMismatch == nil {
		c.Fatalf("results: %+v", r)
	}
	t := r.TreatmentResults[1]
	close("data mean", t.DataMean, 0.2)
	close("sum", t.EventValuesSum, 60)
	close("mean", t.Mean, 61.0/302)
	if *t.TreatmentId != *flag.Variations[1].Id || *t.Traffic != 300 || *t.Units != 300 || *t.Model != "bayesianBeta" || (*t.Distribution.Parameters)["alpha"] != 61 ||
		t.CredibleInterval.Lower == nil || *t.PBest < 0.9 || *t.RelativeDifferences[0].FromTreatmentId != *flag.Variations[0].Id {
		c.Errorf("treatment: %+v", t)
	}
	g, response, err := c.ExperimentsApi.GetExperimentResultsForMetricGroup(c.ctx, project, environment, "red", "steps").Execute()
	c.ok(200, response, err)
	if len(g.Metrics) != 2 || g.Metrics[0].Metric.Key != "login" || *g.Metrics[1].Metric.NameInGroup != "Buy" || len(g.Metrics[1].Results.TreatmentResults) != 2 {
		c.Errorf("group: %+v", g)
	}
	legacy, response, err := c.ExperimentsApi.GetLegacyExperimentResults(c.ctx, project, "login-page", environment, "converted").From(*e.CurrentIteration.StartedAt).Execute()
	c.ok(200, response, err)
	if len(legacy.Totals) != 2 || *legacy.Totals[1].CumulativeCount != 60 || *legacy.Totals[1].CumulativeImpressionCount != 300 || len(legacy.Series) != 1 || legacy.Stats.Chi2 == nil || *legacy.Granularity != "day" {
		c.Errorf("legacy: %+v", legacy)
	}
}
