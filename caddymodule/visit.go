package caddymodule

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/device"
	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/geo"
)

// visit is what is known of one request on its way through the handler. The
// placeholders and the logs read it after the handler has passed it on.
type visit struct {
	handler   *Handler
	request   *http.Request
	earlier   *visit // of the same request at a handler of another site; nil if there is none
	authorize bool   // it asks for authorization
	derived   bool   // device and place are known
	ownDevice bool   // the subject is our own device id
	watched   bool   // recording.recorder is around the answer
	clientID  string
	subject   string
	device    device.Device
	place     geo.Location
	decision  engine.Decision
	header    [1]string      // what the provider receives
	silent    bool           // nobody sees a page in answer to it
	recording *recording     // for the log of events; nil if there is none
	recorder  statusRecorder // of the response, for the decision log
}

// derive works out the device and the place, unless that is done already.
func (v *visit) derive() {
	if v.derived {
		return
	}
	v.derived = true
	v.device = v.handler.app.detector.Detect(v.request.Header)
	if v.handler.app.locations == nil {
		return
	}
	client, _ := caddyhttp.GetVar(v.request.Context(), caddyhttp.ClientIPVarKey).(string)
	if ip, err := netip.ParseAddr(client); err == nil { // a Unix socket has none
		v.place = v.handler.app.locations.Lookup(ip)
	}
}

// enriched reports whether the request's log line says who asked and what was
// decided.
func (v *visit) enriched() bool { return v.authorize || v.decision.Treatment != nil }

const (
	placeholderPrefix       = "http.experiments."
	configPlaceholderPrefix = placeholderPrefix + "config."
)

// placeholder gives the value of {http.experiments.*}. A value that there is
// none of is empty, so that no placeholder is ever left standing.
func (v *visit) placeholder(key string) (any, bool) {
	name, ours := strings.CutPrefix(key, placeholderPrefix)
	if !ours {
		return nil, false
	}
	if last := visitOf(v.request); last != nil {
		v = last // who has decided the request since
	}
	if parameter, ok := strings.CutPrefix(key, configPlaceholderPrefix); ok {
		return v.config(parameter), true
	}
	switch name {
	case "subject":
		return v.subject, true
	case "device_type", "browser", "platform", "country", "region":
		return v.derivedPlaceholder(name), true
	}
	t := v.decision.Treatment
	switch {
	case t == nil:
	case name == "experiment_id":
		return t.ExperimentID, true
	case name == "variation_id":
		return t.VariationID, true
	case name == "segment_id":
		return v.decision.SegmentID, true
	case name == "is_control":
		return t.IsControl, true
	case name == "source":
		return string(v.decision.Source), true
	}
	return "", true
}

// derivedPlaceholder works out on demand what no decision needed.
func (v *visit) derivedPlaceholder(name string) (value string) {
	defer func() { // it is asked for by whoever comes after us
		if cause := recover(); cause != nil {
			value = ""
			v.handler.warner.warn(codeResolutionFailed, zap.Any("panic", cause), zap.Stack("stack"))
		}
	}()
	v.derive()
	switch name {
	case "device_type":
		return v.device.Type
	case "browser":
		return v.device.Browser
	case "platform":
		return v.device.Platform
	case "country":
		return v.place.Country
	}
	return v.place.Region
}

func (v *visit) config(parameter string) string {
	if v.decision.Treatment == nil {
		return ""
	}
	for i := range v.decision.Treatment.Config {
		if value := &v.decision.Treatment.Config[i]; value.Parameter == parameter {
			return value.Text
		}
	}
	return ""
}
