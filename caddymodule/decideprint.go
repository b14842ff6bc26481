package caddymodule

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// print writes an explanation for people.
func (a *decideAnswer) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nsite %s, tenant %s, revision %d\n", engine.Printable(a.Request), a.Site, a.Tenant, a.Revision)
	fmt.Fprintf(&b, "subject %s (%s)\n", shown(a.Subject.Value), a.Subject.From)
	b.WriteString("\nattributes\n")
	for _, attribute := range a.Attributes {
		fmt.Fprintf(&b, "  %-16s %s\n", attribute.Name, shown(attribute.Value))
	}
	fmt.Fprintf(&b, "\noverride (%s on this site): %s, %s\n", a.Overrides, a.Override.Verdict, a.Override.Reason)
	for _, p := range a.Parameters {
		fmt.Fprintf(&b, "  %-16s %s\n", p.Name, shown(p.Value))
	}
	fmt.Fprintf(&b, "carried: %s, %s\n", a.Carried.Verdict, a.Carried.Reason)
	for i := range a.Experiments {
		writeExperiment(&b, &a.Experiments[i])
	}
	if len(a.Experiments) == 0 {
		b.WriteString("\nno experiment is active\n")
	}
	b.WriteString("\ndecision\n")
	if d := a.Decision; d == nil {
		b.WriteString("  none: the request goes on without the header\n")
	} else {
		fmt.Fprintf(&b, "  %s of %s by %s%s%s\n  %s: %s\n", d.VariationID, d.ExperimentID, d.Source, mark(d.IsControl, ", control"), mark(d.New, ", new"), d.Header.Name, d.Header.Value)
	}
	for _, warning := range a.Warnings {
		fmt.Fprintf(&b, "  warning: %s\n", warning)
	}
	for _, note := range a.Notes {
		fmt.Fprintf(&b, "  note: %s\n", note)
	}
	_, err := io.WriteString(terminal{w}, b.String())
	return err
}

func writeExperiment(b *strings.Builder, x *engine.ExperimentStep) {
	fmt.Fprintf(b, "\n%s %q, %s%s%s\n", x.ID, x.Name, x.Status, mark(!x.Deciding, ", assigns nobody"), mark(!x.Asked, ", not asked"))
	for _, blocker := range x.Blockers {
		fmt.Fprintf(b, "  %s: %s\n", blocker.Code, engine.Printable(blocker.Message))
	}
	if u := x.Ramp; u != nil {
		fmt.Fprintf(b, "  %s ramp at %d %%: SHA-256(%q) begins with %s, %s %% 100000 / 1000 = place %s%s\n", tick(u.In), u.Level, u.Hashed, u.Digits, u.Number, u.Place, mark(u.Passed, ", passed by the override"))
	}
	if u := x.Bucket; u != nil {
		fmt.Fprintf(b, "  SHA-256(%q) begins with %s, as a number %s\n", u.Hashed, u.Digits, u.Number)
		fmt.Fprintf(b, "  %s %% 100 = bucket %d, and %03d thousandths of it\n", u.Number, u.Bucket, u.Fraction)
		for _, r := range u.Ranges {
			fmt.Fprintf(b, "  %s %s up to %s: %s%s\n", tick(r.Holds), r.From, r.To, r.VariationID, mark(r.IsControl, ", control"))
		}
		if u.Rest != "" {
			fmt.Fprintf(b, "  %s the rest: %s, outside of the experiment\n", tick(x.GivesUntracked), u.Rest)
		}
	}
	for _, s := range x.Segments {
		fmt.Fprintf(b, "  %s %s gives %s\n", tick(s.Matched), s.SegmentID, s.VariationID)
		for i, rule := range s.Rules {
			fmt.Fprintf(b, "    %s rule %d\n", tick(rule.Matched), i+1)
			for _, c := range rule.Conditions {
				writeCondition(b, c)
			}
		}
	}
	if x.Fallback != "" {
		fmt.Fprintf(b, "  %s fallback gives %s\n", tick(x.GivesSource == engine.SourceFallback), x.Fallback)
	}
	if x.Gives == "" {
		fmt.Fprintf(b, "  gives nothing: %s\n", x.GivesNoReason)
	} else {
		fmt.Fprintf(b, "  gives %s by %s\n", x.Gives, x.GivesSource)
	}
}

func writeCondition(b *strings.Builder, c engine.ConditionStep) {
	expression, err := json.Marshal(c.Expression)
	if err != nil {
		expression = []byte("?") // unreachable: an expression can be written
	}
	fmt.Fprintf(b, "      %s %s%s %s: %s %s\n", tick(c.Holds != c.Excludes), mark(c.Excludes, "not "), c.Attribute, expression, shown(c.Value), c.Why)
}

func tick(holds bool) string {
	if holds {
		return "✓"
	}
	return "✗"
}

func mark(holds bool, word string) string {
	if holds {
		return word
	}
	return ""
}

// shown quotes what a client may have chosen, so that nothing in it reaches the
// terminal as it is.
func shown(value string) string {
	if value == "" {
		return "–"
	}
	return fmt.Sprintf("%q", value)
}
