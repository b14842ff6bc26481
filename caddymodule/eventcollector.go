package caddymodule

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// eventsCollector reports what waits to be delivered, and what the relay between
// the edges has done, when it is scraped.
type eventsCollector struct{}

var (
	upDesc = prometheus.NewDesc("caddy_experiments_events_up",
		"1 while the events of this edge can be kept where they belong.", nil, nil)

	logBytesDesc = prometheus.NewDesc("caddy_experiments_events_log_bytes",
		"Bytes that the embedded event log takes on disk.", nil, nil)
	logLimitDesc = prometheus.NewDesc("caddy_experiments_events_log_limit_bytes",
		"Bytes that the embedded event log may take before its oldest events are removed; -1 for no limit.", nil, nil)

	spoolDesc = prometheus.NewDesc("caddy_experiments_events_spooled_bytes",
		"Bytes of events on disk that are not delivered yet.", nil, nil)

	relayDescs = [...]*prometheus.Desc{
		relayDesc("sent", "Entries of the spool that were sent to the edge with the log, each time that one was."),
		relayDesc("confirmed", "Entries of the spool that are known to have arrived at the edge with the log."),
		relayDesc("resent", "Entries of the spool that were sent again, because they could have got lost."),
		relayDesc("received", "Messages of other edges that have been put into the log."),
		relayDesc("dropped", "Messages in the queue that could not be read, or are of nobody who has the signing key."),
		relayDesc("rejected", "Events of other edges that could not be read, or that the log never takes."),
	}
)

func relayDesc(what, help string) *prometheus.Desc {
	return prometheus.NewDesc("caddy_experiments_events_relay_"+what+"_total", help, nil, nil)
}

// Describe implements prometheus.Collector.
func (eventsCollector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{upDesc, logBytesDesc, logLimitDesc, spoolDesc, splitDesc} {
		out <- desc
	}
	for _, desc := range relayDescs {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (eventsCollector) Collect(out chan<- prometheus.Metric) {
	var waiting int64
	if app := activeApp(); app != nil && app.events != nil {
		_, waiting = app.events.spool.pending()
		out <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, well(app.events.trouble()))
		if bytes, limit := app.events.size(); limit != 0 {
			out <- prometheus.MustNewConstMetric(logBytesDesc, prometheus.GaugeValue, float64(bytes))
			out <- prometheus.MustNewConstMetric(logLimitDesc, prometheus.GaugeValue, float64(max(limit, -1)))
		}
		app.collectSplits(out)
	}
	out <- prometheus.MustNewConstMetric(spoolDesc, prometheus.GaugeValue, float64(waiting))
	for i, n := range relays.counts() {
		out <- prometheus.MustNewConstMetric(relayDescs[i], prometheus.CounterValue, float64(n))
	}
}

// well is 1 without an error, 0 with one.
func well(err error) float64 {
	if err != nil {
		return 0
	}
	return 1
}

// relayCounts are in the order of relayDescs.
type relayCounts [len(relayDescs)]uint64

func (c *relayCounts) add(k *eventKeeping) {
	if s := k.sender; s != nil {
		c[0] += s.Sent()
		c[1] += s.Confirmed()
		c[2] += s.Resent()
	}
	if r := k.receiver; r != nil {
		c[3] += r.Received()
		c[4] += r.Dropped()
		c[5] += r.Rejected()
	}
}

// relays are those of the process: what they count goes on over reloads.
var relays = relayRegister{running: map[*eventKeeping]bool{}}

type relayRegister struct {
	mu      sync.Mutex
	running map[*eventKeeping]bool
	ended   relayCounts
}

func (r *relayRegister) add(k *eventKeeping) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[k] = true
}

// remove is told when a relay has ended.
func (r *relayRegister) remove(k *eventKeeping) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, k)
	r.ended.add(k)
}

func (r *relayRegister) counts() relayCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := r.ended
	for k := range r.running {
		counts.add(k)
	}
	return counts
}

// Interface guard
var _ prometheus.Collector = eventsCollector{}
