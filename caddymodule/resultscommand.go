package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/report"
	"github.com/caddy-experiments/caddy-experiments/results/reports"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func resultsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "results <experiment> [--tenant <tenant>] [--metric <keys>] [--slice <attributes>] [--days] [--json]",
		Short: "Says which variation of an experiment won, with a table for each metric",
		Long: `
Says which variation won. The experiment is named by its id, its key or its name.
A bar shows where the true difference from the control may lie; | is no difference.`,
		Args: takes("experiment"),
	}
	flags := command.Flags()
	flags.String("tenant", string(store.DefaultTenant), "tenant of the experiment")
	flags.String("iteration", "", "an earlier iteration")
	flags.String("metric", "", "keys of metrics, with commas between them, instead of the experiment's")
	flags.String("slice", "", "attributes to show results by: device_type, browser, country, region")
	flags.String("prior", "", "weak or control: what is believed before the data")
	flags.Bool("days", false, "show the days one by one")
	flags.Bool("json", false, "print the answer as it is")
	command.RunE = runs(func(flags caddycmd.Flags, arguments []string) error {
		query := url.Values{"experiment": {arguments[0]}}
		for _, name := range []string{"tenant", "iteration", "metric", "slice", "prior"} {
			if value := flags.String(name); value != "" {
				query.Set(name, value)
			}
		}
		if flags.Bool("days") {
			query.Set("days", "true")
		}
		text, err := askAdmin(flags, http.MethodGet, "/experiments/results?"+query.Encode(), nil)
		if err != nil {
			return err
		}
		if flags.Bool("json") {
			_, err = terminal{os.Stdout}.Write(text)
			return err
		}
		var r report.Report
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("reading the results: %w", err)
		}
		return r.Print(os.Stdout)
	})
	return command
}

// resultsTime bounds how long one report may take.
const resultsTime = time.Minute

// serveResults answers /experiments/results.
func serveResults(w http.ResponseWriter, r *http.Request) error {
	app, tenant, err := administered(w, r, http.MethodGet)
	if err != nil {
		return err
	}
	if app.events == nil || app.events.log == nil {
		return errNoEvents
	}
	ctx, cancel := context.WithTimeout(r.Context(), resultsTime)
	defer cancel()
	document, err := app.document(ctx, tenant)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	o := report.Options{
		Iteration: query.Get("iteration"), Metrics: report.List(query.Get("metric")), Attributes: report.List(query.Get("slice")),
		Days: query.Get("days") == "true",
	}
	switch prior := query.Get("prior"); prior {
	case "", "weak":
	case "control":
		o.Prior = results.ControlPrior
	default:
		return refused(http.StatusBadRequest, fmt.Errorf("prior: must be weak or control, got %q", prior))
	}
	id, err := experimentNamed(document, query.Get("experiment"))
	if err != nil {
		return refused(http.StatusNotFound, err)
	}
	// A line of its own: an operator does not wait for a tenant's tokens.
	text, err := desk.Ask(ctx, "admin "+string(tenant), resultsAsked{document, id, query.Encode()}, func(ctx context.Context) ([]byte, error) {
		made, err := report.Make(ctx, app.events.log, string(tenant), document, id, o)
		if err != nil {
			return nil, err
		}
		return compactJSON(made), nil
	})
	switch {
	case errors.Is(err, reports.ErrBusy):
		return refused(http.StatusTooManyRequests, err)
	case errors.Is(err, report.ErrNoIteration), errors.Is(err, report.ErrNoMetric):
		return refused(http.StatusNotFound, err)
	case errors.Is(err, report.ErrNoAttribute), errors.Is(err, report.ErrTooMany):
		return refused(http.StatusBadRequest, err)
	case err != nil:
		return refused(http.StatusServiceUnavailable, err)
	}
	return writeJSON(w, json.RawMessage(text))
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

// document reads a tenant's document.
func (a *App) document(ctx context.Context, tenant store.Tenant) (*engine.Document, error) {
	version, err := a.configuration.store.Load(ctx, tenant)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refused(http.StatusNotFound, fmt.Errorf("tenant %s has no document", tenant))
	}
	if err != nil {
		return nil, refused(http.StatusServiceUnavailable, err)
	}
	document, err := engine.Decode(version.Text)
	if err != nil {
		return nil, refused(http.StatusServiceUnavailable, fmt.Errorf("reading the document of %s: %w", tenant, err))
	}
	return document, nil
}

// experimentNamed finds an experiment by its id, its key or its name.
func experimentNamed(document *engine.Document, name string) (string, error) {
	for _, same := range []func(engine.Experiment) bool{
		func(e engine.Experiment) bool { return e.ID == name },
		func(e engine.Experiment) bool { return e.Key != "" && e.Key == name },
		func(e engine.Experiment) bool { return strings.EqualFold(e.Name, name) },
	} {
		if at := slices.IndexFunc(document.Experiments, same); at >= 0 {
			return document.Experiments[at].ID, nil
		}
	}
	return "", fmt.Errorf("there is no experiment %q; caddy experiments status lists them", name)
}
