package caddymodule

import (
	"errors"
	"io"
	"strings"

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

// Destruct stops following the store, and closes it.
func (c *configuration) Destruct() error {
	err := c.follower.Destruct()
	if closer, ok := c.store.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}

// report writes down what happened to a tenant's configuration, or to the store.
func (c *configuration) report(e store.Event) {
	logger := c.loggers.current()
	if e.Notice != "" {
		reportNotice(logger, e)
		return
	}
	logger = logger.With(zap.String("tenant", string(e.Tenant)))
	switch {
	case e.Applied != nil:
		logger.Info("configuration applied", zap.Uint64("revision", e.Applied.Revision),
			zap.Int("experiments", len(e.Applied.Snapshot.Experiments)), zap.Bool("recalled", e.Recalled))
		for _, x := range e.Applied.Snapshot.Experiments {
			if x.Status == engine.ExperimentActive && !x.Deciding {
				warningsTotal.WithLabelValues(string(e.Tenant), x.Blockers[0].Code).Inc()
				logger.Warn("an active experiment assigns nobody", zap.String("code", x.Blockers[0].Code),
					zap.String("experiment_id", x.ID), zap.Any("errors", x.Blockers))
			}
		}
	case errors.Is(e.Err, store.ErrNotFound) && !e.Kept:
		logger.Warn("the tenant has no document, so nobody gets an experiment; if there should be one, the site's tenant or the place of the store is mistyped, otherwise import one or make it over the API", zap.Error(e.Err))
	default:
		warningsTotal.WithLabelValues(string(e.Tenant), codeConfigRejected).Inc()
		logger.Warn("configuration rejected; the last good one, if there is any, stays in force",
			zap.String("code", codeConfigRejected), zap.Bool("kept", e.Kept), zap.Error(e.Err))
	}
}

// reportNotice writes down what happened to the store.
func reportNotice(logger *zap.Logger, e store.Event) {
	switch e.Notice {
	case store.NoticeLost:
		warningsTotal.WithLabelValues("", codeCircuitOpen).Inc()
		logger.Warn(lostText(e.Err)+"; what is in force, if anything is, stays so, and the store is only probed until it answers again",
			zap.String("code", codeCircuitOpen), zap.Error(e.Err))
	case store.NoticeStale:
		warningsTotal.WithLabelValues("", codeConfigStale).Inc()
		logger.Warn("what is served may be out of date, as the store has not answered for long or since the start",
			zap.String("code", codeConfigStale), zap.Error(e.Err))
	case store.NoticeRegained:
		logger.Info("the store answers again")
	case store.NoticeRestored:
		logger.Warn("the store had lost or damaged a document, which was put back",
			zap.String("tenant", string(e.Tenant)), zap.Uint64("revision", e.Revision))
	case store.NoticeTrouble:
		logger.Warn("something is wrong with the store", zap.Error(e.Err))
	}
}

// lostText says in what way a store is lost.
func lostText(err error) string {
	for _, refusal := range []string{"WRONGPASS", "NOAUTH", "invalid username-password pair"} {
		if strings.Contains(err.Error(), refusal) {
			return "the store answers, but refuses the user or password of its URL"
		}
	}
	return "the store does not answer"
}

// Interface guard
var _ caddy.Destructor = (*configuration)(nil)
