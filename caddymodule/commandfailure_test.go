package caddymodule_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// commandLine runs a command without an edge that it would be for.
func commandLine(t testing.TB, arguments ...string) ran {
	t.Helper()
	command := exec.Command(os.Args[0], append([]string{"experiments"}, arguments...)...)
	command.Env = append(os.Environ(), commandVariable+"=1")
	command.Dir = t.TempDir()
	var out, log bytes.Buffer
	command.Stdout, command.Stderr = &out, &log
	_ = command.Run() // its exit code is part of what it has done
	return ran{out.String(), log.String(), command.ProcessState.ExitCode()}
}

// What cannot be done is one plain line with what to do about it, and exit 1.
func TestCommandsFailInOneLine(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := httptest.NewServer(http.NotFoundHandler())
	defer foreign.Close()
	for _, test := range []struct {
		name      string
		arguments string
		words     string // separated by |
	}{
		{"a command that there is not", "statsu", `unknown command "statsu"|did you mean status?`},
		{"one that is like none", "zzz --json", `unknown command "zzz"|there are: |results, status`},
		{"an events command that there is not", "events bakcup", `unknown command "bakcup"|did you mean backup?`},
		{"no argument", "doctor", "<experiment> is missing|caddy experiments doctor <experiment>"},
		{"the second argument missing", "events restore somewhere", "<directory> is missing|restore <backup> <directory>"},
		{"too many arguments", "results one two", `"two" is one argument too many`},
		{"an option that there is not", "results one --dayz", "unknown flag: --dayz|caddy experiments results --help"},
		{"no edge", "status --address 127.0.0.1:1", "127.0.0.1:1|connection refused|is the edge running?|--address|--config"},
		{"no edge at a socket", "status --address unix//nowhere/admin.sock", "is the edge running?"},
		{"no address", "status --address nonsense:port", "nonsense:port"},
		{"another server", "status --address " + strings.TrimPrefix(foreign.URL, "http://"), "404|is the edge there a Caddy with experiments?"},
		{"no such configuration", "status --config " + filepath.Join(dir, "none"), "--config|no such file"},
		{"a configuration of an unknown format", "status --config " + write("edge.conf", "admin :1"), "--adapter caddyfile"},
		{"an unknown adapter", "status --config " + write("edge.conf", "admin :1") + " --adapter nonsense", `--adapter "nonsense"`},
		{"an adapter of nothing", "status --adapter caddyfile", "name it with --config"},
		{"a configuration with a mistake", "status --config " + write("Caddyfile", "{\n\tnonsense\n}\n"), "Caddyfile:2"},
		{"a configuration without an admin API", "status --config " + write("off.caddyfile", "{\n\tadmin off\n}\n"), "turns the admin API off"},
		{"a configuration with another address", "status --config " + write("moved.caddyfile", "{\n\tadmin 127.0.0.1:2\n}\n"), "no admin API answers at 127.0.0.1:2 "},
		{"no such file", "import " + filepath.Join(dir, "none.json"), "none.json: no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := commandLine(t, strings.Fields(test.arguments)...)
			if got.code != 1 || got.out != "" || !strings.HasPrefix(got.log, "Error: ") || strings.Count(got.log, "\n") != 1 {
				t.Errorf("exit %d, output %q, errors %q", got.code, got.out, got.log)
			}
			for word := range strings.SplitSeq(test.words, "|") {
				if !strings.Contains(got.log, word) {
					t.Errorf("it does not say %q: %s", word, got.log)
				}
			}
		})
	}
}

// A group of commands without one is a call for help.
func TestCommandsHelp(t *testing.T) {
	for _, arguments := range []string{"", "events", "results --help", "events import --help"} {
		got := commandLine(t, strings.Fields(arguments)...)
		if got.code != 0 || got.log != "" || !strings.Contains(got.out, "Usage:") || !strings.Contains(got.out, "docs/commands.md") || strings.Contains(got.out, "caddyserver.com") {
			t.Errorf("%q: exit %d, errors %q\n%s", arguments, got.code, got.log, got.out)
		}
	}
}
