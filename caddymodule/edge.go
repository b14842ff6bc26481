package caddymodule

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// edge collects what a diagnosis needs to know of this edge.
func (a *App) edge(tenant store.Tenant, experimentID string) management.EdgeFacts {
	facts := management.EdgeFacts{Entitled: a.entitled(tenant), Warnings: warningCounts(tenant), Decisions: decisionCounts(tenant, experimentID), Store: a.configuration.live.Reach()}
	for _, s := range a.tenantStatuses() {
		if s.Tenant == tenant {
			facts.State, facts.Revision, facts.LastError = s.State, s.Revision, s.LastError
		}
	}
	found, all := mounts()
	around := activeDetours()
	granted := false
	for i := range found {
		m := &found[i]
		switch {
		case m.site != nil && m.site.Tenant == string(tenant):
			facts.Sites = append(facts.Sites, m.facts(around[m.site])...)
		case m.api != nil && m.api.serves(tenant):
			granted = true
			facts.API = cmp.Or(facts.API, m.url(m.namedHosts()[0])+strings.TrimSuffix(management.Prefix, "/"))
		}
	}
	switch {
	case !all:
		facts.SitesUnknown = "the configuration is too large to look through all of it"
	case len(facts.Sites) == 0 && !granted && a.tenants[tenant]:
		facts.SitesUnknown = "somebody uses it, perhaps inside of another module's handler"
	}
	if a.locations != nil {
		s := a.locations.status()
		facts.Location = management.LocationFacts{Configured: true, Path: s.Path, Loaded: s.Loaded, Regions: s.Regions, LastError: s.LastError}
	}
	if a.decisions != nil {
		facts.DecisionLog = &management.DecisionLogFacts{Dropped: a.decisions.dropped.Load()}
	}
	return facts
}

// facts describes the mount as a site, or as several where its hosts are not
// logged alike.
func (m *mount) facts(around []management.DetourFacts) []management.SiteFacts {
	h := m.site
	var sites []management.SiteFacts
	for _, host := range m.namedHosts() {
		log := m.accessLog(host)
		same := slices.IndexFunc(sites, func(s management.SiteFacts) bool { return reflect.DeepEqual(s.AccessLog, log) })
		if same >= 0 {
			sites[same].Hosts = append(sites[same].Hosts, host)
			continue
		}
		site := management.SiteFacts{
			URL: m.url(host), Conditional: m.conditional, Detours: slices.Clone(around), AuthorizePaths: h.AuthorizePaths, Overrides: h.Overrides,
			Subject: h.Subject, Sticky: time.Duration(h.Sticky), Connections: len(h.Connections) > 0, AccessLog: log,
		}
		if host != "" {
			site.Hosts = []string{host}
		}
		sites = append(sites, site)
	}
	return sites
}

// serves reports whether a token of the API is for a tenant.
func (a *API) serves(tenant store.Tenant) bool {
	return slices.ContainsFunc(a.Tokens, func(t APIToken) bool { return cmp.Or(t.Tenant, string(store.DefaultTenant)) == string(tenant) })
}

// decisionCounts returns what the process has given out of a tenant's experiment.
func decisionCounts(tenant store.Tenant, experimentID string) []management.DecisionCount {
	var counts []management.DecisionCount
	for labels, n := range series(decisionsTotal) {
		if labels["tenant"] == string(tenant) && labels["experiment"] == experimentID {
			counts = append(counts, management.DecisionCount{VariationID: labels["variation"], Source: labels["source"], Count: n})
		}
	}
	return counts
}

// warningCounts returns how often the process has warned, by code, of a tenant or
// of the store that all share.
func warningCounts(tenant store.Tenant) map[string]uint64 {
	counts := map[string]uint64{}
	for labels, n := range series(warningsTotal) {
		if of := labels["tenant"]; of == "" || of == string(tenant) {
			counts[labels["code"]] += n
		}
	}
	return counts
}

// series visits the counters of a vector, in the order of their labels. It adds
// none to it.
func series(vector *prometheus.CounterVec) func(yield func(labels map[string]string, count uint64) bool) {
	return func(yield func(map[string]string, uint64) bool) {
		registry := prometheus.NewRegistry()
		if registry.Register(vector) != nil {
			return // unreachable: the registry has nothing else
		}
		families, err := registry.Gather()
		if err != nil {
			return
		}
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				labels := map[string]string{}
				for _, pair := range metric.GetLabel() {
					labels[pair.GetName()] = pair.GetValue()
				}
				if !yield(labels, uint64(metric.GetCounter().GetValue())) {
					return
				}
			}
		}
	}
}
