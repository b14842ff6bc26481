package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/embedded"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func eventsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "events <command>",
		Short: "Exports, imports, backs up and restores exposures and outcomes",
	}
	command.AddCommand(exportEventsCommand(), importEventsCommand(), backupCommand(), restoreCommand())
	group(command)
	return command
}

func exportEventsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "export [--tenant <tenant>] [--output <file>]",
		Short: "Writes all events of a tenant, one in a line",
		Args:  cobra.NoArgs,
	}
	command.Flags().String("tenant", string(store.DefaultTenant), "tenant of the events")
	command.Flags().StringP("output", "o", "", "file to write; without it the standard output")
	command.RunE = runs(func(flags caddycmd.Flags, _ []string) error {
		query := url.Values{"tenant": {flags.String("tenant")}}
		response, err := openAdmin(flags, http.MethodGet, "/experiments/events?"+query.Encode(), lines, nil)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		var out io.Writer = standardOutput()
		var file *os.File
		if path := flags.String("output"); path != "" {
			if file, err = os.Create(path); err != nil {
				return fmt.Errorf("writing the events: %w", err)
			}
			out = file
		}
		progress := &progress{what: "exported", began: time.Now()}
		_, err = io.Copy(io.MultiWriter(out, progress), response.Body)
		progress.end()
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			return fmt.Errorf("writing the events: %w", err)
		}
		return nil
	})
	return command
}

func importEventsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "import <file> [--tenant <tenant>]",
		Short: "Adds the events of a file, one in a line, or of the standard input if that is -; what is there already stays as it is",
		Args:  takes("file"),
	}
	command.Flags().String("tenant", string(store.DefaultTenant), "tenant of the events")
	command.RunE = runs(func(flags caddycmd.Flags, arguments []string) error {
		in := os.Stdin
		if arguments[0] != "-" {
			file, err := os.Open(arguments[0])
			if err != nil {
				return fmt.Errorf("reading the events: %w", err)
			}
			defer file.Close()
			in = file
		}
		query := url.Values{"tenant": {flags.String("tenant")}}
		progress := &progress{what: "sent", began: time.Now()}
		response, err := openAdmin(flags, http.MethodPost, "/experiments/events?"+query.Encode(), lines, io.TeeReader(in, progress))
		progress.end()
		if err != nil {
			return err
		}
		defer response.Body.Close()
		var answer events.Report
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		fmt.Printf("%d events added, %d rejected\n", answer.Accepted, answer.Rejected)
		for _, fault := range answer.Faults {
			fmt.Printf("line %d: %s\n", fault.Line, engine.Printable(fault.Reason))
		}
		if answer.Rejected > 0 {
			return fmt.Errorf("%d events were rejected", answer.Rejected)
		}
		return nil
	})
	return command
}

func backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup <directory>",
		Short: "Copies the embedded log of a running edge into a new directory on its machine",
		Args:  takes("directory"),
		RunE: runs(func(flags caddycmd.Flags, arguments []string) error {
			dir, err := filepath.Abs(arguments[0])
			if err != nil {
				return err
			}
			if _, err := askAdmin(flags, http.MethodPost, "/experiments/events/backup?"+url.Values{"dir": {dir}}.Encode(), nil); err != nil {
				return err
			}
			fmt.Printf("backed up to %s; to go back to it: caddy experiments events restore %s <events directory>\n", dir, arguments[0])
			return nil
		}),
	}
}

func restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore <backup> <directory>",
		Short: "Makes a directory for the option events out of a backup; the edge must not be using it",
		Args:  takes("backup", "directory"),
		RunE: runs(func(_ caddycmd.Flags, arguments []string) error {
			if err := embedded.Restore(arguments[0], arguments[1]); err != nil {
				return err
			}
			fmt.Printf("restored to %s\n", arguments[1])
			return nil
		}),
	}
}

// progress says on the standard error how far a long transfer is.
type progress struct {
	what        string
	bytes       int64
	began, told time.Time
}

// Write implements io.Writer.
func (p *progress) Write(text []byte) (int, error) {
	p.bytes += int64(len(text))
	if now := time.Now(); now.Sub(p.began) > 2*time.Second && now.Sub(p.told) > time.Second {
		p.told = now
		fmt.Fprintf(os.Stderr, "\r%s %.1f MB", p.what, float64(p.bytes)/1e6)
	}
	return len(text), nil
}

func (p *progress) end() {
	if !p.told.IsZero() {
		fmt.Fprintf(os.Stderr, "\r%s %.1f MB\n", p.what, float64(p.bytes)/1e6)
	}
}

// lines is the content type of events on their way.
const lines = "application/x-ndjson"

// serveEvents exports and imports events on the admin API.
func serveEvents(w http.ResponseWriter, r *http.Request) error {
	app, tenant, err := administered(w, r, http.MethodGet, http.MethodPost)
	if err != nil {
		return err
	}
	if app.events == nil || app.events.log == nil {
		return errNoEvents
	}
	if r.Method == http.MethodPost {
		return app.importEvents(w, r, tenant)
	}
	w.Header().Set("Content-Type", lines)
	out := newTransfer(w, r, transferPatience)
	var text []byte
	err = app.events.log.Use(r.Context(), func(ctx context.Context, log events.Log) error {
		defer context.AfterFunc(ctx, out.abort)() // a reader that stands still would hold the log
		return log.Export(ctx, string(tenant), func(b *events.Batch) error {
			text = b.AppendNDJSON(text[:0])
			_, err := out.Write(text)
			return err
		})
	})
	if err == nil {
		err = out.end()
	}
	if err != nil {
		app.logger.Error("exporting events broke off: " + err.Error())
		panic(http.ErrAbortHandler) // so that what was written is not taken for all
	}
	return nil
}

// importEvents adds events from a body of any length, in parts.
func (a *App) importEvents(w http.ResponseWriter, r *http.Request, tenant store.Tenant) error {
	var all events.Report
	limits := events.Limits{Future: 24 * time.Hour}
	in := newTransfer(w, r, transferPatience)
	err := events.DecodeLines(in, limits, wallClock(), func(batch *events.Batch, report *events.Report) error {
		all.Add(report)
		ctx, cancel := context.WithTimeout(r.Context(), resultsTime)
		defer cancel()
		return a.events.log.Append(ctx, string(tenant), batch)
	})
	in.rest()
	if err != nil {
		return refused(http.StatusServiceUnavailable, fmt.Errorf("importing events: %w; %d were added before", err, all.Accepted))
	}
	return writeJSON(w, all)
}

// serveBackup copies the embedded log.
func serveBackup(w http.ResponseWriter, r *http.Request) error {
	if err := allowed(w, r, http.MethodPost); err != nil {
		return err
	}
	app := activeApp()
	if app == nil {
		return errNoApp
	}
	if app.events == nil || app.events.log == nil {
		return errNoEvents
	}
	dir := r.URL.Query().Get("dir")
	if !filepath.IsAbs(dir) {
		return refused(http.StatusBadRequest, fmt.Errorf("dir: must be an absolute path, got %q", dir))
	}
	switch err := app.events.log.backup(r.Context(), dir); {
	case errors.Is(err, errNoBackup):
		return refused(http.StatusBadRequest, err)
	case err != nil:
		return refused(http.StatusInternalServerError, err)
	}
	return writeJSON(w, map[string]string{"dir": dir})
}
