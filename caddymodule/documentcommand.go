package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func exportCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "export [--tenant <tenant>] [--output <file>]",
		Short: "Writes a tenant's document as the store has it",
		Args:  cobra.NoArgs,
	}
	command.Flags().String("tenant", string(store.DefaultTenant), "tenant of the document")
	command.Flags().StringP("output", "o", "", "file to write; without it the standard output")
	command.RunE = runs(func(flags caddycmd.Flags, _ []string) error {
		query := url.Values{"tenant": {flags.String("tenant")}}
		text, header, err := askAdminWhole(flags, http.MethodGet, "/experiments/document?"+query.Encode(), nil)
		if err != nil {
			return err
		}
		if path := flags.String("output"); path != "" {
			err = os.WriteFile(path, text, 0o644)
		} else {
			_, err = standardOutput().Write(text)
		}
		if err != nil {
			return fmt.Errorf("writing the document: %w", err)
		}
		// Where a pipe does not take it for a part of the document.
		fmt.Fprintf(os.Stderr, "%s, revision %s, %d bytes\n", flags.String("tenant"), unquoted(header.Get("Etag")), len(text))
		return nil
	})
	return command
}

func unquoted(etag string) string {
	text, err := strconv.Unquote(etag)
	if err != nil {
		return etag
	}
	return text
}

func importCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "import <file> [--tenant <tenant>] [--revision <n>] [--force]",
		Short: "Replaces a tenant's document by that of a file, or of the standard input if that is -",
		Args:  takes("file"),
	}
	command.Flags().String("tenant", string(store.DefaultTenant), "tenant of the document")
	command.Flags().Bool("force", false, "import it also if an active experiment of it assigns nobody")
	command.Flags().String("revision", "", "replace only this revision, and nothing if it is another by now")
	command.RunE = runs(func(flags caddycmd.Flags, arguments []string) error {
		text, err := readDocument(arguments[0])
		if err != nil {
			return err
		}
		// With the faults one in a line, and before anything is asked.
		var faults engine.Faults
		if _, err := engine.Decode(text); errors.As(err, &faults) {
			for _, fault := range faults {
				fmt.Fprintln(os.Stdout, engine.Printable(fault.Error()))
			}
			return fmt.Errorf("%s has faults; nothing has been changed", arguments[0])
		}
		query := url.Values{"tenant": {flags.String("tenant")}}
		if revision := flags.String("revision"); revision != "" {
			query.Set("revision", revision)
		}
		if flags.Bool("force") {
			query.Set("force", "true")
		}
		answered, err := askAdmin(flags, http.MethodPut, "/experiments/document?"+query.Encode(), text)
		if err != nil {
			return err
		}
		var answer importAnswer
		if err := json.Unmarshal(answered, &answer); err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		return answer.print(os.Stdout)
	})
	return command
}

// print writes what an import has done for people.
func (a *importAnswer) print(w io.Writer) error {
	w = terminal{w}
	fmt.Fprintf(w, "%s: revision %d replaces revision %d\n", a.Tenant, a.RevisionAfter, a.RevisionBefore)
	if a.Unreadable {
		fmt.Fprintln(w, "what was there before could not be read, so all counts as added")
	}
	for _, kind := range []struct {
		name string
		changeCounts
	}{{"feature flags", a.FeatureFlags}, {"segments", a.Segments}, {"experiments", a.Experiments}} {
		fmt.Fprintf(w, "%s: %d added, %d changed, %d removed, %d the same\n", kind.name, kind.Added, kind.Changed, kind.Removed, kind.Same)
	}
	for _, x := range a.Summaries {
		fmt.Fprintf(w, "%s: %s, %s\n", x.ID, x.Status, assignment(x))
		for _, blocker := range x.Blockers {
			fmt.Fprintf(w, "  %s: %s\n", blocker.Code, engine.Printable(blocker.Message))
		}
	}
	return nil
}
