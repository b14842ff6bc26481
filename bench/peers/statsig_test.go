package peers

import (
	"encoding/json"
	"testing"

	"github.com/statsig-io/go-sdk"
)

// statsigged decides with Statsig's SDK, without its exposures and without the
// parsers that it needs where countries and devices are not given.
type statsigged struct {
	client *statsig.Client
	key    string
	last   statsig.DynamicConfig
}

func openStatsig(t testing.TB, flags int) decider {
	var configs []any
	for i := range flags {
		salt := flagKey(i)
		rule := func(name string, conditions ...any) map[string]any {
			return map[string]any{
				"name": name, "id": name, "salt": name, "groupName": name, "passPercentage": 100, "idType": "userID",
				"conditions": append(conditions,
					map[string]any{"type": "user_field", "operator": "any", "field": "country", "targetValue": audienceCountries},
					map[string]any{"type": "user_field", "operator": "any", "field": "device_type", "targetValue": []string{audienceDevice}}),
				"returnValue": json.RawMessage(configurations[name]),
			}
		}
		configs = append(configs, map[string]any{
			"name": flagKey(i), "type": "dynamic_config", "entity": "experiment", "salt": salt, "enabled": true, "isActive": true, "idType": "userID",
			"defaultValue": json.RawMessage(configurations["fallback"]),
			"rules": []any{
				rule("password", map[string]any{
					"type": "user_bucket", "operator": "lt", "targetValue": 500, "idType": "userID", "additionalValues": map[string]any{"salt": salt},
				}),
				rule("passkey"),
			},
		})
	}
	text, err := json.Marshal(map[string]any{"has_updates": true, "time": 1, "dynamic_configs": configs, "feature_gates": []any{}, "layer_configs": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	client, details := statsig.NewClientWithDetails("secret-key", &statsig.Options{
		LocalMode: true, BootstrapValues: string(text),
		IPCountryOptions:     statsig.IPCountryOptions{Disabled: true},
		UAParserOptions:      statsig.UAParserOptions{Disabled: true},
		StatsigLoggerOptions: statsig.StatsigLoggerOptions{DisableAllLogging: true},
		OutputLoggerOptions:  statsig.OutputLoggerOptions{LogCallback: func(string, error) {}, DisableInitDiagnostics: true, DisableSyncDiagnostics: true},
	})
	if details.Error != nil {
		t.Fatal(details.Error)
	}
	t.Cleanup(client.Shutdown)
	return &statsigged{client: client, key: flagKey(flags / 2)}
}

func (s *statsigged) decide(p person) {
	user := statsig.User{UserID: p.subject, Country: p.country, Custom: map[string]any{"device_type": p.device}}
	s.last = s.client.GetExperimentWithExposureLoggingDisabled(user, s.key)
}

func (s *statsigged) config() (string, error) {
	text, err := json.Marshal(s.last.Value)
	return string(text), err
}
