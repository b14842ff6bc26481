package caddymodule

import (
	"encoding/json"
	"strconv"

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
//		events off
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
			if a.SigningKeys = d.RemainingArgs(); len(a.SigningKeys) == 0 {
				err = d.ArgErr()
			}
		case "tenants":
			if a.Tenants = d.RemainingArgs(); len(a.Tenants) == 0 {
				err = d.ArgErr()
			}
		case "max_active_experiments":
			a.MaxActiveExperiments, err = positive(d)
		case "header_budget":
			a.HeaderBudget, err = positive(d)
		case "max_document_size":
			a.MaxDocumentSize, err = size(d)
		case "decision_log":
			err = a.unmarshalDecisionLog(d)
		case "events":
			err = onlyOff(d)
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
	if !d.NextArg() {
		return d.Err("store: names no store; write for example: store file ./experiments")
	}
	name := d.Val()
	module, err := caddyfile.UnmarshalModule(d, "experiments.stores."+name)
	if err != nil {
		return err
	}
	a.StoreRaw = caddyconfig.JSONModuleObject(module, "module", name, nil)
	return nil
}

func (a *App) unmarshalGeoIP(d *caddyfile.Dispenser) error {
	a.GeoIP = new(GeoIP)
	if !d.Args(&a.GeoIP.Path) {
		return d.ArgErr()
	}
	if d.NextArg() {
		if d.Val() != "optional" {
			return d.Errf("geoip: %q is no option; only optional can follow the file", d.Val())
		}
		a.GeoIP.Optional = true
	}
	return end(d)
}

func (a *App) unmarshalDecisionLog(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Err("decision_log: says not where to write; write off, stdout, stderr or the path of a file")
	}
	switch target := d.Val(); target {
	case "off":
		return end(d)
	case "stdout", "stderr":
		a.DecisionLog = &DecisionLog{WriterRaw: json.RawMessage(`{"output":"` + target + `"}`)}
		return end(d)
	}
	// The rest is what Caddy's file writer reads after its name.
	name := d.Token()
	name.Text = "file"
	writer := new(logging.FileWriter)
	if err := writer.UnmarshalCaddyfile(caddyfile.NewDispenser(append([]caddyfile.Token{name}, d.NextSegment()...))); err != nil {
		return err
	}
	a.DecisionLog = &DecisionLog{WriterRaw: caddyconfig.JSONModuleObject(writer, "output", "file", nil)}
	return nil
}

// options notices an option that stands twice in one block.
type options map[string]bool

func (o options) once(d *caddyfile.Dispenser) error {
	if o[d.Val()] {
		return d.Errf("%s: is given twice", d.Val())
	}
	o[d.Val()] = true
	return nil
}

func end(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

func positive(d *caddyfile.Dispenser) (int, error) {
	name := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return 0, d.ArgErr()
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, d.Errf("%s: must be a whole number from 1, got %q", name, text)
	}
	return n, nil
}

func size(d *caddyfile.Dispenser) (int64, error) {
	name := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return 0, d.ArgErr()
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 {
		return 0, d.Errf("%s: must be a size such as 8MiB, got %q", name, text)
	}
	return int64(n), nil
}

// onlyOff reads an option whose other values this build does not have.
func onlyOff(d *caddyfile.Dispenser) error {
	name := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return d.ArgErr()
	}
	if text != "off" {
		return d.Errf("%s: can only be off in this version, got %q", name, text)
	}
	return nil
}

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*App)(nil)
	_ caddy.Module          = (*App)(nil)
)
