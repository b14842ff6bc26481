package caddymodule

import (
	"strconv"
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// The form of a token that allows an override where overrides are signed:
//
//	v1.<key id>.<experiment>.<variation>.<segment>.<seconds when it expires, base 36>.<signature>
//
// Variation and segment are empty where the token allows the experiment alone.
// The signature also covers the tenant.

// writeToken makes a token that allows exactly this override until it expires.
func (k *keyring) writeToken(tenant string, f engine.Force, expires time.Time) string {
	key := k.current()
	signed := strings.Join([]string{
		cookieVersion, key.id, f.ExperimentID, f.VariationID, f.SegmentID, strconv.FormatInt(expires.Unix(), 36),
	}, ".")
	return signed + "." + key.sign(purposeToken, tenant, signed)
}

// allowsOverride reports whether the token allows exactly this override now.
func (k *keyring) allowsOverride(token, tenant string, f engine.Force, now time.Time) bool {
	if len(token) > longestCookie {
		return false
	}
	signed, signature, ok := cutLast(token)
	if !ok {
		return false
	}
	fields, ok := split(signed, 6)
	if !ok || fields[0] != cookieVersion {
		return false
	}
	key := k.named(fields[1])
	if key == nil || !key.verify(signature, purposeToken, tenant, signed) {
		return false
	}
	expires, err := strconv.ParseInt(fields[5], 36, 64)
	return err == nil && now.Before(time.Unix(expires, 0)) &&
		fields[2] == f.ExperimentID && fields[3] == f.VariationID && fields[4] == f.SegmentID
}
