package peers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/Unleash/unleash-go-sdk/v6"
	"github.com/Unleash/unleash-go-sdk/v6/api"
	"github.com/Unleash/unleash-go-sdk/v6/context"
)

// unleashed decides with Unleash's SDK, without its metrics.
type unleashed struct {
	client *unleash.Client
	key    string
	last   *api.Variant
}

// unleashServer answers for the server that the SDK insists on.
type unleashServer []byte

// RoundTrip implements http.RoundTripper.
func (s unleashServer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(s)), ContentLength: int64(len(s)), ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

func openUnleash(t testing.TB, flags int) decider {
	features := api.FeatureResponse{}
	for i := range flags {
		variants := []api.VariantInternal{}
		for _, name := range []string{"password", "passkey"} {
			variants = append(variants, api.VariantInternal{
				Variant: api.Variant{Name: name, Payload: api.Payload{Type: "json", Value: configurations[name]}},
				Weight:  500, WeightType: "variable", Stickiness: "userId",
			})
		}
		features.Features = append(features.Features, api.Feature{
			Name: flagKey(i), Type: "experiment", Enabled: true,
			Strategies: []api.Strategy{{
				Name: "flexibleRollout", Variants: variants,
				Parameters: api.ParameterMap{"rollout": "100", "stickiness": "userId", "groupId": flagKey(i)},
				Constraints: []api.Constraint{
					{ContextName: "country", Operator: api.OperatorIn, Values: audienceCountries},
					{ContextName: "device_type", Operator: api.OperatorIn, Values: []string{audienceDevice}},
				},
			}},
		})
	}
	text, err := json.Marshal(features)
	if err != nil {
		t.Fatal(err)
	}
	client, err := unleash.NewClient(unleash.WithUrl("http://unleash.invalid/api/"), unleash.WithAppName("peers"),
		unleash.WithDisableMetrics(true), unleash.WithBackupPath(t.TempDir()), unleash.WithHttpClient(&http.Client{Transport: unleashServer(text)}))
	if err != nil {
		t.Fatal(err)
	}
	client.WaitForReady()
	t.Cleanup(func() { _ = client.Close() })
	return &unleashed{client: client, key: flagKey(flags / 2)}
}

// unleashFallback is what an application names for whoever has no variant.
var unleashFallback = &api.Variant{Name: "fallback", Payload: api.Payload{Type: "json", Value: configurations["fallback"]}}

func (u *unleashed) decide(p person) {
	u.last = u.client.GetVariant(u.key, unleash.VariantOptions{
		Ctx:             context.Context{UserId: p.subject, Properties: map[string]string{"country": p.country, "device_type": p.device}},
		VariantFallback: unleashFallback,
	})
}

func (u *unleashed) config() (string, error) {
	if u.last.Payload.Type != "json" {
		return "", errors.New("the variant has no JSON")
	}
	return u.last.Payload.Value, nil
}
