package management

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// iterationsOf is what is stored of the world's experiment.
func (s *site) iterationsOf() (engine.Experiment, []engine.Iteration) {
	s.Helper()
	e := s.document().Experiments[0]
	return e, e.Iterations
}

func TestActivationIsAnIteration(t *testing.T) {
	s := newSite(t, nil).world()
	if _, iterations := s.iterationsOf(); iterations != nil {
		t.Errorf("a draft has the iterations %+v", iterations)
	}
	s.status("active")
	e, iterations := s.iterationsOf()
	first := iterations[0]
	if len(iterations) != 1 || first.ID != engine.FirstIterationID(e.ID) || first.Status != engine.IterationRunning || first.Salt != "" || first.EndedAt != nil ||
		!first.StartedAt.Equal(*e.StartedAt) || !first.CreatedAt.Equal(*e.StartedAt) {
		t.Errorf("got %+v", iterations)
	}
	want := []engine.IterationTreatment{
		{VariationID: s.words.Replace("{control}"), Baseline: true, Weight: 50_000},
		{VariationID: s.words.Replace("{treatment}"), Weight: 50_000},
	}
	if !slices.Equal(first.Treatments, want) {
		t.Errorf("the treatments are %+v, want %+v", first.Treatments, want)
	}
	s.clock.advance(time.Hour)
	s.status("paused", "active", "paused", "active")
	if _, now := s.iterationsOf(); len(now) != 1 || now[0].Status != engine.IterationRunning || !now[0].StartedAt.Equal(*first.StartedAt) {
		t.Errorf("after pauses there are %+v", now)
	}
	s.clock.advance(time.Hour)
	s.status("completed")
	e, iterations = s.iterationsOf()
	if len(iterations) != 1 || iterations[0].Status != engine.IterationStopped || !iterations[0].EndedAt.Equal(*e.EndedAt) || !iterations[0].StartedAt.Equal(*first.StartedAt) {
		t.Errorf("completed it has %+v", iterations)
	}
	s.clock.advance(time.Hour)
	s.status("archived")
	archived, after := s.iterationsOf()
	if archived.ArchivedAt == nil || !after[0].EndedAt.Equal(*e.EndedAt) {
		t.Errorf("archived at %v it has %+v", archived.ArchivedAt, after)
	}
}

func TestArchivingEndsTheIteration(t *testing.T) {
	s := newSite(t, nil).world()
	s.status("active", "paused", "archived")
	if e, iterations := s.iterationsOf(); len(iterations) != 1 || iterations[0].Status != engine.IterationStopped || !iterations[0].EndedAt.Equal(*e.ArchivedAt) {
		t.Errorf("got %+v", iterations)
	}
	draft := newSite(t, nil).world()
	draft.status("archived")
	if _, iterations := draft.iterationsOf(); iterations != nil {
		t.Errorf("an experiment that never ran has %+v", iterations)
	}
}

func TestPreparedIterationStarts(t *testing.T) {
	s := newSite(t, nil).world()
	s.edit(func(d *engine.Document) {
		e := &d.Experiments[0]
		e.Allocations[1].Weight = weight(10_000)
		e.Iterations = []engine.Iteration{{
			ID: engine.FirstIterationID(e.ID), Status: engine.IterationNotStarted, Hypothesis: "why not",
			Treatments: []engine.IterationTreatment{{VariationID: e.Allocations[0].VariationID, Name: "the old"}},
			Flag:       &engine.IterationFlag{Key: "f", RuleID: "r", NotInExperimentVariationID: e.Allocations[0].VariationID},
		}}
		ready := true
		e.IsValid = &ready
	})
	if got := s.must(200, "GET", "experiments/{experiment}", ""); got.field("is_valid") != true {
		t.Errorf("got %s", got.text)
	}
	s.status("active")
	e, iterations := s.iterationsOf()
	if len(iterations) != 1 || iterations[0].Status != engine.IterationRunning || iterations[0].Hypothesis != "why not" || !iterations[0].StartedAt.Equal(*e.StartedAt) ||
		iterations[0].Salt != "" || iterations[0].Treatments[0].Name != "the old" {
		t.Errorf("got %+v", iterations)
	}
}

