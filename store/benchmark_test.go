package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

// tenExperiments is a document as a busy tenant has it: ten experiments, each
// with its own flag of four parameters and four variations.
func tenExperiments() *engine.Document {
	value := func(text string) engine.Parameter {
		return engine.Parameter{Type: engine.TypeString, Value: []byte(text), Description: "what it is for"}
	}
	var document engine.Document
	for i, letter := range "ABCDEFGHJK" {
		flag := engine.FeatureFlag{
			ID: fmt.Sprintf("flg_%c", letter), Name: fmt.Sprintf("Flag %d", i), Status: engine.FlagActive,
			Parameters: map[string]engine.Parameter{
				"headline": value(`"Log in"`), "button": value(`"Continue"`), "color": value(`"#0059d6"`), "layout": value(`"narrow"`),
			},
		}
		experiment := engine.Experiment{
			ID: fmt.Sprintf("exp_%c", letter), Name: fmt.Sprintf("Experiment %d", i), FeatureFlagID: flag.ID,
			AuthenticationFlow: engine.FlowPreAuthentication, Strategy: engine.StrategyPercentage,
			AssignmentConfig: engine.AssignmentConfig{Subject: engine.SubjectDevice}, Status: engine.ExperimentActive,
		}
		for j := range 4 {
			id := fmt.Sprintf("var_%c%d", letter, j+1)
			flag.Variations = append(flag.Variations, engine.Variation{
				ID: id, Name: fmt.Sprintf("Variation %d", j),
				Overrides: map[string]engine.Override{"headline": {Value: []byte(`"Welcome back"`)}, "color": {Value: []byte(`"#d00e17"`)}},
			})
			weight, err := engine.ParseWeight("25")
			if err != nil {
				panic(err)
			}
			experiment.Allocations = append(experiment.Allocations, engine.Allocation{VariationID: id, Weight: &weight, IsControl: j == 0})
		}
		document.FeatureFlags = append(document.FeatureFlags, flag)
		document.Experiments = append(document.Experiments, experiment)
	}
	return &document
}

func BenchmarkLoadThousandTenants(b *testing.B) {
	const tenants = 1000
	dir, document := b.TempDir(), tenExperiments()
	writer := file.New(dir, 0)
	for i := range tenants {
		if _, err := writer.Commit(context.Background(), nthTenant(i), document, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		live := store.NewLive(file.New(dir, 0), engine.Settings{}, func(e store.Event) {
			if e.Err != nil {
				b.Fatal(e.Err)
			}
		})
		for i := range tenants {
			if live.Feed(context.Background(), nthTenant(i)).Current() == nil {
				b.Fatal("a tenant is not loaded")
			}
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/tenants*1e6, "µs/tenant")
}

func nthTenant(i int) store.Tenant {
	return store.Tenant(fmt.Sprintf("project%d/production", i))
}
