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
	flagControl   = "c"
	flagForced    = "o"
	flagUntracked = "u"
	// flagToken goes with flagForced: a token allowed the override. Edges that do
	// not know it take the decision for what flagForced says.
	flagToken = "t"
)

// carriage is a decision on its way through a login.
type carriage struct {
	engine.Carried
	// tokened says of a forced decision that a token allowed it.
	tokened bool
	// decided is when the decision was made, in whole seconds.
	decided time.Time
	// began is when the login came to the authorization endpoint; zero where that
	// is not recorded.
	began time.Time
}

// readCarry gives the first carried decision that verifies and is younger than
// sticky. A clock that has jumped makes it expire, which only means that the
// same decision is made again. It is bound to the tenant and the subject that
// it was made for. What an override forced on another site of the tenant is left
// out where overrides, which is the site's option, would not have allowed it. The
// form is
//
//	v1.<key id>.<experiment>.<variation>.<segment>.<flags>.<seconds when decided, base 36>.<signature>
//
// and, where the ends of logins are of interest, has the milliseconds when the
// login began, base 36, as a field before the signature.
func (k *keyring) readCarry(h http.Header, tenant, subject string, now time.Time, sticky time.Duration, overrides string) (carriage, bool) {
	for value := range cookieValues(h, carryCookie) {
		signed, signature, ok := cutLast(value)
		if !ok {
			continue
		}
		fields, ok := split(signed, 7)
		if !ok {
			fields, ok = split(signed, 8)
		}
		if !ok || fields[0] != cookieVersion {
			continue
		}
		key := k.named(fields[1])
		if key == nil || !key.verify(signature, purposeCarry, tenant, subject, signed) {
			continue
		}
		seconds, err := strconv.ParseInt(fields[6], 36, 64)
		decided := time.Unix(seconds, 0)
		if err != nil || now.Sub(decided).Abs() >= sticky {
			continue
		}
		c := carriage{decided: decided, Carried: engine.Carried{
			ExperimentID: fields[2], VariationID: fields[3], SegmentID: fields[4],
			IsControl: strings.Contains(fields[5], flagControl),
			Forced:    strings.Contains(fields[5], flagForced),
			Untracked: strings.Contains(fields[5], flagUntracked),
		}, tokened: strings.Contains(fields[5], flagToken)}
		if c.Forced && (overrides == overridesOff || overrides == overridesSigned && !c.tokened) {
			continue
		}
		if fields[7] != "" {
			milliseconds, err := strconv.ParseInt(fields[7], 36, 64)
			if err != nil {
				continue
			}
			c.began = time.UnixMilli(milliseconds)
		}
		return c, true
	}
	return carriage{}, false
}

// appendCarry appends the value of a carry cookie; a began of zero is left out.
func (k *keyring) appendCarry(b []byte, c *carriage, tenant, subject string) []byte {
	key, start := k.current(), len(b)
	b = appendFields(b, cookieVersion, key.id, c.ExperimentID, c.VariationID, c.SegmentID)
	for _, flag := range []struct {
		set  bool
		text string
	}{{c.IsControl, flagControl}, {c.Forced, flagForced}, {c.Untracked, flagUntracked}, {c.tokened, flagToken}} {
		if flag.set {
			b = append(b, flag.text...)
		}
	}
	b = append(b, '.')
	b = strconv.AppendInt(b, c.decided.Unix(), 36)
	if !c.began.IsZero() {
		b = append(b, '.')
		b = strconv.AppendInt(b, c.began.UnixMilli(), 36)
	}
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

// carried is the decision as it goes on its way now.
func carried(d *engine.Decision, now time.Time) carriage {
	return carriage{decided: now, Carried: engine.Carried{
		ExperimentID: d.Treatment.ExperimentID, VariationID: d.Treatment.VariationID, SegmentID: d.SegmentID,
		IsControl: d.Treatment.IsControl, Forced: d.Source == engine.SourceOverride, Untracked: d.Untracked,
	}}
}

// split cuts a value into exactly n fields, at most eight.
func split(value string, n int) (fields [8]string, ok bool) {
	for i := range n {
		var more bool
		fields[i], value, more = strings.Cut(value, ".")
		if more != (i < n-1) {
			return fields, false
		}
	}
	return fields, true
}
