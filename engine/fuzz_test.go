package engine

import (
	"encoding/json"
	"strings"
	"testing"
)

func FuzzDecode(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(recorded))
	f.Add([]byte("{}"))
	f.Add([]byte(ramped(oneExperiment("segment", "archived", targeted), "[0,5,100]", "5")))
	f.Add([]byte(strings.Replace(whole, `"status": "draft",`, `"status": "draft", "default_config": "tenant", "snapshot": {"feature_flag": {"a": [1e400]}, "variations": {"\u2028": {}}, "segments": {"": {}}},`, 1)))
	f.Add([]byte(oneExperiment("percentage", "active", halves)))
	f.Add([]byte(oneExperiment("segment", "active", targeted)))
	f.Add([]byte(strings.Replace(whole, `"value": "blue"`, `"value": {"a":[1e400,"\ud800\u2028"],"\u0000":null}`, 1)))
	f.Fuzz(func(t *testing.T, text []byte) {
		document, err := Decode(text)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		snapshot := Compile(document, Settings{HeaderBudget: 1 << 30})
		for _, treatment := range snapshot.Treatments {
			if !fitForHeader(treatment.Header()) || !json.Valid([]byte(treatment.Header())) || treatment.HeaderSize != len(treatment.Header()) {
				t.Errorf("header %q of size %d", treatment.Header(), treatment.HeaderSize)
			}
		}
		for i := range document.Experiments {
			snapshot.Decide(&Request{Subject: "s", Force: Force{ExperimentID: document.Experiments[i].ID}})
		}
		stored, err := json.Marshal(document)
		if err != nil {
			t.Fatalf("the document cannot be written: %v", err)
		}
		again, err := Decode(stored)
		if err != nil {
			t.Fatalf("the document cannot be read again: %v\n%s", err, stored)
		}
		if second := marshal(t, again); second != string(stored) {
			t.Errorf("stored and read again it is\n%s\nwant\n%s", second, stored)
		}
		for i, treatment := range Compile(again, Settings{HeaderBudget: 1 << 30}).Treatments {
			if before := snapshot.Treatments[i].Header(); treatment.Header() != before {
				t.Errorf("stored and read again the header is\n%s\nwant\n%s", treatment.Header(), before)
			}
		}
	})
}

func FuzzDecide(f *testing.F) {
	text := twoExperiments("segment", "active", targeted)
	draft := strings.Replace(text, `"status":"active","allocations":[{"variation_id":"var_A","is_control":true,"is_fallback"`, `"status":"draft","allocations":[{"variation_id":"var_A","is_control":true,"is_fallback"`, 1)
	snapshots := []*Snapshot{
		Compile(decode(f, text), Settings{MaxActive: 2}),
		Compile(decode(f, draft), Settings{}),
		compile(f, oneExperiment("percentage", "paused", halves)),
		compile(f, oneExperiment("percentage", "archived", halves)),
		compile(f, ramped(oneExperiment("percentage", "active", halves), "[50]", "")),
		compile(f, iterated("percentage", "active", shared("20", "30"), `[{"id":"itr_1","status":"running","salt":"x",`+restToC+`}]`)),
	}
	f.Add("s", "chrome", "US", "", "", "", "", "", "", byte(0))
	f.Add("", "", "", "exp_1", "var_B", "", "", "", "", byte(0))
	f.Add("s", "", "us", "exp_2", "", "seg_1", "exp_1", "var_A", "", byte(1))
	f.Add("s", "", "", "exp_2", "var_Z", "seg_2", "exp_1", "var_A", "seg_1", byte(7))
	f.Add("s", "", "", "", "var_Z", "", "exp_9", "var_A", "seg_1", byte(255))
	f.Fuzz(func(t *testing.T, subject, browser, country, forcedExperiment, forcedVariation, forcedSegment, carriedExperiment, carriedVariation, carriedSegment string, bits byte) {
		request := Request{
			Subject:    subject,
			Attributes: Attributes{Browser: browser, Country: country, UserAgent: subject, ClientID: browser + country},
			Force:      Force{ExperimentID: forcedExperiment, VariationID: forcedVariation, SegmentID: forcedSegment, Refused: bits&1 != 0},
			Carried:    Carried{ExperimentID: carriedExperiment, VariationID: carriedVariation, SegmentID: carriedSegment, IsControl: bits&2 != 0, Forced: bits&4 != 0},
			Hold:       bits&8 != 0,
		}
		for i, snapshot := range snapshots {
			before := request
			d := snapshot.Decide(&request)
			if request != before {
				t.Errorf("deciding changed the request to %+v", request)
			}
			if d != snapshot.Decide(&request) {
				t.Errorf("snapshot %d: deciding twice differs", i)
			}
			check := func(ok bool, what string) {
				if !ok {
					t.Errorf("snapshot %d: %s: %+v for %+v", i, what, d, request)
				}
			}
			served := d.Treatment != nil
			check(served == (d.Source != ""), "a source for each treatment and none without")
			check(served || d.SegmentID == "", "no segment without a treatment")
			check(!d.New || served, "new only with a treatment")
			check(!d.New || !request.Hold, "nothing new when held")
			check(!served || d.New != (d.Source == SourceCarried), "new unless carried")
			check(!d.Drop || !served && request.Carried.ExperimentID != "", "drop only what is carried and not served or replaced")
			check(!request.Hold || d.Warning == "", "no warning when held")
			check(d.Warning != WarningNotFound || !served && !d.Drop, "an unknown experiment leaves all alone")
			check(d.Source != SourceOverride || d.Treatment.ExperimentID == forcedExperiment && !request.Force.Refused, "an override gives what it asks for")
			check(d.Source != SourceOverride || forcedVariation == "" || d.Treatment.VariationID == forcedVariation, "an override gives the variation it asks for")
			check(d.Source != SourceCarried || d.Treatment.ExperimentID == carriedExperiment && d.Treatment.VariationID == carriedVariation && d.Treatment.IsControl == request.Carried.IsControl, "the carried decision is served as it is")
			check(d.Source != SourceCarried || request.Hold || !request.Carried.Forced, "a carried override is served when held only")
			check(!served || snapshot.Treatments[d.Treatment.Index] == d.Treatment && snapshot.Known(d.Treatment.ExperimentID), "the treatment is the snapshot's")
		}
	})
}
