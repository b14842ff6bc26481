package caddymodule_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// commandVariable makes the test program be Caddy's command line.
const commandVariable = "CADDY_COMMAND_OF_TEST"

// ran is what a command has printed and exited with.
type ran struct {
	out, log string
	code     int
}

// Command runs one of the experiments commands, as a person would, against the
// edge.
func (e *edge) Command(input string, arguments ...string) ran {
	e.t.Helper()
	e.admin("GET", "/experiments/status") // until a reload has its admin API
	arguments = append([]string{"experiments"}, arguments...)
	command := exec.Command(os.Args[0], append(arguments, "--address", fmt.Sprintf("127.0.0.1:%d", e.adminPort))...)
	command.Env = append(os.Environ(), commandVariable+"=1")
	command.Dir = e.Dir
	command.Stdin = strings.NewReader(input)
	var out, log bytes.Buffer
	command.Stdout, command.Stderr = &out, &log
	err := command.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		e.t.Fatalf("%v: %v", arguments, err)
	}
	return ran{out.String(), log.String(), command.ProcessState.ExitCode()}
}

// LoadText puts a whole Caddyfile in force. {dir}, {port}, {other} and {provider}
// stand for the edge's, admin options and the signing key are added.
func (e *edge) LoadText(global, app, sites string) {
	e.t.Helper()
	text := strings.NewReplacer("{dir}", e.Dir, "{port}", fmt.Sprint(e.port), "{other}", fmt.Sprint(e.barePort), "{provider}", e.Provider.Address()).Replace(fmt.Sprintf(`{
	admin 127.0.0.1:%d
	auto_https off
	grace_period 2s
	%s
	experiments {
		store file {dir}/experiments
		signing_key %s
		%s
	}
}
%s`, e.adminPort, global, testKey, app, sites))
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err == nil {
		err = caddy.Load(config, true)
	}
	if err != nil {
		e.t.Fatalf("%v\n%s", err, text)
	}
}

func TestCommandsAreListed(t *testing.T) {
	e := startEdge(t, setup{})
	help := e.Command("", "--help")
	for _, name := range []string{"status", "doctor", "decide", "export", "import", "token", "validate"} {
		if !strings.Contains(help.out, "\n  "+name+" ") {
			t.Errorf("the help does not have %s", name)
		}
		text, err := os.ReadFile("../docs/commands.md")
		if err != nil || !strings.Contains(string(text), "\n## `"+name) {
			t.Errorf("docs/commands.md has no heading for %s: %v", name, err)
		}
	}
}
