package peers

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/thomaspoignant/go-feature-flag/modules/core/dto"
	"github.com/thomaspoignant/go-feature-flag/modules/core/evaluation"
	"github.com/thomaspoignant/go-feature-flag/modules/core/ffcontext"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
	"github.com/thomaspoignant/go-feature-flag/modules/core/model"
)

// goff decides with the core of GO Feature Flag. The flags are in a map here, as
// in its cache.
type goff struct {
	flags map[string]*flag.InternalFlag
	key   string
	last  model.VariationResult[map[string]any]
	err   error
}

// openGoff uses one of the two languages for queries.
func openGoff(language string) func(testing.TB, int) decider {
	return func(t testing.TB, flags int) decider {
		countries := `["` + strings.Join(audienceCountries, `","`) + `"]`
		query := fmt.Sprintf(`country in %s and device_type eq %q`, countries, audienceDevice)
		if language == "jsonlogic" {
			query = fmt.Sprintf(`{"and":[{"in":[{"var":"country"},%s]},{"==":[{"var":"device_type"},%q]}]}`, countries, audienceDevice)
		}
		g := &goff{flags: map[string]*flag.InternalFlag{}, key: flagKey(flags / 2)}
		for i := range flags {
			variations := map[string]json.RawMessage{}
			for name, config := range configurations {
				variations[name] = json.RawMessage(config)
			}
			text, err := json.Marshal(map[string]any{
				"variations":  variations,
				"targeting":   []any{map[string]any{"name": "audience", "query": query, "percentage": map[string]int{"password": 50, "passkey": 50}}},
				"defaultRule": map[string]any{"variation": "fallback"},
			})
			if err != nil {
				t.Fatal(err)
			}
			var described dto.DTO
			decode(t, string(text), &described)
			converted := described.Convert()
			if err := converted.IsValid(); err != nil {
				t.Fatal(err)
			}
			g.flags[flagKey(i)] = &converted
		}
		return g
	}
}

func (g *goff) decide(p person) {
	person := ffcontext.NewEvaluationContextBuilder(p.subject).AddCustom("country", p.country).AddCustom("device_type", p.device).Build()
	g.last, g.err = evaluation.Evaluate(g.flags[g.key], g.key, person, flag.Context{}, "map", map[string]any(nil))
}

func (g *goff) config() (string, error) {
	if g.err != nil {
		return "", g.err
	}
	text, err := json.Marshal(g.last.Value)
	return string(text), err
}
