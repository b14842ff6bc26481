package engine

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// concluded writes what the steps of an explanation amount to, in the form of
// brief, without looking at the decision.
func concluded(s *Snapshot, r *Request, e *Explanation) string {
	var d Decision
	served := func(experiment, variation string, isControl bool) {
		for _, t := range s.Treatments {
			if t.ExperimentID == experiment && t.VariationID == variation && t.IsControl == isControl {
				d.Treatment = t
			}
		}
	}
	// given is what the asked experiment gives, with the control mark of its
	// allocation.
	given := func(x *ExperimentStep) {
		p := s.plans[x.ID]
		for i := range p.shares {
			if x.Bucket.Ranges[i].Holds {
				served(x.ID, x.Gives, x.Bucket.Ranges[i].IsControl)
			}
		}
		for i := range p.targets {
			if t := &p.targets[i]; t.treatment.VariationID == x.Gives && t.audience.id == x.GivesSegment {
				served(x.ID, x.Gives, t.treatment.IsControl)
			}
		}
		if x.GivesSource == SourceFallback {
			served(x.ID, x.Gives, p.fallback != nil && p.fallback.IsControl)
		}
		d.SegmentID, d.Source, d.New, d.Untracked = x.GivesSegment, x.GivesSource, true, x.GivesUntracked
	}
	d.Warning = e.Override.Warning
	switch {
	case e.Override.Verdict == VerdictRefused:
		return brief(d)
	case e.Override.Verdict == VerdictFollowed:
		if e.Experiments[0].Asked {
			given(&e.Experiments[0])
		} else {
			forced, _ := s.force(r)
			d.Treatment, d.SegmentID = forced.Treatment, r.Force.SegmentID
		}
		d.Source, d.New = SourceOverride, true
		return brief(d)
	case e.Carried.Verdict == VerdictFollowed:
		served(r.Carried.ExperimentID, r.Carried.VariationID, r.Carried.IsControl)
		d.SegmentID, d.Source = r.Carried.SegmentID, SourceCarried
		return brief(d)
	}
	for i := range e.Experiments {
		if x := &e.Experiments[i]; x.Asked && x.Deciding && x.Gives != "" {
			given(x)
			break
		}
	}
	d.Drop = e.Carried.Verdict == VerdictDropped && d.Treatment == nil
	return brief(d)
}

// explained are snapshots in which every step can be taken.
func explained(t testing.TB) []*Snapshot {
	text := twoExperiments("segment", "active", targeted)
	return []*Snapshot{
		Compile(decode(t, text), Settings{MaxActive: 2}),
		Compile(decode(t, text), Settings{}),
		Compile(decode(t, twoExperiments("segment", "draft", twice)), Settings{}),
		compile(t, oneExperiment("percentage", "active", halves)),
		compile(t, oneExperiment("percentage", "archived", halves)),
		compile(t, oneExperiment("percentage", "draft", `[{"variation_id":"var_A","weight":12.345,"is_control":true}]`)),
		compile(t, oneExperiment("segment", "active", targeted)),
		compile(t, ramped(oneExperiment("percentage", "active", halves), "[30,60]", "")),
		Compile(decode(t, ramped(text, "[10,60]", "60")), Settings{MaxActive: 2}),
		compile(t, oneExperiment("segment", "draft", `[{"variation_id":"var_B","segment_id":"seg_3","is_control":true}]`)),
		compile(t, oneExperiment("segment", "draft", `[]`)),
		compile(t, iterated("percentage", "active", shared("20", "30"), `[{"id":"itr_1","status":"running","salt":"x",`+restToC+`}]`)),
		compile(t, iterated("percentage", "completed", shared("20", "80"), `[{"id":"itr_1","status":"stopped","shares":[{"variation_id":"var_B","weight":80},{"variation_id":"var_A","weight":20}]}]`)),
	}
}

// The steps of an explanation lead to what Decide decides, whatever is asked.
func TestExplanationAgreesWithDecision(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	outcomes := map[string]int{}
	snapshots := explained(t)
	for range 5_000 {
		r := Request{
			Subject:    fmt.Sprint(random.IntN(1000)),
			Attributes: Attributes{Browser: pick("", "chrome", "Chrome", "firefox"), Country: pick("", "us", "DE")},
			Force:      Force{ExperimentID: pick("", "", "exp_1", "exp_2", "exp_9"), VariationID: pick("", "", "var_A", "var_B", "var_Z"), SegmentID: pick("", "", "", "seg_1", "seg_2"), Refused: random.IntN(9) == 0},
			Carried:    Carried{ExperimentID: pick("", "", "exp_1", "exp_9"), VariationID: pick("var_A", "var_B", "var_9"), IsControl: random.IntN(2) == 0, Forced: random.IntN(3) == 0},
			Hold:       random.IntN(4) == 0,
			Resumes:    random.IntN(4) == 0,
		}
		for i, s := range snapshots {
			e := s.Explain(&r)
			want := brief(s.Decide(&r))
			if got := concluded(s, &r, e); got != want || brief(e.Decision) != want {
				t.Fatalf("snapshot %d: the steps lead to %q, the decision is %q, the explanation says %q: %+v", i, got, want, brief(e.Decision), r)
			}
			outcomes[string(e.Override.Verdict)+" "+string(e.Carried.Verdict)+" "+string(e.Decision.Source)]++
		}
	}
	if len(outcomes) < 12 {
		t.Errorf("only %d ways were taken: %v", len(outcomes), outcomes)
	}
}

