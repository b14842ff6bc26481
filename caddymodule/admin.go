package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// administered gives the app that runs and the tenant that a request to the
// admin API names, if the request has one of the methods.
func administered(w http.ResponseWriter, r *http.Request, methods ...string) (*App, store.Tenant, error) {
	if err := allowed(w, r, methods...); err != nil {
		return nil, "", err
	}
	app := activeApp()
	if app == nil {
		return nil, "", errNoApp
	}
	name := r.URL.Query().Get("tenant")
	if name == "" {
		name = string(store.DefaultTenant)
	}
	tenant, err := store.ParseTenant(name)
	if err != nil {
		return nil, "", refused(http.StatusBadRequest, err)
	}
	return app, tenant, nil
}

// refused is an error that the admin API answers.
func refused(status int, err error) error { return caddy.APIError{HTTPStatus: status, Err: err} }

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// allowed refuses a request to the admin API that has none of the methods.
func allowed(w http.ResponseWriter, r *http.Request, methods ...string) error {
	if slices.Contains(methods, r.Method) {
		return nil
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	return refused(http.StatusMethodNotAllowed, fmt.Errorf("%s is not allowed here; use %s", r.Method, strings.Join(methods, " or ")))
}

// compactJSON writes a value that can be compared by its text.
func compactJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return nil // unreachable: what has been read can be written
	}
	return text
}
