package engine

import (
	"fmt"
	"strings"
	"testing"
)

// brief writes what a test of deciding looks at: variation, control, segment,
// source, warning, and what happens with the carried decision.
func brief(d Decision) string {
	var words []string
	if d.Treatment != nil {
		words = append(words, d.Treatment.ExperimentID, d.Treatment.VariationID)
		if d.Treatment.IsControl {
			words = append(words, "control")
		}
	}
	if d.SegmentID != "" {
		words = append(words, "in", d.SegmentID)
	}
	if d.Source != "" {
		words = append(words, "by", string(d.Source))
	}
	if d.Untracked {
		words = append(words, "untracked")
	}
	if d.Warning != "" {
		words = append(words, "warns", string(d.Warning))
	}
	if d.New {
		words = append(words, "new")
	}
	if d.Drop {
		words = append(words, "drop")
	}
	return strings.Join(words, " ")
}

// twoExperiments has the active percentage experiment exp_1, in which everybody
// gets var_A, and exp_2 with what is given of it. Their flag is flg_1.
func twoExperiments(strategy, status, allocations string) string {
	text := oneExperiment("percentage", "active", `[{"variation_id":"var_A","weight":100,"is_control":true}]`)
	second := oneExperiment(strategy, status, allocations)
	second = strings.Replace(second[strings.Index(second, `{"id":"exp_1"`):], "exp_1", "exp_2", 1)
	return strings.TrimSuffix(text, "]}") + "," + second
}

const (
	// toB gives everybody var_B; var_C is the control without subjects.
	toB = `[{"variation_id":"var_B","weight":100,"is_control":false},{"variation_id":"var_C","weight":0,"is_control":true}]`
	// twice has two allocations to one segment, and one variation in two.
	twice = `[{"variation_id":"var_A","is_control":true,"is_fallback":true,"segment_id":"seg_1","priority":1},
	{"variation_id":"var_B","segment_id":"seg_1","priority":2,"is_control":false},
	{"variation_id":"var_B","segment_id":"seg_2","priority":3,"is_control":false}]`
)