func TestLaterIterationIsSalted(t *testing.T) {
	s := newSite(t, nil).world()
	s.edit(func(d *engine.Document) {
		e := &d.Experiments[0]
		e.Iterations = []engine.Iteration{{ID: engine.FirstIterationID(e.ID), Status: engine.IterationStopped}}
	})
	s.status("active")
	e, iterations := s.iterationsOf()
	if len(iterations) != 2 {
		t.Fatalf("got %+v", iterations)
	}
	later := iterations[1]
	if !engine.ValidID(engine.IterationPrefix, later.ID) || later.ID == iterations[0].ID || later.Salt != later.ID || later.Status != engine.IterationRunning || e.BucketingKey() != e.ID+later.ID {
		t.Errorf("got %+v", later)
	}
}

// An experiment that a person activated in the document ran its first iteration.
func TestUnrecordedIterationIsRecorded(t *testing.T) {
	for _, status := range []engine.ExperimentStatus{engine.ExperimentActive, engine.ExperimentPaused} {
		for _, started := range []bool{true, false} {
			s := newSite(t, nil).world()
			since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			s.edit(func(d *engine.Document) {
				d.Experiments[0].Status = status
				if started {
					d.Experiments[0].StartedAt = &since
				}
			})
			s.status("completed")
			e, iterations := s.iterationsOf()
			if len(iterations) != 1 || iterations[0].ID != engine.FirstIterationID(e.ID) || iterations[0].Status != engine.IterationStopped ||
				!iterations[0].EndedAt.Equal(*e.EndedAt) || len(iterations[0].Treatments) != 2 || (iterations[0].StartedAt != nil) != started || started && !iterations[0].StartedAt.Equal(since) {
				t.Errorf("%s, started %t: got %+v", status, started, iterations)
			}
		}
	}
}

func weight(w engine.Weight) *engine.Weight { return &w }

func TestSegmentsHaveTreatmentsWithoutWeight(t *testing.T) {
	e := engine.Experiment{ID: "exp_1", Strategy: engine.StrategySegment, Allocations: []engine.Allocation{
		{VariationID: "var_A", SegmentID: "seg_1", Weight: weight(5)}, {VariationID: "var_B", IsControl: true}, {VariationID: "var_A", SegmentID: "seg_2"},
	}}
	now := time.Now()
	beginIteration(&e, now)
	beginIteration(&e, now.Add(time.Hour)) // it is running already
	want := []engine.IterationTreatment{{VariationID: "var_A"}, {VariationID: "var_B", Baseline: true}}
	if len(e.Iterations) != 1 || !slices.Equal(e.Iterations[0].Treatments, want) {
		t.Errorf("got %+v, want %+v", e.Iterations, want)
	}
	endIteration(&e, now)
	ended := *e.Iterations[0].EndedAt
	endIteration(&e, now.Add(time.Hour)) // it has ended already
	if len(e.Iterations) != 1 || !e.Iterations[0].EndedAt.Equal(ended) {
		t.Errorf("got %+v", e.Iterations)
	}
}

func TestSharesEndWithTheAllocations(t *testing.T) {
	s := newSite(t, nil).world()
	s.status("active", "paused")
	s.edit(func(d *engine.Document) {
		e := &d.Experiments[0]
		e.Iterations[0].Shares = []engine.Share{{VariationID: e.Allocations[1].VariationID, Weight: 50_000}, {VariationID: e.Allocations[0].VariationID, Weight: 50_000}}
	})
	s.must(200, "PATCH", "experiments/{experiment}", `{"description":"nothing that matters"}`)
	if _, iterations := s.iterationsOf(); len(iterations[0].Shares) != 2 {
		t.Errorf("got %+v", iterations)
	}
	s.must(200, "PATCH", "experiments/{experiment}", `{"allocations":`+halves+`}`)
	if _, iterations := s.iterationsOf(); len(iterations) != 1 || iterations[0].Shares != nil || iterations[0].Status != engine.IterationRunning {
		t.Errorf("got %+v", iterations)
	}
}

