package caddymodule

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// enrichAccessLog adds the visit to the request's access log line, unless its
// server writes none.
func enrichAccessLog(r *http.Request, v *visit) {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if server != nil && server.Logs == nil {
		return
	}
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Set(zap.Inline(v))
	}
}

// MarshalLogObject adds to an access log line who asked, and what was decided
// under details.experiment.
func (v *visit) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("device_type", v.device.Type)
	enc.AddString("browser", v.device.Browser)
	enc.AddString("platform", v.device.Platform)
	enc.AddString("country", v.place.Country)
	enc.AddString("region", v.place.Region)
	if v.decision.Treatment == nil {
		return nil
	}
	return v.logged().addTo(enc)
}

// logged is what the visit was given, as the logs have it.
func (v *visit) logged() loggedExperiment {
	t := v.decision.Treatment
	return loggedExperiment{t.ExperimentID, t.VariationID, t.IsControl, t.Strategy, string(v.decision.Source), v.decision.SegmentID}
}

// appendLine appends the visit as a line of the decision log.
func (v *visit) appendLine(b []byte, tenant string, status int, at time.Time) []byte {
	return v.appendLogin(b, tenant, "", status, at)
}

// appendLogin appends the visit as the end of a login, of which event is the type.
func (v *visit) appendLogin(b []byte, tenant, event string, status int, at time.Time) []byte {
	b = appendHead(b, at, event, tenant)
	b = append(b, `,"client_id":`...)
	b = appendJSONString(b, clipped(v.clientID))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `,"device_type":"`...)
	b = append(b, v.device.Type...)
	b = append(b, `","browser":"`...)
	b = append(b, v.device.Browser...)
	b = append(b, `","platform":"`...)
	b = append(b, v.device.Platform...)
	b = append(b, `","country":"`...)
	b = append(b, v.place.Country...)
	b = append(b, `","region":"`...)
	b = append(b, v.place.Region...)
	b = append(b, '"')
	if v.decision.Treatment != nil {
		b = v.logged().appendTo(b)
	}
	return append(b, "}\n"...)
}

// appendJSONString appends a text that a client chose.
func appendJSONString(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := json.Marshal(text)
			if err != nil {
				quoted = []byte(`""`) // unreachable: every string can be written
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

// Interface guard
var _ zapcore.ObjectMarshaler = (*visit)(nil)
