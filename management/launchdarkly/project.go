package launchdarkly

import (
	"cmp"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// projectView is a project as clients get it. What a token sees of projects is the
// one of its tenant, with the one environment of that.
type projectView struct {
	ID                            string            `json:"_id"`
	Key                           string            `json:"key"`
	Name                          string            `json:"name"`
	Tags                          []string          `json:"tags"`
	IncludeInSnippetByDefault     bool              `json:"includeInSnippetByDefault"`
	DefaultClientSideAvailability availabilityView  `json:"defaultClientSideAvailability"`
	Links                         map[string]link   `json:"_links"`
	Environments                  *environmentsView `json:"environments,omitempty"`
}

// availabilityView says which SDKs flags are for besides those of servers.
type availabilityView struct {
	UsingMobileKey     bool `json:"usingMobileKey"`
	UsingEnvironmentID bool `json:"usingEnvironmentId"`
}

type environmentsView = collection[projectEnvironmentView]

// projectEnvironmentView is an environment of a project. It has no keys: no SDK
// connects to it.
type projectEnvironmentView struct {
	ID                 string          `json:"_id"`
	Key                string          `json:"key"`
	Name               string          `json:"name"`
	APIKey             string          `json:"apiKey"`
	MobileKey          string          `json:"mobileKey"`
	Color              string          `json:"color"`
	DefaultTTL         int             `json:"defaultTtl"`
	SecureMode         bool            `json:"secureMode"`
	DefaultTrackEvents bool            `json:"defaultTrackEvents"`
	RequireComments    bool            `json:"requireComments"`
	ConfirmChanges     bool            `json:"confirmChanges"`
	Critical           bool            `json:"critical"`
	Tags               []string        `json:"tags"`
	Links              map[string]link `json:"_links"`
}

// environmentColor is what user interfaces show environments with.
const environmentColor = "417505"

func (v *viewer) project(tenant store.Tenant) projectView {
	out := projectView{
		ID: tenant.Project(), Key: tenant.Project(), Name: tenant.Project(), Tags: []string{},
		Links: links("self", v.projectPath(), "environments", v.projectPath()+"/environments"),
	}
	if v.expands("environments") {
		out.Environments = &environmentsView{
			Items: []projectEnvironmentView{v.projectEnvironment(tenant)}, TotalCount: 1, Links: links("self", v.projectPath()+"/environments"),
		}
	}
	return out
}

func (v *viewer) projectEnvironment(tenant store.Tenant) projectEnvironmentView {
	return projectEnvironmentView{
		ID: string(tenant), Key: tenant.Environment(), Name: tenant.Environment(), Color: environmentColor, Tags: []string{},
		Links: links("self", v.environmentPath(), "parent", v.projectPath()),
	}
}

// named lists projects or environments, which have a name and a few things alike.
func named(name func(store.Tenant) string, alike ...string) listing[store.Tenant] {
	out := listing[store.Tenant]{
		read: pairs,
		fields: map[string]field[store.Tenant]{
			"query": func(t term) (func(store.Tenant) bool, error) {
				return func(tenant store.Tenant) bool { return t.spells(name(tenant)) }, nil
			},
			"tags": none[store.Tenant],
		},
		orders: map[string]order[store.Tenant]{"name": func(a, b store.Tenant) int { return cmp.Compare(name(a), name(b)) }},
	}
	for _, name := range alike {
		out.orders[name] = same[store.Tenant]
	}
	return out
}

func listProjects(q *request) (any, error) {
	expand, err := q.words("expand", "environments")
	if err != nil {
		return nil, err
	}
	listed := named(store.Tenant.Project, "createdOn")
	listed.fields["keys"] = func(t term) (func(store.Tenant) bool, error) {
		keys := strings.Split(strings.Join(t.values, "|"), "|")
		return func(tenant store.Tenant) bool {
			return slices.ContainsFunc(keys, func(key string) bool { return strings.EqualFold(strings.TrimSpace(key), tenant.Project()) })
		}, nil
	}
	found, err := listed.of(q, []store.Tenant{q.session.Tenant()})
	if err != nil {
		return nil, err
	}
	return collected(q, found, q.viewer(nil, expand).project)
}

func getProject(q *request) (any, error) {
	expand, err := q.words("expand", "environments")
	if err != nil {
		return nil, err
	}
	return q.viewer(nil, expand).project(q.session.Tenant()), nil
}

func listEnvironments(q *request) (any, error) {
	found, err := named(store.Tenant.Environment, "createdOn", "critical").of(q, []store.Tenant{q.session.Tenant()})
	if err != nil {
		return nil, err
	}
	return collected(q, found, q.viewer(nil, nil).projectEnvironment)
}

func getEnvironment(q *request) (any, error) {
	return q.viewer(nil, nil).projectEnvironment(q.session.Tenant()), nil
}
