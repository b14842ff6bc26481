package embedded

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// within asks a query with room for that many bytes of what aliases lead to.
func within(t *testing.T, l *Log, q events.Query, room int) *events.Answer {
	t.Helper()
	p, err := newPlan(&q)
	if err != nil {
		t.Fatal(err)
	}
	from := l.db.NewSnapshot()
	defer from.Close() //nolint:errcheck // only read
	answer, err := p.answer(context.Background(), from, room)
	if err != nil {
		t.Fatalf("querying with room for %d bytes: %v", room, err)
	}
	return answer
}

// tight compares answers with the model's, also where a query must go through the
// aliases many times.
func tight(t *testing.T, r *rand.Rand, l *Log, model *eventstest.Model) {
	t.Helper()
	for range 4 {
		q := eventstest.AnyQuery(r, tenant)
		want := eventstest.Ask(t, model, q)
		for _, room := range []int{1, 1 + r.IntN(10_000), shelfRoom} {
			if d := eventstest.Difference(within(t, l, q, room), want, 0); d != "" {
				t.Fatalf("with room for %d bytes: %s", room, d)
			}
		}
	}
}

// scattered returns the same records in another order and in other batches.
func scattered(r *rand.Rand, from []*events.Batch) []*events.Batch {
	all := &events.Batch{}
	for _, b := range from {
		all.Merge(b)
	}
	r.Shuffle(len(all.Exposures), func(i, k int) {
		all.Exposures[i], all.Exposures[k] = all.Exposures[k], all.Exposures[i]
	})
	r.Shuffle(len(all.Outcomes), func(i, k int) { all.Outcomes[i], all.Outcomes[k] = all.Outcomes[k], all.Outcomes[i] })
	out := []*events.Batch{{Splits: all.Splits}}
	for part := range slices.Chunk(all.Exposures, 1+r.IntN(100)) {
		out = append(out, &events.Batch{Exposures: part})
	}
	for part := range slices.Chunk(all.Outcomes, 1+r.IntN(100)) {
		out = append(out, &events.Batch{Outcomes: part})
	}
	r.Shuffle(len(out), func(i, k int) { out[i], out[k] = out[k], out[i] })
	return out
}

// TestSharedUsersAndIds compares logs with the model where most outcomes come by
// users and ids that several units share.
func TestSharedUsersAndIds(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(21, uint64(seed)))
		l, model := opened(t, t.TempDir()), eventstest.NewModel()
		size := 20 + r.IntN(400)
		batches := []*events.Batch{dense(r, size), dense(r, size), dense(r, size)}
		eventstest.Feed(t, model, tenant, batches...)
		eventstest.Feed(t, l, tenant, scattered(r, batches)...)
		tight(t, r, l, model)

		before := batches[0].Outcomes[0].Time // some time of theirs
		for _, log := range []events.Log{l, model} {
			if err := log.Prune(context.Background(), before); err != nil {
				t.Fatal(err)
			}
		}
		tight(t, r, l, model)
		more := dense(r, size/2)
		eventstest.Feed(t, model, tenant, more)
		eventstest.Feed(t, l, tenant, more)
		tight(t, r, l, model)

		imported := opened(t, t.TempDir())
		eventstest.Copy(t, l, imported, tenant)
		tight(t, r, imported, model)
		closed(t, imported)
		closed(t, l)
	}
}

// loginsOf makes a batch of logins of one user, each by another unit, that are
// exposed, and of as many outcomes that only tell the user.
func loginsOf(user string, n int) *events.Batch {
	b := &events.Batch{}
	for i := range n {
		e := shownUnit(i)
		b.Exposures = append(b.Exposures, e)
		b.Outcomes = append(b.Outcomes,
			events.Outcome{ID: fmt.Sprint("l", i), Event: "login", Unit: e.Unit, UserID: user, Time: e.Time},
			events.Outcome{ID: fmt.Sprint("o", i), Event: "order", UserID: user, Time: e.Time + 1})
	}
	return b
}

// keys counts what is in a log.
func keys(t *testing.T, l *Log) (n int) {
	t.Helper()
	it, err := l.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close() //nolint:errcheck // only read
	for it.First(); it.Valid(); it.Next() {
		n++
	}
	return n
}

