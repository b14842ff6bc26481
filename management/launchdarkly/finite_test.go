package launchdarkly

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results"
)

// Numbers that JSON does not have are left out, wherever they come from.
func TestOnlyFiniteNumbers(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	view := viewTreatment(&results.TreatmentResult{
		Mean: &nan, DataMean: &inf, PBest: &nan, EventValuesSum: inf, CredibleInterval: &results.Interval{Lower: math.Inf(-1), Upper: 1},
		RelativeDifferences: []results.DifferenceFromArm{{FromTreatmentID: "x", Lower: &nan, Upper: &inf, Variance: &nan}},
		Distribution:        &results.Distribution{Kind: "normal", Parameters: map[string]float64{"mu": 1, "sigma": nan}},
		BayesianBeta:        &results.BetaModel{DataWeight: nan}, BayesianNormal: &results.NormalModel{DataWeight: inf, PriorMean: &nan},
		CovariateAdjustment: &results.CovariateAdjustment{Correlation: nan, VarianceReduction: inf},
		Sequential:          &results.Test{P: &nan, Interval: &results.Interval{Lower: nan, Upper: inf}},
	})
	text, err := json.Marshal(view)
	if err != nil {
		t.Fatal(err)
	}
	var back treatmentResultView
	if err := json.Unmarshal(text, &back); err != nil || back.Mean != nil || *back.CredibleInterval.Upper != 1 || len(back.Distribution.Parameters) != 1 {
		t.Errorf("%s: %v", text, err)
	}
}
