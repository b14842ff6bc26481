package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
	"github.com/caddy-experiments/caddy-experiments/engine"
)

// segments measures a decision by an experiment with many segments, for a
// request that the first one matches, the last one, and none. Each segment is
// for three clients with a kind of device.
func (b *bench) segments(context.Context) error {
	table := report.Table{
		Title: "Segments of one experiment: a decision, ns",
		Head:  []string{"segments", "the first matches", "the last matches", "none matches", "none, by User-Agent"},
	}
	lines := []report.Line{{Label: "the first matches"}, {Label: "the last matches"}, {Label: "none matches"}, {Label: "none, by User-Agent"}}
	for _, n := range []int{1, 10, 100, 1000} {
		byClient, byAgent := segmented(n, false), segmented(n, true)
		row := []string{report.Count(n)}
		for i, test := range []struct {
			snapshot *engine.Snapshot
			client   string
			source   engine.Source
		}{
			{byClient, "app-0", engine.SourceSegment},
			{byClient, fmt.Sprintf("app-%d", n-1), engine.SourceSegment},
			{byClient, "web-shop", engine.SourceFallback},
			{byAgent, "web-shop", engine.SourceFallback},
		} {
			request := engine.Request{Subject: "0f8fad5b-d9cb-469f-a165-70867728950e"}
			request.Attributes[engine.ClientID] = test.client
			request.Attributes[engine.DeviceType] = "mobile"
			request.Attributes[engine.UserAgent] = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36"
			wrong := false
			took := each(func() { wrong = wrong || test.snapshot.Decide(&request).Source != test.source })
			if wrong {
				return errors.New("a decision has another source than it should")
			}
			row = append(row, report.Round(took))
			lines[i].X, lines[i].Y = append(lines[i].X, float64(n)), append(lines[i].Y, took)
		}
		table.Add(row...)
	}
	b.add(table, report.Figure{Name: "scale-segments", Title: "A decision, by the segments of its experiment", Unit: "ns", XTitle: "segments", Lines: lines})
	return nil
}

// segmented makes an experiment with segments of clients, or of words in a
// User-Agent, which nobody's has.
func segmented(n int, byAgent bool) *engine.Snapshot {
	document := newDocument(1)
	flag := document.FeatureFlags[0]
	e := &document.Experiments[0]
	e.Strategy = engine.StrategySegment
	e.Allocations = []engine.Allocation{{VariationID: flag.Variations[0].ID, IsControl: true, IsFallback: true}}
	document.Segments = nil
	for i := range n {
		match := map[engine.Attribute]engine.Expression{
			engine.ClientID:   {Values: []string{fmt.Sprintf("app-%d", i), fmt.Sprintf("app-%d-beta", i), fmt.Sprintf("web-%d", i)}},
			engine.DeviceType: {Values: []string{"mobile"}},
		}
		if byAgent {
			match = map[engine.Attribute]engine.Expression{engine.UserAgent: {Operator: engine.Contains, Values: []string{fmt.Sprintf("OurApp/%d", i)}}}
		}
		s := engine.Segment{ID: entityID(engine.SegmentPrefix, i), Name: fmt.Sprintf("audience %d", i), Rules: []engine.Rule{{Match: match}}}
		document.Segments = append(document.Segments, s)
		e.Allocations = append(e.Allocations, engine.Allocation{VariationID: flag.Variations[1].ID, SegmentID: s.ID, Priority: i + 1})
	}
	return engine.Compile(document, engine.Settings{})
}
