package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// statement is one of SQL that is being written: common table expressions, then
// what is selected of them. Texts that come from elsewhere are arguments.
type statement struct {
	*reading
	named     map[string]string
	has       map[string]bool // by the names of what is not kept
	arguments []any
	common    []string
	body      strings.Builder
}

func newStatement(r *reading) *statement {
	return &statement{reading: r, named: map[string]string{}, has: map[string]bool{}}
}

// String is the SQL.
func (s *statement) String() string {
	if len(s.common) == 0 {
		return s.body.String()
	}
	return "WITH " + strings.Join(s.common, ",\n") + "\n" + s.body.String()
}

// text gives the placeholder of a text.
func (s *statement) text(text string) string { return s.stored(stored(text)) }

// stored is text for one that is as the database has it.
func (s *statement) stored(text string) string {
	if s.named[text] == "" {
		s.named[text] = s.argument(text) + "::text"
	}
	return s.named[text]
}

func (s *statement) texts(texts []string) string {
	placeholders := []string{"NULL"} // where there are none
	for _, text := range slices.Compact(slices.Sorted(slices.Values(texts))) {
		placeholders = append(placeholders, s.text(text))
	}
	return strings.Join(placeholders, ", ")
}

// number gives the SQL of a finite number. Unlike arguments such texts are equal
// where numbers are, so that what is computed of them is computed once.
func (s *statement) number(number float64) string {
	return fmt.Sprintf("'%s'::double precision", strconv.FormatFloat(number, 'g', -1, 64))
}

func (s *statement) argument(argument any) string {
	s.arguments = append(s.arguments, argument)
	return fmt.Sprintf("$%d", len(s.arguments))
}

func (s *statement) add(texts ...string) {
	for _, text := range texts {
		s.body.WriteString(text)
	}
}

// with adds a common table expression.
func (s *statement) with(name, format string, arguments ...any) {
	s.common = append(s.common, name+" AS ("+fmt.Sprintf(format, arguments...)+")")
}

// apart is with for one whose columns are computed once for each row: they would
// be put in wherever they are named otherwise.
func (s *statement) apart(name, format string, arguments ...any) {
	s.with(name, format+" OFFSET 0", arguments...)
}

// columns gives the attributes' columns, each after a comma.
func (s *statement) columns(prefix string) string {
	var b strings.Builder
	for _, attribute := range slices.Compact(slices.Sorted(slices.Values(s.q.Attributes))) {
		b.WriteString(", " + prefix + attribute)
	}
	return b.String()
}

// slices selects the same of all units and for each value of each attribute.
// selected is what follows the key in the list, further columns are grouped by.
func (s *statement) slices(selected string, further ...string) {
	for i, attribute := range append([]string{""}, s.q.Attributes...) {
		grouped := append([]string{"weights_version", "variation"}, further...)
		value := "''::text"
		if i > 0 {
			s.add("\nUNION ALL ")
			value = attribute
			grouped = append(grouped, attribute)
		}
		s.add(fmt.Sprintf("SELECT %d AS slice, %s AS value, weights_version, variation, %s GROUP BY %s",
			i, value, selected, strings.Join(grouped, ", ")))
	}
}

// matured is the condition for units that a measure or chain with a window looks
// at.
func (s *statement) matured(window time.Duration) string {
	if s.q.MaturedBy == 0 || window == 0 {
		return "true"
	}
	return fmt.Sprintf("t0 <= %d", int64(s.q.MaturedBy)-millis(window))
}
