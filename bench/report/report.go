// Package report is how programs that measure hand on what they have found:
// tables for people, and figures to draw.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Report is what one program has found.
type Report struct {
	// Name is the program's; it names figures and the place in the documentation.
	Name string
	// Note says how it was measured.
	Note    string
	Tables  []Table
	Figures []Figure
}

// Table is one with a head.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
}

// Figure is a chart of bars or of lines.
type Figure struct {
	Name  string
	Title string
	Unit  string // of values
	Bars  []Bar
	Lines []Line
	// XTitle is what lines go over. Both of their axes are logarithmic.
	XTitle string
}

// Bar is one value, with its interval where Low and High differ.
type Bar struct {
	Label            string
	Value, Low, High float64
	// Own marks what is this repository's.
	Own bool
}

// Line is values over others.
type Line struct {
	Label string
	X, Y  []float64
}

// Add adds a row to a table.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Markdown writes tables and note for a page.
func (r *Report) Markdown() string {
	var b strings.Builder
	for _, t := range r.Tables {
		if t.Title != "" {
			fmt.Fprintf(&b, "**%s**\n\n", t.Title)
		}
		fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(t.Head, " | "), strings.Repeat("---|", len(t.Head)))
		for _, row := range t.Rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
		b.WriteString("\n")
	}
	if r.Note != "" {
		b.WriteString(r.Note + "\n")
	}
	return b.String()
}

// WriteFile writes a report for ReadFile.
func (r *Report) WriteFile(path string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// ReadFile reads what WriteFile wrote.
func ReadFile(path string) (*Report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return r, nil
}
