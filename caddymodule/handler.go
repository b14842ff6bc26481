package caddymodule

import (
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// ServeHTTP decides the request and always forwards it. Whatever goes wrong on
// our part, the identity provider gets the request as the client sent it. A
// request that has been decided already, as one that comes here again by way of
// handle_errors, is given the same decision.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	earlier := visitOf(r)
	if earlier != nil && earlier.decidesFor(h, r) {
		h.repeat(earlier, r)
		return earlier.pass(w, r, next)
	}
	v := h.newVisit(r)
	v.earlier = earlier
	h.prepare(v, w, r)
	if h.app.decisions == nil || !v.authorize {
		return v.pass(w, r, next)
	}
	v.recorder.ResponseWriter = w
	// Also when a later handler panics, as Caddy's own does to break off an
	// answer whose rest does not come.
	defer v.record()
	err := v.pass(&v.recorder, r, next)
	v.recorder.end(err)
	return err
}

// prepare takes a request through the steps of a decision.
func (h *Handler) prepare(v *visit, w http.ResponseWriter, r *http.Request) {
	defer h.forwardUnmodified(v, r)

	// 1 strip: nobody but us says what the identity provider believes of us.
	h.shield.strip(r)
	if v.earlier != nil {
		v.supersede(r)
	}

	repl, _ := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if repl != nil && v.earlier == nil {
		repl.Map(v.placeholder)
	}
	v.authorize = h.authorizePaths[r.URL.Path]
	if !v.authorize && !hasCookie(r.Header, carryCookie) {
		return // the site's other traffic, in no login that we had a part in
	}
	v.keep(r)

	var asked parameters
	identity, holds, now := h.approach(v, r, repl, &asked)

	// 4 decide: override, in-flight assignment, or active experiment.
	snapshot := h.tenant.snapshot()
	if snapshot != nil {
		request := h.request(v, r, &asked, holds, now)
		v.decision = snapshot.Decide(&request)
	}
	h.warn(v, r, &asked)

	// 5 inject: what is known goes to the provider, the browser and the logs.
	h.inject(v, w, r, snapshot, identity, holds, now)
	if v.authorize {
		decisionSeconds.Observe(time.Since(now).Seconds())
	}
}

// approach takes a request through the steps that come before the decision.
func (h *Handler) approach(v *visit, r *http.Request, repl *caddy.Replacer, asked *parameters) (who identity, holds bool, now time.Time) {
	// 2 derive: who asks, from where, for which client.
	var form []byte
	if v.authorize {
		form = readForm(r)
	}
	now = wallClock() // from here on; a form takes as long as its client does
	if v.authorize {
		asked.scan(r.URL.RawQuery)
		asked.scan(string(form))
		v.clientID = asked.values[paramClient]
	}
	v.derive()

	// 3 subject: the device, or what the site calls one.
	v.silent = v.authorize && h.holds(r, asked)
	holds = !v.authorize || v.silent
	who = h.identify(v.earlier, r, repl, holds)
	v.subject, v.ownDevice = who.subject, who.device
	return who, holds || v.subject == "", now
}

// holds reports whether a request to an authorization endpoint must not be
// given a new assignment: nobody sees a page in answer to it.
func (h *Handler) holds(r *http.Request, asked *parameters) bool {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return true
	case asked.values[paramPrompt] == "none":
		return true
	case strings.Contains(first(r.Header["Sec-Purpose"]), "prefetch"):
		return true
	}
	return first(r.Header["Purpose"]) == "prefetch" || first(r.Header["X-Moz"]) == "prefetch"
}

// identity is who a request is decided for.
type identity struct {
	subject string
	// device is set where the subject is our own device id, and reissue where
	// the browser should be given it anew.
	device  bool
	reissue bool
}

// identify finds the subject of a request. A device that is not known yet gets
// an id only if the request may be given an assignment and the browser would
// have sent the id that it may have. An id that it was given earlier on the same
// request, if there is an earlier visit, is its id.
func (h *Handler) identify(earlier *visit, r *http.Request, repl *caddy.Replacer, holds bool) identity {
	if h.Subject != "" && repl != nil {
		if subject := repl.ReplaceAll(h.Subject, ""); subject != "" {
			return identity{subject: subject}
		}
	}
	if id, current := h.app.keys.readDevice(r.Header); id != "" {
		return identity{subject: id, device: true, reissue: !current && !holds}
	}
	if earlier != nil && earlier.ownDevice {
		return identity{subject: earlier.subject, device: true}
	}
	if holds || isCrossSitePost(r) {
		return identity{}
	}
	return identity{subject: newDeviceID(), device: true}
}

// isCrossSitePost reports whether a page of another site has posted the request.
// A browser does not send our cookies with it, and would lose those that it has
// to new ones.
func isCrossSitePost(r *http.Request) bool {
	return r.Method == http.MethodPost && first(r.Header["Sec-Fetch-Site"]) == "cross-site"
}

