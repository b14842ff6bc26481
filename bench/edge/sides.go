package main

import (
	"fmt"
	"path/filepath"
)

// side is one way to stand before an identity provider, as it is compared.
type side struct {
	name  string // short, for flags and figures
	title string // as the table has it
	// base is what the side is compared with.
	base    string
	newcome bool // asked by devices without cookies
	proxy   *proxy
}

// setup is a proxy to start; several sides may share one. What we ship has the
// collector of operations/caddy-experiments.service.
type setup struct {
	name        string
	experiments bool
	decisionLog bool
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
		{name: "access_log", title: "Caddy with its access log", base: "bare"},
		{name: "ours_access_log", title: "with experiments, access log", base: "bare"},
		{name: "ours_shipped", title: "with experiments, decision log, GOGC=200 as shipped", base: "bare"},
		{name: "ours_400", title: "the same with GOGC=400", base: "bare"},
		{name: "bare_new", title: "Caddy, bare, new devices", base: "bare_new", newcome: true},
		{name: "ours_log_new", title: "with experiments, decision log, new devices", base: "bare_new", newcome: true},
		{name: "nginx", title: "nginx, bare", base: "nginx"},
		{name: "nginx_rules", title: "nginx with rules, header and log", base: "nginx"},
	}
}

// setupOf is the proxy that serves a side.
func (s *side) setupOf() string {
	switch s.name {
	case "bare_new":
		return "bare"
	case "ours_log_new":
		return "ours_log"
	}
	return s.name
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
		app += "\t}\n"
		site = "\texperiments {\n\t\tsticky 24h\n\t}\n"
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
