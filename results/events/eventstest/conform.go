package eventstest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// tenants' names begin alike.
var tenants = []string{"shop/production", "shop/production2", "shop"}

// Conform checks that logs are as events.Log says. open makes a new log without
// records; Conform closes it. A log with a method Reopen(*testing.T) events.Log,
// which closes it and opens it again, must keep everything across that.
//
// tolerance is how much sums may differ from the exact ones; see Difference.
func Conform(t *testing.T, tolerance float64, open func(t *testing.T) events.Log) {
	c := &conformance{tolerance: tolerance, open: open, rounds: 8}
	if testing.Short() {
		c.rounds = 3
	}
	t.Run("empty", c.empty)
	t.Run("answers", c.answers)
	t.Run("order", c.order)
	t.Run("export", c.export)
	t.Run("prune", c.prune)
	t.Run("tenants", c.tenants)
	t.Run("concurrent", c.concurrent)
	t.Run("reopen", c.reopen)
	t.Run("cancel", c.cancel)
	t.Run("poison", c.poison)
}

type conformance struct {
	tolerance float64
	open      func(t *testing.T) events.Log
	rounds    int
}

// perRound is how many queries are asked of one stream.
const perRound = 12

func closed(t *testing.T, log events.Log) {
	t.Helper()
	if err := log.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// same asks both logs random queries.
func (c *conformance) same(t *testing.T, r *rand.Rand, got, want events.Log, tenant string) {
	t.Helper()
	for range perRound {
		q := AnyQuery(r, tenant)
		if d := Difference(Ask(t, got, q), Ask(t, want, q), c.tolerance); d != "" {
			t.Fatalf("of %s\n%s", text(q), d)
		}
	}
}

func (c *conformance) empty(t *testing.T) {
	log := c.open(t)
	defer closed(t, log)
	c.same(t, rand.New(rand.NewPCG(1, 0)), log, NewModel(), tenants[0])
	if got, err := log.Tenants(context.Background()); err != nil || len(got) != 0 {
		t.Errorf("an empty log has the tenants %q, %v", got, err)
	}
	Feed(t, log, tenants[0], &events.Batch{})
	if lines := exportOf(t, log, tenants[0]); len(lines) != 0 {
		t.Errorf("an empty log exports %q", lines)
	}
	if _, err := log.Query(context.Background(), events.Query{Tenant: tenants[0], Attributes: []string{"shoe_size"}}); err == nil {
		t.Error("an attribute that is not kept is no error")
	}
}

func (c *conformance) answers(t *testing.T) {
	for round := range c.rounds {
		r := rand.New(rand.NewPCG(2, uint64(round)))
		log, model := c.open(t), NewModel()
		for _, b := range stream(r) {
			Feed(t, log, tenants[0], b)
			Feed(t, model, tenants[0], b)
		}
		c.same(t, r, log, model, tenants[0])
		closed(t, log)
	}
}

// order also replays: what comes again changes nothing.
func (c *conformance) order(t *testing.T) {
	for round := range c.rounds {
		r := rand.New(rand.NewPCG(3, uint64(round)))
		batches := stream(r)
		var queries []events.Query
		for range perRound {
			queries = append(queries, AnyQuery(r, tenants[0]))
		}
		var want []string
		for range 3 {
			log := c.open(t)
			for range 2 {
				Feed(t, log, tenants[0], batches...)
				for i, q := range queries {
					got := text(Ask(t, log, q))
					if len(want) <= i {
						want = append(want, got)
					}
					if got != want[i] {
						t.Fatalf("the order makes a difference to %s\n%s", text(q), differ(got, want[i]))
					}
				}
			}
			closed(t, log)
			batches = disordered(r, batches)
		}
	}
}

func (c *conformance) export(t *testing.T) {
	for round := range c.rounds {
		r := rand.New(rand.NewPCG(4, uint64(round)))
		log, second, model := c.open(t), c.open(t), NewModel()
		for _, b := range stream(r) {
			Feed(t, log, tenants[0], b)
			Feed(t, log, tenants[1], Batch(r, 20))
			Feed(t, model, tenants[0], b)
		}
		if round%2 == 1 {
			before := moment(r)
			pruned(t, before, log, model)
		}
		Copy(t, log, second, tenants[0])
		c.same(t, r, second, model, tenants[0])
		if a, b := exportOf(t, log, tenants[0]), exportOf(t, second, tenants[0]); !slices.Equal(a, b) {
			t.Fatalf("the export of the copy is\n%s\nwant\n%s", strings.Join(b, "\n"), strings.Join(a, "\n"))
		}
		stop := errors.New("enough")
		if err := log.Export(context.Background(), tenants[0], func(*events.Batch) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("an error of yield ends the export with %v", err)
		}
		closed(t, log)
		closed(t, second)
	}
}

func pruned(t *testing.T, before events.Millis, logs ...events.Log) {
	t.Helper()
	for _, log := range logs {
		if err := log.Prune(context.Background(), before); err != nil {
			t.Fatalf("pruning: %v", err)
		}
	}
}

func (c *conformance) prune(t *testing.T) {
	for round := range c.rounds {
		r := rand.New(rand.NewPCG(5, uint64(round)))
		batches := stream(r)
		log, model := c.open(t), NewModel()
		Feed(t, log, tenants[0], batches...)
		Feed(t, model, tenants[0], batches...)
		for range 3 {
			pruned(t, moment(r), log, model)
			c.same(t, r, log, model, tenants[0])
			more := Batch(r, 30)
			Feed(t, log, tenants[0], more)
			Feed(t, model, tenants[0], more)
			c.same(t, r, log, model, tenants[0])
		}
		Feed(t, log, tenants[0], batches...)
		Feed(t, model, tenants[0], batches...)
		c.same(t, r, log, model, tenants[0])
		closed(t, log)
	}
}

func (c *conformance) tenants(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 0))
	log := c.open(t)
	defer closed(t, log)
	models := map[string]*Model{}
	for _, tenant := range tenants {
		models[tenant] = NewModel()
		for _, b := range stream(r) {
			Feed(t, log, tenant, b)
			Feed(t, models[tenant], tenant, b)
		}
	}
	for _, tenant := range tenants {
		c.same(t, r, log, models[tenant], tenant)
	}
	c.same(t, r, log, NewModel(), "shop/prod")
	got, err := log.Tenants(context.Background())
	want := slices.Sorted(slices.Values(tenants))
	if slices.Sort(got); err != nil || !slices.Equal(got, want) {
		t.Errorf("the tenants are %q, %v, want %q", got, err, want)
	}
}

