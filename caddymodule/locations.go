package caddymodule

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/geo"
)

// GeoIP says which location database is used.
type GeoIP struct {
	// Path of an .mmdb file with countries, and regions if it has them. A
	// changed file is picked up without a reload.
	Path string `json:"path,omitempty"`
	// Optional allows a start without the file.
	Optional bool `json:"optional,omitempty"`
}

// geoInterval is how often the file is looked at. It is taken over once it has
// been the same twice, so within a second of a change.
const geoInterval = 400 * time.Millisecond

// locations is an open location database that follows its file over reloads.
type locations struct {
	*geo.Database
	logger atomic.Pointer[zap.Logger] // of the Caddy configuration in force

	once    sync.Once
	context context.Context
	cancel  context.CancelFunc
	done    chan struct{}
}

func openLocations(config GeoIP, logger *zap.Logger) (*locations, error) {
	open := geo.Open
	if config.Optional {
		open = geo.OpenOptional
	}
	database, err := open(config.Path)
	if isMissing(err) {
		return nil, fmt.Errorf("geoip: %w; or write: geoip %s optional", err, config.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("geoip: %w", err)
	}
	l := &locations{Database: database, done: make(chan struct{})}
	l.context, l.cancel = context.WithCancel(context.Background())
	l.logger.Store(logger)
	return l, nil
}

// start follows the file from the first call on; every call makes logger the
// one that is used.
func (l *locations) start(logger *zap.Logger) {
	l.logger.Store(logger)
	l.once.Do(func() {
		go func() {
			defer close(l.done)
			l.Watch(l.context, geoInterval, l.report)
		}()
	})
}

// Destruct stops following the file. Lookups in flight keep what they read.
func (l *locations) Destruct() error {
	l.cancel()
	l.once.Do(func() { close(l.done) }) // never started
	<-l.done
	return nil
}

func (l *locations) report(e geo.Event) {
	logger := l.logger.Load()
	if e.Err != nil {
		logger.Warn("location database not taken over; the last good one, if there is any, stays in use", zap.Error(e.Err))
		return
	}
	logger.Info("location database taken over", zap.String("path", e.Info.Path),
		zap.String("type", e.Info.Type), zap.Time("build_time", e.Info.BuildTime))
}

// Interface guard
var _ caddy.Destructor = (*locations)(nil)
