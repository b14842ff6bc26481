package caddymodule

import (
	"context"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/geo"
)

// GeoIP says which location database is used.
type GeoIP struct {
	// Path of an .mmdb file with countries, and regions if it has them. A
	// changed file is picked up without a reload. Placeholders are replaced.
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
	*follower
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
	if info := database.Info(); !info.Loaded {
		logger.Warn("there is no location database yet, so countries and regions are unknown; it is taken over when it appears",
			zap.String("path", info.Path))
	}
	return &locations{Database: database, follower: newFollower(logger)}, nil
}

// start follows the file; see follower.
func (l *locations) start(logger *zap.Logger) {
	l.follow(logger, func(ctx context.Context) { l.Watch(ctx, geoInterval, l.report) })
}

func (l *locations) report(e geo.Event) {
	logger := l.loggers.current()
	if e.Err != nil {
		logger.Warn("location database not taken over; the last good one, if there is any, stays in use", zap.Error(e.Err))
		return
	}
	if e.Older {
		logger.Warn("the location database that was put in place is older than the one it replaces",
			zap.Time("build_time", e.Info.BuildTime), zap.Time("replaced", e.Replaced))
	}
	logger.Info("location database taken over", zap.String("path", e.Info.Path),
		zap.String("type", e.Info.Type), zap.Time("build_time", e.Info.BuildTime))
}

// Interface guard
var _ caddy.Destructor = (*locations)(nil)
