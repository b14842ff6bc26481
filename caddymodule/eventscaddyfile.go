package caddymodule

import (
	"math"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"
)

// unmarshalEvents reads the option:
//
//	events off
//	events <dir> | postgres <connection string> | stream {
//		spool <dir>
//		retention <duration> | off
//		max_size <size> | off
//	}
func (a *App) unmarshalEvents(d *caddyfile.Dispenser) error {
	const form = "write for example: events ./events"
	if !d.NextArg() || d.Val() == "" {
		return d.Err("events: says not where to keep them; " + form)
	}
	c := new(Events)
	switch target := d.Val(); target {
	case "off":
		c = nil
	case "stream":
		c.Stream = true
	case "postgres":
		if !d.NextArg() || d.Val() == "" {
			return d.Err("events postgres: names no server; write for example: events postgres postgres://user@127.0.0.1/experiments")
		}
		c.Postgres = d.Val()
		if d.NextArg() { // which may be a password
			return d.Err("events postgres: the connection string must be one argument; put it into quotes")
		}
	default:
		c.Dir = target
	}
	if d.NextArg() {
		return d.Errf("events: nothing can follow here, got %q; %s", d.Val(), form)
	}
	a.Events = c
	seen := options{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if c == nil {
			return d.Err("events: off has no options; remove them")
		}
		if err := seen.once(d); err != nil {
			return err
		}
		if err := c.unmarshalOption(d); err != nil {
			return err
		}
	}
	if c == nil {
		return nil
	}
	if err := c.check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func (c *Events) unmarshalOption(d *caddyfile.Dispenser) (err error) {
	switch d.Val() {
	case "spool":
		c.Spool, err = argument(d, "./events-spool")
		return err
	case "retention":
		text, err := argument(d, "400d")
		if err != nil {
			return err
		}
		if text == "off" {
			c.Retention = -1
			return nil
		}
		retention, err := caddy.ParseDuration(text)
		if err != nil || retention < time.Hour {
			return d.Errf("retention: must be a duration from 1h, or off, got %q; write for example: retention 400d", text)
		}
		c.Retention = caddy.Duration(retention)
		return nil
	case "max_size":
		text, err := argument(d, "20GiB")
		if err != nil {
			return err
		}
		if text == "off" {
			c.MaxSize = -1
			return nil
		}
		size, err := humanize.ParseBytes(text)
		if err != nil || size < leastMaxSize || size > math.MaxInt64 {
			return d.Errf("max_size: must be a size from 64MiB, or off, got %q; write for example: max_size 20GiB", text)
		}
		c.MaxSize = int64(size)
		return nil
	}
	return d.Errf("events: there is no option %q here; the options are max_size, retention and spool", d.Val())
}
