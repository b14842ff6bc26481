package caddymodule

import (
	"errors"
	"io"
	"os"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// terminal writes text for people. Names, errors and what clients have sent do
// nothing to the terminal: what is not engine.PrintableLines is escaped, in JSON
// as JSON does it.
type terminal struct{ w io.Writer }

// Write implements io.Writer. It takes whole characters.
func (t terminal) Write(text []byte) (int, error) {
	if _, err := io.WriteString(t.w, engine.PrintableLines(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// standardOutput is where a command writes data that may be kept: as it is into a
// file or pipe, and for people on a terminal.
func standardOutput() io.Writer {
	info, err := os.Stdout.Stat()
	if err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return terminal{os.Stdout}
	}
	return os.Stdout
}

// printableError is an error whose text can be printed: commands return it to
// Caddy, which does that.
func printableError(err error) error {
	if text := err.Error(); text != engine.PrintableLines(text) {
		return errors.New(engine.PrintableLines(text))
	}
	return err
}

// Interface guard
var _ io.Writer = terminal{}
