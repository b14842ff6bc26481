package management

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/intake"
	"github.com/caddy-experiments/caddy-experiments/results/reports"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// Events is where events go and where results come from. The zero value is an
// API without them, which says so.
type Events struct {
	// Append keeps a batch. When it returns without error the batch survives a
	// crash.
	Append func(ctx context.Context, tenant store.Tenant, batch *events.Batch) error
	// Log is what results are computed from; nil where another edge has it.
	Log events.Log
	// Reports is where results wait for their turn: that of all the APIs whose logs
	// are on the same machine. Nil is one of this API's own.
	Reports *reports.Desk
	// Intake bounds the memory of uploads, of all the APIs of the process together.
	// Nil is one of this API's own.
	Intake *intake.Intake
	// Retention is how long events are kept, and so how old a new one may be; 0 is
	// for ever.
	Retention time.Duration
}

// eventTimeout bounds how long a batch may take to become durable.
const eventTimeout = 30 * time.Second

// ingested is the answer to events: how many were taken, and what was wrong with
// the others.
type ingested struct {
	events.Report
}

// postEvents takes exposures and outcomes: one, an array, or lines.
func postEvents(c *call) (answer, *refusal) {
	return c.ingest(func(body []byte, check events.Check) (*events.Batch, *events.Report, error) {
		return events.DecodeText(body, c.request.Header.Get("Content-Type"), c.limits(check), c.now)
	})
}

// postLogStream takes an identity provider's log in Auth0's form. Rows of no
// interest are no fault: the provider would send them again for ever.
func postLogStream(c *call) (answer, *refusal) {
	return c.ingest(func(body []byte, check events.Check) (*events.Batch, *events.Report, error) {
		known := func(event string) bool { return check.Outcome(&events.Outcome{Event: event}) == nil }
		return events.DecodeLogStreamText(body, c.limits(check), c.now, known)
	})
}

func (c *call) limits(check events.Check) events.Limits {
	return events.Limits{Past: c.api.config.Events.Retention, Check: check}
}

// ingest reads a batch and appends what is good in it.
func (c *call) ingest(read func([]byte, events.Check) (*events.Batch, *events.Report, error)) (answer, *refusal) {
	if c.api.config.Events.Append == nil {
		return answer{}, failed(CodeEventsOff, "")
	}
	document, problem := c.readOrKept()
	if problem != nil {
		return answer{}, problem
	}
	body, err := c.api.config.Events.Intake.Read(c.request.Context(), string(c.token.Tenant), c.request.Body, c.request.ContentLength, events.DefaultMaxBytes)
	if err != nil {
		return answer{}, notRead(err)
	}
	defer body.Release()
	ctx, cancel := context.WithTimeout(c.request.Context(), eventTimeout)
	defer cancel()
	if err := body.Decode(ctx); err != nil {
		return answer{}, notRead(err)
	}
	check := belongs(document)
	var named []namedExposure
	if c.api.config.Logins != nil {
		check.Named = func(o events.Outcome, exposureID string) {
			if slices.Contains(loginTypes, o.Event) {
				named = append(named, namedExposure{o, exposureID})
			}
		}
	}
	batch, report, err := read(body.Text, check)
	switch syntax, broken := errors.AsType[*events.SyntaxError](err); {
	case errors.Is(err, events.ErrTooLarge):
		return answer{}, failed(CodeEventsTooLarge, "")
	case broken:
		return answer{}, failed(CodeInvalidBody, "Invalid request body. Line %d: %s.", syntax.Line, syntax.Reason)
	case err != nil:
		return answer{}, notRead(err)
	}
	if batch.Len() == 0 && report.Rejected > 0 && c.operation.id == operationEvents {
		return answer{}, failed(CodeEventsRejected, "None of the events was taken. %s.", firstFaults(report))
	}
	if batch.Len() > 0 {
		add := func(ctx context.Context, _ string, part *events.Batch) error {
			return c.api.config.Events.Append(ctx, c.token.Tenant, part)
		}
		refused, err := events.Deliver(ctx, add, string(c.token.Tenant), batch)
		if refused.Records > 0 {
			report.Accepted -= refused.Records
			report.Rejected += refused.Records
			c.api.config.Log.Warn("events were refused by the event log", slog.String("tenant", string(c.token.Tenant)),
				slog.Int("events", refused.Records), slog.Any("error", refused.Reason))
		}
		if err != nil {
			c.api.config.Log.Error("appending events failed", slog.String("tenant", string(c.token.Tenant)), slog.Any("error", err))
			return answer{}, failed(CodeEventsUnavailable, "")
		}
		if logins := c.loginsOf(document, batch, named); len(logins) > 0 {
			c.api.config.Logins(ctx, logins)
		}
	}
	return answer{status: http.StatusAccepted, body: ingested{*report}}, nil
}

