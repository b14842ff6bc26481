package caddymodule

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func doctorCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "doctor <experiment> [--tenant <tenant>] [--json]",
		Short: "Finds out why an experiment does not do what it should; exits with 1 if there is a problem",
		Args:  takes("experiment"),
	}
	command.Flags().String("tenant", string(store.DefaultTenant), "tenant of the experiment")
	command.Flags().Bool("json", false, "print the answer as it is")
	command.RunE = runs(func(flags caddycmd.Flags, arguments []string) error {
		query := url.Values{"tenant": {flags.String("tenant")}, "experiment": arguments}
		text, err := askAdmin(flags, http.MethodGet, "/experiments/diagnosis?"+query.Encode(), nil)
		if err != nil {
			return err
		}
		var d management.Diagnosis
		if err := json.Unmarshal(text, &d); err != nil {
			return fmt.Errorf("reading the diagnosis: %w", err)
		}
		if flags.Bool("json") {
			_, err = terminal{os.Stdout}.Write(text)
		} else {
			err = printDiagnosis(os.Stdout, d)
		}
		if err == nil && d.Result == management.ResultProblem {
			return fmt.Errorf("there are problems with %s", d.ExperimentID)
		}
		return err
	})
	return command
}

// printDiagnosis writes a diagnosis for people. What is wrong has its remedy
// below it.
func printDiagnosis(w io.Writer, d management.Diagnosis) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s\n", d.ExperimentID, d.Tenant)
	for _, question := range management.Questions {
		fmt.Fprintf(&b, "\n%s\n", question.Text())
		for _, check := range d.Checks {
			if check.Question != question {
				continue
			}
			fmt.Fprintf(&b, "  %-8s %s: %s\n", check.Result, check.ID, engine.Printable(check.Finding))
			if check.Remedy == "" || check.Result == management.ResultOK {
				continue
			}
			for line := range strings.Lines(check.Remedy) {
				fmt.Fprintf(&b, "           → %s\n", strings.TrimSuffix(line, "\n"))
			}
		}
	}
	_, err := io.WriteString(terminal{w}, b.String())
	return err
}
