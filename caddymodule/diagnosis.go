package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// storeTime bounds how long the admin API waits for the store.
const storeTime = 10 * time.Second

// serveDiagnosis examines an experiment.
func serveDiagnosis(w http.ResponseWriter, r *http.Request) error {
	app, tenant, err := administered(w, r, http.MethodGet)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTime)
	defer cancel()
	diagnosis, err := app.diagnose(ctx, tenant, r.URL.Query().Get("experiment"))
	if err != nil {
		return err
	}
	return writeJSON(w, diagnosis)
}

// diagnose examines the experiment that is called so, as the newest document has
// it, or as the one in force does where the newest is bad or out of reach.
func (a *App) diagnose(ctx context.Context, tenant store.Tenant, called string) (management.Diagnosis, error) {
	document, revision, newer, err := a.newestDocument(ctx, tenant)
	if err != nil {
		return management.Diagnosis{}, err
	}
	e, err := a.experimentNamed(tenant, document, called)
	switch {
	case err != nil && newer != nil:
		return management.Diagnosis{}, refused(http.StatusNotFound, fmt.Errorf("in the document that is in force, for the newest cannot be used (%w): %w", newer, err))
	case err != nil:
		return management.Diagnosis{}, err
	}
	facts := a.edge(tenant, e.ID)
	diagnosis, found := management.Diagnose(e.ID, management.Examination{
		Tenant: tenant, Document: document, Revision: revision, MaxActive: a.MaxActiveExperiments, HeaderBudget: a.HeaderBudget, Edge: &facts,
	})
	if !found {
		return management.Diagnosis{}, refused(http.StatusNotFound, fmt.Errorf("tenant %s has no experiment %s", tenant, e.ID)) // unreachable: it was just found there
	}
	return diagnosis, nil
}

// inForce returns what this edge decides a tenant by, nil if there is nothing.
func (a *App) inForce(tenant store.Tenant) *store.Applied {
	found, _ := mounts()
	for i := range found {
		if h := found[i].site; h != nil && h.Tenant == string(tenant) {
			if applied := h.tenant.feed.Current(); applied != nil {
				return applied
			}
		}
	}
	return nil
}
