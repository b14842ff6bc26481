package caddymodule

import (
	"fmt"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
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
			group(command)
			for _, c := range append(command.Commands(), command) {
				c.DisableFlagsInUseLine = true // the lines name them
			}
			// Caddy's own template ends with a page that knows none of these.
			command.SetHelpTemplate(new(cobra.Command).HelpTemplate() + "\nAll of the commands, with what they print: docs/commands.md of this module\n")
			command.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
				return fmt.Errorf("%w; %s --help lists the options", err, command.CommandPath())
			})
		},
	})
}

// group makes a command that only holds others refuse what is none of them, which
// cobra takes for a call for help.
func group(command *cobra.Command) {
	command.Args = cobra.ArbitraryArgs
	command.SuggestionsMinimumDistance = 2
	command.FParseErrWhitelist.UnknownFlags = true // the name is wrong first
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if len(arguments) == 0 {
			return command.Help()
		}
		return unknownCommand(command, arguments[0])
	}
}

func unknownCommand(command *cobra.Command, name string) error {
	var known []string
	for _, c := range command.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	if like := command.SuggestionsFor(name); len(like) > 0 {
		return fmt.Errorf("unknown command %q of %s; did you mean %s?", name, command.CommandPath(), strings.Join(like, " or "))
	}
	return fmt.Errorf("unknown command %q of %s; there are: %s", name, command.CommandPath(), strings.Join(known, ", "))
}

// runs returns what carries a command out. What cobra prints of an error is one
// plain line on the standard error, and Caddy exits with 1.
func runs(run func(flags caddycmd.Flags, arguments []string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, arguments []string) error {
		if err := run(caddycmd.Flags{FlagSet: command.Flags()}, arguments); err != nil {
			return printableError(err)
		}
		return nil
	}
}

// takes accepts exactly these arguments, and names the one that is missing.
func takes(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, arguments []string) error {
		usage := command.CommandPath()
		for _, name := range names {
			usage += " <" + name + ">"
		}
		switch {
		case len(arguments) < len(names):
			return fmt.Errorf("<%s> is missing; write: %s", names[len(arguments)], usage)
		case len(arguments) > len(names):
			return fmt.Errorf("%q is one argument too many; write: %s", arguments[len(names)], usage)
		}
		return nil
	}
}
