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
	// recorder looks at the provider's answer.
	recorder outcomeRecorder
}

// newVisit makes the memory that a request needs, in one piece.
func (h *Handler) newVisit(r *http.Request) *visit {
	if h.app.events == nil {
		return &visit{handler: h, request: r}
	}
	var whole struct {
		visit     visit
		recording recording
	}
	whole.visit = visit{handler: h, request: r, recording: &whole.recording}
	return &whole.visit
}

// expose tells the provider the id of the exposure, and records a new one. Who
// is outside of the experiment has none.
func (h *Handler) expose(v *visit, r *http.Request, snapshot *engine.Snapshot, now time.Time) {
	d := &v.decision
	if v.recording == nil || d.Untracked || v.subject == "" {
		return
	}
	var stack [len(usualExposureID)]byte
	id := h.app.keys.appendUnit(stack[:0], h.tenant.name, v.subject)
	id = append(id, h.tenant.exposureTag(snapshot, d.Treatment)...)
	v.recording.exposureID[0] = string(id)
	v.recording.unit = v.recording.exposureID[0][:unitLength]
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

// unitHash is what stands for the subject in logs and events.
func (v *visit) unitHash() string {
	if v.recording != nil && v.recording.unit != "" {
		return v.recording.unit
	}
	return v.handler.app.keys.unit(v.handler.tenant.name, v.subject)
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