// TestUserOfManyUnits appends what a monitoring account leaves: a user that has
// been seen with many units. It must take room and work like any other records.
func TestUserOfManyUnits(t *testing.T) {
	for _, n := range []int{3_000, 20_000} {
		l := opened(t, t.TempDir())
		b := loginsOf("monitor", n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		eventstest.Feed(t, l, tenant, b)
		runtime.ReadMemStats(&after)
		if got, want := keys(t, l), 4*n+1; got != want {
			t.Errorf("of %d records there are %d keys, want %d", b.Len(), got, want)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20+uint64(b.Len())*4096 {
			t.Errorf("appending %d records took %d bytes", b.Len(), grown)
		}
		// All orders are those of the unit that was exposed first.
		answer := within(t, l, events.Query{
			Tenant: tenant, Experiment: "signup", Iteration: "1", Skew: events.DefaultSkew,
			Measures: []events.Measure{{Event: "order", Aggregation: events.Count}},
		}, shelfRoom)
		var outcomes, units int64
		for _, g := range answer.Groups {
			outcomes += g.Cells[0].Outcomes
			units += g.Cells[0].Sums.Events
		}
		if outcomes != int64(n) || units != 1 {
			t.Errorf("%d orders of one user count as %d of %d units", n, outcomes, units)
		}
		closed(t, l)
	}
}

// TestIdOfManyUnits has an exposure's id that is that of many units, each of
// which all of its outcomes count for.
func TestIdOfManyUnits(t *testing.T) {
	const n = 3_000
	l := opened(t, t.TempDir())
	defer closed(t, l)
	b := &events.Batch{}
	for i := range n {
		e := shownUnit(i)
		e.ID = "shared"
		b.Exposures = append(b.Exposures, e)
		b.Outcomes = append(b.Outcomes, events.Outcome{ID: fmt.Sprint(i), Event: "order", ExposureID: "shared", Time: begin + 15*day})
	}
	// Of one unit there is another outcome, by which it has one more.
	b.Outcomes = append(b.Outcomes, events.Outcome{ID: "own", Event: "order", Unit: hashed(7), Time: begin + 15*day})
	eventstest.Feed(t, l, tenant, b)
	if got, want := keys(t, l), 3*n+2; got != want {
		t.Errorf("of %d records there are %d keys, want %d", b.Len(), got, want)
	}
	for _, room := range []int{1 << 12, 1 << 16, shelfRoom} {
		answer := within(t, l, events.Query{
			Tenant: tenant, Experiment: "signup", Iteration: "1",
			Measures: []events.Measure{{Event: "order", Aggregation: events.Count}},
		}, room)
		var outcomes int64
		for _, g := range answer.Groups {
			outcomes += g.Cells[0].Outcomes
		}
		if outcomes != n*n+1 {
			t.Errorf("with room for %d bytes there are %d outcomes, want %d", room, outcomes, n*n+1)
		}
	}
}

// TestResolvingEnds cancels while a query goes through aliases.
func TestResolvingEnds(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	eventstest.Feed(t, l, tenant, loginsOf("monitor", 2_000))
	q := events.Query{
		Tenant: tenant, Experiment: "signup", Iteration: "1",
		Measures: []events.Measure{{Event: "order", Aggregation: events.Count}},
	}
	p, err := newPlan(&q)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r, err := newResolver(ctx, p, l.db)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close() //nolint:errcheck // only read
	cancel()
	if _, err := r.resolve(nil, shelfRoom); !errors.Is(err, context.Canceled) {
		t.Errorf("resolving after the end says %v", err)
	}
	if _, err := newResolver(ctx, p, l.db); !errors.Is(err, context.Canceled) {
		t.Errorf("reading the units after the end says %v", err)
	}
}

// TestTenantsDoNotWait holds the links of one tenant: another's records are
// appended, its own wait no longer than their context.
func TestTenantsDoNotWait(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	done, err := l.links.take(context.Background(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	eventstest.Feed(t, l, "other", loginsOf("ann", 3))
	ctx, cancel := context.WithCancel(context.Background())
	waited := make(chan error)
	go func() { waited <- l.Append(ctx, tenant, loginsOf("ann", 3)) }()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("an append that waited says %v", err)
	}
	done()
	eventstest.Feed(t, l, tenant, loginsOf("ann", 3))
	if n := len(l.links.all); n != 0 {
		t.Errorf("%d turns are left", n)
	}
}

// TestAppendLooksAtContext has a context that ends while links are read.
func TestAppendLooksAtContext(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	a := appending{tenant: tenant, batch: l.db.NewBatch(), links: map[link]events.Millis{}}
	defer a.batch.Close() //nolint:errcheck // not wanted
	if err := a.add(loginsOf("ann", 1_000)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.renew(ctx, l.db); !errors.Is(err, context.Canceled) {
		t.Errorf("renewing links after the end says %v", err)
	}
}

// TestLatestLink appends the time of a link in both orders: the later one stays.
func TestLatestLink(t *testing.T) {
	l := opened(t, t.TempDir())
	defer closed(t, l)
	at := func(t events.Millis) *events.Batch {
		return &events.Batch{Outcomes: []events.Outcome{{ID: fmt.Sprint(t), Event: "login", Unit: "u", UserID: "ann", Time: t}}}
	}
	key := link{alias{byUser, "ann"}, toUnit, string(appendUnit(nil, "u"))}.append(nil, tenant)
	for _, step := range []struct{ add, want events.Millis }{{5, 5}, {9, 9}, {7, 9}} {
		eventstest.Feed(t, l, tenant, at(step.add))
		if got, known, err := latest(l.db, key); err != nil || !known || got != step.want {
			t.Errorf("after %d the link is of %d, %v, %v, want %d", step.add, got, known, err, step.want)
		}
	}
}
