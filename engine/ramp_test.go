package engine

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
)

// ramped returns a document whose first experiment has a ramp. current may be empty.
func ramped(text, levels, current string) string {
	fields := `"levels":` + levels + `,`
	if current != "" {
		fields += `"current_level":` + current + `,`
	}
	return strings.Replace(text, `"id":"exp_1",`, `"id":"exp_1",`+fields, 1)
}

// naivePlace is the published formula with numbers of any size, step by step.
func naivePlace(subject, experimentID string) int64 {
	sum := sha256.Sum256([]byte(subject + experimentID + "\x00level"))
	number := new(big.Int)
	for _, b := range sum[:8] {
		number.Mul(number, big.NewInt(256))
		number.Add(number, big.NewInt(int64(b)))
	}
	return number.Mod(number, big.NewInt(100_000)).Int64()
}

func TestPlaceIsTheFormula(t *testing.T) {
	ids := []string{"exp_1", "exp_uMP2ccYnKbSXPPNF8q1jsh", "exp_" + strings.Repeat("z", 300)}
	for i := range 20_000 {
		subject, id := fmt.Sprintf("%d-ü\x00", i), ids[i%len(ids)]
		if got, want := PlaceOf(subject, id), naivePlace(subject, id); int64(got) != want {
			t.Fatalf("PlaceOf(%q, %.20q) = %d, want %d", subject, id, got, want)
		}
	}
}

// Who is in is worked out here from the formula alone, and what who is in gets from
// the vectors of the buckets, which a ramp does not touch.
func TestRampLetsIn(t *testing.T) {
	text := oneExperiment("percentage", "active", halves)
	everybody := compile(t, text)
	in := map[string]string{}
	for _, level := range []int{0, 1, 5, 25, 50, 99, 100} {
		s := compile(t, ramped(text, "[0,1,5,25,50,99,100]", fmt.Sprint(level)))
		count := 0
		for subject := range subjects {
			got := brief(s.Decide(&Request{Subject: subject}))
			want := ""
			if naivePlace(subject, "exp_1") < int64(level)*1000 {
				count++
				want = brief(everybody.Decide(&Request{Subject: subject}))
			}
			if got != want {
				t.Fatalf("level %d: %s gets %q, want %q", level, subject, got, want)
			}
			if before, was := in[subject]; was && before != got {
				t.Fatalf("level %d: %s had %q and gets %q", level, subject, before, got)
			}
			if got != "" {
				in[subject] = got
			}
		}
		if share := float64(count) / float64(len(in)+1); level == 0 && count != 0 || level == 100 && share < 0.99 {
			t.Errorf("level %d lets %d in", level, count)
		}
	}
}

// Who is in says nothing about which variation it gets.
func TestRampDoesNotBendTheSplit(t *testing.T) {
	s := compile(t, ramped(oneExperiment("percentage", "active", halves), "[10]", ""))
	counts := map[string]int{}
	for i := range 100_000 {
		if d := s.Decide(&Request{Subject: fmt.Sprint("unit", i)}); d.Treatment != nil {
			counts[d.Treatment.VariationID]++
		}
	}
	// Five standard errors of a binomial.
	for id, n := range counts {
		if n < 5000-345 || n > 5000+345 {
			t.Errorf("%d of 100,000 get %s at 10 %%, want about 5,000", n, id)
		}
	}
	if len(counts) != 2 {
		t.Errorf("got %v", counts)
	}
}

func TestRampOfSegmentsAndTheRest(t *testing.T) {
	segment := compile(t, ramped(oneExperiment("segment", "active", targeted), "[50]", ""))
	rest := compile(t, ramped(iterated("percentage", "active", shared("20", "30"), `[{"id":"itr_1","status":"running","salt":"pepper",`+restToC+`}]`), "[50]", ""))
	for subject := range subjects {
		in := naivePlace(subject, "exp_1") < 50_000
		if d := segment.Decide(&Request{Subject: subject, Attributes: Attributes{Browser: "chrome"}}); (d.Treatment != nil) != in {
			t.Fatalf("segments: %s with place %d gets %+v", subject, naivePlace(subject, "exp_1"), d)
		}
		if d := rest.Decide(&Request{Subject: subject}); (d.Treatment != nil) != in {
			t.Fatalf("rest: %s with place %d gets %+v", subject, naivePlace(subject, "exp_1"), d)
		}
	}
}

// A level that goes down, or a ramp that begins, takes nothing from who was assigned.
func TestCarriedPassesTheRamp(t *testing.T) {
	s := compile(t, ramped(oneExperiment("percentage", "active", halves), "[0]", ""))
	r := Request{Subject: "s", Carried: Carried{ExperimentID: "exp_1", VariationID: "var_B"}}
	if got := brief(s.Decide(&r)); got != "exp_1 var_B by carried" {
		t.Errorf("carried: %s", got)
	}
	r.Carried = Carried{}
	if got := brief(s.Decide(&r)); got != "" {
		t.Errorf("not carried: %s", got)
	}
	for _, force := range []Force{{ExperimentID: "exp_1"}, {ExperimentID: "exp_1", VariationID: "var_A"}} {
		r.Force = force
		if got := brief(s.Decide(&r)); !strings.HasSuffix(got, "by override new") {
			t.Errorf("override %+v: %s", force, got)
		}
	}
}

// The one whose ramp leaves a subject out leaves it to the next.
func TestRampLeavesSubjectsToTheNextExperiment(t *testing.T) {
	s := Compile(decode(t, ramped(twoExperiments("percentage", "active", toB), "[40]", "")), Settings{MaxActive: 2})
	for subject := range subjects {
		want := "exp_2 var_B by bucket new"
		if naivePlace(subject, "exp_1") < 40_000 {
			want = "exp_1 var_A control by bucket new"
		}
		if got := brief(s.Decide(&Request{Subject: subject})); got != want {
			t.Fatalf("%s: %s, want %s", subject, got, want)
		}
	}
}

