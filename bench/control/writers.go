package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

const (
	// nodes is how many APIs are written to at a time.
	nodes = 3
	// kept is how many segments a writer keeps: then it deletes one before it
	// creates the next, so that the document stays about as large as it is.
	kept = 4
	// agreement is how long edges may take to have the same in force.
	agreement = 3 * time.Second
)

// writer makes changes and remembers what was acknowledged.
type writer struct {
	name    string
	present []segment       // in the order they were created
	deleted map[string]bool // names
	made    int             // changes that were acknowledged
	refused []string        // what the others were answered
	took    []time.Duration
}

type segment struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// concurrentWriters measures whether clients of several nodes lose each other's
// changes. Every segment has a name of its own, and every acknowledged change is
// one revision: whatever gets lost or is made twice is missing or too many in
// the last document or in the number of revisions.
func (b *bench) concurrentWriters(ctx context.Context) error {
	judge, err := b.redis.open("")
	if err != nil {
		return err
	}
	defer judge.Close()
	first, err := judge.Commit(ctx, tenant, newDocument(b.size), 0)
	if err != nil {
		return err
	}
	var edges []*edge
	var apis []*node
	for i := range nodes {
		e, err := b.startEdge(ctx, fmt.Sprintf("node-%d", i))
		if err != nil {
			return err
		}
		defer e.stop()
		n, err := startNode(ctx, e.store, e.live)
		if err != nil {
			return err
		}
		defer n.stop()
		edges, apis = append(edges, e), append(apis, n)
	}
	time.Sleep(settling)

	writers := make([]writer, b.writers)
	errs := make([]error, b.writers)
	client := newClient(b.writers)
	p := newProgress("changes of writers", b.writers*b.changes)
	var done atomic.Int64
	var group sync.WaitGroup
	begun := time.Now()
	for i := range writers {
		w := &writers[i]
		*w = writer{name: fmt.Sprintf("writer %d", i), deleted: map[string]bool{}}
		group.Go(func() {
			for j := 0; j < b.changes && errs[i] == nil; j++ {
				errs[i] = w.change(ctx, client, apis[(i+j)%nodes], j)
				if n := int(done.Add(1)); i == 0 {
					p.at(n)
				}
			}
		})
	}
	group.Wait()
	took := time.Since(begun)
	p.end()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	last, err := judge.Load(ctx, tenant)
	if err != nil {
		return err
	}
	if err := b.reportWriters(writers, last.Text, last.Revision-first, took); err != nil {
		return err
	}
	b.reportAgreement(edges, last.Text, last.Revision)
	return b.redis.clear(ctx)
}

// change creates a segment or, if there are enough, deletes the oldest one. Each
// goes to another node than the change before.
func (w *writer) change(ctx context.Context, client *http.Client, n *node, i int) error {
	begun := time.Now()
	if len(w.present) == kept {
		oldest := w.present[0]
		status, answer, err := n.send(ctx, client, http.MethodDelete, "segments/"+oldest.ID, nil)
		if err != nil {
			return err
		}
		w.present = w.present[1:]
		if w.answered(begun, status, http.StatusNoContent, answer) {
			w.deleted[oldest.Name] = true
		}
		return nil
	}
	created := segment{Name: fmt.Sprintf("%s, change %d", w.name, i)}
	status, answer, err := n.send(ctx, client, http.MethodPost, "segments", map[string]any{
		"name": created.Name, "description": "made by one of many",
		"rules": []any{map[string]any{"match": map[string]any{"client_id": []string{created.Name}}}},
	})
	if err != nil {
		return err
	}
	if !w.answered(begun, status, http.StatusCreated, answer) {
		return nil
	}
	if err := json.Unmarshal(answer, &created); err != nil {
		return fmt.Errorf("reading the answer to %s: %w", created.Name, err)
	}
	w.present = append(w.present, created)
	return nil
}

// answered takes note of an answer and reports whether it acknowledges.
func (w *writer) answered(begun time.Time, status, want int, answer []byte) bool {
	w.took = append(w.took, time.Since(begun))
	if status != want {
		w.refused = append(w.refused, fmt.Sprintf("%d: %s", status, answer))
		return false
	}
	w.made++
	return true
}

// reportWriters compares what was acknowledged with what is there.
func (b *bench) reportWriters(writers []writer, text []byte, revisions uint64, took time.Duration) error {
	document, err := engine.Decode(text)
	if err != nil {
		return err
	}
	found := map[string]int{}
	for _, s := range document.Segments {
		found[s.Name]++
	}
	var all []time.Duration
	var refused []string
	made, lost, doubled := 0, 0, 0
	for _, count := range found {
		doubled += count - 1
	}
	for _, w := range writers {
		made += w.made
		all, refused = append(all, w.took...), append(refused, w.refused...)
		for _, s := range w.present {
			if found[s.Name] == 0 {
				lost++
			}
		}
		for name := range w.deleted {
			lost += found[name] // the deletion was
		}
	}
	// A change that was refused may have been made all the same.
	lost = max(lost, made-int(revisions))
	doubled = max(doubled, int(revisions)-made-len(refused))
	name := fmt.Sprintf("%d writers at %d nodes, %d changes each: ", b.writers, nodes, b.changes)
	b.table.add(name+"acknowledged, revisions", "%d, %d", made, revisions)
	b.table.none(name+"lost", lost)
	b.table.none(name+"duplicated", doubled)
	b.table.none(name+"answered otherwise", len(refused))
	if len(refused) > 0 {
		b.table.add("the first of those", "%.200s", refused[0])
	}
	b.table.add(name+"changes a second", "%.0f", float64(made)/took.Seconds())
	b.table.add(name+"p50, p99, max", "%s, %s, %s", milliseconds(quantile(all, 0.5)), milliseconds(quantile(all, 0.99)), milliseconds(quantile(all, 1)))
	return nil
}

// reportAgreement compares what the edges have in force, byte for byte, with
// what is in Redis.
func (b *bench) reportAgreement(edges []*edge, text []byte, revision uint64) {
	begun := time.Now()
	err := await(edges, revision, agreement)
	took := time.Since(begun)
	different, troubled := 0, 0
	for _, e := range edges {
		if e.trouble() != nil {
			troubled++
		}
		own, failed := json.Marshal(e.feed.Current().Document)
		if err != nil || failed != nil || !bytes.Equal(own, text) {
			different++
		}
	}
	b.table.none(fmt.Sprintf("edges without the bytes of the last document after %s", milliseconds(took)), different)
	b.table.none("edges with anything else to report", troubled)
}
