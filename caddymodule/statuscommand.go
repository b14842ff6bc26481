package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func statusCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "status [--json]",
		Short: "Prints the state of every tenant and experiment; exits with 1 if it is degraded or a tenant has no document",
		Args:  cobra.NoArgs,
	}
	command.Flags().Bool("json", false, "print the answer as it is")
	command.RunE = runs(func(flags caddycmd.Flags, _ []string) error {
		text, err := askAdmin(flags, http.MethodGet, "/experiments/status", nil)
		if err != nil {
			return err
		}
		var s status
		if err := json.Unmarshal(text, &s); err != nil {
			return fmt.Errorf("reading the status: %w", err)
		}
		if flags.Bool("json") {
			_, err = terminal{os.Stdout}.Write(text)
		} else {
			err = s.print(os.Stdout)
		}
		switch {
		case err != nil:
			return err
		case s.Status == store.StateDegraded:
			return errors.New("the edge is degraded")
		case slices.ContainsFunc(s.Tenants, func(t store.Status) bool { return t.State == store.StateEmpty }):
			return errors.New("a tenant has no document; is it mistyped, or the place of the store? Otherwise import one: caddy experiments import document.json")
		}
		return nil
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
