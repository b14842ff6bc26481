package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// tokenRequest is the body of POST /experiments/token.
type tokenRequest struct {
	Tenant       string         `json:"tenant"`
	ExperimentID string         `json:"experiment_id"`
	VariationID  string         `json:"variation_id,omitempty"`
	SegmentID    string         `json:"segment_id,omitempty"`
	ValidFor     caddy.Duration `json:"valid_for,omitempty"`
}

// tokenAnswer is what it answers.
type tokenAnswer struct {
	Token   string    `json:"experiment_token"`
	Expires time.Time `json:"expires"`
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
	if r.Method != http.MethodPost {
		return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("%s is not allowed here; use POST", r.Method)}
	}
	app := activeApp()
	if app == nil {
		return errNoApp
	}
	request := tokenRequest{Tenant: string(store.DefaultTenant), ValidFor: caddy.Duration(defaultTokenTime)}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestTokenRequest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: fmt.Errorf("reading the request: %w", err)}
	}
	answer, err := app.token(request, wallClock())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(answer)
}

func (a *App) token(request tokenRequest, now time.Time) (tokenAnswer, error) {
	if _, err := store.ParseTenant(request.Tenant); err != nil {
		return tokenAnswer{}, err
	}
	switch {
	case !engine.ValidID(engine.ExperimentPrefix, request.ExperimentID):
		return tokenAnswer{}, fmt.Errorf("experiment_id %q: is no id of an experiment", request.ExperimentID)
	case request.VariationID != "" && !engine.ValidID(engine.VariationPrefix, request.VariationID):
		return tokenAnswer{}, fmt.Errorf("variation_id %q: is no id of a variation", request.VariationID)
	case request.SegmentID != "" && !engine.ValidID(engine.SegmentPrefix, request.SegmentID):
		return tokenAnswer{}, fmt.Errorf("segment_id %q: is no id of a segment", request.SegmentID)
	case request.ValidFor <= 0:
		return tokenAnswer{}, errors.New("valid_for: must be positive, for example 1h")
	}
	expires := now.Add(time.Duration(request.ValidFor)).Truncate(time.Second)
	force := engine.Force{ExperimentID: request.ExperimentID, VariationID: request.VariationID, SegmentID: request.SegmentID}
	token := a.keys.writeToken(request.Tenant, force, expires)
	if len(token) > longestCookie {
		return tokenAnswer{}, errors.New("the ids are too long for a token")
	}
	return tokenAnswer{Token: token, Expires: expires.UTC()}, nil
}
