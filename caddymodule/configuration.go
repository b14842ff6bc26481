package caddymodule

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// configuration is the tenants' configuration, kept in step with the store over
// reloads.
type configuration struct {
	store   store.Store
	live    *store.Live
	loggers loggers

	once    sync.Once
	context context.Context
	cancel  context.CancelFunc
	done    chan struct{}
}

func newConfiguration(s store.Store, settings engine.Settings, logger *zap.Logger) *configuration {
	c := &configuration{store: s, loggers: loggers{first: logger}, done: make(chan struct{})}
	c.context, c.cancel = context.WithCancel(context.Background())
	c.live = store.NewLive(s, settings, c.report)
	return c
}

// start follows the store from the first call on; logger is used until it is
// removed.
func (c *configuration) start(logger *zap.Logger) {
	c.loggers.add(logger)
	c.once.Do(func() {
		go func() {
			defer close(c.done)
			c.live.Run(c.context)
		}()
	})
}

// Destruct stops following the store. Requests in flight keep their snapshot.
func (c *configuration) Destruct() error {
	c.cancel()
	c.once.Do(func() { close(c.done) }) // never started
	<-c.done
	return nil
}

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

// loggers are those of the Caddy configurations that share a value of the pool.
// The newest one that was started is used; if that configuration fails after
// all, the one that goes on serving gets its log back.
type loggers struct {
	first *zap.Logger // until one is added

	mu      sync.Mutex
	started []*zap.Logger
}

func (l *loggers) add(logger *zap.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = append(l.started, logger)
}

func (l *loggers) remove(logger *zap.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = slices.DeleteFunc(l.started, func(other *zap.Logger) bool { return other == logger })
}

func (l *loggers) current() *zap.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.started) == 0 {
		return l.first
	}
	return l.started[len(l.started)-1]
}

// Interface guard
var _ caddy.Destructor = (*configuration)(nil)
