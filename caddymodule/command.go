package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "experiments",
		Usage: "<command> [--address <admin API>] [--config <path> [--adapter <name>]]",
		Short: "Looks after the experiments of a running edge",
		Long: `
Asks the admin API of a running Caddy. --address names it, or --config the
configuration that says where it is; otherwise localhost:2019 is asked.`,
		CobraFunc: func(command *cobra.Command) {
			command.PersistentFlags().String("address", "", "address of the admin API")
			command.PersistentFlags().StringP("config", "c", "", "configuration file that has the address")
			command.PersistentFlags().StringP("adapter", "a", "", "adapter of the configuration file")
			command.AddCommand(statusCommand(), doctorCommand(), decideCommand(), exportCommand(), importCommand(), tokenCommand(), validateCommand(), resultsCommand(), eventsCommand())
		},
	})
}

func statusCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "status [--json]",
		Short: "Prints the state of every tenant and experiment; exits with 1 if it is degraded or a tenant has no document",
		Args:  cobra.NoArgs,
	}
	command.Flags().Bool("json", false, "print the answer as it is")
	command.RunE = caddycmd.WrapCommandFuncForCobra(func(flags caddycmd.Flags) (int, error) {
		text, err := askAdmin(flags, http.MethodGet, "/experiments/status", nil)
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		var s status
		if err := json.Unmarshal(text, &s); err != nil {
			return caddy.ExitCodeFailedStartup, fmt.Errorf("reading the status: %w", err)
		}
		if flags.Bool("json") {
			_, err = terminal{os.Stdout}.Write(text)
		} else {
			err = s.print(os.Stdout)
		}
		switch {
		case err != nil:
		case s.Status == store.StateDegraded:
			err = errors.New("the edge is degraded")
		case slices.ContainsFunc(s.Tenants, func(t store.Status) bool { return t.State == store.StateEmpty }):
			err = errors.New("a tenant has no document; is it mistyped, or the place of the store? Otherwise import one: caddy experiments import document.json")
		}
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		return caddy.ExitCodeSuccess, err
	})
	return command
}

// print writes the status for people.
func (s *status) print(w io.Writer) error {
	w = terminal{w}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "TENANT\tSTATE\tREVISION\tAPPLIED\tEXPERIMENT\tSTATUS\tASSIGNS\n")
	for _, t := range s.Tenants {
		applied := "never"
		if t.AppliedAt != nil {
			applied = t.AppliedAt.Local().Format(time.DateTime)
		}
		row := fmt.Sprintf("%s\t%s\t%d\t%s", t.Tenant, t.State, t.Revision, applied)
		if len(t.Experiments) == 0 {
			fmt.Fprintf(table, "%s\t\t\t\n", row)
		}
		for _, x := range t.Experiments {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", row, x.ID, x.Status, assigns(x.Deciding))
			row = "\t\t\t"
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if !s.Store.Reachable {
		fmt.Fprintf(w, "\nstore: has not answered since %s: %s; what is in force stays so\n",
			s.Store.Since.Local().Format(time.DateTime), engine.Printable(s.Store.LastError))
	}
	for _, t := range s.Tenants {
		if t.LastError != "" && t.LastError != s.Store.LastError {
			fmt.Fprintf(w, "\n%s: %s\n", t.Tenant, engine.Printable(t.LastError))
		}
		for _, x := range t.Experiments {
			for _, b := range x.Blockers {
				fmt.Fprintf(w, "\n%s: %s: %s: %s\n", t.Tenant, x.ID, b.Code, engine.Printable(b.Message))
			}
		}
	}
	if s.GeoIP != nil && s.GeoIP.LastError != "" {
		fmt.Fprintf(w, "\ngeoip: %s\n", engine.Printable(s.GeoIP.LastError))
	}
	if e := s.Events; e != nil && e.Dropped > 0 {
		fmt.Fprintf(w, "\nevents: %d could not be kept since the start\n", e.Dropped)
	}
	if e := s.Events; e != nil && e.Spooled > 0 {
		fmt.Fprintf(w, "\nevents: %d parcels, %d bytes, wait in the spool to be delivered\n", e.Spooled, e.SpooledBytes)
	}
	return nil
}

func assigns(deciding bool) string {
	if deciding {
		return "yes"
	}
	return "no"
}

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
	command.RunE = caddycmd.WrapCommandFuncForCobra(func(flags caddycmd.Flags) (int, error) {
		validFor, err := caddy.ParseDuration(flags.String("valid-for"))
		if err != nil {
			return caddy.ExitCodeFailedStartup, fmt.Errorf("valid-for: must be a duration such as 1h: %w", err)
		}
		body, err := json.Marshal(tokenRequest{
			Tenant: flags.String("tenant"), ExperimentID: flags.String("experiment"),
			VariationID: flags.String("variation"), SegmentID: flags.String("segment"), ValidFor: caddy.Duration(validFor),
		})
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		text, err := askAdmin(flags, http.MethodPost, "/experiments/token", body)
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		var answer tokenAnswer
		if err := json.Unmarshal(text, &answer); err != nil {
			return caddy.ExitCodeFailedStartup, fmt.Errorf("reading the token: %w", err)
		}
		parameters := []string{"experiment_id=" + flags.String("experiment")}
		if id := flags.String("variation"); id != "" {
			parameters = append(parameters, "variation_id="+id)
		}
		if id := flags.String("segment"); id != "" {
			parameters = append(parameters, "segment_id="+id)
		}
		fmt.Println(strings.Join(append(parameters, "experiment_token="+answer.Token), "&"))
		return caddy.ExitCodeSuccess, nil
	})
	return command
}

// askAdmin sends a request to the admin API that the flags name, and gives the
// body of its answer.
func askAdmin(flags caddycmd.Flags, method, path string, body []byte) ([]byte, error) {
	text, _, err := askAdminWhole(flags, method, path, body)
	return text, err
}

// askAdminWhole is askAdmin with the header of the answer.
func askAdminWhole(flags caddycmd.Flags, method, path string, body []byte) ([]byte, http.Header, error) {
	response, err := openAdmin(flags, method, path, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return text, response.Header, err
}

// openAdmin sends a request to the admin API, whose answer is to be read and
// closed.
func openAdmin(flags caddycmd.Flags, method, path, contentType string, body io.Reader) (*http.Response, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(flags.String("address"), nil, flags.String("config"), flags.String("adapter"))
	if err != nil {
		return nil, fmt.Errorf("finding the admin API: %w", err)
	}
	response, err := caddycmd.AdminAPIRequest(address, method, path, http.Header{"Content-Type": {contentType}}, body)
	if network := (*net.OpError)(nil); errors.As(err, &network) {
		return nil, fmt.Errorf("asking the admin API at %s: %w; is the edge running there?", address, err)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the admin API at %s: %w", address, printableError(plain(err)))
	}
	return response, nil
}

// plain takes the message out of an error that the admin API has answered with,
// which comes as JSON.
func plain(err error) error {
	status, text, found := strings.Cut(err.Error(), ": {")
	var answer struct {
		Error string `json:"error"`
	}
	if !found || json.Unmarshal([]byte("{"+text), &answer) != nil || answer.Error == "" {
		return err
	}
	return errors.New(status + ": " + answer.Error)
}
