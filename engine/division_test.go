package engine

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// iterated is oneExperiment with iterations.
func iterated(strategy, status, allocations, iterations string) string {
	return strings.Replace(oneExperiment(strategy, status, allocations), `"id":"exp_1",`, `"id":"exp_1","iterations":`+iterations+`,`, 1)
}

// shared writes the allocations of var_A, the control, and var_B.
func shared(a, b string) string {
	return fmt.Sprintf(`[{"variation_id":"var_A","weight":%s,"is_control":true},{"variation_id":"var_B","weight":%s,"is_control":false}]`, a, b)
}

const restToC = `"flag":{"key":"f","rule_id":"r","config_version":1,"not_in_experiment_variation_id":"var_C"}`

// subjects gives many of them.
func subjects(yield func(string) bool) {
	for i := range 5000 {
		if !yield(fmt.Sprint("subject ", i)) {
			return
		}
	}
}

func TestCurrentIteration(t *testing.T) {
	tests := []struct {
		name, status, iterations string
		want, id, key            string // current, in the treatments, of the buckets
	}{
		{"none", "active", `[]`, "", "itr_1", "exp_1"},
		{"first", "active", `[{"id":"itr_1","status":"running"}]`, "itr_1", "itr_1", "exp_1"},
		{"stopped", "completed", `[{"id":"itr_1","status":"stopped"},{"id":"itr_2","status":"stopped","salt":"x"}]`, "itr_2", "itr_2", "exp_1x"},
		{"running before another is prepared", "active", `[{"id":"itr_1","status":"stopped"},{"id":"itr_2","status":"running","salt":"x"},{"id":"itr_3","status":"not_started","salt":"y"}]`, "itr_2", "itr_2", "exp_1x"},
		{"stopped before another is prepared", "completed", `[{"id":"itr_1","status":"stopped"},{"id":"itr_3","status":"not_started","salt":"y"}]`, "itr_1", "itr_1", "exp_1"},
		{"prepared for a draft", "draft", `[{"id":"itr_3","status":"not_started","salt":"y"}]`, "", "itr_3", "exp_1y"},
		{"prepared only", "active", `[{"id":"itr_3","status":"not_started","salt":"y"}]`, "", "itr_1", "exp_1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := decode(t, iterated("percentage", test.status, halves, test.iterations))
			got := ""
			if current := document.Experiments[0].CurrentIteration(); current != nil {
				got = current.ID
			}
			if got != test.want {
				t.Errorf("the current iteration is %q, want %q", got, test.want)
			}
			snapshot := Compile(document, Settings{})
			for _, treatment := range snapshot.Treatments {
				if treatment.Iteration != test.id {
					t.Errorf("a treatment is of %s, want %s", treatment.Iteration, test.id)
				}
			}
			if id := snapshot.Splits[0].Iteration; id != test.id {
				t.Errorf("the split is of %s, want %s", id, test.id)
			}
			for subject := range subjects {
				d := snapshot.Decide(&Request{Subject: subject, Force: Force{ExperimentID: "exp_1"}})
				if first := BucketOf(subject, test.key) < 50_000; d.Treatment.IsControl != first {
					t.Fatalf("%s got %s", subject, d.Treatment.VariationID)
				}
			}
		})
	}
	if got := FirstIterationID("exp_Abc"); got != "itr_Abc" || !ValidID(IterationPrefix, got) {
		t.Errorf("got %s", got)
	}
}

