package engine

import (
	"errors"
	"strings"
	"testing"
)

func TestDecodeBodies(t *testing.T) {
	const segment = `{"name":"abc","rules":[{"match":{"country":["US"]}}]}`
	for _, c := range []struct {
		name   string
		decode func() error
		want   string
	}{
		{"flag", func() error {
			_, err := DecodeFlagBody([]byte(`{"name":"abc","parameters":{"a":{"type":"array","value":3}}}`), Create)
			return err
		}, ""},
		{"flag without name", func() error { _, err := DecodeFlagBody([]byte(`{"parameters":{}}`), Create); return err }, "name: is missing"},
		{"flag patched with nothing", func() error { _, err := DecodeFlagBody([]byte(`{}`), Patch); return err }, "has no fields"},
		{"variation", func() error {
			_, err := DecodeVariationBody([]byte(`{"overrides":{"a":{"value":null}}}`), Patch)
			return err
		}, ""},
		{"variation made of a patch", func() error { _, err := DecodeVariationBody([]byte(`{"overrides":{}}`), Create); return err }, "name: is missing"},
		{"segment", func() error { _, err := DecodeSegmentBody([]byte(segment), Create); return err }, ""},
		{"segment with a second value", func() error { _, err := DecodeSegmentBody([]byte(segment+`1`), Create); return err }, "the body is not JSON"},
		{"experiment", func() error { _, err := DecodeExperimentBody([]byte(`{"description":null}`), Patch); return err }, ""},
		{"experiment moved to another flag", func() error {
			_, err := DecodeExperimentBody([]byte(`{"feature_flag_id":"flg_1"}`), Patch)
			return err
		}, "feature_flag_id: cannot be changed"},
		{"status", func() error {
			_, err := DecodeStatusBody([]byte(`{"status":"active"}`), FlagDraft, FlagActive)
			return err
		}, ""},
		{"status of another kind", func() error {
			_, err := DecodeStatusBody([]byte(`{"status":"paused"}`), FlagDraft, FlagActive)
			return err
		}, "status: must be one of draft, active"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.decode()
			faults, _ := errors.AsType[Faults](err)
			if (err == nil) != (c.want == "") || !strings.Contains(faults.Describe(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestDescribeIsShort(t *testing.T) {
	_, err := DecodeFlagBody([]byte(`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}`), Create)
	faults, _ := errors.AsType[Faults](err)
	if got := faults.Describe(); !strings.HasSuffix(got, "e: is no field here; check its spelling; and 3 more") || strings.Contains(got, "line") {
		t.Errorf("got %q", got)
	}
}

func TestLargestHeaderIsTheLongestOfTheSnapshot(t *testing.T) {
	document := decode(t, oneExperiment("percentage", "active", halves))
	document.FeatureFlags[0].Variations[2].Overrides["color"] = Override{Value: []byte(`"grün und \"gelb\""`)}
	variation, size := LargestHeader(&document.FeatureFlags[0], "exp_1")
	longest := 0
	for _, treatment := range Compile(document, Settings{}).Treatments {
		longest = max(longest, treatment.HeaderSize)
	}
	if variation != "var_C" || size != longest {
		t.Errorf("got %s with %d bytes, want var_C with %d", variation, size, longest)
	}
	document.FeatureFlags[0].Variations = nil
	if variation, size := LargestHeader(&document.FeatureFlags[0], "exp_1"); variation != "" || size == 0 {
		t.Errorf("of a flag without variations: got %s with %d bytes", variation, size)
	}
}

func TestFieldPath(t *testing.T) {
	if got, want := FieldPath("allocations", 0, "a.b"), `allocations[0]["a.b"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
