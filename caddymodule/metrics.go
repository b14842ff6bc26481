package caddymodule

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// The collectors are the process's, not one configuration's: they are
// registered anew with the registry of every configuration and count on over
// reloads.
var (
	decisionsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "experiments", Name: "decisions_total",
		Help: "Requests that were given a variation, by tenant, experiment, variation and source.",
	}, []string{"tenant", "experiment", "variation", "source"})

	decisionSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "caddy", Subsystem: "experiments", Name: "decision_seconds",
		Help:    "Time from the arrival of an authorization request at the handler to its handing on.",
		Buckets: []float64{1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2, 0.1, 1},
	})

	warningsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "experiments", Name: "warnings_total",
		Help: "Warnings by tenant and code, those that the log's rate limit left out included; without a tenant where they are about the store.",
	}, []string{"tenant", "code"})

	decisionsDropped = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "experiments", Name: "decision_log_dropped_total",
		Help: "Lines of the decision log that its sink could not take.",
	})

	eventsRecorded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "experiments", Name: "events_recorded_total",
		Help: "Exposures and outcomes of this edge that were kept, by kind.",
	}, []string{"kind"})

	eventsDropped = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "experiments", Name: "events_dropped_total",
		Help: "Exposures and outcomes of this edge that could not be kept.",
	})

	eventsTrimmed = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "experiments", Name: "events_trimmed_total",
		Help: "How often the oldest events were removed because the event log was too large.",
	})

	journalDropped = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "experiments", Name: "log_dropped_total",
		Help: "Assignment events and warnings that the log could not take.",
	})
)

func init() {
	// So that the first event is an increase, too.
	eventsRecorded.WithLabelValues("exposure")
	eventsRecorded.WithLabelValues("outcome")
}

// registerMetrics adds the collectors to the registry of a configuration, which
// may have them already.
func registerMetrics(registry *prometheus.Registry) {
	if registry == nil {
		return
	}
	collectors := []prometheus.Collector{decisionsTotal, decisionSeconds, warningsTotal, decisionsDropped, eventsRecorded, eventsDropped, eventsTrimmed, journalDropped, configurationCollector{}, eventsCollector{}}
	for _, c := range collectors {
		err := registry.Register(c)
		if already := (prometheus.AlreadyRegisteredError{}); err != nil && !errors.As(err, &already) {
			panic("registering metrics: " + err.Error()) // two collectors of ours with one name
		}
	}
}

// configurationCollector reports the state of all tenants when it is scraped.
type configurationCollector struct{}

var (
	revisionDesc = prometheus.NewDesc("caddy_experiments_config_revision",
		"Revision of the configuration in force.", []string{"tenant"}, nil)
	ageDesc = prometheus.NewDesc("caddy_experiments_config_age_seconds",
		"Time since the configuration in force was applied.", []string{"tenant"}, nil)
	contactDesc = prometheus.NewDesc("caddy_experiments_config_last_contact_seconds",
		"Time since the store last answered for the tenant.", []string{"tenant"}, nil)
	degradedDesc = prometheus.NewDesc("caddy_experiments_config_degraded",
		"1 while the newest configuration is bad, gone or out of reach.", []string{"tenant"}, nil)
	decisionLogDesc = prometheus.NewDesc("caddy_experiments_decision_log_up",
		"1 while the decision log takes lines.", nil, nil)
	decidingDesc = prometheus.NewDesc("caddy_experiments_experiment_deciding",
		"Of each active experiment whether it assigns subjects: 1, or 0 if something is in its way.", []string{"tenant", "experiment"}, nil)
	geoipAgeDesc = prometheus.NewDesc("caddy_experiments_geoip_age_seconds",
		"Time since the location database in use was built.", nil, nil)
	circuitDesc = prometheus.NewDesc("caddy_experiments_store_circuit_open",
		"1 while the store does not answer and is only probed.", nil, nil)
)

// Describe implements prometheus.Collector.
func (configurationCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{revisionDesc, ageDesc, contactDesc, degradedDesc, decidingDesc, geoipAgeDesc, decisionLogDesc, circuitDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (configurationCollector) Collect(out chan<- prometheus.Metric) {
	app := activeApp()
	if app == nil {
		return
	}
	var open float64
	if !app.configuration.live.Reach().Reachable {
		open = 1
	}
	out <- prometheus.MustNewConstMetric(circuitDesc, prometheus.GaugeValue, open)
	if app.decisions != nil {
		out <- prometheus.MustNewConstMetric(decisionLogDesc, prometheus.GaugeValue, well(app.decisions.sink.Trouble()))
	}
	if app.locations != nil {
		if info := app.locations.Info(); info.Loaded {
			out <- prometheus.MustNewConstMetric(geoipAgeDesc, prometheus.GaugeValue, time.Since(info.BuildTime).Seconds())
		}
	}
	for _, status := range app.tenantStatuses() {
		gauge := func(desc *prometheus.Desc, value float64) {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, string(status.Tenant))
		}
		gauge(revisionDesc, float64(status.Revision))
		if status.AppliedAt != nil {
			gauge(ageDesc, time.Since(*status.AppliedAt).Seconds())
		}
		if status.LastContact != nil {
			gauge(contactDesc, time.Since(*status.LastContact).Seconds())
		}
		var degraded float64
		if status.State == store.StateDegraded {
			degraded = 1
		}
		gauge(degradedDesc, degraded)
		for _, x := range status.Experiments {
			if x.Status == engine.ExperimentActive {
				out <- prometheus.MustNewConstMetric(decidingDesc, prometheus.GaugeValue, truth(x.Deciding), string(status.Tenant), x.ID)
			}
		}
	}
}

// truth is 1 for what is true.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// counters are the decision counters of one snapshot, each looked up once.
type counters struct {
	snapshot *engine.Snapshot
	bySource []atomic.Pointer[prometheus.Counter] // by treatment and source
	tags     []atomic.Pointer[string]             // by treatment; see exposureTag
}

func newCounters(snapshot *engine.Snapshot) *counters {
	return &counters{
		snapshot: snapshot,
		bySource: make([]atomic.Pointer[prometheus.Counter], len(snapshot.Treatments)*len(engine.Sources)),
		tags:     make([]atomic.Pointer[string], len(snapshot.Treatments)),
	}
}

func (c *counters) count(tenant string, d *engine.Decision) {
	slot := &c.bySource[d.Treatment.Index*len(engine.Sources)+sourceIndex(d.Source)]
	counter := slot.Load()
	if counter == nil {
		found := decisionsTotal.WithLabelValues(tenant, d.Treatment.ExperimentID, d.Treatment.VariationID, string(d.Source))
		counter = &found
		slot.Store(counter)
	}
	(*counter).Inc()
}

func sourceIndex(s engine.Source) int {
	for i, source := range engine.Sources {
		if s == source {
			return i
		}
	}
	return 0
}

// Interface guard
var _ prometheus.Collector = configurationCollector{}
