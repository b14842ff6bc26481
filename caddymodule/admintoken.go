package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// tokenRequest is the body of POST /experiments/token. Experiment, variation and
// segment are named by id, key or name.
type tokenRequest struct {
	Tenant       string         `json:"tenant"`
	ExperimentID string         `json:"experiment_id"`
	VariationID  string         `json:"variation_id,omitempty"`
	SegmentID    string         `json:"segment_id,omitempty"`
	ValidFor     caddy.Duration `json:"valid_for,omitempty"`
}

// tokenAnswer is what it answers: the parameters of the override, by id.
type tokenAnswer struct {
	Token        string    `json:"experiment_token"`
	Expires      time.Time `json:"expires"`
	ExperimentID string    `json:"experiment_id"`
	VariationID  string    `json:"variation_id,omitempty"`
	SegmentID    string    `json:"segment_id,omitempty"`
	// Notes say where the token has no effect.
	Notes []string `json:"notes,omitempty"`
}

const (
	// defaultTokenTime is how long a token is valid unless it is asked for
	// otherwise: a link that leaks should not work for long.
	defaultTokenTime = time.Hour
	// longestTokenRequest bounds the body.
	longestTokenRequest = 4 << 10
)

// serveToken makes a token for an override on sites with overrides signed.
func serveToken(w http.ResponseWriter, r *http.Request) error {
	if err := allowed(w, r, http.MethodPost); err != nil {
		return err
	}
	app := activeApp()
	if app == nil {
		return errNoApp
	}
	request := tokenRequest{Tenant: string(store.DefaultTenant), ValidFor: caddy.Duration(defaultTokenTime)}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestTokenRequest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return refused(http.StatusBadRequest, fmt.Errorf("reading the request: %w", err))
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTime)
	defer cancel()
	answer, err := app.token(ctx, request, wallClock())
	if err != nil {
		return err
	}
	return writeJSON(w, answer)
}

// token makes a token for what the tenant has: one for anything else would be
// refused without a word where it is used.
func (a *App) token(ctx context.Context, request tokenRequest, now time.Time) (*tokenAnswer, error) {
	tenant, err := store.ParseTenant(request.Tenant)
	if err != nil {
		return nil, refused(http.StatusBadRequest, err)
	}
	if request.ValidFor <= 0 {
		return nil, refused(http.StatusBadRequest, errors.New("valid_for: must be positive, for example 1h"))
	}
	document, _, _, err := a.newestDocument(ctx, tenant)
	if err != nil {
		return nil, err
	}
	force, err := a.forceNamed(tenant, document, request)
	if err != nil {
		return nil, err
	}
	expires := now.Add(time.Duration(request.ValidFor)).Truncate(time.Second)
	token := a.keys.writeToken(string(tenant), force, expires)
	if len(token) > longestCookie {
		return nil, refused(http.StatusBadRequest, errors.New("the ids are too long for a token"))
	}
	return &tokenAnswer{
		Token: token, Expires: expires.UTC(), Notes: overrideNotes(tenant),
		ExperimentID: force.ExperimentID, VariationID: force.VariationID, SegmentID: force.SegmentID,
	}, nil
}

// forceNamed is the override that a request for a token names.
func (a *App) forceNamed(tenant store.Tenant, document *engine.Document, request tokenRequest) (engine.Force, error) {
	e, err := a.experimentNamed(tenant, document, request.ExperimentID)
	if err != nil {
		return engine.Force{}, err
	}
	force := engine.Force{ExperimentID: e.ID}
	if request.VariationID != "" {
		var variations []names
		for i := range document.FeatureFlags {
			if flag := &document.FeatureFlags[i]; flag.ID == e.FeatureFlagID {
				for _, v := range flag.Variations {
					variations = append(variations, names{id: v.ID, name: v.Name})
				}
			}
		}
		if force.VariationID, err = meant("variation", "experiment "+e.ID, variations, request.VariationID); err != nil {
			return engine.Force{}, err
		}
	}
	if request.SegmentID != "" {
		segments := make([]names, len(document.Segments))
		for i, s := range document.Segments {
			segments[i] = names{id: s.ID, name: s.Name}
		}
		if force.SegmentID, err = meant("segment", "tenant "+string(tenant), segments, request.SegmentID); err != nil {
			return engine.Force{}, err
		}
	}
	return force, nil
}

// overrideNotes say on which sites of a tenant a token changes nothing.
func overrideNotes(tenant store.Tenant) []string {
	var notes []string
	found, _ := mounts()
	for i := range found {
		m := &found[i]
		if m.site == nil || m.site.Tenant != string(tenant) {
			continue
		}
		switch site := m.url(m.namedHosts()[0]); m.site.Overrides {
		case overridesOpen:
			notes = append(notes, fmt.Sprintf("overrides are open on %s: anybody can force a variation there without a token; overrides signed wants one", site))
		case overridesOff:
			notes = append(notes, fmt.Sprintf("overrides are off on %s: nothing can be forced there, with a token or without; overrides signed allows it", site))
		}
	}
	return notes
}
