package caddymodule

import (
	"net/http"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// exposureHeader hands the identity provider an id that its log can name the
// exposure by.
const exposureHeader = "X-Experiment-Exposure"

// expose tells the provider the id of the exposure, and records a new one. Who
// is outside of the experiment has none.
func (h *Handler) expose(v *visit, r *http.Request, snapshot *engine.Snapshot, now time.Time) {
	d := &v.decision
	if h.app.events == nil || d.Untracked || v.subject == "" {
		return
	}
	v.exposureID[0] = v.unitHash() + h.tenant.exposureTag(snapshot, d.Treatment)
	r.Header[exposureHeader] = v.exposureID[:]
	if !d.New {
		return
	}
	h.app.events.queue.expose(h.tenant.name, snapshot, events.Exposure{
		ID: v.exposureID[0], Experiment: d.Treatment.ExperimentID, Iteration: d.Treatment.Iteration,
		Unit: v.unitHash(), Variation: d.Treatment.VariationID, Segment: d.SegmentID, Source: string(d.Source),
		Bot: v.device.Type == "bot", DeviceType: v.device.Type, Browser: v.device.Browser,
		Country: v.place.Country, Region: v.place.Region, Time: events.MillisOf(now),
		WeightsVersion: d.Treatment.WeightsVersion,
	})
}

// unitHash is what stands for the subject in logs and events.
func (v *visit) unitHash() string {
	if v.unit == "" {
		v.unit = v.handler.app.keys.unit(v.handler.tenant.name, v.subject)
	}
	return v.unit
}

// exposureTag is the part of an exposure's id that follows the unit. It is worked
// out once for each treatment of a snapshot.
func (t *tenant) exposureTag(snapshot *engine.Snapshot, treatment *engine.Treatment) string {
	slot := &t.of(snapshot).tags[treatment.Index]
	if tag := slot.Load(); tag != nil {
		return *tag
	}
	tag := events.ExposureID("", treatment.ExperimentID, treatment.Iteration, treatment.VariationID)
	slot.Store(&tag)
	return tag
}
