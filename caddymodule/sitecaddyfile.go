package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("experiments", parseHandler)
	httpcaddyfile.RegisterDirectiveOrder("experiments", httpcaddyfile.Before, "request_header")
}

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile reads the directive:
//
//	experiments [<matcher>] {
//		tenant <project>/<environment>
//		authorize_path <paths...>
//		subject <placeholder>
//		header <name>
//		overrides open | signed | off
//		outcomes off
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

func (h *Handler) unmarshalOption(d *caddyfile.Dispenser) error {
	switch d.Val() {
	case "tenant":
		return single(d, &h.Tenant)
	case "authorize_path":
		paths := d.RemainingArgs()
		if len(paths) == 0 {
			return d.ArgErr()
		}
		for _, path := range paths {
			if path[0] != '/' {
				return d.Errf("authorize_path: %q must start with a slash", path)
			}
		}
		h.AuthorizePaths = append(h.AuthorizePaths, paths...)
		return nil
	case "subject":
		return single(d, &h.Subject)
	case "header":
		return single(d, &h.Header)
	case "overrides":
		if err := single(d, &h.Overrides); err != nil {
			return err
		}
		switch h.Overrides {
		case overridesOpen, overridesSigned, overridesOff:
			return nil
		}
		return d.Errf("overrides: must be open, signed or off, got %q", h.Overrides)
	case "outcomes":
		return onlyOff(d)
	case "sticky":
		var text string
		if err := single(d, &text); err != nil {
			return err
		}
		sticky, err := caddy.ParseDuration(text)
		if err != nil {
			return d.Errf("sticky: must be a duration such as 1h, got %q", text)
		}
		h.Sticky = caddy.Duration(sticky)
		return nil
	case "connections":
		return h.unmarshalConnections(d)
	}
	return d.Errf("experiments: there is no option %q here; the options are tenant, authorize_path, subject, header, "+
		"overrides, outcomes, sticky and connections", d.Val())
}

func (h *Handler) unmarshalConnections(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	h.Connections = map[string]string{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		connection := d.Val()
		var connectionType string
		if !d.AllArgs(&connectionType) {
			return d.Errf("connections: write a connection and its type, for example: google-oauth2 social")
		}
		if _, twice := h.Connections[connection]; twice {
			return d.Errf("connections: %s is given twice", connection)
		}
		h.Connections[connection] = connectionType
	}
	return nil
}

func single(d *caddyfile.Dispenser, value *string) error {
	if !d.AllArgs(value) {
		return d.ArgErr()
	}
	return nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Handler)(nil)
