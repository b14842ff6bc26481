package peers

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/store"
	"github.com/open-feature/flagd/core/pkg/sync"
	"go.uber.org/zap"
)

// flagd decides with the core of flagd, in this process.
type flagd struct {
	evaluator *evaluator.JSON
	key       string
	last      map[string]any
	err       error
}

func openFlagd(t testing.TB, flags int) decider {
	definitions := map[string]any{}
	for i := range flags {
		variants := map[string]json.RawMessage{}
		for name, config := range configurations {
			variants[name] = json.RawMessage(config)
		}
		audience := map[string]any{"and": []any{
			map[string]any{"in": []any{map[string]any{"var": "country"}, audienceCountries}},
			map[string]any{"==": []any{map[string]any{"var": "device_type"}, audienceDevice}},
		}}
		halves := map[string]any{"fractional": []any{[]any{"password", 50}, []any{"passkey", 50}}}
		definitions[flagKey(i)] = map[string]any{
			"state": "ENABLED", "variants": variants, "defaultVariant": "fallback",
			"targeting": map[string]any{"if": []any{audience, halves, "fallback"}},
		}
	}
	text, err := json.Marshal(map[string]any{"flags": definitions})
	if err != nil {
		t.Fatal(err)
	}
	log := logger.NewLogger(zap.NewNop(), false)
	const source = "memory"
	s, err := store.NewStore(log, []string{source})
	if err != nil {
		t.Fatal(err)
	}
	e := evaluator.NewJSON(log, s)
	if err := e.SetState(sync.DataSync{FlagData: string(text), Source: source}); err != nil {
		t.Fatal(err)
	}
	return &flagd{evaluator: e, key: flagKey(flags / 2)}
}

func (f *flagd) decide(p person) {
	given := map[string]any{"targetingKey": p.subject, "country": p.country, "device_type": p.device}
	f.last, _, _, _, f.err = f.evaluator.ResolveObjectValue(context.Background(), "", f.key, given)
}

func (f *flagd) config() (string, error) {
	if f.err != nil {
		return "", f.err
	}
	text, err := json.Marshal(f.last)
	return string(text), err
}
