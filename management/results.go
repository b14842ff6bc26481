package management

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/pace"
	"github.com/caddy-experiments/caddy-experiments/results/report"
	"github.com/caddy-experiments/caddy-experiments/results/reports"
)

// resultsTimeout bounds how long one report may take.
const resultsTimeout = time.Minute

// ResultParameters are those of a request for results.
var ResultParameters = []string{"iteration_id", "metric", "metric_group", "slice", "series", "level", "prior", "interval", "cuped", "matured", "from", "to"}

// getResults reports which variation won.
func getResults(c *call) (answer, *refusal) {
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	values, problem := c.query(ResultParameters...)
	if problem != nil {
		return answer{}, problem
	}
	o, problem := resultOptions(values)
	if problem != nil {
		return answer{}, problem
	}
	if !values.Has("prior") {
		o.Prior = c.api.config.Prior
	}
	if c.api.config.Events.Log == nil {
		return answer{}, failed(CodeEventsOff, "")
	}
	asked := resultsAsked{document, c.id(), values.Encode(), o.Prior}
	text, err := c.ask(asked, func(ctx context.Context, now time.Time) ([]byte, error) {
		o := o
		o.Now = now
		made, err := report.Make(ctx, c.api.config.Events.Log, string(c.token.Tenant), document, asked.experiment, o)
		if err != nil {
			return nil, err
		}
		return ResultsText(ctx, made)
	})
	if err != nil {
		return answer{}, c.noResults(err)
	}
	return answer{status: http.StatusOK, text: text}, nil
}

// resultsAsked is what results depend on besides the events. While a document is
// in use there is one of it.
type resultsAsked struct {
	document   *engine.Document
	experiment string
	parameters string
	prior      results.Prior
}

// ask has something made of the events in turn with others who ask. What asks for
// the same has the same made, once.
func (c *call) ask(asked any, report func(ctx context.Context, now time.Time) ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(c.request.Context(), resultsTimeout)
	defer cancel()
	clock := c.api.config.Now
	return c.api.config.Events.Reports.Ask(ctx, string(c.token.Tenant), asked, func(ctx context.Context) ([]byte, error) {
		return report(ctx, clock())
	})
}

// ResultsText writes a report as JSON of this dialect. Of one with many slices that
// takes long, so it is done slice by slice.
func ResultsText(ctx context.Context, made *report.Report) ([]byte, error) {
	turn, err := pace.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("writing results: %w", err)
	}
	defer turn.End()
	whole := *made
	whole.Slices = nil
	body := snakeCase(encode(&whole)).(map[string]any)
	var slices []json.RawMessage
	for i := range made.Slices {
		if err := turn.Yield(ctx); err != nil {
			return nil, fmt.Errorf("writing results: %w", err)
		}
		slices = append(slices, encode(snakeCase(encode(&made.Slices[i]))))
	}
	if len(slices) > 0 {
		body["slices"] = slices
	}
	return encode(body), nil
}

// report asks the log of events. Whoever calls it has waited for their turn.
func (c *call) report(document *engine.Document, experimentID string, o report.Options) (*report.Report, *refusal) {
	log := c.api.config.Events.Log
	if log == nil {
		return nil, failed(CodeEventsOff, "")
	}
	made, err := report.Make(c.request.Context(), log, string(c.token.Tenant), document, experimentID, o)
	if err != nil {
		return nil, c.noResults(err)
	}
	return made, nil
}

// noResults says why there is no report.
func (c *call) noResults(err error) *refusal {
	switch {
	case errors.Is(err, reports.ErrBusy):
		return failed(CodeResultsBusy, "")
	case errors.Is(err, report.ErrNoExperiment):
		return failed(CodeExperimentNotFound, "")
	case errors.Is(err, report.ErrNoIteration):
		return failed(CodeIterationNotFound, "")
	case errors.Is(err, report.ErrNoMetric):
		return failed(CodeMetricNotFound, "Metric not found: %s.", err)
	case errors.Is(err, report.ErrTooMany):
		return failed(CodeInvalidQuery, "Invalid request query string. metric: must name at most %d.", report.MaxMetrics)
	case errors.Is(err, report.ErrNoAttribute):
		return failed(CodeInvalidQuery, "Invalid request query string. slice: must be some of %s.", strings.Join(report.Attributes, ", "))
	case errors.Is(err, events.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		c.api.config.Log.Error("reading events failed", slog.String("tenant", string(c.token.Tenant)), slog.Any("error", err))
		return failed(CodeEventsUnavailable, "")
	}
	c.api.config.Log.Error("reporting failed", slog.String("tenant", string(c.token.Tenant)), slog.Any("error", err))
	return failed(CodeServiceFailed, "")
}

// ResultOptions reads the parameters of a request for results. Its errors name the
// parameter.
func ResultOptions(values url.Values) (report.Options, error) {
	o, problem := resultOptions(values)
	if problem != nil {
		return o, errors.New(strings.TrimSuffix(strings.TrimPrefix(problem.message, "Invalid request query string. "), "."))
	}
	return o, nil
}

// resultOptions reads the parameters.
func resultOptions(values url.Values) (o report.Options, problem *refusal) {
	wrong := func(name, rule string) *refusal {
		return failed(CodeInvalidQuery, "Invalid request query string. %s: must be %s.", name, rule)
	}
	o.Iteration, o.Group = values.Get("iteration_id"), values.Get("metric_group")
	o.Metrics, o.Attributes = report.List(values.Get("metric")), report.List(values.Get("slice"))
	var err error
	for _, flag := range []struct {
		name string
		to   *bool
	}{{"series", &o.Days}, {"matured", &o.Matured}} {
		if !values.Has(flag.name) {
			continue
		}
		if *flag.to, err = strconv.ParseBool(values.Get(flag.name)); err != nil {
			return o, wrong(flag.name, "true or false")
		}
	}
	for _, bound := range []struct {
		name string
		to   *time.Time
	}{{"from", &o.From}, {"to", &o.Until}} {
		if !values.Has(bound.name) {
			continue
		}
		if *bound.to, err = time.Parse(time.RFC3339, values.Get(bound.name)); err != nil {
			return o, wrong(bound.name, "an RFC 3339 time like 2026-01-31T12:00:00Z")
		}
	}
	if values.Has("level") {
		if o.Level, err = strconv.ParseFloat(values.Get("level"), 64); err != nil || !(o.Level >= 0.5 && o.Level <= 0.9999) {
			return o, wrong("level", "a number from 0.5 to 0.9999")
		}
	}
	if values.Has("cuped") {
		if o.Covariate, err = time.ParseDuration(values.Get("cuped")); err != nil || o.Covariate <= 0 {
			return o, wrong("cuped", "a duration like 168h")
		}
	}
	prior, problem := choice(values, "prior", "weak", "control")
	if problem != nil {
		return o, problem
	}
	if prior == "control" {
		o.Prior = results.ControlPrior
	}
	interval, problem := choice(values, "interval", "delta", "log_ratio")
	o.DeltaInterval = interval == "delta"
	return o, problem
}

// snakeCase gives JSON whose names are in this dialect's style.
func snakeCase(text []byte) any {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil // unreachable: it was just written
	}
	return snakeCased(value)
}

func snakeCased(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = snakeCased(v[i])
		}
	case map[string]any:
		named := make(map[string]any, len(v))
		for name, member := range v {
			named[snake(name)] = snakeCased(member)
		}
		return named
	}
	return value
}

// snake turns pBest into p_best. Ids, which have digits or underscores, are left
// as they are.
func snake(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) }) {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
