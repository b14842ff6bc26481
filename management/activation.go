package management

import (
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// activation looks for what would refuse an activation.
func (d *diagnosis) activation() {
	d.question = QuestionActivation
	path := d.experimentPath()
	switch d.experiment.Status {
	case engine.ExperimentActive:
		d.add("transition", ResultOK, "", "the experiment is active already")
		d.add(CodeExperimentRequiresPause, ResultNote,
			d.reallocate("[…]"),
			"the allocations of an active experiment cannot be changed: pause it, change them, activate it again")
	case engine.ExperimentCompleted:
		d.add("transition", ResultProblem, d.again(), "%s: a completed experiment cannot be activated again", CodeExperimentCompleted)
	case engine.ExperimentArchived:
		d.add("transition", ResultProblem, d.again(), "%s: an archived experiment stays archived", CodeExperimentTransition)
	default:
		d.add("transition", ResultOK, d.status(path, "active"), "an experiment in %s status may be activated", d.experiment.Status)
	}
	d.flagStatus()
	d.variations()
	d.allocations()
	d.limit()
	d.flow()
}

func (d *diagnosis) flagStatus() {
	if d.flag.Status == engine.FlagActive {
		d.add("flag_status", ResultOK, "", "feature flag %s is active", d.flag.ID)
		return
	}
	d.add("flag_status", ResultProblem, d.unblock(engine.CodeFlagNotActive), "%s: feature flag %s is in %s status", engine.CodeFlagNotActive, d.flag.ID, d.flag.Status)
}

func (d *diagnosis) variations() {
	n := len(d.flag.Variations)
	result, remedy := ResultOK, ""
	if n < 2 {
		result = ResultProblem
		if d.flag.Status == engine.FlagActive {
			result = ResultNote // a document written by hand; the experiment runs all the same
		}
		remedy = d.send("POST", "feature-flags/"+d.flag.ID+"/variations", `{"name": "treatment", "overrides": {}}`)
	}
	d.add("variations", result, remedy, "feature flag %s has %d variations; the API activates one that has at least two", d.flag.ID, n)
}

// allocations looks at the blockers that are not the flag's.
func (d *diagnosis) allocations() {
	blockers := slices.DeleteFunc(d.readiness(), func(b engine.Blocker) bool { return b.Code == engine.CodeFlagNotActive })
	if len(blockers) == 0 {
		d.add("allocations", ResultOK, "", "the allocations are valid: %s", d.allocated())
	}
	for _, b := range blockers {
		d.add(b.Code, ResultProblem, d.unblock(b.Code), "%s", b.Message)
	}
}

// allocated describes the allocations in a line.
func (d *diagnosis) allocated() string {
	return listed(d.experiment.Allocations, func(a engine.Allocation) string {
		words := []string{a.VariationID}
		if a.Weight != nil {
			words = append(words, a.Weight.String()+"%")
		}
		if a.SegmentID != "" {
			words = append(words, "to "+a.SegmentID)
		}
		if a.IsControl {
			words = append(words, "control")
		}
		if a.IsFallback {
			words = append(words, "fallback")
		}
		return strings.Join(words, " ")
	})
}

// unblock writes what takes a blocker away.
func (d *diagnosis) unblock(code string) string {
	switch code {
	case engine.CodeFlagNotActive:
	case engine.CodeFlowNotServed:
		if d.experiment.Status != engine.ExperimentDraft {
			return d.again()
		}
		return d.send("PATCH", d.experimentPath(), `{"authentication_flow": "`+engine.FlowAuthentication+`"}`)
	case engine.CodeSegmentArchived:
		return d.reallocate("[…]") // which segment is meant instead is not ours to guess
	case engine.CodeSegmentsTooExpensive:
		return d.get("segments") + "\n" + d.send("PATCH", "segments/seg_…", `{"rules": […]}`)
	default:
		return d.reallocate(d.repaired())
	}
	if d.flag.Status == engine.FlagArchived {
		return "an archived flag stays archived; make a new one, and a new experiment with it:\n" +
			d.send("POST", "feature-flags", encodeLine(map[string]any{"name": d.flag.ID + " again", "parameters": d.flag.Parameters}))
	}
	return d.status("feature-flags/"+d.flag.ID, "active")
}

// reallocate writes how to give the experiment other allocations, which the API
// does only while it is not active.
func (d *diagnosis) reallocate(allocations string) string {
	path := d.experimentPath()
	change := d.send("PATCH", path, `{"allocations": `+allocations+`}`)
	if d.experiment.Status != engine.ExperimentActive || d.byHand() {
		return change
	}
	return strings.Join([]string{d.status(path, "paused"), change, d.status(path, "active")}, "\n")
}

// repaired proposes allocations that are valid and as close to those that are
// there as can be told.
func (d *diagnosis) repaired() string {
	var spare []string // variations that the experiment does not give yet
	for _, v := range d.flag.Variations {
		if !slices.ContainsFunc(d.experiment.Allocations, func(a engine.Allocation) bool { return a.VariationID == v.ID }) {
			spare = append(spare, v.ID)
		}
	}
	var out []engine.Allocation
	for _, a := range d.experiment.Allocations {
		_, problem := findVariation(d.flag, a.VariationID)
		if problem != nil && len(spare) > 0 {
			a.VariationID, spare, problem = spare[0], spare[1:], nil
		}
		if problem == nil {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		for _, v := range d.flag.Variations {
			out = append(out, engine.Allocation{VariationID: v.ID})
		}
	}
	if len(out) == 0 {
		return "[…]" // the flag has no variation yet
	}
	onlyOne(out, func(a *engine.Allocation) *bool { return &a.IsControl })
	if d.experiment.Strategy == engine.StrategySegment {
		onlyOne(out, func(a *engine.Allocation) *bool { return &a.IsFallback })
		return encodeLine(out)
	}
	proposed := *d.experiment
	proposed.Allocations = out
	if slices.ContainsFunc(engine.Readiness(&proposed, d.flag, engine.Efforts(d.Document)), func(b engine.Blocker) bool { return b.Code == engine.CodeInvalidWeights }) {
		share := engine.WholeWeight / engine.Weight(len(out))
		for i := range out {
			weight := share
			if i == 0 {
				weight = engine.WholeWeight - share*engine.Weight(len(out)-1)
			}
			out[i].Weight = &weight
		}
	}
	return encodeLine(out)
}

// onlyOne sets a mark on the first allocation that has it, else on the first of
// all, and takes it off the others.
func onlyOne(allocations []engine.Allocation, mark func(*engine.Allocation) *bool) {
	chosen := max(slices.IndexFunc(allocations, func(a engine.Allocation) bool { return *mark(&a) }), 0)
	for i := range allocations {
		*mark(&allocations[i]) = i == chosen
	}
}

func encodeLine(v any) string { return strings.TrimSpace(string(encode(v))) }