// request puts together what the engine decides on.
func (h *Handler) request(v *visit, r *http.Request, asked *parameters, holds bool, now time.Time) engine.Request {
	request := engine.Request{Subject: v.subject, Hold: holds, Resumes: asked.resumes()}
	a := &request.Attributes
	a[engine.ClientID] = v.clientID
	a[engine.Connection] = asked.values[paramConnection]
	a[engine.ConnectionType] = h.Connections[asked.values[paramConnection]]
	a[engine.OrganizationID] = asked.organization()
	a[engine.Domain] = hostname(r.Host)
	a[engine.DeviceType] = v.device.Type
	a[engine.Browser] = v.device.Browser
	a[engine.Platform] = v.device.Platform
	a[engine.UserAgent] = clippedAgent(first(r.Header["User-Agent"]))
	a[engine.Country] = v.place.Country
	a[engine.Region] = v.place.Region
	request.Force = h.force(asked, now)
	brought, _ := h.app.keys.readCarry(r.Header, h.tenant.name, v.subject, now, time.Duration(h.Sticky), h.Overrides)
	request.Carried = brought.Carried
	v.begin(brought, now, request.Resumes)
	return request
}

// force gives the override that the request asks for, as far as the site
// allows it.
func (h *Handler) force(asked *parameters, now time.Time) engine.Force {
	if h.Overrides == overridesOff {
		return engine.Force{}
	}
	if asked.overrideRepeated() {
		return engine.Force{Refused: true}
	}
	force := engine.Force{
		ExperimentID: asked.values[paramExperiment],
		VariationID:  asked.values[paramVariation],
		SegmentID:    asked.values[paramSegment],
	}
	if h.Overrides == overridesSigned && force.ExperimentID != "" &&
		!h.app.keys.allowsOverride(asked.values[paramToken], h.tenant.name, force, now) {
		return engine.Force{Refused: true}
	}
	return force
}

// warn writes down what could not be followed, and takes back a decision that
// cannot be handed on.
func (h *Handler) warn(v *visit, r *http.Request, asked *parameters) {
	if v.decision.Warning != "" {
		h.warner.warn(string(v.decision.Warning),
			zap.String("experiment_id", clipped(asked.values[paramExperiment])),
			zap.String("variation_id", clipped(asked.values[paramVariation])),
			zap.String("segment_id", clipped(asked.values[paramSegment])))
	}
	t := v.decision.Treatment
	if t == nil {
		return
	}
	if size, allowed, over := h.overBudget(r, t); over {
		h.warner.warn(codeHeaderTooLarge, zap.String("experiment_id", t.ExperimentID),
			zap.String("variation_id", t.VariationID), zap.Int("size", size), zap.Int("budget", allowed))
		v.decision = engine.Decision{}
	}
}

// inject hands the decision on: to the identity provider in the header, to the
// browser in cookies, to logs, metrics and traces.
func (h *Handler) inject(v *visit, w http.ResponseWriter, r *http.Request, snapshot *engine.Snapshot, who identity, holds bool, now time.Time) {
	d := &v.decision
	if d.Treatment != nil {
		v.header[0] = d.Treatment.Header()
		r.Header[h.Header] = v.header[:]
		h.tenant.count(snapshot, d)
		h.annotateSpan(r, d)
		h.expose(v, r, snapshot, now)
	}
	if d.New {
		h.announce(v)
	}
	if v.enriched() {
		enrichAccessLog(r, v)
	}
	var stack [usualCookie]byte
	if who.device && (d.New || who.reissue) && !v.earlier.toldDevice(w) {
		setCookie(w, r, deviceCookie, h.app.keys.appendDevice(stack[:0], who.subject, now), deviceAge)
	}
	if d.Treatment != nil {
		v.earlier.takeBackCarry(w)
	}
	if c, ok := v.carry(now); ok {
		left := time.Duration(h.Sticky) - now.Sub(c.decided)
		setCookie(w, r, carryCookie, h.app.keys.appendCarry(stack[:0], &c, h.tenant.name, v.subject), left)
	} else if d.Drop && !holds {
		setCookie(w, r, carryCookie, nil, 0)
	}
}

// announce writes the event of a new assignment.
func (h *Handler) announce(v *visit) {
	entry := h.logger.Check(zap.InfoLevel, eventAssigned)
	if entry == nil {
		return
	}
	hash := v.unitHash()
	assigned := *v // the line is written while the request goes on
	h.app.journal.write(entry, zap.String("tenant", h.tenant.name), zap.Inline(&assigned),
		zap.String("client_id", clipped(v.clientID)), zap.String("subject_hash", hash))
}

// eventAssigned is the message of the event of a new assignment.
const eventAssigned = "experiment_assignment_succeeded"

// forwardUnmodified recovers from a panic in the steps of a decision: the
// request goes on as if there were no experiments.
func (h *Handler) forwardUnmodified(v *visit, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	delete(r.Header, h.Header)
	delete(r.Header, exposureHeader)
	v.decision, v.recording = engine.Decision{}, nil
	h.warner.warn(codeResolutionFailed, zap.Any("panic", cause), zap.Stack("stack"))
}

// record writes the visit to the decision log.
func (v *visit) record() {
	h := v.handler
	defer func() {
		if cause := recover(); cause != nil {
			h.warner.warn(codeResolutionFailed, zap.Any("panic", cause), zap.Stack("stack"))
		}
	}()
	status := v.recorder.outcome()
	h.app.decisions.write(func(b []byte) []byte { return v.appendLine(b, h.tenant.name, status, wallClock()) })
}

// hostname is the host of a request without port, in lower case by comparison.
func hostname(host string) string {
	if at := strings.LastIndexByte(host, ':'); at > strings.LastIndexByte(host, ']') {
		return host[:at]
	}
	return host
}

// longestAgent bounds the User-Agent that rules are compared with.
const longestAgent = 1024

func clippedAgent(agent string) string {
	return agent[:min(len(agent), longestAgent)]
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// Interface guard
var _ caddyhttp.MiddlewareHandler = (*Handler)(nil)
