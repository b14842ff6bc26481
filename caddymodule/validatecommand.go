package caddymodule

import (
	"errors"
	"fmt"
	"io"
	"os"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

func validateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "validate <file>",
		Short: "Checks a configuration document as an edge would; exits with 1 if it would be refused",
		Args:  takes("file"),
	}
	command.Flags().Int("max-active", 1, "active experiments of a tenant that assign subjects at a time")
	command.RunE = runs(func(flags caddycmd.Flags, arguments []string) error {
		text, err := os.ReadFile(arguments[0])
		if err != nil {
			return err
		}
		if !validateDocument(os.Stdout, text, flags.Int("max-active")) {
			return fmt.Errorf("%s would be refused", arguments[0])
		}
		return nil
	})
	return command
}

// validateDocument writes what an edge would make of a document, and reports
// whether it would take it.
func validateDocument(w io.Writer, text []byte, maxActive int) bool {
	document, err := engine.Decode(text)
	var faults engine.Faults
	if errors.As(err, &faults) {
		for _, fault := range faults {
			fmt.Fprintln(w, engine.Printable(fault.Error()))
		}
		return false
	}
	for _, x := range engine.Compile(document, engine.Settings{MaxActive: maxActive}).Experiments {
		fmt.Fprintf(w, "%s: %s, %s\n", x.ID, x.Status, assignment(x))
		for _, blocker := range x.Blockers {
			fmt.Fprintf(w, "  %s: %s\n", blocker.Code, engine.Printable(blocker.Message))
		}
	}
	return true
}

// assignment says in words whether an experiment assigns anybody.
func assignment(x engine.Summary) string {
	switch {
	case x.Deciding:
		return "assigns devices"
	case x.IsValid:
		return "ready, assigns nobody"
	}
	return "not ready, assigns nobody"
}
