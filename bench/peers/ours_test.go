package peers

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// ours decides with this repository's engine.
//
// An experiment of ours either splits by weight or follows segments; the
// documents of the API that it speaks know no split inside of a segment. The
// same decision is therefore two of ours for one request, which is more than an
// edge ever does: an active experiment says by its segment whether the person is
// in the audience, and if so the experiment with the two configurations is asked
// for by its id and halves by SHA-256. Every flag that is loaded has both
// experiments and a segment.
type ours struct {
	snapshot *engine.Snapshot
	split    string // id of the experiment that halves
	last     *engine.Treatment
}

// halves is added to the number of an experiment that halves.
const halves = 1_000_000

func openOurs(t testing.TB, flags int) decider {
	document := map[string][]any{}
	add := func(collection string, entity map[string]any) {
		document[collection] = append(document[collection], entity)
	}
	for i := range flags {
		variations := []any{}
		for _, name := range []string{"password", "passkey", "fallback"} {
			var config, overrides = map[string]any{}, map[string]any{}
			decode(t, configurations[name], &config)
			for parameter, value := range config {
				overrides[parameter] = map[string]any{"value": value}
			}
			variations = append(variations, map[string]any{"id": variationID(name, i), "name": name, "overrides": overrides})
		}
		add("feature_flags", map[string]any{
			"id": entityID("flg", i), "name": flagKey(i), "status": "active", "variations": variations,
			"parameters": map[string]any{
				"headline": parameter("string", "Sign in"), "show_passkey": parameter("boolean", false), "attempts": parameter("number", 1),
			},
		})
		add("segments", map[string]any{
			"id": entityID("seg", i), "name": fmt.Sprintf("audience %d", i),
			"rules": []any{map[string]any{"match": map[string]any{"country": audienceCountries, "device_type": []string{audienceDevice}}}},
		})
		status := "paused"
		if i == flags/2 {
			status = "active"
		}
		add("experiments", experiment(entityID("exp", i), i, "segment", status,
			allocation("password", i, map[string]any{"segment_id": entityID("seg", i), "priority": 1}),
			allocation("fallback", i, map[string]any{"is_fallback": true, "is_control": true})))
		add("experiments", experiment(entityID("exp", halves+i), i, "percentage", "paused",
			allocation("password", i, map[string]any{"weight": 50, "is_control": true}),
			allocation("passkey", i, map[string]any{"weight": 50})))
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := engine.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return &ours{snapshot: engine.Compile(decoded, engine.Settings{}), split: entityID("exp", halves+flags/2)}
}

func (o *ours) decide(p person) {
	request := engine.Request{Subject: p.subject}
	request.Attributes[engine.Country] = p.country
	request.Attributes[engine.DeviceType] = p.device
	decision := o.snapshot.Decide(&request)
	if decision.Source == engine.SourceSegment {
		request.Force.ExperimentID = o.split
		decision = o.snapshot.Decide(&request)
	}
	o.last = decision.Treatment
}

// config takes the parameters out of the header that an identity provider gets.
func (o *ours) config() (string, error) {
	var header struct {
		Config map[string]struct{ Value any }
	}
	if err := json.Unmarshal([]byte(o.last.Header()), &header); err != nil {
		return "", err
	}
	config := map[string]any{}
	for parameter, given := range header.Config {
		config[parameter] = given.Value
	}
	text, err := json.Marshal(config)
	return string(text), err
}

func experiment(id string, flag int, strategy, status string, allocations ...map[string]any) map[string]any {
	return map[string]any{
		"id": id, "name": id, "feature_flag_id": entityID("flg", flag), "authentication_flow": "pre_authentication",
		"allocation_strategy": strategy, "status": status, "assignment_config": map[string]any{"subject": "device"}, "allocations": allocations,
	}
}

func allocation(variation string, flag int, more map[string]any) map[string]any {
	a := map[string]any{"variation_id": variationID(variation, flag), "is_control": false}
	for key, value := range more {
		a[key] = value
	}
	return a
}

// entityID makes an id as long as those that the API makes.
func entityID(kind string, n int) string {
	return kind + "_" + strings.ReplaceAll(fmt.Sprintf("%022d", n), "0", "z")
}

func variationID(name string, flag int) string {
	letters := map[string]string{"password": "A", "passkey": "B", "fallback": "C"}
	return entityID("var", flag) + letters[name]
}

func parameter(kind string, value any) map[string]any {
	return map[string]any{"type": kind, "value": value}
}

func decode(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}
