package caddymodule

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-experiments/caddy-experiments/store"
)

func resultsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "results <experiment> [--tenant <tenant>] [--iteration <id>] [--metric <keys>] [--group <key>] [--slice <attributes>] [--from <time>] [--to <time>] [--level <level>] [--prior weak|control] [--interval delta|log_ratio] [--cuped <duration>] [--matured] [--days] [--json|--csv]",
		Short: "Says which variation of an experiment won, with a table for each metric",
		Long: `
Says which variation won. The experiment is named by its id, its key or its name.
A bar shows where the true difference from the control may lie; | is no difference.`,
		Example: `  caddy experiments results passkey-prompt
  caddy experiments results passkey-prompt --metric login,login_ms --slice device_type
  caddy experiments results passkey-prompt --from 2026-11-01 --to 2026-11-15 --level 0.95
  caddy experiments results passkey-prompt --days --csv >days.csv`,
		Args: takes("experiment"),
	}
	flags := command.Flags()
	flags.String("tenant", string(store.DefaultTenant), "tenant of the experiment")
	flags.String("iteration", "", "an earlier iteration")
	flags.String("metric", "", "keys of metrics, with commas between them, instead of the experiment's")
	flags.String("group", "", "key of a metric group: its metrics, or the steps of the funnel")
	flags.String("slice", "", "attributes to show results by: device_type, browser, country, region")
	flags.String("from", "", "only who was first exposed from then on: a day (UTC) or an RFC 3339 time")
	flags.String("to", "", "only who was first exposed before then")
	flags.String("level", "", "of the intervals, 0.5 to 0.9999 (default 0.9)")
	flags.String("prior", "", "weak or control: what is believed before the data (default weak)")
	flags.String("interval", "", "delta: by the delta method also where the logarithm of the ratio could be taken")
	flags.String("cuped", "", "a duration such as 168h: what units did in that time before reduces the variance")
	flags.Bool("matured", false, "only units whose window is over")
	flags.Bool("days", false, "show the days one by one")
	flags.Bool("json", false, "print JSON, in the names of the management API")
	flags.Bool("csv", false, "print a table for spreadsheets; with --days one of the days")
	command.MarkFlagsMutuallyExclusive("json", "csv")
	command.RunE = runs(func(flags caddycmd.Flags, arguments []string) error {
		query := url.Values{"experiment": {arguments[0]}, "format": {formatText}}
		switch {
		case flags.Bool("json"):
			query.Set("format", formatJSON)
		case flags.Bool("csv"):
			query.Set("format", formatCSV)
		}
		for name, parameter := range map[string]string{
			"tenant": "tenant", "iteration": "iteration_id", "metric": "metric", "group": "metric_group", "slice": "slice",
			"level": "level", "prior": "prior", "interval": "interval", "cuped": "cuped",
		} {
			if value := flags.String(name); value != "" {
				query.Set(parameter, value)
			}
		}
		for _, name := range []string{"from", "to"} {
			if value := flags.String(name); value != "" {
				query.Set(name, wholeTime(value))
			}
		}
		for name, parameter := range map[string]string{"days": "series", "matured": "matured"} {
			if flags.Bool(name) {
				query.Set(parameter, "true")
			}
		}
		text, err := askAdmin(flags, http.MethodGet, "/experiments/results?"+query.Encode(), nil)
		if err != nil {
			return err
		}
		if flags.Bool("csv") {
			_, err = standardOutput().Write(text)
		} else {
			_, err = terminal{os.Stdout}.Write(text)
		}
		if err != nil {
			return fmt.Errorf("writing the results: %w", err)
		}
		return nil
	})
	return command
}

// wholeTime makes a day the time at which it begins. What is neither is left to
// the edge, which refuses it.
func wholeTime(text string) string {
	if day, err := time.Parse(time.DateOnly, strings.TrimSpace(text)); err == nil {
		return day.Format(time.RFC3339)
	}
	return text
}
