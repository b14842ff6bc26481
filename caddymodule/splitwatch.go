package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/report"
	"github.com/caddy-experiments/caddy-experiments/store"
)

const (
	// splitInterval is how often the splits are looked at, firstSplit when first.
	splitInterval = 5 * time.Minute
	firstSplit    = time.Minute
	// splitShare is at most the part of the time that is spent with looking, where
	// logs are so large that it takes minutes.
	splitShare = 0.05
)

// watchedSplit names an experiment of a tenant.
type watchedSplit struct {
	tenant     store.Tenant
	experiment string
}

// splitWatch compares how the units of running experiments were divided with how
// they should have been, for the metrics and the log of the edge. It is safe for
// concurrent use.
type splitWatch struct {
	mu         sync.Mutex
	mismatched map[watchedSplit]bool
}

// watchSplits looks at the splits now and then. It takes its turn at the desk where
// all reports are made, and those give way to logins.
func (k *eventKeeping) watchSplits(ctx context.Context) {
	for wait := firstSplit; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		begin := time.Now()
		if app := activeApp(); app != nil && app.events == k {
			k.checkSplits(ctx, app)
		}
		wait = max(splitInterval, time.Duration(float64(time.Since(begin))/splitShare))
	}
}

// checkSplits looks at the splits of all experiments that assign subjects by
// chance. What cannot be looked at keeps what was found last.
func (k *eventKeeping) checkSplits(ctx context.Context, app *App) {
	running := map[watchedSplit]bool{}
	app.eachSplit(func(tenant store.Tenant, document *engine.Document, experiment string) {
		key := watchedSplit{tenant, experiment}
		running[key] = true
		split, err := k.checkSplit(ctx, key, document)
		if err != nil {
			if ctx.Err() == nil {
				k.loggers.current().Debug("a split cannot be checked", zap.String("tenant", string(tenant)), zap.String("experiment_id", experiment), zap.Error(err))
			}
			return
		}
		mismatched := split.Status == results.SplitMismatched
		if k.splits.set(key, mismatched) && mismatched {
			k.loggers.current().Warn("the units of an experiment do not follow its split, so nothing may be concluded from its results; caddy experiments results says more",
				zap.String("tenant", string(tenant)), zap.String("experiment_id", experiment), zap.Float64("probability", split.ProbabilityOfMismatch))
		}
	})
	k.splits.keep(running)
}

// checkSplit looks at one split, in turn with the reports.
func (k *eventKeeping) checkSplit(ctx context.Context, key watchedSplit, document *engine.Document) (check results.SplitCheck, err error) {
	text, err := desk.Ask(ctx, "splits", splitAsked{document, key}, func(ctx context.Context) ([]byte, error) {
		split, err := report.CheckSplit(ctx, k.log, string(key.tenant), document, key.experiment)
		if err != nil {
			return nil, err
		}
		return json.Marshal(split)
	})
	if err != nil {
		return check, err
	}
	if err := json.Unmarshal(text, &check); err != nil {
		return check, fmt.Errorf("reading the check of a split: %w", err)
	}
	return check, nil
}

// splitAsked is what the desk knows the check of a split by.
type splitAsked struct {
	document *engine.Document
	key      watchedSplit
}

// set records what was found, and reports whether it is news.
func (w *splitWatch) set(key watchedSplit, mismatched bool) (news bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mismatched == nil {
		w.mismatched = map[watchedSplit]bool{}
	}
	news = w.mismatched[key] != mismatched
	w.mismatched[key] = mismatched
	return news
}

// keep forgets all other experiments.
func (w *splitWatch) keep(running map[watchedSplit]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := range w.mismatched {
		if !running[key] {
			delete(w.mismatched, key)
		}
	}
}

func (w *splitWatch) is(key watchedSplit) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mismatched[key]
}

// eachSplit visits the experiments that assign subjects by chance.
func (a *App) eachSplit(visit func(tenant store.Tenant, document *engine.Document, experiment string)) {
	for _, status := range a.tenantStatuses() {
		applied := a.configuration.live.Feed(a.context, status.Tenant).Current()
		if applied == nil {
			continue
		}
		for i, x := range applied.Snapshot.Experiments {
			if x.Deciding && applied.Document.Experiments[i].Strategy == engine.StrategyPercentage {
				visit(status.Tenant, applied.Document, x.ID)
			}
		}
	}
}

var splitDesc = prometheus.NewDesc("caddy_experiments_split_mismatch",
	"Of each running experiment, on the edge with the event log: 1 while its units do not follow its split.", []string{"tenant", "experiment"}, nil)

// collectSplits reports what was found last; what has not been looked at yet is
// not known to be wrong.
func (a *App) collectSplits(out chan<- prometheus.Metric) {
	if a.events.log == nil {
		return
	}
	a.eachSplit(func(tenant store.Tenant, _ *engine.Document, experiment string) {
		out <- prometheus.MustNewConstMetric(splitDesc, prometheus.GaugeValue, truth(a.events.splits.is(watchedSplit{tenant, experiment})), string(tenant), experiment)
	})
}
