package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// table is what was found out.
type table []row

// row is one figure; target and verdict are empty where none is set.
type row struct{ figure, value, target, verdict string }

func (t *table) add(figure, format string, args ...any) {
	*t = append(*t, row{figure: figure, value: fmt.Sprintf(format, args...)})
}

// limit adds a figure that has to be below a target.
func (t *table) limit(figure string, value, target time.Duration) {
	*t = append(*t, row{figure, milliseconds(value), "< " + milliseconds(target), verdict(value < target)})
}

// none adds a count that has to be 0.
func (t *table) none(figure string, count int) {
	*t = append(*t, row{figure, fmt.Sprint(count), "0", verdict(count == 0)})
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}

func (t table) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "figure\tvalue\ttarget\t")
	for _, r := range t {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.figure, r.value, r.target, r.verdict)
	}
	return w.Flush()
}

func milliseconds(d time.Duration) string {
	value := float64(d) / float64(time.Millisecond)
	decimals := 0
	if value < 100 {
		decimals = 1
	}
	if value < 10 {
		decimals = 2
	}
	return fmt.Sprintf("%.*f ms", decimals, value)
}

// quantile gives the value that a share of all is at most; it sorts them.
func quantile(all []time.Duration, share float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[max(int(math.Ceil(share*float64(len(all)))), 1)-1]
}

// progress tells on standard error how far something is that takes long.
type progress struct {
	what  string
	of    int
	next  time.Time
	shown bool
}

func newProgress(what string, of int) *progress {
	return &progress{what: what, of: of, next: time.Now().Add(2 * time.Second)}
}

func (p *progress) at(n int) {
	if now := time.Now(); now.After(p.next) {
		fmt.Fprintf(os.Stderr, "\r%s: %d of %d", p.what, n, p.of)
		p.next, p.shown = now.Add(time.Second/2), true
	}
}

func (p *progress) end() {
	if p.shown {
		fmt.Fprintf(os.Stderr, "\r%s: %d of %d\n", p.what, p.of, p.of)
	}
}

// load is how busy the machine was during the last minutes, where it says so.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:2], ", ")
}
