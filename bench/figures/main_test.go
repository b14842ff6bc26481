package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
)

const printed = `goos: linux
BenchmarkDecision/ours/1-2              842966       250.0 ns/op       0 B/op       0 allocs/op
BenchmarkDecision/ours/100-2            844772       300.0 ns/op       0 B/op       0 allocs/op
BenchmarkDecision/unleash/1-2           129650      1500 ns/op      1104 B/op       8 allocs/op
BenchmarkDecision/unleash/100-2         143991      1600 ns/op      1104 B/op       8 allocs/op
PASS
load: 0.31
`

// A run replaces what the last one wrote, and nothing else.
func TestRun(t *testing.T) {
	docs := t.TempDir()
	page, output := filepath.Join(docs, "performance.md"), filepath.Join(docs, "output")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(page, "before\n\n<!-- decision -->\nold\n<!-- /decision -->\n\nafter\n")
	write(output, printed)
	for range 2 {
		if err := run(docs, page, output, true, ""); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before\n\n<!-- decision -->\n", "| Unleash SDK 6.4.0 | 1,500 | 1,600 | 1104 | 8 | 5.33 × |", "of 1 runs, load 0.31.", "5.33 times, 0, met", "<!-- /decision -->\n\nafter\n"} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("the page does not have %q once:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "old") {
		t.Errorf("the page still has what stood there:\n%s", text)
	}
	if err := insert(page, "edge", "text"); err == nil {
		t.Error("a page without markers was written to")
	}
}

// Whatever is drawn is XML, and names what it shows.
func TestDraw(t *testing.T) {
	for _, f := range []report.Figure{
		{Title: "bars & more", Unit: "µs", Bars: []report.Bar{{Label: "a < b", Value: 3, Low: 2, High: 4, Own: true}, {Label: "none"}}},
		{Title: "lines & more", Unit: "ms", XTitle: "of < all", Lines: []report.Line{{Label: "a < b", X: []float64{1, 1000}, Y: []float64{0.02, 7}}}},
	} {
		text := draw(f)
		decoder := xml.NewDecoder(strings.NewReader(text))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v\n%s", f.Title, err, text)
			}
		}
		for _, want := range []string{"a &lt; b", "prefers-color-scheme: dark", "<title>"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", f.Title, want)
			}
		}
		if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%s has coordinates that are no numbers:\n%s", f.Title, text)
		}
	}
}