func FuzzExplain(f *testing.F) {
	f.Add("s", "chrome", "US", "", "", "", "", "", byte(0))
	f.Add("", "", "", "exp_1", "var_B", "", "", "", byte(0))
	f.Add("s", "", "us", "exp_2", "", "seg_1", "exp_1", "var_A", byte(1))
	f.Add("s", "", "", "exp_2", "var_C", "seg_2", "exp_1", "var_A", byte(2))
	f.Add("s", "", "", "", "var_Z", "", "exp_9", "var_A", byte(15))
	snapshots := explained(f)
	f.Fuzz(func(t *testing.T, subject, browser, country, experiment, variation, segment, carriedExperiment, carriedVariation string, bits byte) {
		r := Request{
			Subject:    subject,
			Attributes: Attributes{Browser: browser, Country: country},
			Force:      Force{ExperimentID: experiment, VariationID: variation, SegmentID: segment, Refused: bits&1 != 0},
			Carried:    Carried{ExperimentID: carriedExperiment, VariationID: carriedVariation, IsControl: bits&2 != 0, Forced: bits&4 != 0},
			Hold:       bits&8 != 0,
			Resumes:    bits&64 != 0,
		}
		for i, s := range snapshots {
			if got, want := concluded(s, &r, s.Explain(&r)), brief(s.Decide(&r)); got != want {
				t.Errorf("snapshot %d: the steps lead to %q, the decision is %q", i, got, want)
			}
		}
	})
}

func TestExplanationOfBucket(t *testing.T) {
	s := compile(t, oneExperiment("percentage", "active", `[{"variation_id":"var_A","weight":33.333,"is_control":true},{"variation_id":"var_C","weight":0,"is_control":false},{"variation_id":"var_B","weight":66.667,"is_control":false}]`))
	for i := range 500 {
		subject := fmt.Sprint("device ", i)
		b := s.Explain(&Request{Subject: subject}).Experiments[0].Bucket
		sum := sha256.Sum256([]byte(subject + "exp_1"))
		if b.Digits != fmt.Sprintf("%x", sum[:8]) || Bucket(b.Bucket*1000+b.Fraction) != BucketOf(subject, "exp_1") {
			t.Fatalf("%s: explained as %+v", subject, b)
		}
		if len(b.Ranges) != 2 || b.Ranges[0].To != 33_333 || b.Ranges[1].From != 33_333 || b.Ranges[1].To != WholeWeight || b.Ranges[0].Holds == b.Ranges[1].Holds {
			t.Fatalf("%s: the ranges are %+v", subject, b.Ranges)
		}
	}
}

func TestExplanationOfConditions(t *testing.T) {
	rules := `[{"match":{"country":["US","CA"],"browser":{"contains":["chro"]}},"not_match":{"platform":{"starts_with":["win"]},"region":{"exists":true}}},
		{"match":{"user_agent":{"ends_with":["x"]},"client_id":{"exists":true},"domain":{"exists":false}}}]`
	text := strings.Replace(oneExperiment("segment", "active", targeted), `[{"match":{"country":["US"]}}]`, rules, 1)
	s := compile(t, text)
	e := s.Explain(&Request{Attributes: Attributes{Country: "ca", Browser: "Chrome", Platform: "windows", Domain: "a"}})
	segment := e.Experiments[0].Segments[0]
	var got []string
	for _, rule := range segment.Rules {
		got = append(got, fmt.Sprint("rule ", rule.Matched))
		for _, c := range rule.Conditions {
			got = append(got, fmt.Sprintf("%s excludes %t %q %s holds %t: %s", c.Attribute, c.Excludes, c.Value, marshal(t, c.Expression), c.Holds, c.Why))
		}
	}
	want := []string{
		"rule false",
		`browser excludes false "Chrome" {"contains":["chro"]} holds true: contains one of the values`,
		`country excludes false "ca" ["us","ca"] holds true: is one of the values`,
		`platform excludes true "windows" {"starts_with":["win"]} holds true: starts with one of the values`,
		`region excludes true "" {"exists":true} holds false: it is not known`,
		"rule false",
		`client_id excludes false "" {"exists":true} holds false: it is not known`,
		`domain excludes false "a" {"exists":false} holds false: it is known`,
		`user_agent excludes false "" {"ends_with":["x"]} holds false: it is not known, which makes every comparison false`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || segment.Matched || segment.SegmentID != "seg_1" {
		t.Errorf("explained as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestExpressionHolds(t *testing.T) {
	for _, test := range []struct {
		expression Expression
		value      string
		want       bool
	}{
		{Expression{Values: []string{"Mobile"}}, "mobile", true},
		{Expression{Values: []string{"Mobile"}}, "tablet", false},
		{Expression{Operator: Exists}, "", true},
		{Expression{Operator: StartsWith, Values: []string{"US"}}, "us-wa", true},
	} {
		if got := test.expression.Holds(test.value); got != test.want {
			t.Errorf("%v of %q is %t", test.expression, test.value, got)
		}
	}
}