func TestExplanationOfTheRamp(t *testing.T) {
	s := compile(t, ramped(oneExperiment("percentage", "active", halves), "[30]", ""))
	for subject := range subjects {
		step := s.Explain(&Request{Subject: subject}).Experiments[0]
		place := naivePlace(subject, "exp_1")
		if r := step.Ramp; r == nil || r.Level != 30 || int64(r.Place) != place || r.In != (place < 30_000) || r.Passed || r.Hashed != subject+"exp_1\x00level" {
			t.Fatalf("%s: %+v", subject, step.Ramp)
		}
		if (step.Gives != "") != step.Ramp.In || (step.GivesNoReason == "") != step.Ramp.In {
			t.Fatalf("%s: %+v", subject, step)
		}
		forced := s.Explain(&Request{Subject: subject, Force: Force{ExperimentID: "exp_1"}}).Experiments[0]
		if !forced.Ramp.Passed || forced.Gives == "" {
			t.Fatalf("%s by override: %+v", subject, forced)
		}
	}
	if step := compile(t, oneExperiment("percentage", "active", halves)).Explain(&Request{Subject: "s"}).Experiments[0]; step.Ramp != nil {
		t.Errorf("without a ramp: %+v", step.Ramp)
	}
}

func TestRampMoves(t *testing.T) {
	level := func(n int) *int { return &n }
	tests := []struct {
		levels  []int
		current *int
		level   int
		next    int // -1: none
		begun   *int
	}{
		{nil, nil, 100, -1, nil},
		{[]int{5, 50}, nil, 5, 50, level(5)},
		{[]int{5, 50}, level(5), 5, 50, level(5)},
		{[]int{5, 50}, level(50), 50, -1, level(50)},
		{[]int{5, 50}, level(0), 0, 5, level(0)}, // rolled back
		{[]int{5, 50}, level(20), 20, 50, level(20)},
		{[]int{0}, nil, 0, -1, level(0)},
	}
	for _, test := range tests {
		e := Experiment{Levels: test.levels, CurrentLevel: test.current}
		next, ok := e.NextLevel()
		if !ok {
			next = -1
		}
		if e.Level() != test.level || next != test.next {
			t.Errorf("%v at %v: level %d, next %d", test.levels, test.current, e.Level(), next)
		}
		if e.BeginRamp(); (e.CurrentLevel == nil) != (test.begun == nil) || test.begun != nil && *e.CurrentLevel != *test.begun {
			t.Errorf("%v at %v begins at %v", test.levels, test.current, e.CurrentLevel)
		}
	}
}

func TestRampFaults(t *testing.T) {
	tests := []struct{ levels, current, want string }{
		{`[5,5]`, "", "experiments[0].levels[1]: must be above the level before it, 5; levels rise"},
		{`[50,5]`, "", "experiments[0].levels[1]: must be above the level before it, 50; levels rise"},
		{`[5,101]`, "", "experiments[0].levels[1]: must be a whole number of percent from 0 to 100, got 101"},
		{`[-1]`, "", "experiments[0].levels[0]: must be a whole number from 0, got -1"},
		{`[5.5]`, "", "experiments[0].levels[0]: must be a whole number from 0, got 5.5"},
		{`["5"]`, "", "experiments[0].levels[0]: must be a number, got a string"},
		{`5`, "", "experiments[0].levels: must be an array, got a number"},
		{`[5,10]`, "101", "experiments[0].current_level: must be a whole number of percent from 0 to 100, got 101"},
		{`[5,10]`, "null", "experiments[0].current_level: must be a number, got null"},
		{`[]`, "5", "experiments[0]: has a current_level without levels; give it the levels of its ramp"},
		{`[` + strings.Repeat("1,", 10_000) + `1]`, "", "experiments[0].levels[1]: must be above the level before it, 1; levels rise"},
	}
	for _, test := range tests {
		_, err := Decode([]byte(ramped(oneExperiment("percentage", "active", halves), test.levels, test.current)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.20s at %q: got %v, want %s", test.levels, test.current, err, test.want)
		}
	}
}

func BenchmarkRamp(b *testing.B) {
	text := largeDocument(1, StrategyPercentage)
	id := "exp_" + base58Number(0)
	s := Compile(decode(b, strings.Replace(text, `{"id":"`+id+`",`, `{"id":"`+id+`","levels":[99],`, 1)), Settings{})
	r := Request{Subject: "0f8fad5b-d9cb-469f-a165-70867728950e"}
	b.ReportAllocs()
	for b.Loop() {
		if d := s.Decide(&r); d.Treatment == nil {
			b.Fatal("no treatment")
		}
	}
}

func TestRampDoesNotAllocate(t *testing.T) {
	s := compile(t, ramped(oneExperiment("percentage", "active", halves), "[50]", ""))
	i := 0
	names := [...]string{"a", "b", "c", "0f8fad5b-d9cb-469f-a165-70867728950e"}
	if n := testing.AllocsPerRun(1000, func() {
		r := Request{Subject: names[i%len(names)]}
		i++
		s.Decide(&r)
	}); n != 0 {
		t.Errorf("a decision of a ramp makes %v allocations", n)
	}
}

// A document of before is read and written as before.
func TestDocumentsWithoutRampsAreUnchanged(t *testing.T) {
	text, err := os.ReadFile("testdata/before.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := marshal(t, decode(t, string(text))); got != strings.TrimSpace(string(text)) {
		t.Errorf("got  %s\nwant %s", got, text)
	}
	if !json.Valid(text) {
		t.Error("the file is no JSON")
	}
}
