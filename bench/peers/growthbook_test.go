package peers

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"github.com/growthbook/growthbook-golang"
)

// growthBook decides with GrowthBook's SDK.
type growthBook struct {
	client *growthbook.Client
	key    string
	last   *growthbook.FeatureResult
	err    error
}

func openGrowthBook(t testing.TB, flags int) decider {
	features := map[string]any{}
	for i := range flags {
		features[flagKey(i)] = map[string]any{
			"defaultValue": json.RawMessage(configurations["fallback"]),
			"rules": []any{map[string]any{
				"id": "audience", "key": flagKey(i), "hashAttribute": "id", "hashVersion": 2, "seed": flagKey(i), "coverage": 1, "weights": []float64{0.5, 0.5},
				"condition":  map[string]any{"country": map[string]any{"$in": audienceCountries}, "device_type": audienceDevice},
				"variations": []json.RawMessage{json.RawMessage(configurations["password"]), json.RawMessage(configurations["passkey"])},
			}},
		}
	}
	text, err := json.Marshal(features)
	if err != nil {
		t.Fatal(err)
	}
	client, err := growthbook.NewClient(context.Background(), growthbook.WithJsonFeatures(string(text)),
		growthbook.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return &growthBook{client: client, key: flagKey(flags / 2)}
}

func (g *growthBook) decide(p person) {
	var client *growthbook.Client
	client, g.err = g.client.WithAttributes(growthbook.Attributes{"id": p.subject, "country": p.country, "device_type": p.device})
	if g.err == nil {
		g.last = client.EvalFeature(context.Background(), g.key)
	}
}

func (g *growthBook) config() (string, error) {
	if g.err != nil {
		return "", g.err
	}
	text, err := json.Marshal(g.last.Value)
	return string(text), err
}
