package embedded

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// step is one of those by which the log in testdata came about.
type step struct {
	Batch *events.Batch `json:"batch"`
	Prune events.Millis `json:"prune"`
}

// format1 unpacks a log that the last version to write format 1 made: of batches
// by dense, a Prune, more batches, some of them in its write-ahead log only. The
// model has the same.
func format1(t *testing.T) (dir string, model *eventstest.Model) {
	t.Helper()
	root := t.TempDir()
	packed, err := os.Open(filepath.Join("testdata", "format1.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close() //nolint:errcheck // only read
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(plain); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, header.Name)
		if header.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "steps.json"))
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	if err := json.Unmarshal(text, &steps); err != nil {
		t.Fatal(err)
	}
	model = eventstest.NewModel()
	for _, s := range steps {
		if s.Batch != nil {
			eventstest.Feed(t, model, tenant, s.Batch)
		} else if err := model.Prune(context.Background(), s.Prune); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(root, "log"), model
}

// copies counts the keys that only format 1 had.
func copies(t *testing.T, l *Log) (n int) {
	t.Helper()
	it, err := l.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close() //nolint:errcheck // only read
	for it.First(); it.Valid(); it.Next() {
		r := &reader{rest: it.Key()[1:]}
		switch r.string(); it.Key()[0] {
		case namedKind:
			n++
		case outcomeKind:
			if _, ok := r.outcome(); !ok {
				n++
			}
		}
	}
	return n
}

func TestFormat1(t *testing.T) {
	dir, model := format1(t)
	l, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(22, 0))
	tight(t, r, l, model) // it stays as it is
	whole := copies(t, l)
	closed(t, l)

	l = opened(t, dir)
	tight(t, r, l, model)
	if n := copies(t, l); n == 0 || n >= whole {
		t.Errorf("there are %d keys of format 1, at first %d", n, whole)
	}
	exported := func() {
		t.Helper()
		imported := opened(t, t.TempDir())
		defer closed(t, imported)
		eventstest.Copy(t, l, imported, tenant)
		tight(t, r, imported, model)
		if n := copies(t, imported); n > 0 {
			t.Errorf("%d copies were exported", n)
		}
	}
	exported()
	more := dense(r, 200)
	eventstest.Feed(t, l, tenant, more)
	eventstest.Feed(t, model, tenant, more)
	tight(t, r, l, model)
	exported()

	closed(t, l)
	l = opened(t, dir) // is of format 2 now
	defer func() { closed(t, l) }()
	before := more.Outcomes[0].Time
	for _, log := range []events.Log{l, model} {
		if err := log.Prune(context.Background(), before); err != nil {
			t.Fatal(err)
		}
	}
	tight(t, r, l, model)
	if n := copies(t, l); n > 0 {
		t.Errorf("%d keys of format 1 are left", n)
	}
	eventstest.Feed(t, l, tenant, more)
	eventstest.Feed(t, model, tenant, more)
	tight(t, r, l, model)
	exported()
}