func (c *conformance) concurrent(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	log, model := c.open(t), NewModel()
	defer closed(t, log)
	var all sync.WaitGroup
	for worker := range 4 {
		batches := disordered(r, stream(r))
		Feed(t, model, tenants[0], batches...)
		all.Go(func() {
			r := rand.New(rand.NewPCG(8, uint64(worker)))
			for i, b := range batches {
				if err := log.Append(context.Background(), tenants[0], b); err != nil {
					t.Errorf("appending: %v", err)
				}
				if i%10 != 0 {
					continue
				}
				if _, err := log.Query(context.Background(), AnyQuery(r, tenants[0])); err != nil {
					t.Errorf("querying: %v", err)
				}
			}
		})
	}
	all.Wait()
	c.same(t, r, log, model, tenants[0])
}

func (c *conformance) reopen(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 0))
	log, model := c.open(t), NewModel()
	defer func() { closed(t, log) }()
	if _, ok := log.(interface{ Reopen(*testing.T) events.Log }); !ok {
		t.Skip("the log has no method Reopen")
	}
	for _, b := range stream(r) {
		Feed(t, log, tenants[0], b)
		Feed(t, model, tenants[0], b)
		log = log.(interface{ Reopen(*testing.T) events.Log }).Reopen(t)
		c.same(t, r, log, model, tenants[0])
	}
}

func (c *conformance) cancel(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 0))
	log := c.open(t)
	defer closed(t, log)
	Feed(t, log, tenants[0], stream(r)...)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := log.Query(ctx, AnyQuery(r, tenants[0])); !errors.Is(err, context.Canceled) {
		t.Errorf("a query that was cancelled says %v", err)
	}
	err := log.Export(ctx, tenants[0], func(*events.Batch) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an export that was cancelled says %v", err)
	}
}
