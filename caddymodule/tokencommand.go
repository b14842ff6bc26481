package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-experiments/caddy-experiments/store"
)

func tokenCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "token --experiment <id> [--variation <id>] [--segment <id>] [--tenant <tenant>] [--valid-for <duration>]",
		Short: "Makes a token for an override on sites with overrides signed",
		Args:  cobra.NoArgs,
	}
	command.Flags().String("tenant", string(store.DefaultTenant), "tenant of the experiment")
	command.Flags().String("experiment", "", "experiment to force")
	command.Flags().String("variation", "", "variation to force")
	command.Flags().String("segment", "", "segment to force")
	command.Flags().String("valid-for", defaultTokenTime.String(), "how long the token works")
	command.RunE = runs(func(flags caddycmd.Flags, _ []string) error {
		validFor, err := caddy.ParseDuration(flags.String("valid-for"))
		if err != nil {
			return fmt.Errorf("valid-for: must be a duration such as 1h: %w", err)
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
		parameters := []string{"experiment_id=" + flags.String("experiment")}
		if id := flags.String("variation"); id != "" {
			parameters = append(parameters, "variation_id="+id)
		}
		if id := flags.String("segment"); id != "" {
			parameters = append(parameters, "segment_id="+id)
		}
		fmt.Println(strings.Join(append(parameters, "experiment_token="+answer.Token), "&"))
		return nil
	})
	return command
}