// prepare gives the experiment of the world an iteration that has not started,
// with a name for each treatment, and control for those outside.
func (s *site) prepare(id string) {
	s.Helper()
	s.edit(func(d *engine.Document) {
		e := &d.Experiments[0]
		if id == "" {
			id = engine.FirstIterationID(e.ID)
		}
		treatments := treatmentsOf(e)
		for i := range treatments {
			treatments[i].Name = "called " + treatments[i].VariationID
		}
		e.Iterations = append(e.Iterations, engine.Iteration{
			ID: id, Status: engine.IterationNotStarted, Hypothesis: "why not", Metrics: []engine.IterationMetric{{Key: "login"}}, PrimaryMetric: "login",
			Treatments: treatments, Flag: &engine.IterationFlag{Key: "f", RuleID: "r", NotInExperimentVariationID: e.Allocations[0].VariationID},
		})
	})
}

func TestPreparedIterationFollowsTheAllocations(t *testing.T) {
	s := newSite(t, nil).world()
	third := s.must(201, "POST", "feature-flags/{flag}/variations", `{"name":"third","overrides":{"color":{"value":"green"}}}`).id()
	s.prepare("")
	_, before := s.iterationsOf()
	s.must(200, "PATCH", "experiments/{experiment}", `{"allocations":[{"variation_id":"{treatment}","weight":30,"is_control":true},{"variation_id":"`+third+`","weight":70,"is_control":false}]}`)
	e, after := s.iterationsOf()
	treatment := s.words.Replace("{treatment}")
	want := []engine.IterationTreatment{
		{VariationID: treatment, Name: "called " + treatment, Baseline: true, Weight: 30_000}, {VariationID: third, Weight: 70_000},
	}
	if len(after) != 1 || !slices.Equal(after[0].Treatments, want) {
		t.Fatalf("got %+v, want the treatments %+v", after, want)
	}
	before[0].Treatments, after[0].Treatments = nil, nil
	if !reflect.DeepEqual(before, after) {
		t.Errorf("besides the treatments it is %+v, it was %+v", after, before)
	}
	s.status("active")
	if e, after = s.iterationsOf(); !slices.Equal(after[0].Treatments, want) || after[0].Status != engine.IterationRunning || e.Allocations[1].VariationID != third {
		t.Errorf("it starts with %+v", after)
	}
}

// What is prepared beside an iteration that ran is another matter than what that
// one gives.
func TestPreparedIterationBesideAnother(t *testing.T) {
	s := newSite(t, nil).world()
	s.status("active", "paused")
	s.prepare("itr_Next")
	_, before := s.iterationsOf()
	s.must(200, "PATCH", "experiments/{experiment}", `{"allocations":[{"variation_id":"{control}","weight":90,"is_control":true},{"variation_id":"{treatment}","weight":10,"is_control":false}]}`)
	if _, after := s.iterationsOf(); !reflect.DeepEqual(before, after) {
		t.Errorf("got %+v, want %+v", after, before)
	}
}

// An archived experiment lets go of a variation, in what it has prepared too.
func TestPreparedIterationLosesAVariation(t *testing.T) {
	s := newSite(t, nil).world()
	s.prepare("")
	s.status("archived")
	s.must(204, "DELETE", "feature-flags/{flag}/variations/{treatment}", "")
	e, iterations := s.iterationsOf()
	if len(e.Allocations) != 1 || len(iterations) != 1 || len(iterations[0].Treatments) != 1 || !strings.HasPrefix(iterations[0].Treatments[0].Name, "called ") {
		t.Errorf("left: %+v", e)
	}
}

// A variation that is served to those outside of an experiment stays, as does one
// that is allocated.
func TestVariationForThoseOutsideIsInUse(t *testing.T) {
	for name, steps := range map[string]func(*site){
		"draft":     func(s *site) { s.prepare("") },
		"running":   func(s *site) { s.prepare(""); s.status("active") },
		"paused":    func(s *site) { s.prepare(""); s.status("active", "paused") },
		"completed": func(s *site) { s.prepare(""); s.status("active", "completed") },
		"prepared beside one that is running": func(s *site) {
			s.status("active")
			s.prepare("itr_Next")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil).world()
			rest := s.must(201, "POST", "feature-flags/{flag}/variations", `{"name":"rest","overrides":{"color":{"value":"green"}}}`).id()
			path := "feature-flags/{flag}/variations/" + rest
			steps(s)
			s.edit(func(d *engine.Document) {
				iterations := d.Experiments[0].Iterations
				iterations[len(iterations)-1].Flag.NotInExperimentVariationID = rest
			})
			got := s.refused(409, CodeVariationInUse, "DELETE", path, "")
			if id := s.words.Replace("{experiment}"); !strings.Contains(got.message(), id) {
				t.Errorf("the message does not name %s: %s", id, got.message())
			}
			s.edit(func(d *engine.Document) { d.Experiments[0].Status = engine.ExperimentArchived })
			s.must(204, "DELETE", path, "")
		})
	}
}

