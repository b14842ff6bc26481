package caddymodule

import (
	"cmp"
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-experiments/caddy-experiments/store"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("experiments_api", parseAPI)
	httpcaddyfile.RegisterHandlerDirective("experiments", parseHandler)
	// The API first: its routes are nobody's login.
	httpcaddyfile.RegisterDirectiveOrder("experiments_api", httpcaddyfile.Before, "request_header")
	httpcaddyfile.RegisterDirectiveOrder("experiments", httpcaddyfile.Before, "request_header")
}

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	return handler, handler.checkEntitled(h)
}

// checkEntitled refuses a tenant that the app, whose options are read before all
// sites, leaves out. A start refuses it too, but cannot name the line any more.
func (h *Handler) checkEntitled(helper httpcaddyfile.Helper) error {
	option, ok := helper.Option("experiments").(httpcaddyfile.App)
	app := new(App)
	if !ok || json.Unmarshal(option.Value, app) != nil {
		return nil
	}
	name := cmp.Or(h.Tenant, string(store.DefaultTenant))
	if app.entitled(store.Tenant(name)) {
		return nil
	}
	helper.Reset()
	helper.Next() // the directive, whose line is named where the block has no tenant
	if h.Tenant != "" {
		for helper.Val() != "tenant" && helper.Next() {
		}
	}
	return helper.WrapErr(errNotEntitled(name))
}

// UnmarshalCaddyfile reads the directive:
//
//	experiments [<matcher>] {
//		tenant <project>/<environment>
//		authorize_path <paths...>
//		subject <placeholder>
//		header <name>
//		overrides open | signed | off
//		outcomes on | off
//		sticky <duration>
//		connections {
//			<connection> <connection_type>
//		}
//	}
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.Errf("experiments: takes no arguments, only a block, got %q", d.Val())
	}
	seen := options{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "authorize_path" {
			if err := seen.once(d); err != nil {
				return err
			}
		}
		if err := h.unmarshalOption(d); err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) unmarshalOption(d *caddyfile.Dispenser) (err error) {
	switch d.Val() {
	case "tenant":
		if h.Tenant, err = argument(d, string(store.DefaultTenant)); err != nil {
			return err
		}
		_, err = store.ParseTenant(h.Tenant)
	case "authorize_path":
		return h.unmarshalAuthorizePaths(d)
	case "subject":
		if h.Subject, err = argument(d, "{http.request.header.X-Device}"); err != nil {
			return err
		}
		err = checkSubject(h.Subject)
	case "header":
		if h.Header, err = argument(d, defaultHeader); err != nil {
			return err
		}
		err = checkHeader(h.Header)
	case "overrides":
		if h.Overrides, err = argument(d, overridesSigned); err != nil {
			return err
		}
		err = checkOverrides(h.Overrides)
	case "outcomes":
		if h.Outcomes, err = argument(d, outcomesOn); err != nil {
			return err
		}
		err = checkOutcomes(h.Outcomes)
	case "sticky":
		return h.unmarshalSticky(d)
	case "connections":
		return h.unmarshalConnections(d)
	case "{":
		return noBlock(d)
	default:
		return d.Errf("experiments: there is no option %q here; the options are tenant, authorize_path, subject, header, "+
			"overrides, outcomes, sticky and connections", d.Val())
	}
	if err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func (h *Handler) unmarshalAuthorizePaths(d *caddyfile.Dispenser) error {
	paths := d.RemainingArgs()
	if len(paths) == 0 {
		return d.Err("authorize_path: names no path; write for example: authorize_path /authorize")
	}
	for _, path := range paths {
		if err := checkAuthorizePath(path); err != nil {
			return d.WrapErr(err)
		}
	}
	h.AuthorizePaths = append(h.AuthorizePaths, paths...)
	return nil
}

func (h *Handler) unmarshalSticky(d *caddyfile.Dispenser) error {
	text, err := argument(d, "1h")
	if err != nil {
		return err
	}
	sticky, err := caddy.ParseDuration(text)
	if err != nil {
		return d.Errf("sticky: must be a duration, got %q; write for example: sticky 1h", text)
	}
	h.Sticky = caddy.Duration(sticky)
	if err := checkSticky(h.Sticky); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func (h *Handler) unmarshalConnections(d *caddyfile.Dispenser) error {
	const form = "write a connection and its type in each line of a block, for example: google-oauth2 social"
	if d.NextArg() {
		return d.Errf("connections: takes only a block, got %q; %s", d.Val(), form)
	}
	h.Connections = map[string]string{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		connection := d.Val()
		var connectionType string
		if connection == "{" || !d.AllArgs(&connectionType) {
			return d.Errf("connections: %s; %s", connection, form)
		}
		if _, twice := h.Connections[connection]; twice {
			return d.Errf("connections: %s is given twice; keep one of them", connection)
		}
		h.Connections[connection] = connectionType
	}
	if len(h.Connections) == 0 {
		return d.Err("connections: has none; " + form)
	}
	return nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Handler)(nil)
