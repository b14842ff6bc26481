package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
)

// side is one way to stand before an identity provider, as it is compared.
type side struct {
	name  string // short, for flags and figures
	title string // as the table has it
	// base is what the side is compared with. Sides without one are only compared
	// with and without events.
	base string
	// without is the same without events, for what has them. The two are asked one
	// right after the other.
	without string
	asks    visitorKind
	proxy   *proxy
}

// visitorKind is who asks a side.
type visitorKind int

const (
	// returning devices are in a login: they bring both cookies.
	returning visitorKind = iota
	// again are devices that were here, and are decided anew: they bring only the
	// cookie that names them.
	again
	// newcome devices have no cookies.
	newcome
)

// setup is a proxy to start; several sides may share one. What we ship has the
// collector of operations/caddy-experiments.service.
type setup struct {
	name        string
	experiments bool
	decisionLog bool
	events      bool // kept in a directory, with the ends of logins
	accessLog   bool
	collector   []string // environment of Go's garbage collector
	nginx       bool
	rules       bool // nginx's
}

var setups = []setup{
	{name: "bare"},
	{name: "bare2"},
	{name: "ours", experiments: true},
	{name: "ours_log", experiments: true, decisionLog: true},
	{name: "ours_events", experiments: true, decisionLog: true, events: true},
	{name: "access_log", accessLog: true},
	{name: "ours_access_log", experiments: true, accessLog: true},
	{name: "ours_shipped", experiments: true, decisionLog: true, collector: []string{"GOGC=200", "GOMEMLIMIT=900MiB"}},
	{name: "ours_400", experiments: true, decisionLog: true, collector: []string{"GOGC=400", "GOMEMLIMIT=900MiB"}},
	{name: "nginx", nginx: true},
	{name: "nginx_rules", nginx: true, rules: true},
}

// allSides are in the order of the table.
func allSides() []*side {
	return []*side{
		{name: "bare", title: "Caddy, bare", base: "bare"},
		{name: "bare2", title: "the same once more, a control", base: "bare"},
		{name: "ours", title: "with experiments", base: "bare"},
		{name: "ours_log", title: "with experiments, decision log", base: "bare"},
		{name: "ours_events", title: "with experiments, decision log, events", base: "bare", without: "ours_log"},
		{name: "access_log", title: "Caddy with its access log", base: "bare"},
		{name: "ours_access_log", title: "with experiments, access log", base: "bare"},
		{name: "ours_shipped", title: "with experiments, decision log, GOGC=200 as shipped", base: "bare"},
		{name: "ours_400", title: "the same with GOGC=400", base: "bare"},
		{name: "bare_new", title: "Caddy, bare, new devices", base: "bare_new", asks: newcome},
		{name: "ours_log_new", title: "with experiments, decision log, new devices", base: "bare_new", asks: newcome},
		{name: "ours_events_new", title: "with experiments, decision log, events, new devices", base: "bare_new", without: "ours_log_new", asks: newcome},
		{name: "ours_log_again", title: "with experiments, decision log, decided anew", asks: again},
		{name: "ours_events_again", title: "with experiments, decision log, events, decided anew", without: "ours_log_again", asks: again},
		{name: "nginx", title: "nginx, bare", base: "nginx"},
		{name: "nginx_rules", title: "nginx with rules, header and log", base: "nginx"},
	}
}

// setupOf is the proxy that serves a side.
func (s *side) setupOf() string {
	switch s.name {
	case "bare_new":
		return "bare"
	case "ours_log_new", "ours_log_again":
		return "ours_log"
	case "ours_events_new", "ours_events_again":
		return "ours_events"
	}
	return s.name
}

// inTurn puts sides in another order each time it is called.
func inTurn(sides []*side) []*side {
	var turns [][]*side
	for _, s := range sides {
		at := slices.IndexFunc(turns, func(t []*side) bool { return s.without != "" && t[0].name == s.without })
		if at < 0 {
			turns = append(turns, []*side{s})
		} else {
			turns[at] = append(turns[at], s)
		}
	}
	shuffle(turns)
	for _, t := range turns {
		shuffle(t)
	}
	return slices.Concat(turns...)
}

func shuffle[T any](all []T) {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
}

func sideNames() []string {
	var names []string
	for _, s := range allSides() {
		names = append(names, s.name)
	}
	return names
}

// caddyfile is the configuration of a Caddy. All trust the load as a proxy
// before them, and all keep the same number of connections.
func (s *setup) caddyfile(root, dir string, port, admin int, upstream string) string {
	app, site := "", ""
	if s.experiments {
		app = fmt.Sprintf("\texperiments {\n\t\tstore file %s/demo/experiments\n\t\tgeoip %s/geo/testdata/demo.mmdb\n\t\tsigning_key a-key-that-all-edges-share-and-32-bytes-long\n", root, root)
		if s.decisionLog {
			app += "\t\tdecision_log " + filepath.Join(dir, s.name+".decisions") + "\n"
		}
		outcomes := ""
		if s.events {
			app += "\t\tevents " + filepath.Join(dir, s.name+".events") + "\n"
			outcomes = "\t\toutcomes on\n"
		}
		app += "\t}\n"
		site = "\texperiments {\n\t\tsticky 24h\n" + outcomes + "\t}\n"
	}
	if s.accessLog {
		site = "\tlog {\n\t\toutput file " + filepath.Join(dir, s.name+".access") + "\n\t}\n" + site
	}
	return fmt.Sprintf(`{
	admin 127.0.0.1:%d
	persist_config off
	auto_https off
	log {
		output file %s
	}
	servers {
		trusted_proxies static 127.0.0.1/32
		trusted_proxies_strict
	}
%s}
http://:%d {
	bind 127.0.0.1
%s	reverse_proxy %s
}
`, admin, filepath.Join(dir, s.name+".log"), app, port, site, upstream)
}
