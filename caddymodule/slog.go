package caddymodule

import (
	"context"
	"log/slog"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap/exp/zapslog"
)

// lastingLog gives a logger for what outlives configurations: it writes to the
// default log that is in force at the time.
func lastingLog(name string) *slog.Logger { return slog.New(lastingHandler{name: name}) }

// lastingHandler is a handler that keeps no log of a configuration.
type lastingHandler struct {
	name string
	with []func(slog.Handler) slog.Handler
}

func (h lastingHandler) handler() slog.Handler {
	var out slog.Handler = zapslog.NewHandler(caddy.Log().Core(), zapslog.WithName(h.name))
	for _, with := range h.with {
		out = with(out)
	}
	return out
}

// Enabled implements slog.Handler.
func (h lastingHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.handler().Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h lastingHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.handler().Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h lastingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.and(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h lastingHandler) WithGroup(name string) slog.Handler {
	return h.and(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h lastingHandler) and(with func(slog.Handler) slog.Handler) slog.Handler {
	return lastingHandler{name: h.name, with: append(slices.Clip(h.with), with)}
}

// Interface guard
var _ slog.Handler = lastingHandler{}
