package caddymodule

import (
	"net/http/httptest"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

func TestSpanSaysWhatWasDecided(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	ctx, span := tracer.Start(t.Context(), "request")
	h := &Handler{tenant: &tenant{name: "default/production"}}
	d := &engine.Decision{
		Treatment: &engine.Treatment{ExperimentID: "exp_1", VariationID: "var_1"}, Source: engine.SourceSegment,
	}
	h.annotateSpan(httptest.NewRequestWithContext(ctx, "GET", "/authorize", nil), d)
	span.End()

	got := map[string]string{}
	for _, attribute := range recorder.Ended()[0].Attributes() {
		got[string(attribute.Key)] = attribute.Value.AsString()
	}
	for key, want := range map[string]string{
		"feature_flag.key":            "exp_1",
		"feature_flag.result.variant": "var_1",
		"feature_flag.result.reason":  "targeting_match",
		"feature_flag.set.id":         "default/production",
		"feature_flag.provider.name":  "caddy-experiments",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}

// Every source has a word of OpenTelemetry's.
func TestEverySourceHasAReason(t *testing.T) {
	for _, source := range engine.Sources {
		if reasons[source] == "" {
			t.Errorf("%s has none", source)
		}
	}
}