func TestOverrides(t *testing.T) {
	const usual = "exp_1 var_A control by bucket new"
	chrome := Attributes{Browser: "chrome"}
	tests := []struct {
		name, strategy, status, allocations string
		force                               Force
		attributes                          Attributes
		want                                string
	}{
		{name: "none", force: Force{}, want: usual},
		{name: "experiment alone", force: Force{ExperimentID: "exp_2"}, want: "exp_2 var_B by override new"},
		{name: "experiment alone, draft", status: "draft", force: Force{ExperimentID: "exp_2"}, want: "exp_2 var_B by override new"},
		{name: "experiment alone, paused", status: "paused", force: Force{ExperimentID: "exp_2"}, want: "exp_2 var_B by override new"},
		{name: "experiment alone, completed", status: "completed", force: Force{ExperimentID: "exp_2"}, want: "exp_2 var_B by override new"},
		{name: "experiment alone, archived", status: "archived", force: Force{ExperimentID: "exp_2"}, want: "exp_2 var_B by override new"},
		{name: "experiment alone, segment strategy", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2"}, attributes: chrome, want: "exp_2 var_B in seg_2 by override new"},
		{name: "experiment alone, fallback", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2"}, want: "exp_2 var_A control by override new"},
		{name: "experiment alone, nothing to give", status: "draft", allocations: "[]", force: Force{ExperimentID: "exp_2"}, want: usual[:len(usual)-4] + " warns experiment_override_invalid new"},
		{name: "experiment alone, weights short of the subject", status: "draft", allocations: `[{"variation_id":"var_A","weight":0,"is_control":true}]`, force: Force{ExperimentID: "exp_2"},
			want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
		{name: "unknown experiment", force: Force{ExperimentID: "exp_9"}, want: "warns experiment_not_found"},
		{name: "unknown experiment with a variation", force: Force{ExperimentID: "exp_9", VariationID: "var_A"}, want: "warns experiment_not_found"},
		{name: "experiment that is no id", force: Force{ExperimentID: "\x00'; --"}, want: "warns experiment_not_found"},
		{name: "archived with a variation", status: "archived", force: Force{ExperimentID: "exp_2", VariationID: "var_C"}, want: "exp_2 var_C control by override new"},

		{name: "variation", force: Force{ExperimentID: "exp_2", VariationID: "var_B"}, want: "exp_2 var_B by override new"},
		{name: "variation of weight zero is what its allocation says", force: Force{ExperimentID: "exp_2", VariationID: "var_C"}, want: "exp_2 var_C control by override new"},
		{name: "variation without allocation", force: Force{ExperimentID: "exp_2", VariationID: "var_A"}, want: "exp_2 var_A by override new"},
		{name: "variation of a draft without allocations", status: "draft", allocations: "[]", force: Force{ExperimentID: "exp_2", VariationID: "var_A"}, want: "exp_2 var_A by override new"},
		{name: "variation in segment strategy names no segment", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2", VariationID: "var_B"}, want: "exp_2 var_B by override new"},
		{name: "variation of several allocations is what the first says", status: "draft", force: Force{ExperimentID: "exp_2", VariationID: "var_B"},
			allocations: `[{"variation_id":"var_B","weight":0,"is_control":true},{"variation_id":"var_B","weight":100,"is_control":false}]`, want: "exp_2 var_B control by override new"},
		{name: "foreign variation", force: Force{ExperimentID: "exp_2", VariationID: "var_Z"}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
		{name: "foreign variation that is allocated", status: "draft", allocations: `[{"variation_id":"var_Z","weight":100,"is_control":true}]`, force: Force{ExperimentID: "exp_2", VariationID: "var_Z"},
			want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
		{name: "unknown variation", force: Force{ExperimentID: "exp_2", VariationID: "var_9"}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},

		{name: "segment", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2", SegmentID: "seg_1"}, want: "exp_2 var_C in seg_1 by override new"},
		{name: "segment, not the one that matches", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2", SegmentID: "seg_1"}, attributes: chrome, want: "exp_2 var_C in seg_1 by override new"},
		{name: "segment of two allocations, first by priority", strategy: "segment", allocations: twice, force: Force{ExperimentID: "exp_2", SegmentID: "seg_1"}, want: "exp_2 var_A control in seg_1 by override new"},
		{name: "segment without allocation", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2", SegmentID: "seg_3"}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
		{name: "unknown segment", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2", SegmentID: "seg_9"}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
		{name: "segment in percentage strategy", force: Force{ExperimentID: "exp_2", SegmentID: "seg_1"}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},

		{name: "segment and its variation", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2", SegmentID: "seg_1", VariationID: "var_C"}, want: "exp_2 var_C in seg_1 by override new"},
		{name: "segment and the second of its variations", strategy: "segment", allocations: twice, force: Force{ExperimentID: "exp_2", SegmentID: "seg_1", VariationID: "var_B"}, want: "exp_2 var_B in seg_1 by override new"},
		{name: "segment and a variation of another segment", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2", SegmentID: "seg_1", VariationID: "var_B"}, want: "exp_2 var_B in seg_1 by override new"},
		{name: "segment and the control of another segment", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2", SegmentID: "seg_1", VariationID: "var_A"}, want: "exp_2 var_A control in seg_1 by override new"},
		{name: "segment and a foreign variation", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2", SegmentID: "seg_1", VariationID: "var_Z"}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
		{name: "segment without allocation and a variation", strategy: "segment", allocations: targeted, force: Force{ExperimentID: "exp_2", SegmentID: "seg_3", VariationID: "var_B"}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
		{name: "segment and variation in percentage strategy", force: Force{ExperimentID: "exp_2", SegmentID: "seg_1", VariationID: "var_B"}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},

		{name: "orphaned variation", force: Force{VariationID: "var_B"}, want: "exp_1 var_A control by bucket warns experiment_orphaned_params new"},
		{name: "orphaned segment", force: Force{SegmentID: "seg_1"}, want: "exp_1 var_A control by bucket warns experiment_orphaned_params new"},
		{name: "refused", force: Force{ExperimentID: "exp_2", VariationID: "var_B", Refused: true}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
		{name: "refused and unknown", force: Force{ExperimentID: "exp_9", Refused: true}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
		{name: "refused and orphaned", force: Force{VariationID: "var_B", Refused: true}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
		{name: "refused without ids", force: Force{Refused: true}, want: "exp_1 var_A control by bucket warns experiment_override_invalid new"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.strategy == "" {
				test.strategy = "percentage"
			}
			if test.status == "" {
				test.status = "paused"
			}
			if test.allocations == "" {
				test.allocations = toB
			}
			snapshot := compile(t, twoExperiments(test.strategy, test.status, test.allocations))
			request := Request{Subject: "s", Attributes: test.attributes, Force: test.force}
			if got := brief(snapshot.Decide(&request)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			request.Hold = true
			if got := snapshot.Decide(&request); got != (Decision{}) {
				t.Errorf("held, got %s, want nothing", brief(got))
			}
		})
	}
}

func TestCarried(t *testing.T) {
	const fresh = "exp_1 var_A control by bucket new"
	b := Carried{ExperimentID: "exp_2", VariationID: "var_B"}
	forced := b
	forced.Forced = true
	tests := []struct {
		name    string
		status  string
		carried Carried
		force   Force
		want    string // of a request that may be decided
		held    string // of one that may not
	}{
		{"nothing", "active", Carried{}, Force{}, fresh, ""},
		{"nothing but a variation", "active", Carried{VariationID: "var_B"}, Force{}, fresh, ""},
		{"active", "active", b, Force{}, "exp_2 var_B by carried", "exp_2 var_B by carried"},
		{"paused", "paused", b, Force{}, "exp_2 var_B by carried", "exp_2 var_B by carried"},
		{"completed", "completed", b, Force{}, "exp_2 var_B by carried", "exp_2 var_B by carried"},
		{"draft", "draft", b, Force{}, "exp_2 var_B by carried", "exp_2 var_B by carried"},
		{"archived", "archived", b, Force{}, fresh, "drop"},
		{"experiment gone", "active", Carried{ExperimentID: "exp_9", VariationID: "var_B"}, Force{}, fresh, "drop"},
		{"variation gone", "active", Carried{ExperimentID: "exp_2", VariationID: "var_9"}, Force{}, fresh, "drop"},
		{"variation of another flag", "active", Carried{ExperimentID: "exp_2", VariationID: "var_Z"}, Force{}, fresh, "drop"},
		{"variation no longer allocated", "active", Carried{ExperimentID: "exp_2", VariationID: "var_A"}, Force{}, "exp_2 var_A by carried", "exp_2 var_A by carried"},
		{"control as carried", "active", Carried{ExperimentID: "exp_2", VariationID: "var_B", IsControl: true}, Force{}, "exp_2 var_B control by carried", "exp_2 var_B control by carried"},
		{"no control as carried", "active", Carried{ExperimentID: "exp_2", VariationID: "var_C"}, Force{}, "exp_2 var_C by carried", "exp_2 var_C by carried"},
		{"segment as carried", "active", Carried{ExperimentID: "exp_2", VariationID: "var_B", SegmentID: "seg_9"}, Force{}, "exp_2 var_B in seg_9 by carried", "exp_2 var_B in seg_9 by carried"},
		{"override", "active", forced, Force{}, fresh, "exp_2 var_B by carried"},
		{"override, paused", "paused", forced, Force{}, fresh, "exp_2 var_B by carried"},
		{"override, archived", "archived", forced, Force{}, fresh, "exp_2 var_B by carried"},

		{"a new override wins", "active", b, Force{ExperimentID: "exp_1", VariationID: "var_C"}, "exp_1 var_C by override new", "exp_2 var_B by carried"},
		{"a new override after one", "active", forced, Force{ExperimentID: "exp_1", VariationID: "var_C"}, "exp_1 var_C by override new", "exp_2 var_B by carried"},
		{"unknown experiment leaves it alone", "active", b, Force{ExperimentID: "exp_9"}, "warns experiment_not_found", "exp_2 var_B by carried"},
		{"unknown experiment leaves an override alone", "active", forced, Force{ExperimentID: "exp_9"}, "warns experiment_not_found", "exp_2 var_B by carried"},
		{"unknown experiment leaves one that is gone alone", "archived", b, Force{ExperimentID: "exp_9"}, "warns experiment_not_found", "drop"},
		{"an override of an archived experiment wins", "archived", Carried{ExperimentID: "exp_1", VariationID: "var_A"}, Force{ExperimentID: "exp_2"}, "exp_2 var_B by override new", "exp_1 var_A by carried"},
		{"orphaned parameters", "active", b, Force{VariationID: "var_C"}, "exp_2 var_B by carried warns experiment_orphaned_params", "exp_2 var_B by carried"},
		{"invalid override", "active", b, Force{ExperimentID: "exp_1", VariationID: "var_Z"}, "exp_2 var_B by carried warns experiment_override_invalid", "exp_2 var_B by carried"},
		{"refused override", "active", b, Force{ExperimentID: "exp_1", Refused: true}, "exp_2 var_B by carried warns experiment_override_invalid", "exp_2 var_B by carried"},
		{"invalid override after an override", "active", forced, Force{ExperimentID: "exp_1", VariationID: "var_Z"}, "exp_1 var_A control by bucket warns experiment_override_invalid new", "exp_2 var_B by carried"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			snapshot := compile(t, strings.Replace(twoExperiments("percentage", test.status, toB), `"name":"one"`, `"name":"one","started_at":"2026-01-01T00:00:00Z"`, 1))
			request := Request{Subject: "s", Carried: test.carried, Force: test.force}
			if got := brief(snapshot.Decide(&request)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			request.Hold = true
			if got := brief(snapshot.Decide(&request)); got != test.held {
				t.Errorf("held, got %s\nwant %s", got, test.held)
			}
		})
	}
}

// What is of no more use is dropped when nothing takes its place.
func TestDropWithoutAnotherDecision(t *testing.T) {
	snapshot := compile(t, oneExperiment("percentage", "paused", halves))
	tests := []struct {
		name    string
		carried Carried
		force   Force
		want    string
	}{
		{"gone", Carried{ExperimentID: "exp_9", VariationID: "var_A"}, Force{}, "drop"},
		{"override", Carried{ExperimentID: "exp_1", VariationID: "var_A", Forced: true}, Force{}, "drop"},
		{"with a warning", Carried{ExperimentID: "exp_9", VariationID: "var_A"}, Force{SegmentID: "seg_1"}, "warns experiment_orphaned_params drop"},
		{"nothing carried", Carried{}, Force{}, ""},
		{"still good", Carried{ExperimentID: "exp_1", VariationID: "var_A", IsControl: true}, Force{}, "exp_1 var_A control by carried"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := brief(snapshot.Decide(&Request{Subject: "s", Carried: test.carried, Force: test.force})); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestSegmentStrategy(t *testing.T) {
	us, chrome := Attributes{Country: "us"}, Attributes{Browser: "Chrome"}
	both := Attributes{Country: "US", Browser: "chrome"}
	tests := []struct {
		name, allocations string
		attributes        Attributes
		want              string
	}{
		{"first by priority", targeted, both, "exp_1 var_C in seg_1 by segment new"},
		{"second by priority", targeted, chrome, "exp_1 var_B in seg_2 by segment new"},
		{"fallback", targeted, Attributes{}, "exp_1 var_A control by fallback new"},
		{"priorities with a gap", strings.Replace(targeted, `"priority":2`, `"priority":900`, 1), both, "exp_1 var_C in seg_1 by segment new"},
		{"same priority, order of the document", strings.Replace(targeted, `"priority":1`, `"priority":2`, 1), both, "exp_1 var_B in seg_2 by segment new"},
		{"no priority comes last", strings.Replace(targeted, `"priority":1,`, "", 1), both, "exp_1 var_B in seg_2 by segment new"},
		{"no priorities, order of the document", strings.NewReplacer(`"priority":1,`, "", `"priority":2,`, "").Replace(targeted), both, "exp_1 var_B in seg_2 by segment new"},
		{"fallback with a segment of its own matches", twice, us, "exp_1 var_A control in seg_1 by segment new"},
		{"fallback with a segment of its own falls back", twice, Attributes{}, "exp_1 var_A control by fallback new"},
		{"allocation with neither is never chosen", strings.Replace(targeted, `"segment_id":"seg_1",`, "", 1), us, "exp_1 var_A control by fallback new"},
		{"not ready without a fallback", strings.Replace(targeted, `"is_fallback":true`, `"is_fallback":false`, 1), us, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			snapshot := compile(t, oneExperiment("segment", "active", test.allocations))
			for _, subject := range []string{"", "a", "b"} {
				if got := brief(snapshot.Decide(&Request{Subject: subject, Attributes: test.attributes})); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
			}
		})
	}
}

// Many allocations of one priority keep the order of the document.
func TestSamePriorityKeepsTheOrder(t *testing.T) {
	allocations := `[{"variation_id":"var_A","is_control":true,"is_fallback":true}`
	for i := range 40 {
		allocations += fmt.Sprintf(`,{"variation_id":"var_%c","segment_id":"seg_%d","priority":%d,"is_control":false}`, "CB"[min(i, 1)], 1+i%2, 7-i/39)
	}
	snapshot := compile(t, oneExperiment("segment", "active", allocations+"]"))
	if got, want := brief(snapshot.Decide(&Request{Attributes: Attributes{Country: "US"}})), "exp_1 var_C in seg_1 by segment new"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Only an active experiment assigns.
func TestStatusOfNewAssignments(t *testing.T) {
	for status, want := range map[string]bool{"draft": false, "active": true, "paused": false, "completed": false, "archived": false} {
		for strategy, allocations := range map[string]string{"percentage": halves, "segment": targeted} {
			d := compile(t, oneExperiment(strategy, status, allocations)).Decide(&Request{Subject: "s"})
			if d.New != want || (d.Treatment != nil) != want {
				t.Errorf("%s %s: %s", strategy, status, brief(d))
			}
		}
	}
}

// The same subject gets the same variation, also of a snapshot compiled anew.
func TestDecideIsDeterministic(t *testing.T) {
	first, second := compile(t, oneExperiment("percentage", "active", halves)), compile(t, oneExperiment("percentage", "active", halves))
	for i := range 1000 {
		request := Request{Subject: fmt.Sprint("device ", i)}
		if a, b := brief(first.Decide(&request)), brief(second.Decide(&request)); a != b {
			t.Fatalf("%s and %s", a, b)
		}
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	userAgent := strings.Repeat("Mozilla/5.0 ", 20)
	segment := compile(t, strings.Replace(oneExperiment("segment", "active", targeted), `"country":["US"]`,
		`"client_id":["1","2","3","4","5","6","7","8","9"],"user_agent":{"contains":["x"]}`, 1))
	percentage := compile(t, oneExperiment("percentage", "active", halves))
	tests := []struct {
		name     string
		snapshot *Snapshot
		request  Request
	}{
		{"percentage", percentage, Request{}},
		{"salted, outside", compile(t, iterated("percentage", "active", shared("0.001", "0"), `[{"id":"itr_1","status":"running","salt":"itr_1",`+restToC+`}]`)), Request{}},
		{"longest subject on the stack", percentage, Request{Subject: strings.Repeat("s", longestOnStack-len("exp_1"))}},
		{"segment", segment, Request{Attributes: Attributes{Browser: "Chrome"}}},
		{"segment by index", segment, Request{Attributes: Attributes{ClientID: "9", UserAgent: userAgent}}},
		{"fallback", segment, Request{}},
		{"override", percentage, Request{Force: Force{ExperimentID: "exp_1", VariationID: "var_C"}}},
		{"override of the experiment", percentage, Request{Force: Force{ExperimentID: "exp_1"}}},
		{"override of the segment", segment, Request{Force: Force{ExperimentID: "exp_1", SegmentID: "seg_1"}}},
		{"invalid override", percentage, Request{Force: Force{ExperimentID: "exp_1", VariationID: "var_Z"}}},
		{"unknown experiment", percentage, Request{Force: Force{ExperimentID: "exp_9"}}},
		{"carried", percentage, Request{Carried: Carried{ExperimentID: "exp_1", VariationID: "var_B"}}},
		{"held", percentage, Request{Hold: true, Carried: Carried{ExperimentID: "exp_1", VariationID: "var_B"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.request.Subject == "" {
				test.request.Subject = "0f8fad5b-d9cb-469f-a165-70867728950e"
			}
			if n := testing.AllocsPerRun(100, func() { test.snapshot.Decide(&test.request) }); n != 0 {
				t.Errorf("%v allocations, want none", n)
			}
		})
	}
}
