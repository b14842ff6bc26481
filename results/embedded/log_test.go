package embedded

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// refused fails unless an error says all of what is wanted.
func refused(t *testing.T, err error, wants ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one of %q", wants)
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %q, want %q in it", err, want)
		}
	}
}

// alike fails if a log and a model answer differently.
func alike(t *testing.T, l *Log, model *eventstest.Model) {
	t.Helper()
	r := rand.New(rand.NewPCG(13, 0))
	for range 10 {
		q := eventstest.AnyQuery(r, tenant)
		if d := eventstest.Difference(eventstest.Ask(t, l, q), eventstest.Ask(t, model, q), 0); d != "" {
			t.Fatal(d)
		}
	}
}

// random fills a log and a model alike.
func random(t *testing.T, l *Log, seed uint64) *eventstest.Model {
	t.Helper()
	model := eventstest.NewModel()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 3 {
		b := eventstest.Batch(r, 300)
		eventstest.Feed(t, l, tenant, b)
		eventstest.Feed(t, model, tenant, b)
	}
	return model
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	l := opened(t, dir)
	_, err := Open(dir, Options{})
	refused(t, err, dir, "in use", "own directory")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	_, err = Open(link, Options{ReadOnly: true})
	refused(t, err, link, "in use")
	closed(t, l)
	closed(t, opened(t, link))
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(filepath.Join(dir, "none"), Options{ReadOnly: true})
	refused(t, err, filepath.Join(dir, "none"))
	_, err = Open(dir, Options{ReadOnly: true})
	refused(t, err, dir)
	l := opened(t, dir)
	model := random(t, l, 1)
	closed(t, l)
	l, err = Open(dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, l)
	alike(t, l, model)
	refused(t, l.Append(context.Background(), tenant, numbered(1)), dir)
}

func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	l := opened(t, dir)
	if err := l.db.Set([]byte{formatKind}, []byte(strconv.Itoa(format+1)), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	closed(t, l)
	for range 2 { // the first one let it go
		_, err := Open(dir, Options{})
		refused(t, err, dir, "newer version")
	}
}

func TestBackupAndRestore(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	model := random(t, l, 2)
	backup := filepath.Join(t.TempDir(), "backup")
	if err := l.Backup(backup); err != nil {
		t.Fatal(err)
	}
	refused(t, l.Backup(backup), backup, "already")
	random(t, l, 3) // is not in it

	dir := filepath.Join(t.TempDir(), "restored")
	if err := Restore(backup, dir); err != nil {
		t.Fatal(err)
	}
	refused(t, Restore(backup, dir), dir, "already")
	refused(t, Restore(t.TempDir(), filepath.Join(t.TempDir(), "new")), "restoring")
	restored := opened(t, dir)
	alike(t, restored, model)
	random(t, restored, 4) // leaves the backup as it is
	closed(t, restored)
	again, err := Open(backup, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, again)
	alike(t, again, model)
}

func TestRefusedRecords(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	infinite := math.Inf(1)
	for want, b := range map[string]*events.Batch{
		"neither":    {Outcomes: []events.Outcome{{ID: "1", Event: "login", Unit: "u"}, {ID: "2", Event: "login"}}},
		"the value":  {Outcomes: []events.Outcome{{ID: "1", Event: "login", Unit: "u", Value: &infinite}}},
		"exposure 0": {Exposures: []events.Exposure{{ID: strings.Repeat("x", longest+1)}}},
		"split 0":    {Splits: []events.Split{{Experiment: strings.Repeat("x", longest+1)}}},
	} {
		refused(t, l.Append(context.Background(), tenant, b), want, "appending")
	}
	if got, err := l.Tenants(context.Background()); err != nil || len(got) > 0 {
		t.Errorf("of refused batches, %q is there, %v", got, err)
	}
}

// TestAnyBytes has names that only differ in what other engines cannot keep.
func TestAnyBytes(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	names := []string{"a", "a\x00", "a\x00\x01", "a\xff", "a\x01", strings.Repeat("\x00", 128)}
	b := &events.Batch{}
	for _, unit := range names {
		b.Exposures = append(b.Exposures, events.Exposure{ID: "x" + unit, Experiment: "e", Iteration: "1", Unit: unit, Variation: "v", Time: 5})
		for _, id := range names {
			b.Outcomes = append(b.Outcomes, events.Outcome{ID: id, Event: "login", ExposureID: "x" + unit, Time: 5})
		}
	}
	eventstest.Feed(t, l, tenant, b, b)
	answer := eventstest.Ask(t, l, events.Query{
		Tenant: tenant, Experiment: "e", Iteration: "1",
		Measures: []events.Measure{{Event: "login", Aggregation: events.Count, Histogram: true}},
	})
	cell := answer.Groups[0].Cells[0]
	if n := int64(len(names)); answer.Groups[0].Traffic != n || cell.Outcomes != n*n || cell.Sums.Totals().YY != float64(n*n*n) {
		t.Errorf("of %d units the answer is %+v", n, answer.Groups[0])
	}
}

func TestManyOutcomesOfOneUnit(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	b := &events.Batch{Exposures: []events.Exposure{{ID: "x", Experiment: "e", Iteration: "1", Unit: "u", Variation: "v", Time: 5}}}
	for i := range 1000 {
		b.Outcomes = append(b.Outcomes, events.Outcome{ID: fmt.Sprint(i % 500), Event: "login", Unit: "u", Time: events.Millis(5 + i)})
	}
	eventstest.Feed(t, l, tenant, b)
	answer := eventstest.Ask(t, l, events.Query{
		Tenant: tenant, Experiment: "e", Iteration: "1", Measures: []events.Measure{{Event: "login", Aggregation: events.Count}},
	})
	if cell := answer.Groups[0].Cells[0]; cell.Outcomes != 500 || cell.Last != 504 {
		t.Errorf("the cell is %+v", cell)
	}
}

func TestCancelledWhileItReads(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	for b := range batches(100_000) {
		eventstest.Feed(t, l, tenant, b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := l.Query(ctx, events.Query{
		Tenant: tenant, Experiment: "signup", Iteration: "1", Days: true, Attributes: attributes,
		Measures: []events.Measure{{Event: "order", Aggregation: events.Sum}},
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the query says %v", err)
	}
	// The context of one part must not hide why another ended.
	if _, err := l.Query(ctx, events.Query{Tenant: tenant}); err == nil {
		t.Error("a query after the deadline is no error")
	}
}

func TestEngineFailure(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	eventstest.Feed(t, l, tenant, numbered(1))
	l.voice.Fatalf("disk %s", "gone")
	l.voice.Fatalf("and more")
	err := l.Append(context.Background(), tenant, numbered(2))
	refused(t, err, "disk gone")
	if !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("the error is %v", err)
	}
}

func TestNothingLeaks(t *testing.T) {
	dir := t.TempDir()
	cycle := func() {
		l := opened(t, dir)
		eventstest.Feed(t, l, tenant, numbered(1))
		eventstest.Ask(t, l, events.Query{Tenant: tenant, Experiment: "kill", Iteration: "1"})
		if _, err := Open(dir, Options{}); err == nil {
			t.Error("the log could be opened twice")
		}
		closed(t, l)
	}
	cycle()
	routines, files := runtime.NumGoroutine(), descriptors(t)
	for range 100 {
		cycle()
	}
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > routines && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > routines {
		t.Errorf("there are %d goroutines, at first %d", n, routines)
	}
	if n := descriptors(t); n > files {
		t.Errorf("there are %d descriptors, at first %d", n, files)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("descriptors cannot be counted here")
	}
	return len(entries)
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for: %s", what)
		}
	}
}
