package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// askAdmin sends a request to the admin API that the flags name, and returns the
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
	if err != nil {
		return nil, nil, fmt.Errorf("reading the answer of the admin API: %w", err)
	}
	return text, response.Header, nil
}

// openAdmin sends a request to the admin API, whose answer is to be read and
// closed.
func openAdmin(flags caddycmd.Flags, method, path, contentType string, body io.Reader) (*http.Response, error) {
	address, err := adminAddress(flags)
	if err != nil {
		return nil, fmt.Errorf("finding the admin API: %w", err)
	}
	response, err := caddycmd.AdminAPIRequest(address, method, path, http.Header{"Content-Type": {contentType}}, body)
	if err != nil {
		return nil, refusalOf(err, address)
	}
	return response, nil
}

// adminAddress is what Caddy's own commands take for the address, without the
// lines that they log about the configuration that has it.
func adminAddress(flags caddycmd.Flags) (string, error) {
	address, path, adapter := flags.String("address"), flags.String("config"), flags.String("adapter")
	switch {
	case address != "":
		return address, nil
	case path == "" && adapter != "":
		return "", errors.New("--adapter is that of a configuration; name it with --config")
	case path == "":
		return caddy.DefaultAdminListen, nil
	}
	text, err := readDocument(path)
	if err != nil {
		return "", fmt.Errorf("reading --config: %w", err)
	}
	name := strings.ToLower(filepath.Base(path))
	if adapter == "" && filepath.Ext(name) != ".json" && (strings.HasPrefix(name, "caddyfile") || strings.HasSuffix(name, ".caddyfile")) {
		adapter = "caddyfile"
	}
	if adapter != "" {
		known := caddyconfig.GetAdapter(adapter)
		if known == nil {
			return "", fmt.Errorf("--adapter %q: there is no such adapter in this Caddy; write for example --adapter caddyfile", adapter)
		}
		if text, _, err = known.Adapt(text, map[string]any{"filename": path}); err != nil {
			return "", fmt.Errorf("reading --config %s: %w", path, err)
		}
	}
	var config struct {
		Admin caddy.AdminConfig `json:"admin"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return "", fmt.Errorf("reading --config %s: %w; if it is no JSON, name its format with --adapter, for example --adapter caddyfile", path, err)
	}
	switch {
	case config.Admin.Disabled:
		return "", fmt.Errorf("--config %s turns the admin API off, and there is no other way to ask a running edge; take its admin off away", path)
	case config.Admin.Listen != "":
		return config.Admin.Listen, nil
	}
	return caddy.DefaultAdminListen, nil
}

// refusalOf says in one line why the admin API has not done what it was asked
// for.
func refusalOf(err error, address string) error {
	// Caddy keeps of what is below only the text.
	if cause, unanswered := strings.CutPrefix(err.Error(), "performing request: "); unanswered {
		// Of Get "http://…": dial tcp …: connect: connection refused only the end.
		if _, dial, found := strings.Cut(cause, `": `); found {
			cause = dial
		}
		return printableError(fmt.Errorf("no admin API answers at %s (%s): is the edge running? If its admin API is elsewhere, name it with --address <host:port>, or name the edge's configuration with --config <file>", address, cause))
	}
	if message := plain(err); message != err { //nolint:errorlint // whether it is another one
		return printableError(message)
	}
	if answer, answered := strings.CutPrefix(err.Error(), "caddy responded with error: "); answered {
		answer = strings.Join(strings.Fields(answer), " ") // on one line
		return printableError(fmt.Errorf("the admin API at %s answers %s; is the edge there a Caddy with experiments?", address, answer))
	}
	return printableError(fmt.Errorf("asking the admin API at %s: %w", address, err))
}

// plain takes the message out of an error that the admin API has answered with,
// which comes as JSON.
func plain(err error) error {
	_, text, found := strings.Cut(err.Error(), ": {")
	var answer struct {
		Error string `json:"error"`
	}
	if !found || json.Unmarshal([]byte("{"+text), &answer) != nil || answer.Error == "" {
		return err
	}
	return errors.New(answer.Error)
}

// readDocument reads a file, or the standard input if it is -.
func readDocument(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(path)
}
