package engine

import (
	"slices"
	"strings"
	"testing"
)

func TestReadiness(t *testing.T) {
	const control = `{"variation_id":"var_A","weight":50,"is_control":true},`
	tests := []struct {
		name, strategy, allocations string
		flag                        FlagStatus
		want                        []Blocker
	}{
		{"ready percentage", "percentage", halves, FlagActive, nil},
		{"ready segment", "segment", targeted, FlagActive, nil},
		{"ready with thirds", "percentage", `[{"variation_id":"var_A","weight":33.333,"is_control":true},{"variation_id":"var_B","weight":33.333,"is_control":false},{"variation_id":"var_C","weight":33.334,"is_control":false}]`, FlagActive, nil},
		{"ready with a weight of zero", "percentage", `[{"variation_id":"var_A","weight":100,"is_control":true},{"variation_id":"var_B","weight":0,"is_control":false}]`, FlagActive, nil},
		{"ready with one allocation", "percentage", `[{"variation_id":"var_A","weight":100,"is_control":true}]`, FlagActive, nil},
		{"ready with weights in segment strategy", "segment", `[{"variation_id":"var_A","weight":5,"is_control":true,"is_fallback":true}]`, FlagActive, nil},
		{"ready with fallbacks in percentage strategy", "percentage", strings.ReplaceAll(halves, "}", `,"is_fallback":true}`), FlagActive, nil},
		{"draft flag", "percentage", halves, FlagDraft, []Blocker{{CodeFlagNotActive, "feature flag flg_1 is in draft status; it must be active"}}},
		{"archived flag", "segment", targeted, FlagArchived, []Blocker{{CodeFlagNotActive, "feature flag flg_1 is in archived status; it must be active"}}},
		{"no allocations", "percentage", `[]`, FlagActive, []Blocker{{CodeMissingAllocations, "the experiment has no allocations; it needs at least one"}}},
		{"no allocations and a draft flag", "segment", `[]`, FlagDraft, []Blocker{
			{CodeFlagNotActive, "feature flag flg_1 is in draft status; it must be active"},
			{CodeMissingAllocations, "the experiment has no allocations; it needs at least one"}}},
		{"foreign variation", "percentage", `[` + control + `{"variation_id":"var_Z","weight":50,"is_control":false}]`, FlagActive,
			[]Blocker{{CodeForeignVariation, "variation var_Z does not belong to feature flag flg_1"}}},
		{"no control", "percentage", strings.ReplaceAll(halves, "true", "false"), FlagActive, []Blocker{{CodeMissingControl, "exactly one allocation must have is_control true, 0 have"}}},
		{"two controls", "percentage", strings.ReplaceAll(halves, "false", "true"), FlagActive, []Blocker{{CodeMissingControl, "exactly one allocation must have is_control true, 2 have"}}},
		{"weights under", "percentage", `[` + control + `{"variation_id":"var_B","weight":49.999,"is_control":false}]`, FlagActive, []Blocker{{CodeInvalidWeights, "the weights must sum to 100, they sum to 99.999"}}},
		{"weights over", "percentage", `[` + control + `{"variation_id":"var_B","weight":50.001,"is_control":false}]`, FlagActive, []Blocker{{CodeInvalidWeights, "the weights must sum to 100, they sum to 100.001"}}},
		{"weight missing", "percentage", `[` + control + `{"variation_id":"var_B","is_control":false}]`, FlagActive, []Blocker{{CodeInvalidWeights, "the weights must sum to 100, they sum to 50"}}},
		{"no fallback", "segment", strings.Replace(targeted, `"is_fallback":true`, `"is_fallback":false`, 1), FlagActive, []Blocker{{CodeMissingDefault, "no allocation has is_fallback true; exactly one must have"}}},
		{"two fallbacks", "segment", strings.Replace(targeted, `"priority":2`, `"priority":2,"is_fallback":true`, 1), FlagActive, []Blocker{{CodeMultipleDefaults, "2 allocations have is_fallback true; exactly one must have"}}},
		{"everything", "percentage", `[{"variation_id":"var_Z","weight":1,"is_control":false}]`, FlagDraft, []Blocker{
			{CodeFlagNotActive, "feature flag flg_1 is in draft status; it must be active"},
			{CodeForeignVariation, "variation var_Z does not belong to feature flag flg_1"},
			{CodeMissingControl, "exactly one allocation must have is_control true, 0 have"},
			{CodeInvalidWeights, "the weights must sum to 100, they sum to 1"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := decode(t, oneExperiment(test.strategy, "active", test.allocations))
			document.FeatureFlags[0].Status = test.flag
			got := Readiness(&document.Experiments[0], &document.FeatureFlags[0], Efforts(document))
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %v\nwant %v", got, test.want)
			}
			summary := Compile(document, Settings{}).Experiments[0]
			ready := len(test.want) == 0
			if summary.IsValid != ready || summary.Deciding != ready || !slices.Equal(summary.Blockers, test.want) {
				t.Errorf("the snapshot says %+v", summary)
			}
		})
	}
}

func TestDecidingOrder(t *testing.T) {
	active := func(id string, started int) Experiment {
		e := Experiment{ID: id, Status: ExperimentActive}
		if started > 0 {
			e.StartedAt = day(started)
		}
		return e
	}
	tests := []struct {
		name        string
		experiments []Experiment
		want        []string
	}{
		{"none", nil, nil},
		{"earliest first", []Experiment{active("exp_a", 3), active("exp_b", 1), active("exp_c", 2)}, []string{"exp_b", "exp_c", "exp_a"}},
		{"then smallest id", []Experiment{active("exp_b", 1), active("exp_B", 1), active("exp_a", 1)}, []string{"exp_B", "exp_a", "exp_b"}},
		{"without a start last", []Experiment{active("exp_a", 0), active("exp_c", 9), active("exp_b", 0)}, []string{"exp_c", "exp_a", "exp_b"}},
		{"only active ones", []Experiment{
			{ID: "exp_d", Status: ExperimentDraft}, {ID: "exp_p", Status: ExperimentPaused, StartedAt: day(1)},
			{ID: "exp_c", Status: ExperimentCompleted}, {ID: "exp_r", Status: ExperimentArchived}, active("exp_x", 0)}, []string{"exp_x"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for range 2 {
				var got []string
				for _, e := range Deciding(test.experiments) {
					got = append(got, e.ID)
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("got %v, want %v", got, test.want)
				}
				slices.Reverse(test.experiments)
			}
		})
	}
}
