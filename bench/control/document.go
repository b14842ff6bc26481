package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// generator makes documents, of the same seed the same one.
type generator struct{ random *rand.Rand }

// newDocument makes a document as a busy tenant has it, of about size bytes:
// each experiment with a flag and a segment of its own. One is active.
func newDocument(size int) *engine.Document {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	document := &engine.Document{}
	written := 0
	for i := 0; written < size; i++ {
		flag, segment := g.flag(i), g.segment(i)
		document.FeatureFlags = append(document.FeatureFlags, flag)
		document.Segments = append(document.Segments, segment)
		document.Experiments = append(document.Experiments, g.experiment(i, flag, segment))
		part := engine.Document{FeatureFlags: document.FeatureFlags[i:], Segments: document.Segments[i:], Experiments: document.Experiments[i:]}
		text, err := json.Marshal(part)
		if err != nil {
			panic(err) // everything in it can be written
		}
		written += len(text)
	}
	return document
}

func (g generator) flag(i int) engine.FeatureFlag {
	flag := engine.FeatureFlag{
		ID: g.id(engine.FlagPrefix), Name: fmt.Sprintf("login-screen-%d", i), Type: engine.TypeSelf, Status: engine.FlagActive,
		Description: "How the login page of this brand welcomes people, and what it offers them first",
		Parameters: map[string]engine.Parameter{
			"headline":     {Type: engine.TypeString, Value: []byte(`"Sign in to continue"`), Description: "What stands above the form"},
			"accent":       {Type: engine.TypeString, Value: []byte(`"#4b5563"`), Description: "Color of buttons and links"},
			"show_passkey": {Type: engine.TypeBoolean, Value: []byte(`false`), Description: "Whether a passkey is offered"},
			"attempts":     {Type: engine.TypeNumber, Value: []byte(`3`)},
			"social":       {Type: engine.TypeArray, Value: []byte(`["google","github","apple"]`), Description: "Which buttons, from above"},
			"layout":       {Type: engine.TypeObject, Value: []byte(`{"columns":1,"logo":"left","footer":{"terms":true,"help":true}}`)},
		},
		CreatedAt: g.time(), UpdatedAt: g.time(),
	}
	for j, headline := range []string{`"Sign in"`, `"Welcome back – no password needed"`, `"Use your phone"`} {
		flag.Variations = append(flag.Variations, engine.Variation{
			ID: g.id(engine.VariationPrefix), Name: fmt.Sprintf("variation-%d", j),
			Overrides: map[string]engine.Override{
				"headline": {Value: []byte(headline)}, "accent": {Value: []byte(`"#0f766e"`)}, "show_passkey": {Value: []byte(`true`)},
			},
			CreatedAt: g.time(), UpdatedAt: g.time(),
		})
	}
	return flag
}

func (g generator) segment(i int) engine.Segment {
	return engine.Segment{
		ID: g.id(engine.SegmentPrefix), Name: fmt.Sprintf("audience-%d", i), Type: engine.TypeSelf,
		Description: "People who come from the app of this brand on a phone",
		Rules: []engine.Rule{
			{
				Match: map[engine.Attribute]engine.Expression{
					engine.ClientID:   {Values: []string{fmt.Sprintf("app-%d", i), fmt.Sprintf("app-%d-beta", i), fmt.Sprintf("web-%d", i)}},
					engine.DeviceType: {Values: []string{"mobile", "tablet"}},
					engine.UserAgent:  {Operator: engine.Contains, Values: []string{"Chrome/", "CriOS/"}},
				},
				NotMatch: map[engine.Attribute]engine.Expression{engine.Country: {Values: []string{"US", "CA", "MX"}}},
			},
			{Match: map[engine.Attribute]engine.Expression{engine.Domain: {Operator: engine.EndsWith, Values: []string{fmt.Sprintf(".brand-%d.example.com", i)}}}},
		},
		CreatedAt: g.time(), UpdatedAt: g.time(),
	}
}

// experiment makes one that splits by weight, or every other time by segment.
func (g generator) experiment(i int, flag engine.FeatureFlag, segment engine.Segment) engine.Experiment {
	valid := true
	e := engine.Experiment{
		ID: g.id(engine.ExperimentPrefix), Name: fmt.Sprintf("passkey-prompt-%d", i), FeatureFlagID: flag.ID,
		Description:        "Whether people who are offered a passkey first finish their login more often",
		AuthenticationFlow: engine.FlowPreAuthentication, Strategy: engine.StrategyPercentage,
		AssignmentConfig: engine.AssignmentConfig{Subject: engine.SubjectDevice}, Status: engine.ExperimentPaused, IsValid: &valid,
		StartedAt: g.time(), CreatedAt: g.time(), UpdatedAt: g.time(),
	}
	if i == 0 {
		e.Status = engine.ExperimentActive
	}
	if i%2 == 0 {
		first, second := engine.WholeWeight/2, engine.WholeWeight/2
		e.Allocations = []engine.Allocation{
			{VariationID: flag.Variations[0].ID, Weight: &first, IsControl: true}, {VariationID: flag.Variations[1].ID, Weight: &second},
		}
		return e
	}
	e.Strategy = engine.StrategySegment
	e.Allocations = []engine.Allocation{
		{VariationID: flag.Variations[1].ID, SegmentID: segment.ID, Priority: 1},
		{VariationID: flag.Variations[0].ID, IsControl: true, IsFallback: true},
	}
	return e
}

func (g generator) id(prefix string) string {
	const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	var characters [22]byte
	for i := range characters {
		characters[i] = base58[g.random.IntN(len(base58))]
	}
	return prefix + string(characters[:])
}

func (g generator) time() *time.Time {
	t := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(g.random.Int64N(int64(1000 * time.Hour)))).Truncate(time.Microsecond)
	return &t
}
