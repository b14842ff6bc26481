package management

import (
	"fmt"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// same explains why a subject gets what it gets, and how to see the others.
func (d *diagnosis) same() {
	d.question = QuestionSame
	if d.experiment.Strategy == engine.StrategySegment {
		d.add("hashing", ResultNote, "", "nothing is drawn: the first segment that matches decides, so requests that look the same get the same variation: %s", d.allocated())
	} else {
		d.add("hashing", ResultNote, d.command("decide /authorize --subject <subject>"),
			"it is meant to be so: bucket = SHA-256(subject + %q), its first 8 bytes as a number, %% 100; a device keeps its bucket until it loses its cookie, and another experiment has other buckets. The ranges: %s",
			d.experiment.BucketingKey(), d.ranges())
	}
	d.alone()
	if d.blind("overrides") {
		return
	}
	for _, s := range d.Edge.Sites {
		d.forced(s)
	}
	for _, s := range d.Edge.Sites {
		d.add("sticky", ResultNote, siteOption(s, "sticky 10m"),
			"%s: a login carries its decision for %s, also when the experiment is paused or changed meanwhile; come as a new device, or wait", s.URL, s.Sticky)
		if s.Subject != "" {
			d.add("subject", ResultNote, siteOption(s, "subject "+s.Subject),
				"%s: the subject is %s, and our own cookie only where that is empty; whoever shares it shares the variation", s.URL, s.Subject)
		}
	}
}

// ranges writes the buckets of each variation.
func (d *diagnosis) ranges() string {
	var out []string
	var from engine.Weight
	for _, share := range d.experiment.Division() {
		to := min(from+share.Weight, engine.WholeWeight)
		out = append(out, fmt.Sprintf("%s from %s up to %s", share.VariationID, from, to))
		from = to
	}
	for _, a := range d.experiment.Allocations {
		if a.Weight == nil || *a.Weight == 0 {
			out = append(out, a.VariationID+" none")
		}
	}
	if rest := d.rest(); rest != "" {
		out = append(out, fmt.Sprintf("%s, outside of the experiment, from %s up to 100", rest, from))
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// rest is the variation of subjects that are outside of the experiment, if there
// can be any.
func (d *diagnosis) rest() string {
	var sum engine.Weight
	for _, share := range d.experiment.Division() {
		sum += share.Weight
	}
	rest := d.experiment.NotInExperiment()
	if _, problem := findVariation(d.flag, rest); problem != nil || sum >= engine.WholeWeight {
		return ""
	}
	return rest
}

// alone looks for a variation that gets everybody.
func (d *diagnosis) alone() {
	served := map[string]bool{}
	var last string
	for _, a := range d.experiment.Allocations {
		if d.experiment.Strategy == engine.StrategySegment || a.Weight != nil && *a.Weight > 0 {
			served[a.VariationID], last = true, a.VariationID
		}
	}
	if rest := d.rest(); rest != "" {
		served[rest] = true
	}
	if len(served) != 1 {
		d.add("only_variation", ResultOK, "", "%d variations have a share or a segment", len(served))
		return
	}
	d.add("only_variation", ResultProblem, d.reallocate(d.divided()), "%s gets everybody: no other variation has a share or a segment", last)
}

// divided proposes allocations of two or more variations with the same share.
func (d *diagnosis) divided() string {
	if d.experiment.Strategy == engine.StrategySegment {
		return "[…]" // whom a variation is for is nobody's to guess
	}
	even := *d.experiment
	even.Allocations = nil
	for _, a := range d.experiment.Allocations {
		a.Weight = nil
		even.Allocations = append(even.Allocations, a)
	}
	for _, v := range d.flag.Variations {
		if len(even.Allocations) < 2 && v.ID != even.Allocations[0].VariationID {
			even.Allocations = append(even.Allocations, engine.Allocation{VariationID: v.ID})
		}
	}
	proposed := *d
	proposed.experiment = &even
	return proposed.repaired()
}

// forced says how a site lets a variation be forced.
func (d *diagnosis) forced(s SiteFacts) {
	var lines []string
	for _, v := range d.flag.Variations {
		lines = append(lines, "&experiment_id="+d.experiment.ID+"&variation_id="+v.ID)
	}
	switch s.Overrides {
	case "off":
		d.add("overrides", ResultNote, siteOption(s, "overrides signed"), "%s: overrides are off, so nobody can force a variation", s.URL)
	case "signed":
		for i, v := range d.flag.Variations {
			lines[i] = d.command("token --experiment " + d.experiment.ID + " --variation " + v.ID)
		}
		d.add("overrides", ResultNote, strings.Join(lines, "\n"), "%s: overrides are signed; each of these prints the parameters that force one variation", s.URL)
	default:
		d.add("overrides", ResultNote, strings.Join(lines, "\n"), "%s: overrides are open; each of these lines, added to the query of an authorization request, forces one variation in any status", s.URL)
	}
}