// notRead says why there is nothing of a body.
func notRead(err error) *refusal {
	switch {
	case errors.Is(err, events.ErrTooLarge):
		return failed(CodeEventsTooLarge, "")
	case errors.Is(err, intake.ErrBusy):
		return failed(CodeEventsBusy, "")
	case errors.Is(err, intake.ErrSlow):
		return failed(CodeInvalidBody, "Invalid request body. It came too slowly.")
	}
	return failed(CodeInvalidBody, "Invalid request body. It ends too early.")
}

// operationEvents is the one that refuses a batch with nothing good in it.
const operationEvents = "create_events"

// firstFaults names some of what is wrong.
func firstFaults(report *events.Report) string {
	const most = 3
	var text string
	for i, fault := range report.Faults {
		if i == most {
			return text + fmt.Sprintf("; and %d more", report.Rejected-most)
		}
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("Line %d: %s", fault.Line, fault.Reason)
	}
	return text
}

// belongs checks records against the tenant's document: an event must be that of
// a metric, an exposure of an experiment that is there.
func belongs(document *engine.Document) events.Check {
	named := map[string]bool{}
	for _, m := range append(engine.BuiltInMetrics(), document.Metrics...) {
		named[m.EventKey] = true
		if m.DenominatorEventKey != "" {
			named[m.DenominatorEventKey] = true
		}
	}
	places := newPlaces(document)
	return events.Check{
		Outcome: func(o *events.Outcome) error {
			if !named[o.Event] {
				return fmt.Errorf("event: no metric has the event key %q; make one with POST /api/v2/metrics/{projectKey}", clip(o.Event))
			}
			return nil
		},
		Exposure: places.check,
		Split: func(s *events.Split) error {
			_, err := places.find(s.Experiment)
			return err
		},
	}
}

// places are the experiments that an exposure may be of.
type places struct {
	flags       map[string]*engine.FeatureFlag
	experiments map[string]*engine.Experiment
	versions    map[string]string // of the weights, by experiment, as far as asked for
}

func newPlaces(document *engine.Document) *places {
	p := &places{flags: flagsByID(document), experiments: make(map[string]*engine.Experiment, len(document.Experiments)), versions: map[string]string{}}
	for i := range document.Experiments {
		p.experiments[document.Experiments[i].ID] = &document.Experiments[i]
	}
	return p
}

func (p *places) find(id string) (*engine.Experiment, error) {
	if e := p.experiments[id]; e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("experiment: there is none %q", clip(id))
}

// check refuses an exposure to what does not exist. One that names no weights is
// of those in force: whoever divides units themselves does it by what they read
// here.
func (p *places) check(exposure *events.Exposure) error {
	e, err := p.find(exposure.Experiment)
	if err != nil {
		return err
	}
	if !hasIteration(e, exposure.Iteration) {
		return fmt.Errorf("iteration: experiment %s has none %q", e.ID, clip(exposure.Iteration))
	}
	flag := p.flags[e.FeatureFlagID]
	if !slices.ContainsFunc(flag.Variations, func(v engine.Variation) bool { return v.ID == exposure.Variation }) {
		return fmt.Errorf("variation: feature flag %s of the experiment has none %q", flag.ID, clip(exposure.Variation))
	}
	if exposure.WeightsVersion == "" && e.Strategy == engine.StrategyPercentage {
		if _, known := p.versions[e.ID]; !known {
			p.versions[e.ID] = engine.WeightsVersion(e.Division())
		}
		exposure.WeightsVersion = p.versions[e.ID]
	}
	return nil
}

// hasIteration reports whether an experiment has an iteration. Its first one need
// not be recorded.
func hasIteration(e *engine.Experiment, id string) bool {
	return id == engine.FirstIterationID(e.ID) ||
		slices.ContainsFunc(e.Iterations, func(i engine.Iteration) bool { return i.ID == id })
}
