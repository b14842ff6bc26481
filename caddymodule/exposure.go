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

// usualExposureID is as long as they are.
const usualExposureID = "0123456789012345678901.01234567890"

// recording is what a visit keeps for the log of events.
type recording struct {
	// unit stands for the subject.
	unit string
	// exposureID is what the provider can name the exposure by; empty if there is
	// none.
	exposureID [1]string
	// carriage is what the device has brought along.
	carriage carriage
	// restarted says that a login begins which goes on with what is carried.
	restarted bool
}

// expose tells the provider the id of the exposure, and records a new one. Who
// is outside of the experiment has none.
func (h *Handler) expose(v *visit, r *http.Request, snapshot *engine.Snapshot, now time.Time) {
	d := &v.decision
	if v.recording == nil || d.Untracked || v.subject == "" {
		return
	}
	v.recording.unit = h.app.keys.unit(h.tenant.name, v.subject)
	v.recording.exposureID[0] = v.recording.unit + h.tenant.exposureTag(snapshot, d.Treatment)
	r.Header[exposureHeader] = v.recording.exposureID[:]
	if !d.New {
		return
	}
	if len(d.Treatment.ExperimentID) > events.MaxText || len(d.Treatment.VariationID) > events.MaxText || len(d.SegmentID) > events.MaxText {
		h.app.events.queue.drop(1) // nobody could read it again
		return
	}
	h.app.events.queue.expose(h.tenant.name, snapshot, events.Exposure{
		ID: v.recording.exposureID[0], Experiment: d.Treatment.ExperimentID, Iteration: d.Treatment.Iteration,
		Unit: v.recording.unit, Variation: d.Treatment.VariationID, Segment: d.SegmentID, Source: string(d.Source),
		Bot: v.device.Type == "bot", DeviceType: v.device.Type, Browser: v.device.Browser,
		Country: v.place.Country, Region: v.place.Region, Time: events.MillisOf(now),
		WeightsVersion: d.Treatment.WeightsVersion,
	})
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