// What is kept beside an experiment does not show in this API, whose schemas are
// closed, and does not get lost in its writes.
func TestRecordedFieldsStayInside(t *testing.T) {
	s := newSite(t, nil).world()
	now := time.Now().UTC().Truncate(time.Second)
	s.edit(func(d *engine.Document) {
		e := &d.Experiments[0]
		e.Key, e.MaintainerID, e.HoldoutID, e.ArchivedAt = "the-key", "the-maintainer", "the-holdout", &now
		e.Iterations = []engine.Iteration{{ID: "itr_Past", Status: engine.IterationStopped, Hypothesis: "the-hypothesis", Salt: "the-salt", Metrics: []engine.IterationMetric{{Key: "the-metric"}}}}
		d.Metrics = []engine.Metric{{Key: "the-metric", EventKey: "the-event"}}
		d.MetricGroups = []engine.MetricGroup{{Key: "the-group", Kind: engine.GroupFunnel, Metrics: []engine.GroupedMetric{{Key: "the-metric"}}}}
		d.RandomizationUnits = []engine.RandomizationUnit{{Unit: "the-unit"}}
	})
	var texts []string
	say := func(method, path, body string) { texts = append(texts, string(s.must(200, method, path, body).text)) }
	say("GET", "experiments/{experiment}", "")
	say("GET", "experiments", "")
	say("GET", "feature-flags/{flag}", "")
	say("PATCH", "experiments/{experiment}", `{"name":"another name"}`)
	for _, status := range []string{"active", "paused", "active", "completed", "archived"} {
		say("POST", "experiments/{experiment}/status", `{"status":"`+status+`"}`)
	}
	for _, text := range texts {
		for _, word := range []string{"the-", "iteration", "itr_", "archived_at", "maintainer", "holdout", "metric"} {
			if strings.Contains(text, word) {
				t.Errorf("%q shows in %s", word, text)
			}
		}
	}
	for _, body := range []string{`{"key":"k"}`, `{"iterations":[]}`, `{"maintainer_id":"m"}`, `{"archived_at":null}`} {
		s.refused(400, CodeInvalidBody, "PATCH", "experiments/{experiment}", body)
	}
	d := s.document()
	e := d.Experiments[0]
	if e.Key != "the-key" || e.MaintainerID != "the-maintainer" || e.HoldoutID != "the-holdout" || len(e.Iterations) != 2 || e.Iterations[0].Salt != "the-salt" ||
		len(d.Metrics) != 1 || len(d.MetricGroups) != 1 || len(d.RandomizationUnits) != 1 {
		t.Errorf("left: %+v", d)
	}
}

func TestDiagnosisOfADivision(t *testing.T) {
	x := examination(t)
	e := &x.Document.Experiments[0]
	e.Allocations = e.Allocations[:1]
	e.Allocations[0].Weight = weight(20_000)
	e.Allocations[0].IsControl = true
	e.Iterations = []engine.Iteration{{
		ID: "itr_1", Status: engine.IterationRunning, Salt: "pepper", Flag: &engine.IterationFlag{Key: "f", NotInExperimentVariationID: "var_B"},
		Shares: []engine.Share{{VariationID: "var_A", Weight: 5_000}, {VariationID: "var_A", Weight: 15_000}},
	}}
	d, _ := Diagnose("exp_1", x)
	found := map[string]Check{}
	for _, c := range d.Checks {
		found[string(c.Question)+" "+c.ID] = c
	}
	hashing := found["same_variation hashing"].Finding
	for _, want := range []string{`subject + "exp_1pepper"`, "var_A from 0 up to 5, var_A from 5 up to 20, var_B, outside of the experiment, from 20 up to 100"} {
		if !strings.Contains(hashing, want) {
			t.Errorf("%q is not in %s", want, hashing)
		}
	}
	if c := found["same_variation only_variation"]; c.Result != ResultOK {
		t.Errorf("got %+v", c)
	}
	if c := found["activation allocations"]; c.Result != ResultOK {
		t.Errorf("got %+v", c)
	}
}
