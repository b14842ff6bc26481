package embedded

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// logins is a batch of ever new devices that log in, one every second.
func logins(from, n int) *events.Batch {
	b := &events.Batch{}
	for i := from; i < from+n; i++ {
		unit := fmt.Sprintf("unit-%d-%x", i, uint64(i)*0x9e3779b97f4a7c15)
		t := begin + events.Millis(i)*1000
		b.Exposures = append(b.Exposures, events.Exposure{
			ID: events.ExposureID(unit, "signup", "1", "a"), Experiment: "signup", Iteration: "1", Unit: unit,
			Variation: "a", Source: "bucket", Time: t, Country: "SE", Browser: "firefox", DeviceType: "desktop",
		})
		o := events.Outcome{ID: fmt.Sprint("out-", i), Event: "login", Unit: unit, Time: t + 5}
		if i%10 == 0 {
			o.Unit, o.UserID = "", fmt.Sprint("user-", i)
			b.Outcomes = append(b.Outcomes, events.Outcome{ID: fmt.Sprint("seen-", i), Event: "seen", Unit: unit, UserID: o.UserID, Time: t})
		}
		b.Outcomes = append(b.Outcomes, o)
	}
	return b
}

// TestTrim has a log grow beyond its limit: what is oldest is removed, and the
// rest is answered for as by a model that has only the rest.
func TestTrim(t *testing.T) {
	const limit, part = 1 << 20, 2000
	l, err := Open(t.TempDir(), Options{MaxSize: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, l)
	ctx := context.Background()
	if _, trimmed, err := l.Trim(ctx); trimmed || err != nil {
		t.Fatalf("a small log is trimmed: %t, %v", trimmed, err)
	}
	all := &events.Batch{}
	for from := 0; l.kept() <= limit+limit/8; from += part {
		b := logins(from, part)
		all.Merge(b)
		eventstest.Feed(t, l, tenant, b)
		if err := l.db.Flush(); err != nil { // into files, whose size counts
			t.Fatal(err)
		}
	}
	before, trimmed, err := l.Trim(ctx)
	if err != nil || !trimmed || before <= begin {
		t.Fatalf("trimmed %t before %d: %v", trimmed, before, err)
	}
	if size := l.kept(); size > limit {
		t.Errorf("it still takes %d bytes, the limit is %d", size, limit)
	}
	model := eventstest.NewModel()
	eventstest.Feed(t, model, tenant, all)
	if err := model.Prune(ctx, before); err != nil {
		t.Fatal(err)
	}
	q := events.Query{Tenant: tenant, Experiment: "signup", Iteration: "1", Measures: []events.Measure{{Key: "login", Event: "login"}}}
	want := eventstest.Ask(t, model, q)
	if d := eventstest.Difference(eventstest.Ask(t, l, q), want, 0); d != "" {
		t.Error(d)
	}
	if kept := float64(want.Groups[0].Traffic) / float64(len(all.Exposures)); kept < 0.4 || kept > 0.95 {
		t.Errorf("%.2f of the devices are left", kept)
	}
}

// TestBeyondTheLimit refuses events while the log is much too large, and takes
// them when it was trimmed.
func TestBeyondTheLimit(t *testing.T) {
	l, err := Open(t.TempDir(), Options{MaxSize: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, l)
	eventstest.Feed(t, l, tenant, logins(0, 2000))
	if err := l.db.Flush(); err != nil {
		t.Fatal(err)
	}
	l.measured.Store(-int64(2 * sizeInterval)) // long ago
	err = l.Append(context.Background(), tenant, logins(0, 1))
	refused(t, err, "its limit is")
	if !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("the error is %v", err)
	}
	if before, trimmed, err := l.Trim(context.Background()); err != nil || !trimmed {
		t.Errorf("trimmed %t before %d: %v", trimmed, before, err)
	}
	l.measured.Store(-int64(2 * sizeInterval))
	if err := l.Append(context.Background(), tenant, logins(0, 1)); err != nil {
		t.Errorf("a log that was trimmed takes nothing: %v", err)
	}
}

// TestShrinkOfOneTime shrinks a log whose records are all of one moment.
func TestShrinkOfOneTime(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	b := logins(0, 3000)
	for i := range b.Exposures {
		b.Exposures[i].Time = begin
	}
	for i := range b.Outcomes {
		b.Outcomes[i].Time = begin
	}
	eventstest.Feed(t, l, tenant, b)
	if err := l.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if before, err := l.Shrink(context.Background(), 1000); err != nil || before != begin+1 {
		t.Errorf("shrunk before %d: %v", before, err)
	}
}

// TestFoundLimit is a tenth of the space, and at least a gigabyte.
func TestFoundLimit(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	s, err := spaceOf(l.dir)
	if err != nil {
		t.Skip("this system does not say how much space there is")
	}
	if limit := l.Limit(); limit < leastLimit || limit > max(leastLimit, int64(s.bytes)/10) {
		t.Errorf("the limit is %d of a disk with %d bytes free", limit, s.freeBytes)
	}
}
