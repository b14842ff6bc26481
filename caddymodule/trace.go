package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/engine"
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

// annotateSpan adds the decision to the current span, in OpenTelemetry's terms
// for the evaluation of feature flags.
func (h *Handler) annotateSpan(r *http.Request, d *engine.Decision) {
	span := trace.SpanFromContext(r.Context())
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(
		attribute.String("feature_flag.key", d.Treatment.ExperimentID),
		attribute.String("feature_flag.result.variant", d.Treatment.VariationID),
		attribute.String("feature_flag.result.reason", reasons[d.Source]),
		attribute.String("feature_flag.set.id", h.tenant.name),
		attribute.String("feature_flag.provider.name", "caddy-experiments"),
	)
}

// reasons are OpenTelemetry's words for the sources of decisions.
var reasons = map[engine.Source]string{
	engine.SourceBucket:   "split",
	engine.SourceSegment:  "targeting_match",
	engine.SourceFallback: "default",
	engine.SourceOverride: "static",
	engine.SourceCarried:  "cached",
}
