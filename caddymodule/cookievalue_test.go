package caddymodule

import (
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

func (k *keyring) writeDevice(id string, now time.Time) string {
	return string(k.appendDevice(nil, id, now))
}

func (k *keyring) writeCarry(d *engine.Decision, tenant, subject string, now time.Time) string {
	c := carried(d, now)
	return string(k.appendCarry(nil, &c, tenant, subject))
}
