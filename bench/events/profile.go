package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// profiled is for how many seconds.
const profiled = 10

// takeProfile has an edge work until the profile of its processor time is there.
func (b *bench) takeProfile(ctx context.Context) error {
	dir := filepath.Join(b.dir, "profiled")
	if b.profile == "results" {
		if err := b.feed.fill(ctx, openEmbedded(dir)); err != nil {
			return err
		}
	} else if b.profile != "ingest" {
		return fmt.Errorf("-profile: there is no %q, only ingest and results", b.profile)
	}
	e, err := b.startEdge(dir)
	if err != nil {
		return err
	}
	defer e.stop()
	working, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- b.work(working, e) }()
	err = e.writeProfile(b.profile + ".pprof")
	cancel()
	if trouble := <-done; !errors.Is(trouble, context.Canceled) {
		return trouble
	}
	return err
}

// work asks for reports, or sends events. All of them are sent again when they
// are through, and take the same way.
func (b *bench) work(ctx context.Context, e *edge) error {
	for {
		if b.profile == "results" {
			if err := b.getResults(ctx, e, questions[0], b.units); err != nil {
				return err
			}
			continue
		}
		_, err := b.pump(ctx, b.clients, func(ctx context.Context, i int) error {
			_, err := e.call(ctx, http.MethodPost, "/events", b.feed.bodies[i])
			return err
		})
		if err != nil {
			return err
		}
	}
}

func (e *edge) writeProfile(path string) error {
	answer, err := http.Get(fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", e.admin, profiled))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the profile was answered with %s", answer.Status)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, answer.Body); err != nil {
		_ = f.Close() // the first error counts
		return err
	}
	fmt.Println(path)
	return f.Close()
}
