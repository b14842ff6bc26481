package caddymodule

import (
	"context"
	"hash/maphash"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/management"
)

// eventLoginEnded is the message of the event of a login that has ended.
const eventLoginEnded = "experiment_login_recorded"

// loginPatience bounds how long the logs can hold up the sender of a batch of
// outcomes. Lines beyond it are dropped and counted.
const loginPatience = 2 * time.Second

// announceLogin writes the end of a login that the edge has seen to the decision log
// and as an event: what the login was given, as its exposure has it.
func (v *visit) announceLogin(event string, status int, now time.Time) {
	ended := *v // the event is written while the request goes on
	ended.decision.Source = v.exposedBy()
	h := v.handler
	if h.app.decisions != nil {
		h.app.decisions.write(func(b []byte) []byte { return ended.appendLogin(b, h.tenant.name, event, status, now) })
	}
	if entry := h.logger.Check(zap.InfoLevel, eventLoginEnded); entry != nil {
		h.app.journal.write(entry, zap.String("type", event), zap.String("tenant", h.tenant.name), zap.Inline(&ended),
			zap.String("subject_hash", v.unitHash()))
	}
}

// exposedBy is the source of the exposure that a decision comes from, which a carried
// one leaves to be understood.
func (v *visit) exposedBy() engine.Source {
	d := &v.decision
	switch {
	case d.Source != engine.SourceCarried:
		return d.Source
	case v.recording.carriage.Forced:
		return engine.SourceOverride
	case d.Treatment.Strategy == engine.StrategyPercentage:
		return engine.SourceBucket
	case d.SegmentID != "":
		return engine.SourceSegment
	}
	return engine.SourceFallback
}

// knownLogins remembers the logins of late that have ended, so that one whose end is
// seen or sent again is one line. It is safe for concurrent use.
type knownLogins struct {
	seed   maphash.Seed
	recent recent
}

func newKnownLogins() knownLogins { return knownLogins{maphash.MakeSeed(), make(recent, 1<<12)} }

// add reports whether the login was not known yet.
func (k *knownLogins) add(tenant, event, unit, id string) bool {
	return k.recent.add(maphash.Comparable(k.seed, [...]string{tenant, event, unit, id}))
}

// logins writes logins that were sent to the management API, each to the decision log
// and as an event.
func (a *App) logins(logger *zap.Logger) func(context.Context, []management.Login) {
	return func(ctx context.Context, logins []management.Login) {
		ctx, cancel := context.WithTimeout(ctx, loginPatience)
		defer cancel()
		for i := range logins {
			l := &loginLine{&logins[i]}
			if !a.events.queue.ended.add(string(l.Tenant), l.Type, l.Unit, l.ID) {
				continue
			}
			if a.decisions != nil {
				a.decisions.deliver(ctx, l.appendTo)
			}
			if entry := logger.Check(zap.InfoLevel, eventLoginEnded); entry != nil {
				fields := []zap.Field{zap.String("type", l.Type), zap.String("tenant", string(l.Tenant)), zap.Inline(l)}
				if l.Hashed {
					fields = append(fields, zap.String("subject_hash", clipped(l.Unit)))
				}
				a.journal.deliver(ctx, entry, fields...)
			}
		}
	}
}

// loginLine writes a login as the logs have it.
type loginLine struct{ *management.Login }

// MarshalLogObject adds the exposure under details.experiment.
func (l *loginLine) MarshalLogObject(enc zapcore.ObjectEncoder) error { return l.logged().addTo(enc) }

// appendTo appends the login as a line of the decision log.
func (l *loginLine) appendTo(b []byte) []byte {
	return append(l.logged().appendTo(appendHead(b, l.Time, l.Type, string(l.Tenant))), "}\n"...)
}

func (l *loginLine) logged() loggedExperiment {
	return loggedExperiment{l.ExperimentID, l.VariationID, l.IsControl, l.Strategy, l.Source, l.SegmentID}
}

// Interface guard
var _ zapcore.ObjectMarshaler = (*loginLine)(nil)
