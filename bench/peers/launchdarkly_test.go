package peers

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldlog"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldbuilders"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldmodel"
	ld "github.com/launchdarkly/go-server-sdk/v7"
	"github.com/launchdarkly/go-server-sdk/v7/ldcomponents"
	"github.com/launchdarkly/go-server-sdk/v7/testhelpers/ldtestdata"
)

// launchDarkly decides with LaunchDarkly's server SDK, without its events.
type launchDarkly struct {
	client *ld.LDClient
	key    string
	last   ldvalue.Value
	err    error
}

func openLaunchDarkly(t testing.TB, flags int) decider {
	source := ldtestdata.DataSource()
	countries := []ldvalue.Value{}
	for _, country := range audienceCountries {
		countries = append(countries, ldvalue.String(country))
	}
	for i := range flags {
		rule := ldbuilders.NewRuleBuilder().ID("audience").Clauses(
			ldbuilders.Clause("country", ldmodel.OperatorIn, countries...),
			ldbuilders.Clause("device_type", ldmodel.OperatorIn, ldvalue.String(audienceDevice)),
		).VariationOrRollout(ldbuilders.Rollout(ldbuilders.Bucket(0, 50_000), ldbuilders.Bucket(1, 50_000)))
		source.UsePreconfiguredFlag(ldbuilders.NewFlagBuilder(flagKey(i)).On(true).Salt("salt").
			Variations(ldJSON(t, "password"), ldJSON(t, "passkey"), ldJSON(t, "fallback")).
			AddRule(rule).FallthroughVariation(2).OffVariation(2).Build())
	}
	client, err := ld.MakeCustomClient("sdk-key", ld.Config{
		DataSource: source, Events: ldcomponents.NoEvents(), DiagnosticOptOut: true,
		Logging: ldcomponents.Logging().MinLevel(ldlog.None),
	}, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return &launchDarkly{client: client, key: flagKey(flags / 2)}
}

func (l *launchDarkly) decide(p person) {
	context := ldcontext.NewBuilder(p.subject).SetString("country", p.country).SetString("device_type", p.device).Build()
	l.last, l.err = l.client.JSONVariation(l.key, context, ldvalue.Null())
}

func (l *launchDarkly) config() (string, error) { return l.last.JSONString(), l.err }

func ldJSON(t testing.TB, variation string) ldvalue.Value {
	var value ldvalue.Value
	if err := json.Unmarshal([]byte(configurations[variation]), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
