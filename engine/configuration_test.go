package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestConfigurationOf(t *testing.T) {
	document := decode(t, oneExperiment("segment", "active", targeted))
	got := ConfigurationOf(document, &document.Experiments[0])
	if len(got.Variations) != 3 || len(got.Segments) != 2 {
		t.Errorf("%d variations and %d segments, want those of the allocations: 3 and 2", len(got.Variations), len(got.Segments))
	}
	var flag struct {
		ID         string
		Parameters map[string]struct{ Value any }
		Variations any
	}
	if err := json.Unmarshal(got.FeatureFlag, &flag); err != nil || flag.ID != "flg_1" || flag.Parameters["color"].Value != "blue" || flag.Variations != nil {
		t.Errorf("the flag is %s, %v", got.FeatureFlag, err)
	}
	if text := string(got.Variations["var_B"]); !strings.Contains(text, `"overrides":{"color":{"value":"red"}}`) {
		t.Errorf("the variation is %s", text)
	}

	// What has been written is read again as it was.
	document.Experiments[0].Snapshot = got
	text := marshal(t, document)
	if again := marshal(t, decode(t, text)); again != text {
		t.Errorf("got  %s\nwant %s", again, text)
	}

	// A long list of values, or deep nesting, has no place in it.
	document.Segments[0].Rules[0].Match[Country] = Expression{Operator: OneOf, Values: strings.Split(strings.Repeat("x,", 20_000), ",")}
	document.FeatureFlags[0].Parameters["color"] = Parameter{Type: TypeArray, Value: json.RawMessage(strings.Repeat("[", 26) + strings.Repeat("]", 26))}
	document.FeatureFlags[0].Variations[1].Overrides = nil
	if got := ConfigurationOf(document, &document.Experiments[0]); got.Segments["seg_1"] != nil || got.Segments["seg_2"] == nil || got.FeatureFlag != nil {
		t.Errorf("the segments are %v, the flag is %s", got.Segments, got.FeatureFlag)
	} else if document.Experiments[0].Snapshot = got; true {
		decode(t, marshal(t, document))
	}
}

func TestConfigurationFaults(t *testing.T) {
	for snapshot, want := range map[string]string{
		`5`:                               "experiments[0].snapshot: must be an object, got a number",
		`{"flag":{}}`:                     "experiments[0].snapshot.flag: is no field here",
		`{"feature_flag":[]}`:             "experiments[0].snapshot.feature_flag: must be an object, got an array",
		`{"variations":[{}]}`:             "experiments[0].snapshot.variations: must be an object, got an array",
		`{"variations":{"var_A":"name"}}`: "experiments[0].snapshot.variations.var_A: must be an object, got a string",
		`{"segments":{"seg_1":null}}`:     "experiments[0].snapshot.segments.seg_1: must be an object, got null",
		`{"segments":{"seg_1":` + strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40) + `}}`: "is nested deeper than 32 levels",
	} {
		text := strings.Replace(oneExperiment("percentage", "active", halves), `"id":"exp_1",`, `"id":"exp_1","snapshot":`+snapshot+`,`, 1)
		if _, err := Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %s", snapshot, err, want)
		}
	}
}

// With default_config tenant the provider's own configuration stands for what a
// variation does not override.
func TestDefaultConfig(t *testing.T) {
	for config, want := range map[string]string{
		`"default_config":"tenant",`: `{"color":{"value":"red"}}`,
		`"default_config":"flag",`:   `{"color":{"value":"red"},"limit":{"value":3}}`,
		``:                           `{"color":{"value":"red"},"limit":{"value":3}}`,
	} {
		s := compile(t, strings.Replace(oneExperiment("percentage", "active", halves), `"id":"exp_1",`, `"id":"exp_1",`+config, 1))
		d := s.Decide(&Request{Subject: "s", Force: Force{ExperimentID: "exp_1", VariationID: "var_B"}})
		if got := d.Treatment.Header(); !strings.HasSuffix(got, `"config":`+want+`}`) || len(got) != d.Treatment.HeaderSize {
			t.Errorf("%s: the header is %s", config, got)
		}
		base := s.Decide(&Request{Subject: "s", Force: Force{ExperimentID: "exp_1", VariationID: "var_A"}}).Treatment
		if want := map[bool]int{true: 0, false: 2}[strings.Contains(config, "tenant")]; len(base.Config) != want {
			t.Errorf("%s: the baseline has %+v", config, base.Config)
		}
	}
}

func TestFlowsThatAreDecided(t *testing.T) {
	for flow, want := range map[string]bool{
		FlowAuthentication: true, FlowAll: true, FlowPreAuthentication: true, "whatever": true, "": true,
		FlowMFAEnrollment: false, FlowMFAChallenge: false, FlowPasswordReset: false, FlowPasskeyEnrollment: false,
	} {
		s := compile(t, strings.Replace(oneExperiment("percentage", "active", halves), `"id":"exp_1",`, fmt.Sprintf(`"id":"exp_1","authentication_flow":%q,`, flow), 1))
		d := s.Decide(&Request{Subject: "s"})
		if summary := s.Experiments[0]; (d.Treatment != nil) != want || summary.Deciding != want || !summary.IsValid || (len(summary.Blockers) == 0) != want ||
			!want && summary.Blockers[0].Code != CodeFlowNotServed {
			t.Errorf("%q: decided %v, %+v", flow, d, summary)
		}
	}
	// One of a flow without requests takes no other's place, and one of all flows is
	// the only one or none.
	for flows, want := range map[[2]string]string{
		{FlowMFAChallenge, FlowAuthentication}: "exp_2", {FlowAll, FlowAuthentication}: "exp_1", {FlowAuthentication, FlowAll}: "exp_1", {"a", "b"}: "exp_1 exp_2",
	} {
		document := decode(t, twoExperiments("percentage", "active", toB))
		document.Experiments[0].AuthenticationFlow, document.Experiments[1].AuthenticationFlow = flows[0], flows[1]
		var got []string
		for _, summary := range Compile(document, Settings{MaxActive: 2}).Experiments {
			if summary.Deciding {
				got = append(got, summary.ID)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("of %v %v decide, want %s", flows, got, want)
		}
	}
}
