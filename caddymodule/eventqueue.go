package caddymodule

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/store"
)

const (
	// eventQueueSize is how many events may wait for a slow disk.
	eventQueueSize = 8192
	// eventBatch is how many events are delivered at a time, and eventPause how
	// long the first of them waits for others.
	eventBatch = 2000
	eventPause = 100 * time.Millisecond
	// eventRetry is the longest pause before a batch is delivered again that was
	// not taken.
	eventRetry = 5 * time.Second
)

// deliverer keeps a batch. When it returns without error the batch survives a
// crash.
type deliverer func(ctx context.Context, tenant store.Tenant, batch *events.Batch) error

// eventQueue takes events away from the requests that they come from. It never
// blocks: what does not fit is dropped and counted. It is safe for concurrent
// use.
type eventQueue struct {
	waiting chan queuedEvent
	deliver deliverer
	loggers *loggers
	known   knownExposures
	ended   knownLogins
	splits  map[splitKey]bool // that have been delivered; of run
	dropped atomic.Uint64
	// trouble and refusals bound how often each is logged.
	trouble, refusals rate.Sometimes
	stop              chan struct{}
	done              chan struct{}
}

// queuedEvent is an exposure, with the snapshot that it was decided by, or an
// outcome.
type queuedEvent struct {
	tenant   string
	snapshot *engine.Snapshot
	exposure events.Exposure
	outcome  events.Outcome
}

type splitKey struct{ tenant, experiment, iteration, version string }

func newEventQueue(deliver deliverer, loggers *loggers) *eventQueue {
	q := &eventQueue{
		ended:   newKnownLogins(),
		waiting: make(chan queuedEvent, eventQueueSize), deliver: deliver, loggers: loggers,
		known:   newKnownExposures(),
		trouble: rate.Sometimes{First: 1, Interval: troubleInterval}, refusals: rate.Sometimes{First: 1, Interval: troubleInterval},
		splits: map[splitKey]bool{}, stop: make(chan struct{}), done: make(chan struct{}),
	}
	go q.run()
	return q
}

// expose queues an exposure, unless this edge has done that lately: the log knows
// it then.
func (q *eventQueue) expose(tenant string, snapshot *engine.Snapshot, e events.Exposure) {
	if !q.known.add(&e) {
		return
	}
	if !q.put(queuedEvent{tenant: tenant, snapshot: snapshot, exposure: e}) {
		q.known.forget(&e)
	}
}

// conclude queues an outcome.
func (q *eventQueue) conclude(tenant string, o events.Outcome) {
	q.put(queuedEvent{tenant: tenant, outcome: o})
}

func (q *eventQueue) put(e queuedEvent) bool {
	select {
	case <-q.stop: // a request that outlives its configuration
	default:
		select {
		case q.waiting <- e:
			return true
		default:
		}
	}
	q.drop(1)
	return false
}

func (q *eventQueue) drop(n int) {
	q.dropped.Add(uint64(n))
	eventsDropped.Add(float64(n))
}

// refuse counts events of a tenant that cannot be kept because of what is in
// them, if there are any.
func (q *eventQueue) refuse(tenant string, lost events.Refused) {
	if lost.Records == 0 {
		return
	}
	q.drop(lost.Records)
	q.refusals.Do(func() {
		q.loggers.current().Warn("dropping events that can never be kept",
			zap.String("tenant", tenant), zap.Int("events", lost.Records), zap.Error(lost.Reason))
	})
}

func (q *eventQueue) run() {
	defer close(q.done)
	for {
		select {
		case first := <-q.waiting:
			q.flush(q.collect(first))
		case <-q.stop:
			for len(q.waiting) > 0 {
				q.flush(q.collect(<-q.waiting))
			}
			return
		}
	}
}

// collect gives the events that come along with the first one.
func (q *eventQueue) collect(first queuedEvent) []queuedEvent {
	batch := []queuedEvent{first}
	timer := time.NewTimer(eventPause)
	defer timer.Stop()
	for len(batch) < eventBatch {
		select {
		case e := <-q.waiting:
			batch = append(batch, e)
		case <-timer.C:
			return batch
		case <-q.stop:
			select {
			case e := <-q.waiting:
				batch = append(batch, e)
			default:
				return batch
			}
		}
	}
	return batch
}

