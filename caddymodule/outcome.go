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

// begin notes that a login begins with this request, if it is one that somebody
// sees and does not merely come back to the endpoint.
func (v *visit) begin(now time.Time, resumes bool) {
	if !v.handler.recordsOutcomes() || !v.authorize || v.silent || resumes && !v.carriage.began.IsZero() {
		return
	}
	v.carriage.began, v.restarted = now, true
}

func (h *Handler) recordsOutcomes() bool { return h.Outcomes == outcomesOn && h.app.events != nil }

// awaitsOutcome reports whether the answer to the request may be the end of a
// login that is of interest.
func (v *visit) awaitsOutcome() bool {
	return v.exposureID[0] != "" && !v.silent && v.handler.recordsOutcomes()
}

// outcomeRecorder looks at the redirects of a provider for the one that ends a
// login.
type outcomeRecorder struct {
	caddyhttp.ResponseWriterWrapper
	visit *visit
	told  bool
}

// WriteHeader implements http.ResponseWriter.
func (o *outcomeRecorder) WriteHeader(status int) {
	if !o.told && status >= http.StatusMultipleChoices && status < http.StatusBadRequest {
		o.told = true
		o.visit.conclude(o.Header().Get("Location"))
	}
	o.ResponseWriter.WriteHeader(status)
}

// conclude records the outcome, if a redirect ends a login. Whatever goes wrong
// here is nobody's concern but ours.
func (v *visit) conclude(location string) {
	defer func() {
		if cause := recover(); cause != nil {
			v.handler.warner.warn(codeResolutionFailed, zap.Any("panic", cause), zap.Stack("stack"))
		}
	}()
	event := loginEnd(location, v.request.Host)
	if event == "" {
		return
	}
	now := time.Now()
	began, timed := v.carriage.began, true
	if began.IsZero() { // it was carried here by a site that does not record outcomes
		began, timed = v.carriage.decided, false
	}
	// However often the end of one login is seen, it is one.
	id := v.unitHash() + "." + strconv.FormatInt(began.UnixMilli(), 36)
	queue := v.handler.app.events.queue
	queue.conclude(v.handler.tenant.name, events.Outcome{ID: id, Event: event, Unit: v.unitHash(), Time: events.MillisOf(now)})
	if took := float64(now.Sub(began).Milliseconds()); event == eventLogin && timed && took >= 0 {
		queue.conclude(v.handler.tenant.name, events.Outcome{ID: id, Event: eventLoginTime, Unit: v.unitHash(), Time: events.MillisOf(now), Value: &took})
	}
}

// longestLocation bounds what is looked at of a redirect.
const longestLocation = 16 << 10

// loginEnd tells the event of a redirect that takes a login's result back to the
// client: s or f, empty for any other redirect. The result of a login leaves the
// provider's own origin; parameters of the same names within it belong to the
// provider's pages.
func loginEnd(location, host string) string {
	if len(location) > longestLocation || !strings.Contains(location, "=") {
		return ""
	}
	u, err := url.Parse(location)
	if err != nil || u.Scheme == "" && u.Host == "" || strings.EqualFold(u.Host, host) {
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

// silentErrors answer a client that wanted no page to be shown: nobody tried to
// log in.
var silentErrors = map[string]bool{
	"login_required": true, "interaction_required": true, "consent_required": true, "account_selection_required": true,
}

// Interface guard
var _ http.ResponseWriter = (*outcomeRecorder)(nil)
