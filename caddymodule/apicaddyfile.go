package caddymodule

import (
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func parseAPI(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	api := new(API)
	return api, api.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile reads the directive:
//
//	experiments_api [<matcher>] {
//		token <secret> [<scopes...>] {
//			name <name>
//			tenant <project>/<environment>
//		}
//		client <id> <secret> [<scopes...>] {
//			name <name>
//			tenant <project>/<environment>
//		}
//		rate_limit <requests a second> [<burst>]
//		prior weak | control
//		require_beta
//	}
func (a *API) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.Errf("experiments_api: takes no arguments, only a block, got %q", d.Val())
	}
	seen := options{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		switch d.Val() {
		case "token":
			token, err := unmarshalToken(d)
			if err != nil {
				return err
			}
			a.Tokens = append(a.Tokens, token)
		case "client":
			client, err := unmarshalClient(d)
			if err != nil {
				return err
			}
			a.Clients = append(a.Clients, client)
		case "rate_limit":
			if err := seen.once(d); err != nil {
				return err
			}
			if err := a.unmarshalRate(d); err != nil {
				return err
			}
		case "prior":
			if err := seen.once(d); err != nil {
				return err
			}
			var err error
			if a.Prior, err = argument(d, priorControl); err != nil {
				return err
			}
			if err := checkPrior(a.Prior); err != nil {
				return d.WrapErr(err)
			}
		case "require_beta":
			if err := seen.once(d); err != nil {
				return err
			}
			if d.NextArg() {
				return d.Errf("require_beta: takes no arguments, got %q", d.Val())
			}
			a.RequireBeta = true
		case "{":
			return noBlock(d)
		default:
			return d.Errf("experiments_api: there is no option %q here; the options are token, client, rate_limit, prior and require_beta", d.Val())
		}
	}
	if len(a.Tokens)+len(a.Clients) == 0 {
		return d.Err(noCredentials)
	}
	return nil
}

func unmarshalToken(d *caddyfile.Dispenser) (token APIToken, err error) {
	if !d.NextArg() || d.Val() == "" {
		return token, d.Err("token: has no secret; write for example: token {env.EXPERIMENTS_TOKEN} read:experimentation")
	}
	token.Secret = d.Val()
	token.Name, token.Tenant, token.Scopes, err = unmarshalRights(d, "token")
	return token, err
}

func unmarshalClient(d *caddyfile.Dispenser) (client APIClient, err error) {
	for _, field := range []*string{&client.ID, &client.Secret} {
		if !d.NextArg() || d.Val() == "" {
			return client, d.Err("client: needs an id and a secret; write for example: client ci {env.EXPERIMENTS_CLIENT_SECRET} read:experimentation")
		}
		*field = d.Val()
	}
	client.Name, client.Tenant, client.Scopes, err = unmarshalRights(d, "client")
	return client, err
}

// unmarshalRights reads what a token and a client have in common: scopes and the
// block.
func unmarshalRights(d *caddyfile.Dispenser, option string) (name, tenant string, scopes []string, err error) {
	for d.NextArg() {
		scope, err := management.ParseScope(d.Val())
		if err != nil {
			return "", "", nil, d.Errf("%s: %v", option, err)
		}
		scopes = append(scopes, string(scope))
	}
	seen := options{}
	for nesting := d.Nesting(); err == nil && d.NextBlock(nesting); {
		if err := seen.once(d); err != nil {
			return "", "", nil, err
		}
		switch d.Val() {
		case "name":
			name, err = argument(d, "ci")
		case "tenant":
			if tenant, err = argument(d, "default/production"); err == nil {
				if _, tenantErr := store.ParseTenant(tenant); tenantErr != nil {
					err = d.WrapErr(tenantErr)
				}
			}
		case "{":
			err = noBlock(d)
		default:
			err = d.Errf("%s: there is no option %q here; the options are name and tenant", option, d.Val())
		}
	}
	return name, tenant, scopes, err
}

func (a *API) unmarshalRate(d *caddyfile.Dispenser) error {
	const usage = "rate_limit: write the requests a second and, if you like, the burst, for example: rate_limit 100 500"
	if !d.NextArg() {
		return d.Err(usage)
	}
	var err error
	if a.Rate, err = strconv.ParseFloat(d.Val(), 64); err != nil || !(a.Rate > 0 && a.Rate <= 1e6) {
		return d.Errf("%s; got %q", usage, d.Val())
	}
	if d.NextArg() {
		if a.Burst, err = strconv.Atoi(d.Val()); err != nil || a.Burst < 1 {
			return d.Errf("%s; got %q", usage, d.Val())
		}
	}
	if d.NextArg() {
		return d.Errf("%s; got %q", usage, d.Val())
	}
	return nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*API)(nil)
