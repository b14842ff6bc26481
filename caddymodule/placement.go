package caddymodule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/management"
)

// station is a handler that matters for who gets past experiments, in the order
// in which requests come to it.
type station struct {
	scope      *caddyhttp.Route   // the route of the site's hosts; nil without any
	conditions []*caddyhttp.Route // that a request has matched when it is here
	site       *Handler           // nil if it answers
	upstreams  []string           // of a proxy
	proxy      bool
}

// detours finds the ways around each of our handlers: to the provider behind it,
// and answers in front of it that let nothing through. Where the answer depends
// on what a matcher of another module does, it assumes the best.
func detours(app *caddyhttp.App) map[*Handler][]management.DetourFacts {
	found := map[*Handler][]management.DetourFacts{}
	for _, name := range slices.Sorted(maps.Keys(app.Servers)) {
		f := flow{server: app.Servers[name]}
		f.routes(f.server.Routes, nil, nil, 0)
		for i := range f.stations {
			if s := &f.stations[i]; s.site != nil {
				found[s.site] = append(found[s.site], f.around(i)...)
			}
		}
	}
	return found
}

// activeDetours finds those of the configuration in force.
func activeDetours() map[*Handler][]management.DetourFacts {
	return detoursIn(caddy.ActiveContext())
}

func detoursIn(ctx caddy.Context) map[*Handler][]management.DetourFacts {
	module, err := ctx.AppIfConfigured("http")
	app, ok := module.(*caddyhttp.App)
	if err != nil || !ok {
		return nil
	}
	return detours(app)
}

// warnOfDetours warns of each way around the sites' handlers.
func (a *App) warnOfDetours() {
	for site, around := range detoursIn(a.context) {
		for _, detour := range around {
			a.logger.Warn("experiments stands where requests get around it: "+detour.Finding(),
				zap.String("tenant", site.Tenant), zap.String("remedy", detour.Remedy()))
		}
	}
}

// flow is the way of requests through a server.
type flow struct {
	server   *caddyhttp.Server
	stations []station
	visited  int
}

func (f *flow) routes(routes caddyhttp.RouteList, scope *caddyhttp.Route, conditions []*caddyhttp.Route, depth int) {
	groups := map[string]bool{}
	for i := range routes {
		if f.visited++; f.visited > mostRoutes || depth > deepest {
			return
		}
		route := &routes[i]
		inside, own := slices.Clip(conditions), scope
		if hosts, _ := matchedHosts(route); depth == 0 && len(hosts) > 0 {
			own = route
		}
		// Only one route of a group is taken, so all but the first depend on it.
		if len(route.MatcherSets) > 0 || groups[route.Group] {
			inside = append(inside, route)
		}
		if route.Group != "" {
			groups[route.Group] = true
		}
		for _, handler := range route.Handlers {
			f.handler(handler, own, inside, depth)
		}
	}
}

func (f *flow) handler(handler caddyhttp.MiddlewareHandler, scope *caddyhttp.Route, conditions []*caddyhttp.Route, depth int) {
	s := station{scope: scope, conditions: conditions}
	switch h := handler.(type) {
	case *Handler:
		s.site = h
	case *reverseproxy.Handler:
		if passesOn(h) {
			return
		}
		s.proxy = true
		for _, upstream := range h.Upstreams {
			s.upstreams = append(s.upstreams, upstream.Dial)
		}
	case *caddyhttp.StaticResponse, *caddyhttp.StaticError:
	case *caddyhttp.Subroute:
		f.routes(h.Routes, scope, conditions, depth+1)
		return
	case *caddyhttp.Invoke:
		if route := f.server.NamedRoutes[h.Name]; route != nil {
			f.routes(caddyhttp.RouteList{*route}, scope, conditions, depth+1)
		}
		return
	default:
		return
	}
	f.stations = append(f.stations, s)
}

// passesOn reports whether a proxy lets requests go on that its upstream accepts,
// as forward_auth does.
func passesOn(h *reverseproxy.Handler) bool {
	return slices.ContainsFunc(h.HandleResponse, func(r caddyhttp.ResponseHandler) bool {
		return r.StatusCode == "" && r.Match != nil && slices.Contains(r.Match.StatusCode, 2)
	})
}

// around finds the ways around the station at a place.
func (f *flow) around(place int) []management.DetourFacts {
	site := &f.stations[place]
	var found []management.DetourFacts
	var provider []string
	for i := range f.stations {
		s := &f.stations[i]
		switch {
		case s.site != nil || s.scope != site.scope:
		case i < place && implied(s.conditions, site.conditions):
			return []management.DetourFacts{{Upstream: s.upstream(), Before: true, All: true}}
		case i > place && s.proxy && (implied(site.conditions, s.conditions) || implied(s.conditions, site.conditions)):
			provider = append(provider, s.upstreams...)
		}
	}
	for i := range f.stations {
		s := &f.stations[i]
		if s.proxy && s.scope == site.scope && !f.covered(i) && slices.ContainsFunc(s.upstreams, func(u string) bool { return slices.Contains(provider, u) }) {
			found = append(found, management.DetourFacts{Upstream: s.upstream(), Before: i < place})
		}
	}
	return found
}

// covered reports whether every request that comes to the station at a place has
// been through one of ours.
func (f *flow) covered(place int) bool {
	return slices.ContainsFunc(f.stations[:place], func(s station) bool {
		return s.site != nil && implied(s.conditions, f.stations[place].conditions)
	})
}

func (s *station) upstream() string { return strings.Join(s.upstreams, ", ") }

// implied reports whether a request that matches all of the narrow conditions
// matches the wide ones as well.
func implied(wide, narrow []*caddyhttp.Route) bool {
	for _, w := range wide {
		if !slices.ContainsFunc(narrow, func(n *caddyhttp.Route) bool { return n == w || includes(w.MatcherSets, n.MatcherSets) }) {
			return false
		}
	}
	return true
}

// includes reports whether what matches the narrow sets is known to match the
// wide ones.
func includes(wide, narrow caddyhttp.MatcherSets) bool {
	if len(wide) == 0 || len(narrow) == 0 {
		return false // the else of a group
	}
	for _, n := range narrow {
		if !slices.ContainsFunc(wide, func(w caddyhttp.MatcherSet) bool { return includesSet(w, n) }) {
			return false
		}
	}
	return true
}

func includesSet(wide, narrow caddyhttp.MatcherSet) bool {
	for _, w := range wide {
		if !slices.ContainsFunc(narrow, func(n any) bool { return includesMatcher(w, n) }) {
			return false
		}
	}
	return true
}

func includesMatcher(wide, narrow any) bool {
	w, isPath := paths(wide)
	n, isPathToo := paths(narrow)
	if !isPath || !isPathToo {
		return matcherText(wide) == matcherText(narrow)
	}
	for _, inner := range n {
		if !slices.ContainsFunc(w, func(outer string) bool {
			prefix, open := strings.CutSuffix(outer, "*")
			return outer == inner || open && !strings.Contains(prefix, "*") && strings.HasPrefix(inner, prefix)
		}) {
			return false
		}
	}
	return true
}

func paths(matcher any) (caddyhttp.MatchPath, bool) {
	switch m := matcher.(type) {
	case caddyhttp.MatchPath:
		return m, true
	case *caddyhttp.MatchPath:
		return *m, true
	}
	return nil, false
}

// matcherText tells matchers apart, as they may hold what cannot be compared.
func matcherText(matcher any) string {
	return fmt.Sprintf("%T %s", matcher, caddyconfig.JSON(matcher, nil))
}
