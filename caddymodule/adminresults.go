package caddymodule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/results/report"
	"github.com/caddy-experiments/caddy-experiments/results/reports"
)

// resultsTime bounds how long one report may take.
const resultsTime = time.Minute

// What /experiments/results can be written as.
const (
	formatJSON = "json"
	formatText = "text"
	formatCSV  = "csv"
)

// contentTypes are those of the formats.
var contentTypes = map[string]string{formatJSON: "application/json", formatText: "text/plain; charset=utf-8", formatCSV: "text/csv; charset=utf-8"}

// serveResults answers /experiments/results: as the management API does, or as
// text or CSV.
func serveResults(w http.ResponseWriter, r *http.Request) error {
	app, tenant, err := administered(w, r, http.MethodGet)
	if err != nil {
		return err
	}
	if app.events == nil || app.events.log == nil {
		return errNoEvents
	}
	asked, err := readResultsQuery(r.URL.Query())
	if err != nil {
		return refused(http.StatusBadRequest, err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), resultsTime)
	defer cancel()
	document, _, _, err := app.newestDocument(ctx, tenant)
	if err != nil {
		return err
	}
	e, err := app.experimentNamed(tenant, document, asked.experiment)
	if err != nil {
		return err
	}
	// A line of its own: an operator does not wait for a tenant's tokens.
	key := resultsAsked{document, e.ID, r.URL.Query().Encode()}
	text, err := desk.Ask(ctx, "admin "+string(tenant), key, func(ctx context.Context) ([]byte, error) {
		o := asked.options
		o.Now = wallClock()
		made, err := report.Make(ctx, app.events.log, string(tenant), document, e.ID, o)
		if err != nil {
			return nil, err
		}
		return asked.write(ctx, made)
	})
	switch {
	case errors.Is(err, reports.ErrBusy):
		return refused(http.StatusTooManyRequests, err)
	case errors.Is(err, report.ErrNoIteration):
		return refused(http.StatusNotFound, fmt.Errorf("%w; there are: %s", err, strings.Join(iterationsOf(e), ", ")))
	case errors.Is(err, report.ErrNoMetric):
		return refused(http.StatusNotFound, fmt.Errorf("%w; there are: %s", err, strings.Join(metricsOf(document), ", ")))
	case errors.Is(err, report.ErrNoAttribute), errors.Is(err, report.ErrTooMany):
		return refused(http.StatusBadRequest, err)
	case err != nil:
		return refused(http.StatusServiceUnavailable, err)
	}
	w.Header().Set("Content-Type", contentTypes[asked.format])
	_, err = w.Write(text)
	return err
}

// resultsQuery is what a request for results asks for.
type resultsQuery struct {
	experiment string
	format     string
	options    report.Options
}

// readResultsQuery reads the parameters: those of the management API, and which
// experiment in which format.
func readResultsQuery(values url.Values) (resultsQuery, error) {
	q := resultsQuery{experiment: values.Get("experiment"), format: formatJSON}
	own := []string{"tenant", "experiment", "format"}
	// What the parameters were called here before.
	for before, now := range map[string]string{"iteration": "iteration_id", "days": "series"} {
		if values.Has(before) && !values.Has(now) {
			values.Set(now, values.Get(before))
		}
		own = append(own, before)
	}
	for name, given := range values {
		if !slices.Contains(own, name) && !slices.Contains(management.ResultParameters, name) {
			return q, fmt.Errorf("%s: is no parameter here; there are: experiment, tenant, format, %s", engine.Printable(name), strings.Join(management.ResultParameters, ", "))
		}
		if len(given) > 1 {
			return q, fmt.Errorf("%s: is there twice", name)
		}
	}
	if values.Has("format") {
		q.format = values.Get("format")
	}
	if contentTypes[q.format] == "" {
		return q, fmt.Errorf("format: must be %s, %s or %s, got %q", formatJSON, formatText, formatCSV, q.format)
	}
	var err error
	q.options, err = management.ResultOptions(values)
	return q, err
}

func (q *resultsQuery) write(ctx context.Context, made *report.Report) ([]byte, error) {
	print := made.Print
	switch q.format {
	case formatJSON:
		return management.ResultsText(ctx, made)
	case formatCSV:
		print = made.WriteCSV
	}
	var text bytes.Buffer
	err := print(&text)
	return text.Bytes(), err
}

// metricsOf lists the keys of the metrics that there are for a document.
func metricsOf(document *engine.Document) []string {
	var keys []string
	for _, m := range append(engine.BuiltInMetrics(), document.Metrics...) {
		keys = append(keys, m.Key)
	}
	return keys
}

// iterationsOf lists the ids of an experiment's iterations.
func iterationsOf(e *engine.Experiment) []string {
	ids := []string{engine.FirstIterationID(e.ID)}
	for _, i := range e.Iterations {
		if !slices.Contains(ids, i.ID) {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// desk is where the reports of this process wait for their turn, whatever
// configuration and site they are asked of.
var desk = reports.New(reports.Limits{})

// resultsAsked is what results depend on besides the events. Each request to the
// admin API has a document of its own.
type resultsAsked struct {
	document   *engine.Document
	experiment string
	parameters string
}

var errNoEvents = caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("this edge has no event log; write into the experiments block for example: events ./events; or ask the edge that has it")}
