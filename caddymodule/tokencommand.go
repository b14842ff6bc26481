package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func tokenCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "token --experiment <experiment> [--variation <variation>] [--segment <segment>] [--tenant <tenant>] [--valid-for <duration>]",
		Short: "Makes a token for an override on sites with overrides signed",
		Long: `
Makes a token for an override on sites with overrides signed, and prints the
parameters to add to a request. Experiment, variation and segment are named by
id, key or name.`,
		Example: `  caddy experiments token --experiment passkey-prompt --variation passkey-first
  caddy experiments token --experiment exp_PasskeyDemo --variation var_PasskeyFirst --valid-for 7d`,
		Args: cobra.NoArgs,
	}
	command.Flags().String("tenant", string(store.DefaultTenant), "tenant of the experiment")
	command.Flags().String("experiment", "", "experiment to force")
	command.Flags().String("variation", "", "variation to force")
	command.Flags().String("segment", "", "segment to force")
	command.Flags().String("valid-for", defaultTokenTime.String(), "how long the token works, such as 30m, 12h or 7d")
	command.RunE = runs(func(flags caddycmd.Flags, _ []string) error {
		validFor, err := caddy.ParseDuration(flags.String("valid-for"))
		if err != nil { // which quotes what days were turned into
			return fmt.Errorf("--valid-for %q: is no duration; write for example 30m, 12h or 7d", flags.String("valid-for"))
		}
		body, err := json.Marshal(tokenRequest{
			Tenant: flags.String("tenant"), ExperimentID: flags.String("experiment"),
			VariationID: flags.String("variation"), SegmentID: flags.String("segment"), ValidFor: caddy.Duration(validFor),
		})
		if err != nil {
			return err
		}
		text, err := askAdmin(flags, http.MethodPost, "/experiments/token", body)
		if err != nil {
			return err
		}
		var answer tokenAnswer
		if err := json.Unmarshal(text, &answer); err != nil {
			return fmt.Errorf("reading the token: %w", err)
		}
		parameters := []string{"experiment_id=" + answer.ExperimentID}
		if answer.VariationID != "" {
			parameters = append(parameters, "variation_id="+answer.VariationID)
		}
		if answer.SegmentID != "" {
			parameters = append(parameters, "segment_id="+answer.SegmentID)
		}
		for _, note := range answer.Notes { // where a pipe does not take it for the token
			fmt.Fprintln(os.Stderr, "note:", engine.Printable(note))
		}
		_, err = fmt.Fprintln(terminal{os.Stdout}, strings.Join(append(parameters, "experiment_token="+answer.Token), "&"))
		return err
	})
	return command
}
