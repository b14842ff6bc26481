package caddymodule

import (
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// What follows lets tests from outside sign as an edge with these keys would.

// SignToken makes an override token.
func SignToken(keys []string, tenant string, force engine.Force, expires time.Time) string {
	return ring(keys).writeToken(tenant, force, expires)
}

// SignDevice makes the value of a device cookie.
func SignDevice(keys []string, id string) string {
	return ring(keys).writeDevice(id, time.Now())
}

// SignCarry makes the value of a carry cookie.
func SignCarry(keys []string, tenant, subject string, d engine.Decision, decided time.Time) string {
	return ring(keys).writeCarry(&d, tenant, subject, decided)
}

func ring(keys []string) *keyring {
	k, err := newKeyring(keys)
	if err != nil {
		panic(err)
	}
	return k
}
