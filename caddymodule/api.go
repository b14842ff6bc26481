package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/intake"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func init() {
	caddy.RegisterModule(API{})
}

// API answers everything below /api/v2/experimentation, LaunchDarkly's Experiments
// API and, where there are clients, /oauth/token, and passes every other request
// on. It belongs on a site of its own that the public cannot reach.
type API struct {
	// Tokens let clients in. At least one token or client is needed.
	Tokens []APIToken `json:"tokens,omitempty"`
	// Clients are granted access tokens at /oauth/token for their id and secret.
	Clients []APIClient `json:"clients,omitempty"`
	// Rate is how many requests a second each token has. Default: 100.
	Rate float64 `json:"rate,omitempty"`
	// Burst is how many requests a token may save up. Default: 500.
	Burst int `json:"burst,omitempty"`
	// Prior is what results assume before the data: weak, next to nothing, or
	// control, that treatments are near the control, as LaunchDarkly does.
	// Default: weak.
	Prior string `json:"prior,omitempty"`
	// RequireBeta refuses requests in LaunchDarkly's dialect that do not send
	// LD-API-Version: beta, as LaunchDarkly did. Default: false.
	RequireBeta bool `json:"require_beta,omitempty"`

	app    *App
	api    *management.API
	logger *zap.Logger
}

// APIToken is a secret with what it allows.
type APIToken struct {
	// Secret that clients send as a bearer token; placeholders such as
	// {env.EXPERIMENTS_TOKEN} and {file./run/secrets/token} are replaced.
	Secret string `json:"secret"`
	// Name stands for the token in the audit log. Default: token and its place.
	Name string `json:"name,omitempty"`
	// Tenant that the token is for. Default: default/production.
	Tenant string `json:"tenant,omitempty"`
	// Scopes that it has, such as read:experimentation. Default: all.
	Scopes []string `json:"scopes,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (API) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.experiments_api", New: func() caddy.Module { return new(API) }}
}

// Provision connects the API with the store of the app.
func (a *API) Provision(ctx caddy.Context) error {
	a.logger = ctx.Logger()
	app, err := ctx.App("experiments")
	if err != nil {
		return fmt.Errorf("loading the experiments app: %w", err)
	}
	a.app = app.(*App)
	if len(a.Tokens)+len(a.Clients) == 0 {
		return errors.New(noCredentials)
	}
	tokens, err := a.tokens(ctx)
	if err != nil {
		return err
	}
	clients, err := a.clients(ctx)
	if err != nil {
		return err
	}
	a.api, err = management.New(management.Config{
		Store: a.app.configuration.store, Tokens: tokens, Clients: clients, ClientKeys: a.app.keys.clientKeys,
		Entitled: a.app.entitled, MaxActive: a.app.MaxActiveExperiments, HeaderBudget: a.app.HeaderBudget,
		Rate: a.Rate, Burst: a.Burst, Events: a.app.managedEvents(), Prior: a.prior(), RequireBeta: a.RequireBeta,
		Audit: func(e management.Event) { a.app.audit(a.logger, e) }, Logins: a.app.logins(a.logger), Edge: a.app.edge, Log: ctx.Slogger(), ClientAddress: clientAddress, Now: wallClock,
	})
	return err
}

// Validate refuses settings that cannot work.
func (a *API) Validate() error { return checkPrior(a.Prior) }

// What Prior can be.
const (
	priorWeak    = "weak"
	priorControl = "control"
)

func checkPrior(prior string) error {
	if prior != "" && prior != priorWeak && prior != priorControl {
		return fmt.Errorf("prior: must be %s or %s, got %q", priorWeak, priorControl, prior)
	}
	return nil
}

func (a *API) prior() results.Prior {
	if a.Prior == priorControl {
		return results.ControlPrior
	}
	return results.WeakPrior
}

// uploads bounds the memory of events that are sent to this process, whatever
// configuration and site they are sent to.
var uploads = intake.New(intake.Limits{})

// managedEvents is what the management API does with events.
func (a *App) managedEvents() management.Events {
	if a.events == nil {
		return management.Events{}
	}
	out := management.Events{Append: a.events.append, Reports: desk, Intake: uploads, Retention: max(time.Duration(a.Events.Retention), 0)}
	if a.events.log != nil {
		out.Log = a.events.log
	}
	return out
}

func (a *API) tokens(ctx caddy.Context) (_ []management.Token, err error) {
	replacer := caddy.NewReplacer()
	tokens := make([]management.Token, len(a.Tokens))
	for i, configured := range a.Tokens {
		token := management.Token{Secret: replacer.ReplaceAll(configured.Secret, ""), Name: configured.Name}
		if token.Secret == "" {
			return nil, fmt.Errorf("experiments_api: token %d is empty; is its placeholder set?", i+1)
		}
		if token.Name == "" {
			token.Name = "token " + strconv.Itoa(i+1)
		}
		token.Scopes = scopes(configured.Scopes)
		if token.Tenant, err = a.followed(ctx, configured.Tenant); err != nil {
			return nil, err
		}
		tokens[i] = token
	}
	return tokens, nil
}

// followed returns the tenant of a token or client, whose document the edge then
// follows if the tenant may have experiments.
func (a *API) followed(ctx caddy.Context, name string) (store.Tenant, error) {
	if name == "" {
		name = string(store.DefaultTenant)
	}
	if !a.app.entitled(store.Tenant(name)) {
		return store.Tenant(name), nil
	}
	_, err := a.app.tenant(ctx, name)
	return store.Tenant(name), err
}

func scopes(names []string) (all []management.Scope) {
	for _, name := range names {
		all = append(all, management.Scope(name))
	}
	return all
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if !a.api.Handles(r) {
		return next.ServeHTTP(w, r)
	}
	a.api.ServeHTTP(w, r)
	return nil
}

// clientAddress is who Caddy takes for the client.
func clientAddress(r *http.Request) string {
	address, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	return address
}

// Interface guards
var (
	_ caddy.Provisioner           = (*API)(nil)
	_ caddy.Validator             = (*API)(nil)
	_ caddyhttp.MiddlewareHandler = (*API)(nil)
)
