package caddymodule

import (
	"strconv"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// loggedExperiment is what stands under details.experiment in all logs. The names
// are those of the management API's logs.
type loggedExperiment struct {
	experimentID, variationID string
	isControl                 bool
	strategy                  engine.Strategy
	// source and segmentID are left out where they are empty. Outcomes that were sent
	// to the management API have them as their senders wrote them.
	source, segmentID string
}

// addTo adds details.experiment to an entry.
func (x loggedExperiment) addTo(enc zapcore.ObjectEncoder) error {
	return enc.AddObject("details", zapcore.ObjectMarshalerFunc(func(enc zapcore.ObjectEncoder) error {
		return enc.AddObject("experiment", zapcore.ObjectMarshalerFunc(func(enc zapcore.ObjectEncoder) error {
			enc.AddString("experiment_id", x.experimentID)
			enc.AddString("variation_id", x.variationID)
			enc.AddBool("is_control", x.isControl)
			enc.AddString("allocation_strategy", string(x.strategy))
			if x.source != "" {
				enc.AddString("source", x.source)
			}
			if x.segmentID != "" {
				enc.AddString("segment_id", clipped(x.segmentID))
			}
			return nil
		}))
	}))
}

// appendTo appends details.experiment to a line of the decision log.
func (x loggedExperiment) appendTo(b []byte) []byte {
	b = append(b, `,"details":{"experiment":{"experiment_id":"`...)
	b = append(b, x.experimentID...)
	b = append(b, `","variation_id":"`...)
	b = append(b, x.variationID...)
	b = append(b, `","is_control":`...)
	b = strconv.AppendBool(b, x.isControl)
	b = append(b, `,"allocation_strategy":"`...)
	b = append(b, x.strategy...)
	b = append(b, '"')
	if x.source != "" {
		b = append(b, `,"source":`...)
		b = appendJSONString(b, clipped(x.source))
	}
	if x.segmentID != "" {
		b = append(b, `,"segment_id":`...)
		b = appendJSONString(b, clipped(x.segmentID))
	}
	return append(b, "}}"...)
}

// appendHead appends the beginning of a line of the decision log. The kind is that
// of a login that has ended; empty for a decision.
func appendHead(b []byte, at time.Time, kind, tenant string) []byte {
	b = append(b, `{"time":"`...)
	b = at.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	if kind != "" {
		b = append(b, `","type":"`...)
		b = append(b, kind...)
	}
	b = append(b, `","tenant":"`...)
	b = append(b, tenant...)
	return append(b, '"')
}
