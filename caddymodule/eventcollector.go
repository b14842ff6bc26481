package caddymodule

import "github.com/prometheus/client_golang/prometheus"

// eventsCollector reports what waits to be delivered when it is scraped.
type eventsCollector struct{}

var spoolDesc = prometheus.NewDesc("caddy_experiments_events_spooled_bytes",
	"Bytes of events on disk that are not delivered yet.", nil, nil)

// Describe implements prometheus.Collector.
func (eventsCollector) Describe(out chan<- *prometheus.Desc) { out <- spoolDesc }

// Collect implements prometheus.Collector.
func (eventsCollector) Collect(out chan<- prometheus.Metric) {
	app := activeApp()
	if app == nil || app.events == nil || app.events.spool == nil {
		return
	}
	_, bytes := app.events.spool.Pending()
	out <- prometheus.MustNewConstMetric(spoolDesc, prometheus.GaugeValue, float64(bytes))
}

// Interface guard
var _ prometheus.Collector = eventsCollector{}
