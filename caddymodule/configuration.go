package caddymodule

import (
	"errors"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// configuration is the tenants' configuration, kept in step with the store over
// reloads.
type configuration struct {
	*follower
	store store.Store
	live  *store.Live
}

func newConfiguration(s store.Store, settings engine.Settings, logger *zap.Logger) *configuration {
	c := &configuration{follower: newFollower(logger), store: s}
	c.live = store.NewLive(s, settings, c.report)
	return c
}

// start follows the store; see follower.
func (c *configuration) start(logger *zap.Logger) { c.follow(logger, c.live.Run) }

// report writes down what happened to a tenant's configuration.
func (c *configuration) report(e store.Event) {
	logger := c.loggers.current().With(zap.String("tenant", string(e.Tenant)))
	switch {
	case e.Applied != nil:
		logger.Info("configuration applied", zap.Uint64("revision", e.Applied.Revision),
			zap.Int("experiments", len(e.Applied.Snapshot.Experiments)))
		for _, x := range e.Applied.Snapshot.Experiments {
			if x.Status == engine.ExperimentActive && !x.Deciding {
				warningsTotal.WithLabelValues(x.Blockers[0].Code).Inc()
				logger.Warn("an active experiment assigns nobody", zap.String("code", x.Blockers[0].Code),
					zap.String("experiment_id", x.ID), zap.Any("errors", x.Blockers))
			}
		}
	case errors.Is(e.Err, store.ErrNotFound) && !e.Kept:
		logger.Info("the tenant has no configuration yet; experiments begin when there is one", zap.Error(e.Err))
	default:
		warningsTotal.WithLabelValues(codeConfigRejected).Inc()
		logger.Warn("configuration rejected; the last good one, if there is any, stays in force",
			zap.String("code", codeConfigRejected), zap.Bool("kept", e.Kept), zap.Error(e.Err))
	}
}

// Interface guard
var _ caddy.Destructor = (*configuration)(nil)
