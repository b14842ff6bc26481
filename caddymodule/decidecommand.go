package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func decideCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "decide <URL> [--header 'Name: value']... [--ip <address>] [--subject <subject>] [--tenant <tenant>] [--host <host>] [--method <method>] [--form <form>] [--json]",
		Short: "Explains how the edge would decide a request, which is not sent",
		Args:  takes("URL"),
	}
	command.Flags().StringArray("header", nil, "header of the request; repeatable")
	command.Flags().String("ip", "", "address that the request comes from")
	command.Flags().String("subject", "", "subject that is decided for, instead of the request's own")
	command.Flags().String("tenant", "", "tenant of the site")
	command.Flags().String("host", "", "host of the site, if the URL has none or another")
	command.Flags().String("method", "", "method of the request; GET, or POST with a form")
	command.Flags().String("form", "", "form that the request posts")
	command.Flags().Bool("json", false, "print the answer as it is")
	command.RunE = runs(func(flags caddycmd.Flags, arguments []string) error {
		headers, err := flags.GetStringArray("header")
		if err != nil {
			return err
		}
		request := decideRequest{
			URL: arguments[0], Method: flags.String("method"), Form: flags.String("form"), IP: flags.String("ip"),
			Tenant: flags.String("tenant"), Host: flags.String("host"), Subject: flags.String("subject"), Headers: http.Header{},
		}
		for _, line := range headers {
			name, value, found := strings.Cut(line, ":")
			if !found {
				return fmt.Errorf("header %q: write for example --header 'User-Agent: curl'", line)
			}
			request.Headers.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
		body, err := json.Marshal(request)
		if err != nil {
			return err
		}
		path := "/experiments/decide?format=text"
		if flags.Bool("json") {
			path = "/experiments/decide"
		}
		text, err := askAdmin(flags, http.MethodPost, path, body)
		if err != nil {
			return err
		}
		if _, err := (terminal{os.Stdout}).Write(text); err != nil {
			return err
		}
		return nil
	})
	return command
}
