package caddymodule

import (
	"crypto/rand"
	"encoding/base64"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// The cookies. Both are signed and opaque to clients; their values consist of
// characters that need no quoting.
const (
	deviceCookie = "experiment_device"
	carryCookie  = "experiment_carry"
)

const (
	// deviceAge is how long a browser keeps the device cookie.
	deviceAge = 365 * 24 * time.Hour
	// longestCookie bounds what is looked at, and is what browsers keep. Ours
	// are far shorter.
	longestCookie = 4096
	// cookieVersion is the first field of both cookies' values.
	cookieVersion = "v1"
)

// idBytes is the size of a device id: 128 random bits, which say nothing about
// the device.
const idBytes = 16

// readDevice gives the device id of the first cookie that verifies, and whether
// the current key signed it. A request can have several cookies of one name,
// set by sibling domains. The form is
//
//	v1.<key id>.<device id>.<seconds when issued, base 36>.<signature of what precedes>
func (k *keyring) readDevice(h http.Header) (id string, current bool) {
	for value := range cookieValues(h, deviceCookie) {
		signed, signature, ok := cutLast(value)
		if !ok {
			continue
		}
		fields, ok := split(signed, 4)
		if !ok || fields[0] != cookieVersion {
			continue
		}
		key := k.named(fields[1])
		if key != nil && key.verify(signature, purposeDevice, signed) {
			return fields[2], key == k.current()
		}
	}
	return "", false
}

func newDeviceID() string {
	var random [idBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// appendDevice appends the value of a device cookie.
func (k *keyring) appendDevice(b []byte, id string, now time.Time) []byte {
	key, start := k.current(), len(b)
	b = appendFields(b, cookieVersion, key.id, id)
	b = strconv.AppendInt(b, now.Unix(), 36)
	return key.appendSignature(b, start, purposeDevice)
}

// The flags of a carried decision.
const (
	flagControl = "c"
	flagForced  = "o"
)

// readCarry gives the first carried decision that verifies and is younger than
// sticky. A clock that has jumped makes it expire, which only means that the
// same decision is made again. It is bound to the tenant and the subject that
// it was made for. The form is
//
//	v1.<key id>.<experiment>.<variation>.<segment>.<flags>.<seconds when decided, base 36>.<signature>
func (k *keyring) readCarry(h http.Header, tenant, subject string, now time.Time, sticky time.Duration) (engine.Carried, bool) {
	for value := range cookieValues(h, carryCookie) {
		signed, signature, ok := cutLast(value)
		if !ok {
			continue
		}
		fields, ok := split(signed, 7)
		if !ok || fields[0] != cookieVersion {
			continue
		}
		key := k.named(fields[1])
		if key == nil || !key.verify(signature, purposeCarry, tenant, subject, signed) {
			continue
		}
		decided, err := strconv.ParseInt(fields[6], 36, 64)
		if err != nil || now.Sub(time.Unix(decided, 0)).Abs() >= sticky {
			continue
		}
		return engine.Carried{
			ExperimentID: fields[2], VariationID: fields[3], SegmentID: fields[4],
			IsControl: strings.Contains(fields[5], flagControl),
			Forced:    strings.Contains(fields[5], flagForced),
		}, true
	}
	return engine.Carried{}, false
}

// appendCarry appends the value of a carry cookie.
func (k *keyring) appendCarry(b []byte, d *engine.Decision, tenant, subject string, now time.Time) []byte {
	key, start := k.current(), len(b)
	b = appendFields(b, cookieVersion, key.id, d.Treatment.ExperimentID, d.Treatment.VariationID, d.SegmentID)
	if d.Treatment.IsControl {
		b = append(b, flagControl...)
	}
	if d.Source == engine.SourceOverride {
		b = append(b, flagForced...)
	}
	b = append(b, '.')
	b = strconv.AppendInt(b, now.Unix(), 36)
	return key.appendSignature(b, start, purposeCarry, tenant, subject)
}

// appendFields appends fields, each with a dot behind it.
func appendFields(b []byte, fields ...string) []byte {
	for _, field := range fields {
		b = append(append(b, field...), '.')
	}
	return b
}

// usualCookie is the length up to which a cookie is put together on the stack.
const usualCookie = 384

// setCookie adds a cookie to the response; age 0 removes it. A value that is
// longer than what is read back, because somebody made very long ids, is left
// out.
func setCookie(w http.ResponseWriter, r *http.Request, name string, value []byte, age time.Duration) {
	if len(value) > longestCookie {
		return
	}
	var stack [usualCookie]byte
	cookie := append(append(stack[:0], name...), '=')
	cookie = append(cookie, value...)
	cookie = append(cookie, "; Path=/; Max-Age="...)
	cookie = strconv.AppendInt(cookie, int64(age/time.Second), 10)
	cookie = append(cookie, "; HttpOnly; SameSite=Lax"...)
	if overTLS(r) {
		cookie = append(cookie, "; Secure"...)
	}
	w.Header().Add("Set-Cookie", string(cookie))
}

// overTLS reports whether the client is on TLS, as far as this server or a
// proxy that it trusts can tell.
func overTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// cookieValues goes through the values of all cookies of a name. Unlike
// http.Request.Cookies it makes no list of all the others.
func cookieValues(h http.Header, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range h["Cookie"] {
			for line != "" {
				var pair string
				pair, line, _ = strings.Cut(line, ";")
				given, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
				if given == name && len(value) <= longestCookie && !yield(value) {
					return
				}
			}
		}
	}
}

func hasCookie(h http.Header, name string) bool {
	for range cookieValues(h, name) {
		return true
	}
	return false
}

// cutLast separates a signature from what it signs.
func cutLast(value string) (signed, signature string, ok bool) {
	at := strings.LastIndexByte(value, '.')
	if at < 0 {
		return "", "", false
	}
	return value[:at], value[at+1:], true
}

// split cuts a value into exactly n fields, at most seven.
func split(value string, n int) (fields [7]string, ok bool) {
	for i := range n {
		var more bool
		fields[i], value, more = strings.Cut(value, ".")
		if more != (i < n-1) {
			return fields, false
		}
	}
	return fields, true
}
