package launchdarkly

import "net/http"

// operations are what can be done, by path and method. LaunchDarkly's parameters
// that an operation does not have are refused, like any other one.
func operations() map[string]map[string]operation {
	const (
		get, post, put, patch, remove = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
		ok, created, gone             = http.StatusOK, http.StatusCreated, http.StatusNoContent
		environment                   = "projects/{project}/environments/{environment}"
		experiments                   = environment + "/experiments"
	)
	paged := func(more ...string) []string { return append([]string{"limit", "offset"}, more...) }
	listed := paged("filter", "sort", "expand")
	expand := []string{"expand"}
	found := paged("filter", "lifecycleState", "expand")
	return map[string]map[string]operation{
		"projects":                        {get: {"ld_get_projects", Read, ok, listProjects, listed}},
		"projects/{project}":              {get: {"ld_get_project", Read, ok, getProject, expand}},
		"projects/{project}/environments": {get: {"ld_get_environments", Read, ok, listEnvironments, paged("filter", "sort")}},
		environment:                       {get: {"ld_get_environment", Read, ok, getEnvironment, nil}},
		"projects/{project}/experiments":  {get: {"ld_get_experiments_any_environment", Read, ok, listExperiments, found}},
		experiments: {
			get:  {"ld_get_experiments", Read, ok, listExperiments, found},
			post: {"ld_create_experiment", Create, created, createExperiment, nil},
		},
		experiments + "/{experiment}": {
			get:   {"ld_get_experiment", Read, ok, getExperiment, expand},
			patch: {"ld_patch_experiment", Update, ok, patchExperiment, nil},
		},
		experiments + "/{experiment}/iterations": {
			post: {"ld_create_iteration", Create, ok, createIteration, nil},
		},
		experiments + "/{experiment}/metrics/{metric}/results": {
			get: {"ld_get_experiment_results", Read, ok, inTurn(metricResults), []string{"iterationId", "iteration-id", "expand"}},
		},
		experiments + "/{experiment}/metric-groups/{group}/results": {
			get: {"ld_get_experiment_results_for_metric_group", Read, ok, inTurn(groupResults), []string{"iterationId", "iteration-id", "expand"}},
		},
		"flags/{project}/{flag}/experiments/{environment}/{metric}": {
			get: {"ld_get_legacy_experiment_results", Read, ok, inTurn(legacyResults), []string{"from", "to"}},
		},
		"projects/{project}/experimentation-settings": {
			get: {"ld_get_experimentation_settings", Read, ok, getSettings, nil},
			put: {"ld_put_experimentation_settings", Update, ok, putSettings, nil},
		},
		"metrics/{project}": {
			get:  {"ld_get_metrics", Read, ok, listMetrics, listed},
			post: {"ld_create_metric", Create, created, createMetric, nil},
		},
		"metrics/{project}/{metric}": {
			get:    {"ld_get_metric", Read, ok, getMetric, []string{"expand", "versionId"}},
			patch:  {"ld_patch_metric", Update, ok, patchMetric, nil},
			remove: {"ld_delete_metric", Delete, gone, deleteMetric, nil},
		},
		"projects/{project}/metric-groups": {
			get:  {"ld_get_metric_groups", Read, ok, listGroups, listed},
			post: {"ld_create_metric_group", Create, created, createGroup, nil},
		},
		"projects/{project}/metric-groups/{group}": {
			get:    {"ld_get_metric_group", Read, ok, getGroup, expand},
			patch:  {"ld_patch_metric_group", Update, ok, patchGroup, nil},
			remove: {"ld_delete_metric_group", Delete, gone, deleteGroup, nil},
		},
		"flags/{project}": {
			get: {"ld_get_flags", Read, ok, listFlags, paged("filter", "sort", "expand", "env", "tag", "archived", "summary", "compare")},
		},
		"flags/{project}/{flag}": {get: {"ld_get_flag", Read, ok, getFlag, []string{"env", "expand"}}},
	}
}