func TestDivision(t *testing.T) {
	tests := []struct{ name, strategy, allocations, shares, want string }{
		{"no shares", "percentage", shared("20", "80"), `[]`, "[{var_A 20} {var_B 80}]"},
		{"in the order of the shares", "percentage", shared("50", "50"), `[{"variation_id":"var_B","weight":10},{"variation_id":"var_A","weight":50},{"variation_id":"var_C","weight":0},{"variation_id":"var_B","weight":40}]`,
			"[{var_B 10} {var_A 50} {var_B 40}]"},
		{"sums that differ", "percentage", shared("50", "50"), `[{"variation_id":"var_B","weight":50.001},{"variation_id":"var_A","weight":49.999}]`, "[{var_A 50} {var_B 50}]"},
		{"another variation", "percentage", shared("50", "50"), `[{"variation_id":"var_B","weight":50},{"variation_id":"var_C","weight":50}]`, "[{var_A 50} {var_B 50}]"},
		{"too few", "percentage", shared("50", "50"), `[{"variation_id":"var_B","weight":50}]`, "[{var_A 50} {var_B 50}]"},
		{"nothing for one", "percentage", shared("0", "100"), `[{"variation_id":"var_B","weight":1},{"variation_id":"var_B","weight":99}]`, "[{var_B 1} {var_B 99}]"},
		{"segments", "segment", shared("50", "50"), `[{"variation_id":"var_B","weight":50},{"variation_id":"var_A","weight":50}]`, "[]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := decode(t, iterated(test.strategy, "active", test.allocations, `[{"id":"itr_1","status":"running","shares":`+test.shares+`}]`))
			division := document.Experiments[0].Division()
			if got := fmt.Sprint(division); got != test.want {
				t.Fatalf("got %s, want %s", got, test.want)
			}
			if test.strategy == "segment" {
				return
			}
			snapshot := Compile(document, Settings{})
			for subject := range subjects {
				d := snapshot.Decide(&Request{Subject: subject})
				bucket := Weight(BucketOf(subject, "exp_1"))
				for _, share := range division {
					if bucket < share.Weight {
						if d.Treatment.VariationID != share.VariationID || d.Treatment.IsControl != (share.VariationID == "var_A") || d.Source != SourceBucket || d.Untracked {
							t.Fatalf("%s got %+v, want %s", subject, d, share.VariationID)
						}
						break
					}
					bucket -= share.Weight
				}
			}
		})
	}
}

// Traffic that is raised by shares at the end moves nobody who was in.
func TestRaisingTrafficMovesNobody(t *testing.T) {
	before := compile(t, iterated("percentage", "active", shared("10", "10"), `[{"id":"itr_1","status":"running",`+restToC+`}]`))
	after := compile(t, iterated("percentage", "active", shared("30", "40"), `[{"id":"itr_1","status":"running",`+restToC+`,
		"shares":[{"variation_id":"var_A","weight":10},{"variation_id":"var_B","weight":10},{"variation_id":"var_A","weight":20},{"variation_id":"var_B","weight":30}]}]`))
	inside := 0
	for subject := range subjects {
		a, b := before.Decide(&Request{Subject: subject}), after.Decide(&Request{Subject: subject})
		if !a.Untracked {
			inside++
			if b.Untracked || a.Treatment.Header() != b.Treatment.Header() {
				t.Fatalf("%s had %s and has %s", subject, brief(a), brief(b))
			}
		}
	}
	if inside < 900 || inside > 1100 {
		t.Errorf("%d of 5000 subjects are in, want about 1000", inside)
	}
	if a, b := before.Splits[0].WeightsVersion, after.Splits[0].WeightsVersion; a == b {
		t.Errorf("both divisions have the version %s", a)
	}
}

