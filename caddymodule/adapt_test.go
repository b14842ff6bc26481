package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

var update = flag.Bool("update", false, "write the JSON that the Caddyfiles in testdata adapt to")

// Each file in testdata is a Caddyfile, a line of ten dashes, and either the
// JSON it adapts to or the end of the error that refuses it.
func TestCaddyfileAdapts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, expected, found := strings.Cut(string(text), "----------\n")
			if !found {
				t.Fatal("there is no line of ten dashes")
			}
			if formatted := caddyfile.Format([]byte(input)); string(formatted) != input {
				t.Errorf("the Caddyfile is not formatted; it should be:\n%s", formatted)
			}
			config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
			switch expected = strings.TrimSpace(expected); {
			case !strings.HasPrefix(expected, "{"):
				if err == nil || !strings.HasSuffix(err.Error(), expected) {
					t.Fatalf("adapting gave the error\n%v\nwhich should end in\n%s", err, expected)
				}
				return
			case err != nil || len(warnings) > 0:
				t.Fatalf("adapting gave the error %v and the warnings %v", err, warnings)
			}
			if *update {
				text := input + "----------\n" + indented(t, config) + "\n"
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got := indented(t, config); got != indented(t, []byte(expected)) {
				t.Errorf("adapted to\n%s", got)
			}
		})
	}
}

func indented(t *testing.T, text []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
