package caddymodule

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// visitVariable is the name among the variables of a request, which it keeps on
// its way through routes, error routes and subroutes, under which its visit is
// found again by another handler.
const visitVariable = "experiments.visit"

// visitOf returns the last visit that has decided a request, nil if there is
// none, as on a path where nothing is decided.
func visitOf(r *http.Request) *visit {
	v, _ := caddyhttp.GetVar(r.Context(), visitVariable).(*visit)
	return v
}

// decidesFor reports whether what was decided on the visit is to be handed on by
// another handler, or once more by the same. A tenant decides a request once,
// whatever the options of its handlers are: to decide it twice would be to count
// one device as two. What was no request for authorization may have become one
// by a rewrite, and is then decided.
func (v *visit) decidesFor(h *Handler, r *http.Request) bool {
	return v.handler.tenant.name == h.tenant.name && (v.authorize || !h.authorizePaths[r.URL.Path])
}

// repeat takes a request through the handler whose decision has been made: what
// the provider is told is told again, and nothing is counted, logged or set.
func (h *Handler) repeat(v *visit, r *http.Request) {
	defer h.forwardUnmodified(v, r)
	h.shield.strip(r)
	delete(r.Header, v.handler.Header)
	if v.decision.Treatment == nil {
		return
	}
	r.Header[h.Header] = []string{v.decision.Treatment.Header()}
	if v.recording != nil && v.recording.exposureID[0] != "" {
		r.Header[exposureHeader] = v.recording.exposureID[:]
	}
}

// keep makes the visit the one that has decided the request.
func (v *visit) keep(r *http.Request) { caddyhttp.SetVar(r.Context(), visitVariable, v) }

// supersede takes back what a handler of another site has told the provider: it
// is told what this one decides, or nothing.
func (v *visit) supersede(r *http.Request) {
	delete(r.Header, v.earlier.handler.Header)
	v.keep(r)
}

// pass hands the request on, and has its answer looked at where it may be the
// end of a login. An answer that is looked at already is not looked at twice:
// the recorder would be around itself.
func (v *visit) pass(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if v.watched || !v.awaitsOutcome() {
		return next.ServeHTTP(w, r)
	}
	v.watched = true
	err := next.ServeHTTP(v.recording.recorder.around(w, v), r)
	v.watched = false // an error route writes past the recorder
	return err
}

// toldDevice reports whether the answer has the device cookie already. A nil
// visit, which is no earlier one, has told nothing.
func (v *visit) toldDevice(w http.ResponseWriter) bool {
	return v != nil && slices.ContainsFunc(w.Header()["Set-Cookie"], func(line string) bool { return setsCookie(line, deviceCookie) })
}

// takeBackCarry removes what the visit has the browser carry, which can carry
// one decision only. A nil visit has it carry nothing.
func (v *visit) takeBackCarry(w http.ResponseWriter) {
	if v == nil {
		return
	}
	lines := slices.DeleteFunc(w.Header()["Set-Cookie"], func(line string) bool { return setsCookie(line, carryCookie) })
	if len(lines) > 0 {
		w.Header()["Set-Cookie"] = lines
	} else {
		w.Header().Del("Set-Cookie")
	}
}

// setsCookie reports whether a Set-Cookie line is for the cookie of a name.
func setsCookie(line, name string) bool {
	given, _, _ := strings.Cut(line, "=")
	return given == name
}
