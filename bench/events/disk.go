package main

import (
	"context"
	"io/fs"
	"path/filepath"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
)

// disk measures how large the log is once nothing of it is rewritten any more.
func (b *bench) disk(ctx context.Context, dir string) error {
	e, err := b.startEdge(dir)
	if err != nil {
		return err
	}
	defer e.stop()
	if err := e.settle(ctx, dir); err != nil {
		return err
	}
	tables, all, err := sizes(dir)
	if err != nil {
		return err
	}
	n := float64(b.feed.events())
	table := report.Table{
		Title: "Size on disk, after compaction",
		Head:  []string{"events", "as NDJSON, bytes an event", "tables, bytes an event", "with logs of what was written last", "MB"},
	}
	table.Add(report.Count(b.feed.events()), report.Round(float64(b.feed.bytes)/n), report.Round(tables/n), report.Round(all/n), report.Round(all/1e6))
	b.report.Tables = append(b.report.Tables, table)
	return nil
}

// sizes are what a log's tables take, and what all of its files do.
func sizes(dir string) (tables, all float64, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // files come and go
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		if filepath.Ext(path) == ".sst" {
			tables += float64(info.Size())
		}
		all += float64(info.Size())
		return nil
	})
	return tables, all, err
}

// settle returns when the edge has nothing to do, and the files of its log do not
// change any more.
func (e *edge) settle(ctx context.Context, dir string) error {
	for before := -1.0; ; {
		if _, err := idleAgain(ctx, e.process.Process.Pid); err != nil {
			return err
		}
		_, now, err := sizes(dir)
		if err != nil || now == before {
			return err
		}
		before = now
	}
}
