package caddymodule

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// The events that the edge recognises by itself.
const (
	eventLogin       = "s"
	eventFailedLogin = "f"
	eventLoginTime   = "login_ms"
)

// begin notes what a device has brought along, and that a login begins with this
// request, if it is one that somebody sees and does not merely come back to the
// endpoint.
func (v *visit) begin(brought carriage, now time.Time, resumes bool) {
	if v.recording == nil {
		return
	}
	v.recording.carriage = brought
	if v.handler.Outcomes == outcomesOn && v.authorize && !v.silent && !(resumes && !brought.began.IsZero()) {
		v.recording.carriage.began, v.recording.restarted = now, true
	}
}

// carry is the cookie that takes the decision along: the new one, or what the
// device has brought along with the beginning of another login. It is not ok if
// the device has it already.
func (v *visit) carry(now time.Time) (c carriage, ok bool) {
	d := &v.decision
	switch {
	case d.New:
		c = carried(d, now)
		c.tokened = c.Forced && v.handler.Overrides == overridesSigned
		if v.recording != nil {
			c.began = v.recording.carriage.began
			v.recording.carriage = c
		}
		return c, true
	case d.Treatment != nil && v.recording != nil && v.recording.restarted:
		return v.recording.carriage, true
	}
	return c, false
}

// awaitsOutcome reports whether the answer to the request may be the end of a
// login that is of interest.
func (v *visit) awaitsOutcome() bool {
	return v.handler.Outcomes == outcomesOn && v.recording != nil && v.recording.exposureID[0] != "" && !v.silent
}

// outcomeRecorder looks at the redirects of a provider for the one that ends a
// login.
type outcomeRecorder struct {
	caddyhttp.ResponseWriterWrapper
	visit *visit
	told  bool
}

// around has the recorder look at what is written to w.
func (o *outcomeRecorder) around(w http.ResponseWriter, v *visit) http.ResponseWriter {
	o.ResponseWriter, o.visit = w, v
	return o
}

// WriteHeader implements http.ResponseWriter.
func (o *outcomeRecorder) WriteHeader(status int) {
	if !o.told && status >= http.StatusMultipleChoices && status < http.StatusBadRequest {
		o.told = true
		o.visit.conclude(o.Header().Get("Location"), status)
	}
	o.ResponseWriter.WriteHeader(status)
}

// conclude records the outcome, if a redirect ends a login. Whatever goes wrong
// here is nobody's concern but ours.
func (v *visit) conclude(location string, status int) {
	defer func() {
		if cause := recover(); cause != nil {
			v.handler.warner.warn(codeResolutionFailed, zap.Any("panic", cause), zap.Stack("stack"))
		}
	}()
	event := loginEnd(location, v.request.Host)
	if event == "" {
		return
	}
	now := wallClock()
	unit, began, timed := v.recording.unit, v.recording.carriage.began, true
	if began.IsZero() { // it was carried here by a site that does not record outcomes
		began, timed = v.recording.carriage.decided, false
	}
	// However often the end of one login is seen, it is one.
	id := unit + "." + strconv.FormatInt(began.UnixMilli(), 36)
	queue := v.handler.app.events.queue
	queue.conclude(v.handler.tenant.name, events.Outcome{ID: id, Event: event, Unit: unit, Time: events.MillisOf(now)})
	if v.handler.app.events.queue.ended.add(v.handler.tenant.name, event, unit, id) {
		v.announceLogin(event, status, now)
	}
	if took := float64(now.Sub(began).Milliseconds()); event == eventLogin && timed && took >= 0 {
		queue.conclude(v.handler.tenant.name, events.Outcome{ID: id, Event: eventLoginTime, Unit: unit, Time: events.MillisOf(now), Value: &took})
	}
}

// longestLocation bounds what is looked at of a redirect.
const longestLocation = 16 << 10

// loginEnd tells the event of a redirect that takes a login's result back to the
// client: s or f, empty for any other redirect. The result of a login leaves the
// provider's own origin; parameters of the same names within it belong to the
// provider's pages.
func loginEnd(location, host string) string {
	if len(location) > longestLocation || !strings.Contains(location, "code=") && !strings.Contains(location, "error=") && !strings.Contains(location, "_token=") {
		return "" // as nearly all redirects are
	}
	u, err := url.Parse(location)
	if err != nil || u.Scheme == "" && u.Host == "" || leadsBack(u, host) {
		return ""
	}
	for _, part := range []string{u.RawQuery, u.Fragment} {
		values, err := url.ParseQuery(part)
		if err != nil {
			continue
		}
		switch {
		case values.Get("error") != "":
			if silentErrors[values.Get("error")] {
				return ""
			}
			return eventFailedLogin
		case values.Get("code") != "" || values.Get("id_token") != "" || values.Get("access_token") != "":
			return eventLogin
		}
	}
	return ""
}

// leadsBack reports whether a URL is of the web site that a Host header names,
// however both are written. Behind a proxy it is unknown whether the client is on
// TLS, so a port that is not given is the default of whatever the other says. A
// native app can have the site's name in the URLs of a scheme of its own.
func leadsBack(u *url.URL, host string) bool {
	if u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	name, port := cutPort(host)
	givenName, givenPort := cutPort(u.Host)
	if !strings.EqualFold(strings.TrimSuffix(givenName, "."), strings.TrimSuffix(name, ".")) {
		return false
	}
	return givenPort == port || isDefaultPort(givenPort, u.Scheme) && isDefaultPort(port, u.Scheme)
}

// cutPort separates the port of a host, which may be empty.
func cutPort(host string) (name, port string) {
	name = hostname(host)
	return name, strings.TrimPrefix(host[len(name):], ":")
}

// isDefaultPort reports whether a port is that of a scheme, of which an empty
// one may be either.
func isDefaultPort(port, scheme string) bool {
	return port == "" || port == "443" && scheme != "http" || port == "80" && scheme != "https"
}

// silentErrors answer a client that wanted no page to be shown: nobody tried to
// log in.
var silentErrors = map[string]bool{
	"login_required": true, "interaction_required": true, "consent_required": true, "account_selection_required": true,
}

// Interface guard
var _ http.ResponseWriter = (*outcomeRecorder)(nil)
