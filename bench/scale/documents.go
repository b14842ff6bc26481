package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
	"github.com/caddy-experiments/caddy-experiments/bench/stored"
	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// documents measures what a document costs by its size: to check, to compile,
// and from its commit until it is in force on an edge over Redis.
func (b *bench) documents(ctx context.Context) error {
	server, err := startServer(ctx, filepath.Join(b.dir, "redis-documents"))
	if err != nil {
		return err
	}
	defer server.close()
	table := report.Table{
		Title: "Documents by their size",
		Head:  []string{"size, kB", "experiments", "check, ms", "compile, ms", "compiled, kB in memory", "in force over Redis, p50, ms", "largest, ms"},
	}
	lines := []report.Line{{Label: "check"}, {Label: "compile"}, {Label: "commit until in force, p50"}}
	for _, size := range []int{6_000, 60_000, 600_000, 2_000_000, 5_000_000} {
		document := newDocument(size)
		text, err := stored.Encoded(document)
		if err != nil {
			return err
		}
		checking := each(func() { _, err = engine.Decode(text) }) / 1e6
		if err != nil {
			return err
		}
		compiling := each(func() { engine.Compile(document, engine.Settings{}) }) / 1e6
		before := heap()
		kept := engine.Compile(document, engine.Settings{})
		memory := heap() - before
		if len(kept.Experiments) == 0 {
			return fmt.Errorf("a document of %d bytes has no experiments", size)
		}
		tenant := store.Tenant(fmt.Sprintf("size-%d/production", size))
		fleet, err := server.startFleet(ctx, tenant, document, 1, filepath.Join(b.dir, fmt.Sprint("document", size)))
		if err != nil {
			return err
		}
		took, err := fleet.write(ctx, 15, 200*time.Millisecond)
		fleet.stop()
		if err != nil {
			return err
		}
		kilobytes := float64(len(text)) / 1000
		table.Add(report.Round(kilobytes), report.Count(len(document.Experiments)), report.Round(checking), report.Round(compiling), report.Round(memory/1000),
			report.Round(quantile(took, 0.5)), report.Round(quantile(took, 1)))
		for i, value := range []float64{checking, compiling, quantile(took, 0.5)} {
			lines[i].X, lines[i].Y = append(lines[i].X, kilobytes), append(lines[i].Y, value)
		}
	}
	b.add(table, report.Figure{Name: "scale-documents", Title: "A document, by its size", Unit: "ms", XTitle: "kB", Lines: lines})
	return nil
}

// newDocument makes a document of about size bytes: experiments with a flag and
// a segment each, the first of which is active and halves.
func newDocument(size int) *engine.Document {
	document := &engine.Document{}
	for i, written := 0, 0; written < size; i++ {
		flag := engine.FeatureFlag{
			ID: entityID(engine.FlagPrefix, i), Name: fmt.Sprintf("login-screen-%d", i), Status: engine.FlagActive,
			Description: "How the login page of this brand welcomes people",
			Parameters: map[string]engine.Parameter{
				"headline": {Type: engine.TypeString, Value: []byte(`"Sign in to continue"`), Description: "What stands above the form"},
				"passkey":  {Type: engine.TypeBoolean, Value: []byte(`false`)},
				"attempts": {Type: engine.TypeNumber, Value: []byte(`3`)},
				"layout":   {Type: engine.TypeObject, Value: []byte(`{"columns":1,"logo":"left","footer":{"terms":true}}`)},
			},
			Variations: []engine.Variation{
				{ID: entityID(engine.VariationPrefix, 2*i), Name: "as it is"},
				{ID: entityID(engine.VariationPrefix, 2*i+1), Name: "passkey first", Overrides: map[string]engine.Override{
					"headline": {Value: []byte(`"Welcome back"`)}, "passkey": {Value: []byte(`true`)},
				}},
			},
		}
		segment := engine.Segment{
			ID: entityID(engine.SegmentPrefix, i), Name: fmt.Sprintf("audience-%d", i),
			Rules: []engine.Rule{{Match: map[engine.Attribute]engine.Expression{
				engine.ClientID:  {Values: []string{fmt.Sprintf("app-%d", i), fmt.Sprintf("web-%d", i)}},
				engine.UserAgent: {Operator: engine.Contains, Values: []string{"Chrome/", "CriOS/"}},
			}}},
		}
		first, second := engine.WholeWeight/2, engine.WholeWeight/2
		e := engine.Experiment{
			ID: entityID(engine.ExperimentPrefix, i), Name: fmt.Sprintf("passkey-prompt-%d", i), FeatureFlagID: flag.ID,
			AuthenticationFlow: engine.FlowPreAuthentication, Strategy: engine.StrategyPercentage, Status: engine.ExperimentPaused,
			AssignmentConfig: engine.AssignmentConfig{Subject: engine.SubjectDevice},
			Allocations: []engine.Allocation{
				{VariationID: flag.Variations[0].ID, Weight: &first, IsControl: true}, {VariationID: flag.Variations[1].ID, Weight: &second},
			},
		}
		if i == 0 {
			e.Status = engine.ExperimentActive
		}
		document.FeatureFlags = append(document.FeatureFlags, flag)
		document.Segments = append(document.Segments, segment)
		document.Experiments = append(document.Experiments, e)
		part, err := json.Marshal(engine.Document{FeatureFlags: document.FeatureFlags[i:], Segments: document.Segments[i:], Experiments: document.Experiments[i:]})
		if err != nil {
			panic(err) // everything in it can be written
		}
		written += len(part)
	}
	return document
}

// entityID makes an id as long as those that the API makes.
func entityID(prefix string, n int) string {
	return prefix + strings.ReplaceAll(fmt.Sprintf("%022d", n), "0", "z")
}
