package caddymodule

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// The codes of warnings that do not come from the engine.
const (
	codeHeaderTooLarge   = "experiment_header_too_large"
	codeResolutionFailed = "experiment_resolution_failed"
	codeConfigRejected   = "experiment_config_rejected"
	codeConfigStale      = "experiment_config_stale"
	codeCircuitOpen      = "experiment_circuit_open"
)

var warningTexts = map[string]string{
	string(engine.WarningNotFound):        "a parameter names an experiment that does not exist; the request gets none",
	string(engine.WarningOrphaned):        "variation_id or segment_id without experiment_id; they are ignored",
	string(engine.WarningOverrideInvalid): "override parameters that cannot be followed; they are ignored",
	codeHeaderTooLarge:                    "the configuration of a variation, or the request with it, is over the header budget; it is left out",
	codeResolutionFailed:                  "the decision failed; the request is forwarded without an experiment",
}

// A code is logged at once up to warningBurst times, then once a second.
const warningBurst = 10

// warner writes warnings about requests. What its rate limit leaves out is
// counted in the next line that it writes.
type warner struct {
	logger  *zap.Logger
	journal *journal
	tenant  string
	limits  sync.Map // code → *warningLimit
}

type warningLimit struct {
	limiter    *rate.Limiter
	suppressed atomic.Uint64
}

func (w *warner) warn(code string, fields ...zap.Field) {
	warningsTotal.WithLabelValues(w.tenant, code).Inc()
	value, known := w.limits.Load(code)
	if !known {
		value, _ = w.limits.LoadOrStore(code, &warningLimit{limiter: rate.NewLimiter(rate.Every(time.Second), warningBurst)})
	}
	limit := value.(*warningLimit)
	if !limit.limiter.Allow() {
		limit.suppressed.Add(1)
		return
	}
	if n := limit.suppressed.Swap(0); n > 0 {
		fields = append(fields, zap.Uint64("suppressed", n))
	}
	fields = append(fields, zap.String("code", code), zap.String("tenant", w.tenant))
	w.journal.write(w.logger.Check(zap.WarnLevel, warningTexts[code]), fields...)
}

// longestLogged bounds what a client can put into one field of a log line.
const longestLogged = 128

// clipped shortens a text that a client chose.
func clipped(text string) string {
	if len(text) > longestLogged {
		return text[:longestLogged]
	}
	return text
}
