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
		Short: "Checks a configuration document as an edge would; exits with 1 if it would be refused, or has an active experiment that assigns nobody",
		Args:  takes("file"),
	}
	command.Flags().Int("max-active", 1, "active experiments of a tenant that assign subjects at a time")
	command.RunE = runs(func(flags caddycmd.Flags, arguments []string) error {
		text, err := os.ReadFile(arguments[0])
		if err != nil {
			return err
		}
		if err := validateDocument(os.Stdout, text, flags.Int("max-active")); err != nil {
			return fmt.Errorf("%s %w", arguments[0], err)
		}
		return nil
	})
	return command
}

var (
	errRefused = errors.New("would be refused")
	errIdle    = errors.New("has an active experiment that assigns nobody; an import needs --force")
)

// validateDocument writes what an edge would make of a document. It returns
// errRefused or errIdle for one that is not as it should be.
func validateDocument(w io.Writer, text []byte, maxActive int) error {
	document, err := engine.Decode(text)
	var faults engine.Faults
	if errors.As(err, &faults) {
		for _, fault := range faults {
			fmt.Fprintln(w, engine.Printable(fault.Error()))
		}
		return errRefused
	}
	var problem error
	for _, x := range engine.Compile(document, engine.Settings{MaxActive: maxActive}).Experiments {
		if idle(x) {
			problem = errIdle
		}
		fmt.Fprintf(w, "%s: %s, %s\n", x.ID, x.Status, assignment(x))
		for _, blocker := range x.Blockers {
			fmt.Fprintf(w, "  %s: %s\n", blocker.Code, engine.Printable(blocker.Message))
		}
	}
	return problem
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