func TestRest(t *testing.T) {
	running := `[{"id":"itr_1","status":"running",` + restToC + `}]`
	document := decode(t, iterated("percentage", "active", shared("20", "30.5"), running))
	snapshot := Compile(document, Settings{})
	if summary := snapshot.Experiments[0]; !summary.IsValid || !summary.Deciding {
		t.Fatalf("the snapshot says %+v", summary)
	}
	for subject := range subjects {
		want := "exp_1 var_C by fallback untracked new"
		switch bucket := BucketOf(subject, "exp_1"); {
		case bucket < 20_000:
			want = "exp_1 var_A control by bucket new"
		case bucket < 50_500:
			want = "exp_1 var_B by bucket new"
		}
		if got := brief(snapshot.Decide(&Request{Subject: subject})); got != want {
			t.Fatalf("%s got %q, want %q", subject, got, want)
		}
	}
	// The control's variation can be that of the rest, where it is not the control.
	same := compile(t, iterated("percentage", "active", shared("1", "1"), strings.Replace(running, "var_C", "var_A", 1)))
	rest := 0
	for subject := range subjects {
		if d := same.Decide(&Request{Subject: subject}); d.Untracked {
			if rest++; d.Treatment.VariationID != "var_A" || d.Treatment.IsControl {
				t.Fatalf("%s got %s", subject, brief(d))
			}
		}
	}
	if rest < 4800 {
		t.Errorf("the rest are %d of 5000", rest)
	}
	// A variation that the flag does not have goes to nobody.
	for _, gone := range []string{"var_Z", "var_9"} {
		snapshot := compile(t, iterated("percentage", "active", shared("20", "30"), strings.Replace(running, "var_C", gone, 1)))
		nobody := 0
		for subject := range subjects {
			d := snapshot.Decide(&Request{Subject: subject})
			if d.Treatment == nil {
				nobody++
			}
			if d.Untracked || (d.Treatment == nil) != (BucketOf(subject, "exp_1") >= 50_000) {
				t.Fatalf("%s got %s", subject, brief(d))
			}
		}
		if nobody == 0 {
			t.Error("everybody got something")
		}
	}
	if segment := compile(t, iterated("segment", "active", targeted, running)); segment.plans["exp_1"].rest != nil {
		t.Error("an experiment with segments has a rest")
	}
}

