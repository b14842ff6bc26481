package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
	making "github.com/caddy-experiments/caddy-experiments/results/report"
)

// wantedAnswer is how many seconds a report may take.
const wantedAnswer = 1

// answered is how long a report took, in seconds.
type answered struct {
	cold float64
	warm []float64
	cpu  float64 // of a warm one
}

// question is a report that is asked for.
type question struct {
	title, query string
	options      making.Options
}

var questions = []question{
	{"all metrics", "", making.Options{}},
	{"all metrics, sliced by browser", "?slice=browser", making.Options{Attributes: []string{"browser"}}},
}

// results measures how soon a report is there: the first of a process that has
// read nothing yet from a disk that has to be read, and the ones after it.
func (b *bench) results(ctx context.Context, dir string, database *database) error {
	table := report.Table{
		Title: fmt.Sprintf("Results over %s units and %s outcomes", report.Count(b.units), report.Count(b.units)),
		Head:  []string{"", "cold, s", "warm, s, median", "fastest, slowest", "of a warm one, CPU s"},
	}
	add := func(where string, q question, a answered, goal bool) {
		median, _, _ := report.Median(a.warm)
		cold, cpu := "–", "–"
		if a.cold > 0 {
			cold, cpu = report.Round(a.cold), report.Round(a.cpu)
		}
		table.Add(where+", "+q.title, cold, report.Round(median), report.Round(slices.Min(a.warm))+", "+report.Round(slices.Max(a.warm)), cpu)
		if goal {
			b.goal(where+", "+q.title+", cold", a.cold, a.cold, wantedAnswer, " s", false)
			b.goal(where+", "+q.title+", warm", median, slices.Max(a.warm), wantedAnswer, " s", false)
		}
	}
	for _, q := range questions {
		a, err := b.askEdge(ctx, dir, q)
		if err != nil {
			return err
		}
		add("GET …/results", q, a, true)
	}
	for _, q := range questions {
		if err := evict(dir); err != nil {
			return err
		}
		a, err := b.askLog(ctx, openEmbedded(dir), q, b.asks)
		if err != nil {
			return err
		}
		add("report.Make", q, a, false)
	}
	if database != nil { // it takes long, and what it has in its caches cannot be told
		for _, q := range questions {
			a, err := b.askLog(ctx, openPostgres(ctx, database), q, 0)
			if err != nil {
				return err
			}
			a.cold, a.warm = 0, []float64{a.cold}
			add("report.Make with PostgreSQL, once", q, a, false)
		}
	}
	b.report.Tables = append(b.report.Tables, table)
	return nil
}

// askEdge asks a new edge for a report.
func (b *bench) askEdge(ctx context.Context, dir string, q question) (a answered, err error) {
	if err := evict(dir); err != nil {
		return a, err
	}
	e, err := b.startEdge(dir + forever)
	if err != nil {
		return a, err
	}
	defer e.stop()
	return repeat(e.process.Process.Pid, b.asks, func() error { return b.getResults(ctx, e, q, b.units) })
}

// getResults asks an edge for a report, which must be about all units.
func (b *bench) getResults(ctx context.Context, e *edge, q question, units int) error {
	text, err := e.call(ctx, http.MethodGet, "/experiments/"+experiment+"/results"+q.query, nil)
	if err != nil {
		return err
	}
	var answer struct {
		Variations []struct{ Units int }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	seen := 0
	for _, v := range answer.Variations {
		seen += v.Units
	}
	if seen != units {
		return fmt.Errorf("the results are about %d units, want %d", seen, units)
	}
	return nil
}

// askLog has this process make a report.
func (b *bench) askLog(ctx context.Context, open opener, q question, times int) (a answered, err error) {
	log, err := open()
	if err != nil {
		return a, err
	}
	defer log.Close()
	return repeat(os.Getpid(), times, func() error {
		made, err := making.Make(ctx, log, tenant, b.setting.document, experiment, q.options)
		if err != nil {
			return err
		}
		var seen int64
		for _, v := range made.Variations {
			seen += v.Units
		}
		if seen != int64(b.units) {
			return fmt.Errorf("the report is about %d units, want %d", seen, b.units)
		}
		return nil
	})
}

// repeat asks a process once, and then several times more.
func repeat(pid, times int, ask func() error) (a answered, err error) {
	var used time.Duration
	for i := range times + 1 {
		begun := time.Now()
		if err := ask(); err != nil {
			return a, err
		}
		took := time.Since(begun).Seconds()
		if i > 0 {
			a.warm = append(a.warm, took)
			continue
		}
		a.cold = took
		if used, err = processorTime(pid); err != nil {
			return a, err
		}
	}
	now, err := processorTime(pid)
	a.cpu = (now - used).Seconds() / float64(max(times, 1))
	return a, err
}

// evict takes the files of a log out of the system's cache.
func evict(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := f.Sync(); err != nil { // what is not on disk yet stays
			return err
		}
		return forget(f)
	})
}
