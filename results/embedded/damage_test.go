package embedded

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// used uses all of a log.
func used(l *Log) error {
	ctx := context.Background()
	_, err := l.Query(ctx, events.Query{
		Tenant: tenant, Experiment: "signup", Iteration: "1", Measures: []events.Measure{{Event: "login"}},
	})
	if err == nil {
		err = l.Export(ctx, tenant, func(*events.Batch) error { return nil })
	}
	if err == nil {
		err = l.Append(ctx, tenant, numbered(3))
	}
	return err
}

// damaged opens a log and uses it; what fails says so.
func damaged(dir string) error {
	l, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	err = used(l)
	_ = l.Close()
	return err
}

// TestDamagedFiles damages every file of a log in several ways. Whatever that
// does, it is no panic, and errors name the directory.
func TestDamagedFiles(t *testing.T) {
	origin := t.TempDir()
	l := opened(t, origin)
	random(t, l, 5)
	if err := l.db.Flush(); err != nil {
		t.Fatal(err)
	}
	random(t, l, 6)
	closed(t, l)
	entries, err := os.ReadDir(origin)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(14, 0))
	ways := map[string]func(text []byte) []byte{
		"emptied":     func([]byte) []byte { return nil },
		"torn":        func(text []byte) []byte { return text[:len(text)/2] },
		"zeroed":      func(text []byte) []byte { return make([]byte, len(text)) },
		"flipped":     func(text []byte) []byte { return flip(r, text, 0) },
		"overwritten": func(text []byte) []byte { return flip(r, text, len(text)/3) },
	}
	for _, entry := range entries {
		for way, damage := range ways {
			dir := filepath.Join(t.TempDir(), "log")
			if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, entry.Name())
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) == 0 {
				continue
			}
			if err := os.WriteFile(path, damage(bytes.Clone(text)), 0o644); err != nil {
				t.Fatal(err)
			}
			err = damaged(dir)
			t.Logf("%s %s: %v", entry.Name(), way, err)
			if err != nil && !strings.Contains(err.Error(), dir) {
				t.Errorf("%s %s: the error names no file: %v", entry.Name(), way, err)
			}
			if checksummed := filepath.Ext(path) == ".sst" || strings.HasPrefix(entry.Name(), "MANIFEST"); err == nil && checksummed && way == "overwritten" {
				t.Errorf("%s %s is no error", entry.Name(), way)
			}
		}
	}
}

func flip(r *rand.Rand, text []byte, n int) []byte {
	at := r.IntN(len(text))
	for i := at; i <= min(at+n, len(text)-1); i++ {
		text[i] ^= 0x55
	}
	return text
}

// TestMissingFiles takes every file away.
func TestMissingFiles(t *testing.T) {
	origin := t.TempDir()
	l := opened(t, origin)
	random(t, l, 7)
	if err := l.db.Flush(); err != nil {
		t.Fatal(err)
	}
	closed(t, l)
	entries, err := os.ReadDir(origin)
	if err != nil {
		t.Fatal(err)
	}
	needed := []string{".sst", "MANIFEST", "marker.manifest"}
	for _, entry := range entries {
		dir := filepath.Join(t.TempDir(), "log")
		if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
			t.Fatal(err)
		}
		err := damaged(dir)
		t.Logf("without %s: %v", entry.Name(), err)
		if slices.ContainsFunc(needed, func(n string) bool { return strings.Contains(entry.Name(), n) }) {
			refused(t, err, dir)
		}
	}
}

// TestTornLog cuts the end of what was written last, as a crash of the machine
// does: what is before it is there.
func TestTornLog(t *testing.T) {
	origin := t.TempDir()
	l := opened(t, origin)
	for n := range 20 {
		eventstest.Feed(t, l, tenant, numbered(n))
	}
	copied := filepath.Join(t.TempDir(), "log")
	if err := os.CopyFS(copied, os.DirFS(origin)); err != nil {
		t.Fatal(err)
	}
	closed(t, l)
	logs, err := filepath.Glob(filepath.Join(copied, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("the logs are %q, %v", logs, err)
	}
	last := slices.Max(logs)
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	before := int64(20)
	for size := info.Size(); size >= 0; size -= info.Size()/40 + 1 {
		dir := filepath.Join(t.TempDir(), "log")
		if err := os.CopyFS(dir, os.DirFS(copied)); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, filepath.Base(last)), size); err != nil {
			t.Fatal(err)
		}
		torn := opened(t, dir)
		n := counted(t, torn)
		if n > before {
			t.Errorf("of %d bytes there are %d batches, of more %d", size, n, before)
		}
		before = n
		closed(t, torn)
	}
	if before == 20 {
		t.Error("nothing was torn")
	}
}
