package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// withSegments is an active experiment of the segment strategy that asks the
// segments seg_1 to seg_3, whose rules are given as JSON.
func withSegments(rules ...string) string {
	allocations := []string{`{"variation_id":"var_A","is_control":true,"is_fallback":true}`}
	var segments []string
	for i, r := range rules {
		segments = append(segments, fmt.Sprintf(`{"id":"seg_%d","name":"s%d","rules":%s}`, i+1, i+1, r))
		allocations = append(allocations, fmt.Sprintf(`{"variation_id":"var_B","segment_id":"seg_%d","priority":%d,"is_control":false}`, i+1, i+1))
	}
	text := oneExperiment("segment", "active", "["+strings.Join(allocations, ",")+"]")
	begin, end := strings.Index(text, `"segments":`), strings.Index(text, `"experiments":`)
	return text[:begin] + `"segments":[` + strings.Join(segments, ",") + "],\n" + text[end:]
}

// manyValues is a list of n different values of size bytes each.
func manyValues(n, size int, seed string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `%s"%s%0*d"`, comma(i), seed, size-len(seed), i)
	}
	return "[" + b.String() + "]"
}

func searching(attribute, values string) string {
	return `[{"match":{"` + attribute + `":{"contains":` + values + `}}}]`
}

// A document of yesterday loads, and an experiment that would make logins slow
// assigns no subject, whatever asks it.
func TestExpensiveSegments(t *testing.T) {
	rules := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"match":{"user_agent":{"contains":["x"]}}},`, n), ",") + "]"
	}
	large := searching("user_agent", manyValues(100_000, 10, ""))
	tests := []struct {
		name  string
		rules []string
		ready bool
		says  string
	}{
		{"many values", []string{large, large}, true, ""},
		{"many whole values", []string{`[{"match":{"client_id":` + manyValues(200_000, 20, "") + `}}]`}, true, ""},
		{"more values than are compiled", []string{large, large, large}, false, "up to segment seg_3"},
		{"values too long together", []string{`[{"match":{"domain":{"ends_with":` + manyValues(10, MaxSearched/10+1, "") + `}}}]`}, false, "up to segment seg_1"},
		{"as many rules as may be", []string{rules(127)}, true, ""},
		{"too many rules", []string{rules(100), rules(28)}, false, "of at most 131072"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := withSegments(test.rules...)
			document := decode(t, text)
			reader := NewReader()
			read, err := reader.Decode([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			for name, snapshot := range map[string]*Snapshot{"compiled": Compile(document, Settings{}), "read": reader.Compile(read, Settings{})} {
				summary := snapshot.Experiments[0]
				if summary.IsValid != test.ready || summary.Deciding != test.ready {
					t.Fatalf("%s: valid %t, deciding %t, %v", name, summary.IsValid, summary.Deciding, summary.Blockers)
				}
				if !test.ready && (len(summary.Blockers) != 1 || summary.Blockers[0].Code != CodeSegmentsTooExpensive || !strings.Contains(summary.Blockers[0].Message, test.says)) {
					t.Errorf("%s: it says %v", name, summary.Blockers)
				}
				for what, request := range map[string]Request{
					"plain":            {},
					"experiment alone": {Force: Force{ExperimentID: "exp_1"}},
					"segment":          {Force: Force{ExperimentID: "exp_1", SegmentID: "seg_1"}},
				} {
					if d := snapshot.Decide(&request); (d.Treatment != nil) != test.ready {
						t.Errorf("%s: %s gets %s", name, what, brief(d))
					}
				}
				carried := Request{Carried: Carried{ExperimentID: "exp_1", VariationID: "var_B"}}
				if d := snapshot.Decide(&carried); d.Source != SourceCarried {
					t.Errorf("%s: what a login carries gets %s", name, brief(d))
				}
				if step := snapshot.Explain(&Request{}).Experiments[0]; !test.ready && !strings.Contains(step.GivesNoReason, "too expensive") {
					t.Errorf("%s: it is explained by %q", name, step.GivesNoReason)
				}
			}
		})
	}
}

// A segment that is added, or grows, behind others leaves their experiments
// alone.
func TestExpensiveSegmentStopsOnlyItsOwnExperiment(t *testing.T) {
	text := oneExperiment("segment", "active", targeted)
	text = strings.Replace(text, `{"id":"seg_3","name":"nobody","rules":[{"match":{"country":["nowhere"]}}]}`,
		`{"id":"seg_3","name":"large","rules":`+searching("user_agent", manyValues(10, MaxSearched/10+1, ""))+`}`, 1)
	snapshot := Compile(decode(t, text), Settings{})
	if !snapshot.Experiments[0].Deciding {
		t.Errorf("an experiment without the large segment is stopped: %v", snapshot.Experiments[0].Blockers)
	}
	if d := snapshot.Decide(&Request{Attributes: Attributes{Country: "US"}}); d.Treatment == nil || d.SegmentID != "seg_1" {
		t.Errorf("it gets %s", brief(d))
	}
}

func TestSegmentBodiesAreBounded(t *testing.T) {
	rule := func(values string) string { return `{"match":{"user_agent":{"contains":` + values + `}}}` }
	body := func(rules ...string) string { return `{"name":"large","rules":[` + strings.Join(rules, ",") + `]}` }
	tests := []struct{ name, body, want string }{
		{"values of a condition", body(rule(manyValues(MaxConditionValues, 6, ""))), ""},
		{"too many values of a condition", body(rule(manyValues(MaxConditionValues+1, 6, ""))),
			"rules[0].match.user_agent.contains: must have at most 50000 values, has 50001"},
		{"too many whole values", body(`{"not_match":{"client_id":` + manyValues(MaxConditionValues+1, 6, "") + `}}`),
			"rules[0].not_match.client_id: must have at most 50000 values, has 50001"},
		{"too many values in all", body(rule(manyValues(40_000, 6, "")), rule(manyValues(40_000, 6, "")), rule(manyValues(20_001, 6, ""))),
			"rules: must have at most 100000 values in all, has 100001"},
		{"too long a value", body(rule(`["` + strings.Repeat("x", LongestCondition+1) + `"]`)),
			"rules[0].match.user_agent.contains[0]: must have 0 to 1024 characters, has 1025"},
		{"rules", body(strings.Split(strings.TrimSuffix(strings.Repeat(rule(`["x"]`)+"\n", MaxRules), "\n"), "\n")...), ""},
		{"too many rules", body(strings.Split(strings.TrimSuffix(strings.Repeat(rule(`["x"]`)+"\n", MaxRules+1), "\n"), "\n")...),
			"rules: must have at most 100 rules, has 101"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, use := range []BodyUse{Create, Patch} {
				_, err := DecodeSegmentBody([]byte(test.body), use)
				var faults Faults
				switch {
				case test.want == "" && err != nil:
					t.Errorf("refused: %v", err)
				case test.want != "" && (!errors.As(err, &faults) || faults.Describe() != test.want):
					t.Errorf("got %v, want %s", err, test.want)
				}
			}
			// What a person writes is not bound by it.
			var segment struct {
				Rules json.RawMessage `json:"rules"`
			}
			if err := json.Unmarshal([]byte(test.body), &segment); err != nil {
				t.Fatal(err)
			}
			decode(t, `{"segments":[{"id":"seg_1","name":"n","rules":`+string(segment.Rules)+`}]}`)
		})
	}
}

// BenchmarkManyValues is three segments of 100,000 values each.
func BenchmarkManyValues(b *testing.B) {
	snapshot := compile(b, withSegments(
		searching("user_agent", manyValues(100_000, 6, "")), searching("user_agent", manyValues(100_000, 6, "")), searching("user_agent", manyValues(100_000, 6, ""))))
	request := Request{Attributes: Attributes{UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"}}
	b.ReportAllocs()
	for b.Loop() {
		if d := snapshot.Decide(&request); d.Treatment == nil {
			b.Fatal("no treatment")
		}
	}
}
