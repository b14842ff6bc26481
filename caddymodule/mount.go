package caddymodule

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// mount is a place in the running configuration where a handler of ours
// stands. Exactly one of site and api is set.
type mount struct {
	server *caddyhttp.Server
	hosts  []string // none: every host
	site   *Handler
	api    *API
	// conditional says that a matcher other than for hosts stands before it.
	conditional bool
	variables   *logVariables
}

// logVariables are those of a route that steer its access log. A variable that
// only some requests get is conditional.
type logVariables struct {
	skipped, skippedSome bool
	names                []string
	namedSome            bool
}

// Bounds of the search. A configuration beyond them is a generated one.
const (
	mostRoutes = 10_000
	mostHosts  = 100 // of one site
	deepest    = 32
)

// mounts finds the handlers of ours in the configuration in force, as far as they
// stand in Caddy's own routing. It reports false if it is too large to look
// through all of it.
func mounts() (found []mount, all bool) {
	module, err := caddy.ActiveContext().AppIfConfigured("http")
	app, ok := module.(*caddyhttp.App)
	if err != nil || !ok {
		return nil, true
	}
	s := search{all: true}
	for _, name := range slices.Sorted(maps.Keys(app.Servers)) {
		s.server = app.Servers[name]
		for i := range s.server.Routes {
			s.variables = &logVariables{}
			s.routes(s.server.Routes[i:i+1], nil, false, 0)
		}
	}
	return s.found, s.all
}

type search struct {
	server    *caddyhttp.Server
	variables *logVariables
	visited   int
	found     []mount
	all       bool
}

func (s *search) routes(routes caddyhttp.RouteList, hosts []string, conditional bool, depth int) {
	for i := range routes {
		if s.visited++; s.visited > mostRoutes || depth > deepest {
			s.all = false
			return
		}
		route := &routes[i]
		own, others := matchedHosts(route)
		inside := hosts
		if len(own) > 0 {
			inside = own
		}
		for _, handler := range route.Handlers {
			s.handler(handler, inside, conditional || others, depth)
		}
	}
}

func (s *search) handler(handler caddyhttp.MiddlewareHandler, hosts []string, conditional bool, depth int) {
	switch h := handler.(type) {
	case *Handler:
		s.found = append(s.found, mount{server: s.server, hosts: hosts, site: h, conditional: conditional, variables: s.variables})
	case *API:
		s.found = append(s.found, mount{server: s.server, hosts: hosts, api: h, conditional: conditional, variables: s.variables})
	case *caddyhttp.Subroute:
		s.routes(h.Routes, hosts, conditional, depth+1)
	case *caddyhttp.Invoke:
		if route := s.server.NamedRoutes[h.Name]; route != nil {
			s.routes(caddyhttp.RouteList{*route}, hosts, conditional, depth+1)
		}
	case *caddyhttp.VarsMiddleware:
		s.variables.set(*h, conditional)
	case caddyhttp.VarsMiddleware:
		s.variables.set(h, conditional)
	}
}

func (v *logVariables) set(variables caddyhttp.VarsMiddleware, conditional bool) {
	if skip, ok := variables[caddyhttp.LogSkipVar].(bool); ok && skip {
		v.skipped = v.skipped || !conditional
		v.skippedSome = v.skippedSome || conditional
	}
	names, ok := variables[caddyhttp.AccessLoggerNameVarKey].([]any)
	if !ok {
		return
	}
	if conditional {
		v.namedSome = true
		return
	}
	v.names = nil
	for _, name := range names {
		if text, ok := name.(string); ok {
			v.names = append(v.names, text)
		}
	}
}

// matchedHosts gives the hosts that a route is for, and whether it has other
// conditions.
func matchedHosts(route *caddyhttp.Route) (hosts []string, others bool) {
	for _, set := range route.MatcherSets {
		for _, matcher := range set {
			switch m := matcher.(type) {
			case caddyhttp.MatchHost:
				hosts = append(hosts, m...)
			case *caddyhttp.MatchHost:
				hosts = append(hosts, *m...)
			default:
				others = true
			}
		}
	}
	return hosts, others
}

// serves reports whether requests for a host get to the mount.
func (m *mount) serves(host string) bool {
	return len(m.hosts) == 0 || slices.ContainsFunc(m.hosts, func(pattern string) bool {
		return hostFits(host, pattern)
	})
}

// hostFits reports whether a host is the one that a pattern names, in which
// each * is one label.
func hostFits(host, pattern string) bool {
	return slices.EqualFunc(strings.Split(host, "."), strings.Split(pattern, "."), func(label, p string) bool {
		return p == "*" && label != "" || strings.EqualFold(label, p)
	})
}

// namedHosts are the hosts that the mount is for, at most mostHosts of them; an
// empty one stands for every host.
func (m *mount) namedHosts() []string {
	if len(m.hosts) == 0 {
		return []string{""}
	}
	return m.hosts[:min(len(m.hosts), mostHosts)]
}

// url is where the mount can be reached for one of its hosts, as far as the
// configuration tells.
func (m *mount) url(host string) string {
	scheme, usual := "http", uint(80)
	if len(m.server.TLSConnPolicies) > 0 {
		scheme, usual = "https", 443
	}
	bound, port := m.address()
	host = cmp.Or(host, bound, "localhost")
	if port == 0 || port == usual {
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.FormatUint(uint64(port), 10))
}

// address is the first network address that the server listens on: an empty
// host is all of the machine's, port 0 none at all.
func (m *mount) address() (host string, port uint) {
	for _, listen := range m.server.Listen {
		address, err := caddy.ParseNetworkAddress(listen)
		if err == nil && !address.IsUnixNetwork() && !address.IsFdNetwork() {
			return address.Host, address.StartPort
		}
	}
	return "", 0
}
