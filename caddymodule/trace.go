package caddymodule

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

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
