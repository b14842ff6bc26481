package caddymodule

import (
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/management"
)

// eventConfigured is the message of the event of a write.
const eventConfigured = "experiment_configuration_changed"

// audit writes one event for each write, and has this edge decide by it before
// the write is answered.
func (a *App) audit(logger *zap.Logger, e management.Event) {
	a.configuration.live.Refresh(a.configuration.context, e.Tenant)
	fields := []zap.Field{
		zap.String("token", e.Token), zap.String("tenant", string(e.Tenant)),
		zap.String("operation", e.Operation), zap.String("entity_id", e.EntityID), zap.Strings("removed", e.Removed),
		zap.Uint64("revision_before", e.RevisionBefore), zap.Uint64("revision_after", e.RevisionAfter),
		zap.String("client_address", e.ClientAddress),
	}
	if e.Comment != "" {
		fields = append(fields, zap.String("comment", clipped(e.Comment)))
	}
	logger.Info(eventConfigured, fields...)
}
