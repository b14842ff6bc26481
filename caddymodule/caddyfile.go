package caddymodule

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/logging"
	"github.com/dustin/go-humanize"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("experiments", parseApp)
}

func parseApp(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		d.Next() // to name the line
		return nil, d.Err("experiments: is configured twice; put all options into one block")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "experiments", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile reads the global option:
//
//	experiments {
//		store <module> [<arguments...>]
//		geoip <file> [optional]
//		signing_key <key> [<older keys...>]
//		tenants <patterns...>
//		max_active_experiments <number>
//		header_budget <bytes>
//		max_document_size <size>
//		decision_log off | stdout | stderr | <file> {
//			<options of Caddy's file writer>
//		}
//		events off | <dir> | postgres <connection string> | stream {
//			spool <dir>
//			retention <duration> | off
//		}
//	}
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the option's name
	if d.NextArg() {
		return d.Errf("experiments: takes no arguments, only a block, got %q", d.Val())
	}
	seen := options{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := seen.once(d); err != nil {
			return err
		}
		var err error
		switch d.Val() {
		case "store":
			err = a.unmarshalStore(d)
		case "geoip":
			err = a.unmarshalGeoIP(d)
		case "signing_key":
			err = a.unmarshalSigningKeys(d)
		case "tenants":
			err = a.unmarshalTenants(d)
		case "max_active_experiments":
			a.MaxActiveExperiments, err = positive(d, "1")
		case "header_budget":
			a.HeaderBudget, err = positive(d, "8000")
		case "max_document_size":
			a.MaxDocumentSize, err = size(d, "8MiB")
		case "decision_log":
			err = a.unmarshalDecisionLog(d)
		case "events":
			err = a.unmarshalEvents(d)
		case "{":
			err = noBlock(d)
		default:
			err = d.Errf("experiments: there is no option %q here; the options are store, geoip, signing_key, tenants, "+
				"max_active_experiments, header_budget, max_document_size, decision_log and events", d.Val())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *App) unmarshalStore(d *caddyfile.Dispenser) error {
	const namespace = "experiments.stores"
	if !d.NextArg() {
		return d.Err("store: names no store; write for example: store file ./experiments")
	}
	name := d.Val()
	var names []string
	for _, info := range caddy.GetModules(namespace) {
		names = append(names, info.ID.Name())
	}
	if !slices.Contains(names, name) {
		return d.Errf("store: this build has no store %q; it has: %s", name, strings.Join(names, ", "))
	}
	module, err := caddyfile.UnmarshalModule(d, namespace+"."+name)
	if err != nil {
		return err
	}
	a.StoreRaw = caddyconfig.JSONModuleObject(module, "module", name, nil)
	return nil
}

func (a *App) unmarshalGeoIP(d *caddyfile.Dispenser) error {
	const form = "write for example: geoip ./GeoLite2-City.mmdb optional"
	a.GeoIP = new(GeoIP)
	if !d.Args(&a.GeoIP.Path) || a.GeoIP.Path == "" {
		return d.Err("geoip: names no file; " + form)
	}
	if d.NextArg() {
		if d.Val() != "optional" {
			return d.Errf("geoip: only optional can follow the file, got %q; %s", d.Val(), form)
		}
		a.GeoIP.Optional = true
	}
	if d.NextArg() {
		return d.Errf("geoip: nothing can follow optional, got %q; %s", d.Val(), form)
	}
	return nil
}

func (a *App) unmarshalSigningKeys(d *caddyfile.Dispenser) error {
	if a.SigningKeys = d.RemainingArgs(); len(a.SigningKeys) == 0 {
		return d.Errf("signing_key: names no key; write one of at least %d bytes, for example from: openssl rand -base64 32", shortestKey)
	}
	for i, key := range a.SigningKeys {
		if placeholder := strings.Contains(key, "{"); placeholder {
			continue // its value is checked at the start
		}
		if err := checkSecret(i, key); err != nil {
			return d.WrapErr(err)
		}
	}
	return nil
}

func (a *App) unmarshalTenants(d *caddyfile.Dispenser) error {
	if a.Tenants = d.RemainingArgs(); len(a.Tenants) == 0 {
		return d.Err("tenants: names none; write for example: tenants default/production acme/*")
	}
	for _, pattern := range a.Tenants {
		if err := checkTenantPattern(pattern); err != nil {
			return d.WrapErr(err)
		}
	}
	return nil
}

func (a *App) unmarshalDecisionLog(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Err("decision_log: says not where to write; write off, stdout, stderr or the path of a file")
	}
	switch target := d.Val(); target {
	case "":
		return d.Err("decision_log: says not where to write; write off, stdout, stderr or the path of a file")
	case "off", "stdout", "stderr":
		if target != "off" {
			a.DecisionLog = &DecisionLog{WriterRaw: json.RawMessage(`{"output":"` + target + `"}`)}
		}
		if d.NextArg() {
			return d.Errf("decision_log: nothing can follow %s, got %q", target, d.Val())
		}
		return nil
	}
	// The rest is what Caddy's file writer reads after its name.
	name := d.Token()
	name.Text = "file"
	writer := new(logging.FileWriter)
	if err := writer.UnmarshalCaddyfile(caddyfile.NewDispenser(append([]caddyfile.Token{name}, d.NextSegment()...))); err != nil {
		return fmt.Errorf("decision_log: writing to the file: %w", err) // names the line
	}
	a.DecisionLog = &DecisionLog{WriterRaw: caddyconfig.JSONModuleObject(writer, "output", "file", nil)}
	return nil
}

// options notices an option that stands twice in one block.
type options map[string]bool

func (o options) once(d *caddyfile.Dispenser) error {
	if o[d.Val()] {
		return d.Errf("%s: is given twice; keep one of them", d.Val())
	}
	o[d.Val()] = true
	return nil
}

// noBlock refuses a block after an option that has none.
func noBlock(d *caddyfile.Dispenser) error {
	return d.Err("this option has no block of its own; remove { and what follows it up to }")
}

// argument reads the one argument of an option. A refusal shows the example.
func argument(d *caddyfile.Dispenser, example string) (string, error) {
	option := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return "", d.Errf("%s: takes exactly one argument; write for example: %s %s", option, option, example)
	}
	return text, nil
}

func positive(d *caddyfile.Dispenser, example string) (int, error) {
	option := d.Val()
	text, err := argument(d, example)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, d.Errf("%s: must be a whole number from 1, got %q; write for example: %s %s", option, text, option, example)
	}
	return n, nil
}

func size(d *caddyfile.Dispenser, example string) (int64, error) {
	option := d.Val()
	text, err := argument(d, example)
	if err != nil {
		return 0, err
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n < 1 || n > largestDocument {
		return 0, d.Errf("%s: must be a size up to 1GiB, got %q; write for example: %s %s", option, text, option, example)
	}
	return int64(n), nil
}

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*App)(nil)
	_ caddy.Module          = (*App)(nil)
)
