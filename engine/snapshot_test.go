package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// activeExperiments is a document with these experiments, each with the id, the
// start (may be empty) and the sum of weights that is given.
func activeExperiments(experiments ...[3]string) string {
	var entries []string
	for _, e := range experiments {
		started := ""
		if e[1] != "" {
			started = fmt.Sprintf(`"started_at":"2026-01-%sT00:00:00Z",`, e[1])
		}
		entries = append(entries, fmt.Sprintf(`{"id":%q,"name":"n","feature_flag_id":"flg_1","allocation_strategy":"percentage","status":"active",%s"allocations":[{"variation_id":"var_A","weight":%s,"is_control":true}]}`, e[0], started, e[2]))
	}
	return `{"feature_flags":[{"id":"flg_1","name":"f","status":"active","parameters":{},"variations":[{"id":"var_A","name":"a"}]}],"experiments":[` + strings.Join(entries, ",") + `]}`
}

func TestActiveLimit(t *testing.T) {
	const ready, unready = "100", "99"
	tests := []struct {
		name        string
		experiments [][3]string
		limit       int
		decides     string   // who gets a request
		deciding    []string // in the order of the document
		blocked     []string
	}{
		{"none", nil, 1, "", nil, nil},
		{"one", [][3]string{{"exp_1", "01", ready}}, 1, "exp_1", []string{"exp_1"}, nil},
		{"limit is 1 by default", [][3]string{{"exp_1", "01", ready}, {"exp_2", "02", ready}}, 0, "exp_1", []string{"exp_1"}, []string{"exp_2"}},
		{"earliest start", [][3]string{{"exp_1", "02", ready}, {"exp_2", "01", ready}}, 1, "exp_2", []string{"exp_2"}, []string{"exp_1"}},
		{"same start, smallest id", [][3]string{{"exp_2", "01", ready}, {"exp_1", "01", ready}}, 1, "exp_1", []string{"exp_1"}, []string{"exp_2"}},
		{"no start, smallest id", [][3]string{{"exp_2", "", ready}, {"exp_1", "", ready}}, 1, "exp_1", []string{"exp_1"}, []string{"exp_2"}},
		{"a start before none", [][3]string{{"exp_1", "", ready}, {"exp_2", "31", ready}}, 1, "exp_2", []string{"exp_2"}, []string{"exp_1"}},
		{"limit of two", [][3]string{{"exp_1", "03", ready}, {"exp_2", "02", ready}, {"exp_3", "01", ready}}, 2, "exp_3", []string{"exp_2", "exp_3"}, []string{"exp_1"}},
		{"limit beyond all", [][3]string{{"exp_1", "02", ready}, {"exp_2", "01", ready}}, 9, "exp_2", []string{"exp_1", "exp_2"}, nil},
		{"unready in the first place", [][3]string{{"exp_1", "01", unready}, {"exp_2", "02", ready}}, 1, "", nil, []string{"exp_1", "exp_2"}},
		{"unready in the first of two places", [][3]string{{"exp_1", "01", unready}, {"exp_2", "02", ready}, {"exp_3", "03", ready}}, 2, "exp_2", []string{"exp_2"}, []string{"exp_1", "exp_3"}},
		{"unready in the last place", [][3]string{{"exp_1", "01", ready}, {"exp_2", "02", unready}}, 2, "exp_1", []string{"exp_1"}, []string{"exp_2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			snapshot := Compile(decode(t, activeExperiments(test.experiments...)), Settings{MaxActive: test.limit})
			var deciding, blocked []string
			for i, summary := range snapshot.Experiments {
				if summary.ID != test.experiments[i][0] || summary.Status != ExperimentActive || summary.Name != "n" {
					t.Errorf("summary %d is %+v", i, summary)
				}
				if summary.Deciding {
					deciding = append(deciding, summary.ID)
				}
				if len(summary.Blockers) > 0 {
					blocked = append(blocked, summary.ID)
				}
				// The limit keeps an experiment from deciding, not from being valid.
				if valid := test.experiments[i][2] == ready; summary.IsValid != valid {
					t.Errorf("valid is %t with %v", summary.IsValid, summary.Blockers)
				}
			}
			if !slices.Equal(deciding, test.deciding) || !slices.Equal(blocked, test.blocked) {
				t.Errorf("deciding %v, blocked %v; want %v, %v", deciding, blocked, test.deciding, test.blocked)
			}
			decided := ""
			if d := snapshot.Decide(&Request{Subject: "s"}); d.Treatment != nil {
				decided = d.Treatment.ExperimentID
			}
			if decided != test.decides {
				t.Errorf("%q decided, want %q", decided, test.decides)
			}
		})
	}
}

