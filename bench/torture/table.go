package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// result is what came of a fault.
type result struct {
	fault
	sent, failed, wrong int
	notes               []string // figures
	faults              []string // targets that were not met
	skipped             string   // why it could not be tried
}

func (r result) verdict() string {
	switch {
	case r.skipped != "":
		return "not tried: " + r.skipped
	case len(r.faults) > 0:
		return "NOT MET: " + strings.Join(r.faults, "; ")
	}
	return "met"
}

// print writes the table, for a terminal or for a page.
func print(w io.Writer, results []result, markdown bool) {
	if markdown {
		fmt.Fprintf(w, "| fault | target | logins | failed | wrong | measured | |\n|---|---|---|---|---|---|---|\n")
		for _, r := range results {
			fmt.Fprintf(w, "| %s %s | %s | %d | %d | %d | %s | %s |\n", r.id, r.name, r.target, r.sent, r.failed, r.wrong, strings.Join(r.notes, ", "), r.verdict())
		}
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "FAULT\tTARGET\tLOGINS\tFAILED\tWRONG\tMEASURED\t\n")
	for _, r := range results {
		fmt.Fprintf(table, "%s %s\t%s\t%d\t%d\t%d\t%s\t%s\n", r.id, r.name, r.target, r.sent, r.failed, r.wrong, strings.Join(r.notes, ", "), r.verdict())
	}
	_ = table.Flush() // to a terminal that is gone there is nothing to say
}
