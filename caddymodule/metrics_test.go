package caddymodule_test

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"
)

func TestMetrics(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	const (
		overridden = `caddy_experiments_decisions_total{experiment="exp_Sp1it",source="override",tenant="default/production",variation="var_Spare"}`
		decided    = `caddy_experiments_decision_seconds_count`
		notFound   = `caddy_experiments_warnings_total{code="experiment_not_found",tenant="default/production"}`
	)
	before := e.metrics()
	for range 3 {
		e.Get("/authorize?experiment_id=exp_Sp1it&variation_id=var_Spare", nil)
	}
	e.Get("/authorize?experiment_id=exp_Unknown", nil)
	e.Get("/login", nil) // no decision

	check := func(when string) {
		t.Helper()
		after := e.metrics()
		for name, want := range map[string]float64{overridden: 3, decided: 4, notFound: 1} {
			if got := after[name] - before[name]; got != want {
				t.Errorf("%s: %s has grown by %v, want %v", when, name, got, want)
			}
		}
		for name, holds := range map[string]func(float64) bool{
			"config_revision":             func(v float64) bool { return v == 1 },
			"config_age_seconds":          func(v float64) bool { return v > 0 && v < 60 },
			"config_last_contact_seconds": func(v float64) bool { return v > 0 && v < 60 },
			"config_degraded":             func(v float64) bool { return v == 0 },
		} {
			name = "caddy_experiments_" + name + `{tenant="default/production"}`
			if value, found := after[name]; !found || !holds(value) {
				t.Errorf("%s: %s is %v", when, name, value)
			}
		}
	}
	check("at first")
	// Two handlers of one app, and the registry of another configuration.
	if err := e.Load(setup{Site: "sticky 2h\n}\nexperiments /more/* {\noverrides off"}); err != nil {
		t.Fatal(err)
	}
	check("after a reload")

	e.WriteDocument("default/production", "{")
	e.Eventually(func() bool {
		return e.metrics()[`caddy_experiments_config_degraded{tenant="default/production"}`] == 1
	}, "a broken document should show in the metrics")
	if now := e.metrics(); now[`caddy_experiments_warnings_total{code="experiment_config_rejected",tenant="default/production"}`] <= before[`caddy_experiments_warnings_total{code="experiment_config_rejected",tenant="default/production"}`] {
		t.Error("the rejection is not counted")
	}
}

// The buckets by source are told apart, also for those who carry a decision.
func TestDecisionsAreCountedBySource(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": audience}})
	before := e.metrics()
	e.Get("/authorize", nil)
	got := e.metrics()
	const name = `caddy_experiments_decisions_total{experiment="exp_Audience",source="fallback",tenant="default/production",variation="var_Everyone"}`
	if got[name]-before[name] != 1 {
		t.Errorf("%s has grown by %v", name, got[name]-before[name])
	}
}

func (e *edge) scrape() string {
	e.t.Helper()
	status, text := e.admin(http.MethodGet, "/metrics")
	if status != http.StatusOK {
		e.t.Fatalf("scraping gave %d: %s", status, text)
	}
	return text
}

var sample = regexp.MustCompile(`(?m)^(caddy_experiments_\S+(?:\{.*\})?) (\S+)$`)

// metrics gives the samples of ours by name and labels.
func (e *edge) metrics() map[string]float64 {
	e.t.Helper()
	samples := map[string]float64{}
	for _, match := range sample.FindAllStringSubmatch(e.scrape(), -1) {
		value, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			e.t.Fatal(err)
		}
		samples[match[1]] = value
	}
	return samples
}

// What clients choose must not become labels: they would fill the memory of the
// edge and of whoever collects.
func TestClientsCannotGrowTheMetrics(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	flood := func() {
		for i := range 50 {
			n := strconv.Itoa(i)
			e.Get("/authorize?client_id=c"+n+"&experiment_id=exp_"+n+"&variation_id=var_"+n, nil, "User-Agent", "agent "+n, "Host", "host"+n)
			e.Get("/authorize?segment_id=seg_"+n, nil, "Cookie", "experiment_device="+n)
		}
	}
	flood()
	before := len(e.metrics())
	flood()
	if after := len(e.metrics()); after != before {
		t.Errorf("%d samples have become %d", before, after)
	}
}