// flush delivers a batch.
func (q *eventQueue) flush(batch []queuedEvent) {
	for tenant, records := range q.sorted(batch) {
		refused, delivered := q.insist(store.Tenant(tenant), records)
		if !delivered {
			q.drop(records.Len())
			continue
		}
		eventsRecorded.WithLabelValues("exposure").Add(float64(len(records.Exposures) - refused.Exposures))
		eventsRecorded.WithLabelValues("outcome").Add(float64(len(records.Outcomes) - refused.Outcomes))
	}
}

// insist delivers records again and again until they are taken or the queue ends.
// It returns those that were refused for what is in them, which are not waited for.
func (q *eventQueue) insist(tenant store.Tenant, records *events.Batch) (refused events.Refused, delivered bool) {
	pause := 50 * time.Millisecond
	for {
		refused, err := events.Deliver(context.Background(), func(ctx context.Context, _ string, part *events.Batch) error {
			ctx, cancel := context.WithTimeout(ctx, closingTime)
			defer cancel()
			return q.deliver(ctx, tenant, part)
		}, string(tenant), records)
		if err == nil {
			q.refuse(string(tenant), refused)
			return refused, true
		}
		q.trouble.Do(func() {
			q.loggers.current().Warn("events cannot be kept; they wait, and are dropped when there are too many",
				zap.String("tenant", string(tenant)), zap.Error(err))
		})
		select {
		case <-q.stop:
			return events.Refused{}, false
		case <-time.After(pause):
			pause = min(2*pause, eventRetry)
		}
	}
}

// sorted divides a batch by tenants, and puts in the splits that the exposures
// were decided by.
func (q *eventQueue) sorted(batch []queuedEvent) map[string]*events.Batch {
	byTenant := map[string]*events.Batch{}
	for i := range batch {
		e := &batch[i]
		if byTenant[e.tenant] == nil {
			byTenant[e.tenant] = &events.Batch{}
		}
		to := byTenant[e.tenant]
		if e.snapshot == nil {
			to.Outcomes = append(to.Outcomes, e.outcome)
			continue
		}
		to.Exposures = append(to.Exposures, e.exposure)
		q.addSplit(to, e)
	}
	return byTenant
}

// mostSplits bounds what is remembered of splits; more only means that some are
// delivered again.
const mostSplits = 10_000

func (q *eventQueue) addSplit(to *events.Batch, e *queuedEvent) {
	key := splitKey{e.tenant, e.exposure.Experiment, e.exposure.Iteration, e.exposure.WeightsVersion}
	if key.version == "" || q.splits[key] {
		return
	}
	at := slices.IndexFunc(e.snapshot.Splits, func(s engine.Split) bool {
		return s.ExperimentID == key.experiment && s.Iteration == key.iteration && s.WeightsVersion == key.version
	})
	if at < 0 {
		return // unreachable: the treatment was labelled with it
	}
	weights := map[string]float64{}
	for id, weight := range e.snapshot.Splits[at].Weights {
		weights[id] = float64(weight) / float64(engine.WholeWeight) * 100
	}
	to.Splits = append(to.Splits, events.Split{Experiment: key.experiment, Iteration: key.iteration, WeightsVersion: key.version, Weights: weights})
	if len(q.splits) >= mostSplits {
		clear(q.splits)
	}
	q.splits[key] = true
}

// close delivers what is queued.
func (q *eventQueue) close() error {
	close(q.stop)
	select {
	case <-q.done:
		return nil
	case <-time.After(2 * closingTime):
		return fmt.Errorf("the event log does not take the last %d events", len(q.waiting))
	}
}

// knownExposures remembers the exposures of late, so that a unit that comes again
// costs nothing but a look. What it forgets does no harm: the log takes an exposure
// twice for one.
type knownExposures struct {
	seed   maphash.Seed
	recent recent
}

func newKnownExposures() knownExposures {
	return knownExposures{maphash.MakeSeed(), make(recent, 1<<16)}
}

// add reports whether the exposure was not known yet.
func (k *knownExposures) add(e *events.Exposure) bool { return k.recent.add(k.hash(e)) }

// forget takes an exposure back.
func (k *knownExposures) forget(e *events.Exposure) { k.recent.forget(k.hash(e)) }

func (k *knownExposures) hash(e *events.Exposure) uint64 {
	hash := maphash.String(k.seed, e.ID)
	if !e.Analysed() {
		hash = ^hash // what is kept apart is not the same exposure
	}
	return hash
}