func TestReadinessOfTheRest(t *testing.T) {
	tests := []struct{ name, status, a, b, iterations, want string }{
		{"less", "active", "20", "30", `[{"id":"itr_1","status":"running",` + restToC + `}]`, ""},
		{"all", "active", "50", "50", `[{"id":"itr_1","status":"running",` + restToC + `}]`, ""},
		{"hardly any", "active", "0.001", "0", `[{"id":"itr_1","status":"running",` + restToC + `}]`, ""},
		{"none", "active", "0", "0", `[{"id":"itr_1","status":"running",` + restToC + `}]`, "the weights must sum to more than 0 and at most 100, they sum to 0"},
		{"more", "active", "50", "50.001", `[{"id":"itr_1","status":"running",` + restToC + `}]`, "the weights must sum to more than 0 and at most 100, they sum to 100.001"},
		{"no rest", "active", "20", "30", `[{"id":"itr_1","status":"running","flag":{"key":"f"}}]`, "the weights must sum to 100, they sum to 50"},
		{"another iteration's rest", "active", "20", "30", `[{"id":"itr_1","status":"stopped",` + restToC + `},{"id":"itr_2","status":"running"}]`, "the weights must sum to 100, they sum to 50"},
		{"to come", "draft", "20", "30", `[{"id":"itr_1","status":"not_started",` + restToC + `}]`, ""},
		{"not to come", "paused", "20", "30", `[{"id":"itr_1","status":"not_started",` + restToC + `}]`, "the weights must sum to 100, they sum to 50"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := decode(t, iterated("percentage", test.status, shared(test.a, test.b), test.iterations))
			var want []Blocker
			if test.want != "" {
				want = []Blocker{{CodeInvalidWeights, test.want}}
			}
			if got := Readiness(&document.Experiments[0], &document.FeatureFlags[0], Efforts(document)); !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestWeightsVersion(t *testing.T) {
	document := decode(t, iterated("percentage", "active", shared("33.333", "66.667"), `[{"id":"itr_1","status":"running"}]`))
	snapshot := Compile(document, Settings{})
	sum := sha256.Sum256([]byte("var_A 33.333\nvar_B 66.667\n"))
	want := fmt.Sprintf("%x", sum)[:12]
	for _, treatment := range snapshot.Treatments {
		if treatment.WeightsVersion != want {
			t.Errorf("%s has the version %q, want %q", treatment.VariationID, treatment.WeightsVersion, want)
		}
	}
	if got := WeightsVersion(document.Experiments[0].Division()); got != want {
		t.Errorf("the document's division has %s, want %s", got, want)
	}
	// What an allocation without a share is called does not matter, nor does what
	// becomes of the rest.
	with := compile(t, iterated("percentage", "active", `[{"variation_id":"var_C","weight":0,"is_control":false},`+shared("33.333", "66.667")[1:], `[{"id":"itr_1","status":"running",`+restToC+`}]`))
	if got := with.Splits[0].WeightsVersion; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	other := compile(t, iterated("percentage", "active", shared("33.334", "66.666"), `[]`))
	if got := other.Splits[0].WeightsVersion; got == want {
		t.Error("other weights have the same version")
	}
	for _, treatment := range compile(t, oneExperiment("segment", "active", targeted)).Treatments {
		if treatment.WeightsVersion != "" || treatment.Iteration != "itr_1" {
			t.Errorf("a treatment of a segment experiment is %+v", treatment)
		}
	}
}

func TestSplits(t *testing.T) {
	text := iterated("percentage", "active", shared("20", "30"), `[{"id":"itr_7","status":"running",`+restToC+`,
		"shares":[{"variation_id":"var_A","weight":10},{"variation_id":"var_B","weight":30},{"variation_id":"var_A","weight":10}]}]`)
	second := oneExperiment("segment", "draft", targeted)
	third := oneExperiment("percentage", "archived", halves)
	cut := func(text, id string) string {
		return strings.Replace(strings.TrimSuffix(text[strings.Index(text, `{"id":"exp_1"`):], "]}"), "exp_1", id, 1)
	}
	text = strings.TrimSuffix(text, "]}") + "," + cut(third, "exp_3") + "," + cut(second, "exp_2") + "]}"
	want := []Split{
		{ExperimentID: "exp_1", Iteration: "itr_7", WeightsVersion: WeightsVersion([]Share{{"var_A", 10_000}, {"var_B", 30_000}, {"var_A", 10_000}}),
			Strategy: StrategyPercentage, ControlID: "var_A", Weights: map[string]Weight{"var_A": 20_000, "var_B": 30_000}},
		{ExperimentID: "exp_3", Iteration: "itr_3", WeightsVersion: WeightsVersion([]Share{{"var_A", 50_000}, {"var_B", 50_000}}),
			Strategy: StrategyPercentage, ControlID: "var_A", Weights: map[string]Weight{"var_A": 50_000, "var_B": 50_000}},
		{ExperimentID: "exp_2", Iteration: "itr_2", Strategy: StrategySegment, ControlID: "var_A"},
	}
	if got := compile(t, text).Splits; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestExplanationOfTheRest(t *testing.T) {
	s := compile(t, iterated("percentage", "active", shared("20", "30"), `[{"id":"itr_1","status":"running","salt":"pepper",`+restToC+`}]`))
	for subject := range subjects {
		step := s.Explain(&Request{Subject: subject}).Experiments[0]
		if step.Bucket.Hashed != subject+"exp_1pepper" || Bucket(step.Bucket.Bucket*1000+step.Bucket.Fraction) != BucketOf(subject, "exp_1pepper") || step.Bucket.Rest != "var_C" {
			t.Fatalf("%s: explained as %+v", subject, step.Bucket)
		}
		outside := step.Bucket.Bucket >= 50
		if step.GivesUntracked != outside || (step.Gives == "var_C") != outside || (step.GivesSource == SourceFallback) != outside {
			t.Fatalf("%s in %d gets %+v", subject, step.Bucket.Bucket, step)
		}
	}
}
