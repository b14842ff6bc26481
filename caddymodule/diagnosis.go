package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
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
	id := r.URL.Query().Get("experiment")
	if !engine.ValidID(engine.ExperimentPrefix, id) {
		return refused(http.StatusBadRequest, fmt.Errorf("experiment %q: is no id of an experiment; write for example ?experiment=exp_PasskeyDemo", id))
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTime)
	defer cancel()
	diagnosis, err := app.diagnose(ctx, tenant, id)
	if err != nil {
		return err
	}
	return writeJSON(w, diagnosis)
}

// diagnose examines an experiment as the newest document has it, or as the one
// in force does where the newest is bad or out of reach.
func (a *App) diagnose(ctx context.Context, tenant store.Tenant, id string) (management.Diagnosis, error) {
	facts := a.edge(tenant, id)
	x := management.Examination{Tenant: tenant, MaxActive: a.MaxActiveExperiments, HeaderBudget: a.HeaderBudget, Edge: &facts}
	version, err := a.configuration.store.Load(ctx, tenant)
	if err == nil {
		x.Revision = version.Revision
		x.Document, err = engine.Decode(version.Text)
	}
	if err != nil {
		x.Document, x.Revision = a.documentInForce(tenant), facts.Revision
	}
	if x.Document != nil {
		if diagnosis, found := management.Diagnose(id, x); found {
			return diagnosis, nil
		}
	}
	switch {
	case errors.Is(err, store.ErrNotFound) && x.Document == nil:
		return management.Diagnosis{}, refused(http.StatusNotFound, fmt.Errorf("tenant %s has no document: %w", tenant, err))
	case err != nil:
		return management.Diagnosis{}, refused(http.StatusNotFound, fmt.Errorf("there is no experiment %s in the document of %s that is in force, and the newest document cannot be used: %w", id, tenant, err))
	}
	return management.Diagnosis{}, refused(http.StatusNotFound, fmt.Errorf("tenant %s has no experiment %s", tenant, id))
}

// documentInForce gives the document that this edge decides a tenant by, nil if
// there is none.
func (a *App) documentInForce(tenant store.Tenant) *engine.Document {
	found, _ := mounts()
	for i := range found {
		if h := found[i].site; h != nil && h.Tenant == string(tenant) {
			if applied := h.tenant.feed.Current(); applied != nil {
				return applied.Document
			}
		}
	}
	return nil
}