func TestActiveLimitBlocker(t *testing.T) {
	snapshot := compile(t, activeExperiments([3]string{"exp_2", "02", "99"}, [3]string{"exp_1", "01", "100"}))
	want := []Blocker{
		{CodeInvalidWeights, "the weights must sum to 100, they sum to 99"},
		{CodeActiveLimitExceeded, "another experiment is already active and comes first: exp_1"},
	}
	if got := snapshot.Experiments[0].Blockers; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// An experiment with two places asks the next one when the first has nobody for
// the request.
func TestSecondExperimentDecides(t *testing.T) {
	text := activeExperiments([3]string{"exp_1", "01", "100"}, [3]string{"exp_2", "02", "100"})
	document := decode(t, text)
	snapshot := Compile(document, Settings{MaxActive: 2})
	// A ready experiment always has somebody: it is the decision's order that
	// counts, so the first is emptied.
	snapshot.deciding[0].shares = nil
	if d := snapshot.Decide(&Request{Subject: "s"}); d.Treatment == nil || d.Treatment.ExperimentID != "exp_2" {
		t.Errorf("got %+v", d)
	}
}

func TestTreatments(t *testing.T) {
	snapshot := compile(t, oneExperiment("percentage", "draft", halves))
	if len(snapshot.Treatments) != 6 {
		t.Fatalf("%d treatments, want control and not for each of three variations", len(snapshot.Treatments))
	}
	seen := map[string]bool{}
	for i, treatment := range snapshot.Treatments {
		if treatment.Index != i || treatment.ExperimentID != "exp_1" || treatment.Strategy != StrategyPercentage {
			t.Errorf("treatment %d is %+v", i, treatment)
		}
		seen[treatment.Header()] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d different headers, want 6", len(seen))
	}
	if archived := compile(t, oneExperiment("percentage", "archived", halves)); len(archived.Treatments) != 6 {
		t.Errorf("an archived experiment, which override parameters reach, has %d treatments", len(archived.Treatments))
	}
}

func TestKnown(t *testing.T) {
	for _, status := range []string{"draft", "active", "paused", "completed", "archived"} {
		if !compile(t, oneExperiment("percentage", status, halves)).Known("exp_1") {
			t.Errorf("an experiment in %s status is not known", status)
		}
	}
	if compile(t, "{}").Known("exp_1") {
		t.Error("an empty document knows an experiment")
	}
}

func TestEmptySnapshot(t *testing.T) {
	snapshot := Compile(&Document{}, Settings{})
	if d := snapshot.Decide(&Request{Subject: "s"}); d != (Decision{}) {
		t.Errorf("got %+v, want no decision", d)
	}
	if got := marshal(t, snapshot.Experiments); got != "[]" {
		t.Errorf("the experiments are written %s", got)
	}
}

// The same document gives the same snapshot, whatever the order of its maps.
func TestCompileIsDeterministic(t *testing.T) {
	document := decode(t, largeDocument(3, StrategySegment))
	first := Compile(document, Settings{})
	for range 5 {
		again := Compile(document, Settings{})
		for i := range first.Treatments {
			if a, b := again.Treatments[i], first.Treatments[i]; a.Header() != b.Header() || !slices.Equal(a.Config, b.Config) {
				t.Fatalf("treatment %d: %+v and %+v", i, a, b)
			}
		}
	}
}

func TestCompileLeavesTheDocumentAlone(t *testing.T) {
	document := decode(t, oneExperiment("segment", "active", targeted))
	before := marshal(t, document)
	Compile(document, Settings{})
	if after := marshal(t, document); after != before {
		t.Errorf("compiling changed the document to\n%s\nfrom\n%s", after, before)
	}
}
