package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// maxNamesListed bounds how many entities a refusal lists.
const maxNamesListed = 10

// names are what people call an entity by. Only an id is there for sure.
type names struct{ id, key, name string }

// String is the id with what else the entity is called.
func (n names) String() string {
	if called := cmp.Or(n.key, n.name); called != "" {
		return fmt.Sprintf("%s (%s)", n.id, engine.Printable(called))
	}
	return n.id
}

// called returns the entities that a person may mean by a text: the one with that
// id, else with that key, else all of that name, in whatever case.
func called(all []names, text string) []names {
	for _, same := range []func(names) bool{
		func(n names) bool { return n.id == text },
		func(n names) bool { return n.key != "" && n.key == text },
		func(n names) bool { return strings.EqualFold(n.name, text) },
	} {
		var found []names
		for _, n := range all {
			if same(n) {
				found = append(found, n)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// meant returns the id of the one entity that a person means. Its errors are those
// of the admin API, and list what there is.
func meant(kind, of string, all []names, text string) (string, error) {
	switch found := called(all, text); {
	case text == "":
		return "", refused(http.StatusBadRequest, fmt.Errorf("%s: is missing; name one by its id, key or name: %s", kind, listed(all, "")))
	case len(found) == 1:
		return found[0].id, nil
	case len(found) > 1:
		return "", refused(http.StatusBadRequest, fmt.Errorf("%s %q: several of %s are called that; name one by its id: %s", kind, text, of, listed(found, "")))
	case len(all) == 0:
		return "", refused(http.StatusNotFound, fmt.Errorf("%s %q: %s has none at all", kind, text, of))
	}
	return "", refused(http.StatusNotFound, fmt.Errorf("%s %q: %s has none that is called that; there are: %s", kind, text, of, listed(all, text)))
}

// listed writes entities, those that are called something like the text first.
func listed(all []names, text string) string {
	like := func(n names) bool {
		begin := strings.ToLower(text[:min(len(text), 5)])
		for _, called := range []string{n.id, n.key, n.name} {
			if text != "" && strings.HasPrefix(strings.ToLower(strings.TrimPrefix(called, engine.ExperimentPrefix)), strings.TrimPrefix(begin, engine.ExperimentPrefix)) {
				return true
			}
		}
		return false
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b names) int {
		switch {
		case like(a) == like(b):
			return 0
		case like(a):
			return -1
		}
		return 1
	})
	var texts []string
	for _, n := range sorted[:min(len(sorted), maxNamesListed)] {
		texts = append(texts, n.String())
	}
	if rest := len(sorted) - len(texts); rest > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(texts, ", ")
}

// experimentNamed finds an experiment of a tenant's document by its id, its key or
// its name. Of one that another tenant of this edge has it names that tenant.
func (a *App) experimentNamed(tenant store.Tenant, document *engine.Document, text string) (*engine.Experiment, error) {
	all := make([]names, len(document.Experiments))
	for i := range document.Experiments {
		e := &document.Experiments[i]
		all[i] = names{e.ID, e.Key, e.Name}
	}
	id, err := meant("experiment", "tenant "+string(tenant), all, text)
	if err == nil {
		return &document.Experiments[slices.IndexFunc(document.Experiments, func(e engine.Experiment) bool { return e.ID == id })], nil
	}
	if elsewhere := a.tenantsWith(text); len(called(all, text)) == 0 && len(elsewhere) > 0 {
		return nil, refused(http.StatusNotFound, fmt.Errorf("experiment %q: tenant %s has none that is called that, and %s has: add --tenant %s",
			text, tenant, strings.Join(elsewhere, " and "), elsewhere[0]))
	}
	return nil, err
}

// tenantsWith lists the tenants of this edge that have an experiment in force
// which is called that.
func (a *App) tenantsWith(text string) []string {
	var tenants []string
	for _, status := range a.tenantStatuses() {
		all := make([]names, len(status.Experiments))
		for i, x := range status.Experiments {
			all[i] = names{x.ID, x.Key, x.Name}
		}
		if len(called(all, text)) > 0 {
			tenants = append(tenants, string(status.Tenant))
		}
	}
	return tenants
}

// newestDocument returns a tenant's newest document with its revision, or the one
// that is in force with why that is not the newest. Without either it returns the
// refusal of the admin API.
func (a *App) newestDocument(ctx context.Context, tenant store.Tenant) (document *engine.Document, revision uint64, newer error, err error) {
	version, err := a.configuration.store.Load(ctx, tenant)
	if err == nil {
		document, err = engine.Decode(version.Text)
	}
	if err == nil {
		return document, version.Revision, nil, nil
	}
	if applied := a.inForce(tenant); applied != nil {
		return applied.Document, applied.Revision, err, nil
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, nil, refused(http.StatusNotFound, fmt.Errorf("tenant %s has no document: %w%s", tenant, err, a.otherTenants(tenant)))
	}
	return nil, 0, nil, refused(http.StatusServiceUnavailable, fmt.Errorf("tenant %s has no document in force, and the newest cannot be used: %w", tenant, err))
}

// otherTenants lists those of this edge that have a document, as the end of a
// sentence about one that has none.
func (a *App) otherTenants(tenant store.Tenant) string {
	var others []string
	for _, status := range a.tenantStatuses() {
		if status.Tenant != tenant && status.Revision > 0 && len(others) < maxNamesListed {
			others = append(others, string(status.Tenant))
		}
	}
	if len(others) == 0 {
		return ""
	}
	return "; tenants with one are: " + strings.Join(others, ", ")
}

// Interface guard
var _ fmt.Stringer = names{}
