package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// statement is one of SQL that is being written: common table expressions, then
// what is selected of them. Texts that come from elsewhere are arguments.
type statement struct {
	*reading
	named     map[string]string
	arguments []any
	common    []string
	body      strings.Builder
}

func newStatement(r *reading) *statement { return &statement{reading: r, named: map[string]string{}} }

// String is the SQL.
func (s *statement) String() string {
	if len(s.common) == 0 {
		return s.body.String()
	}
	return "WITH " + strings.Join(s.common, ",\n") + "\n" + s.body.String()
}

// text gives the placeholder of a text.
func (s *statement) text(text string) string {
	if s.named[text] == "" {
		s.named[text] = s.argument(stored(text)) + "::text"
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

// number gives the placeholder of a number.
func (s *statement) number(number float64) string { return s.argument(number) + "::double precision" }

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

// withKept is with for one that is costly and is not to be computed again.
func (s *statement) withKept(name, format string, arguments ...any) {
	s.common = append(s.common, name+" AS MATERIALIZED ("+fmt.Sprintf(format, arguments...)+")")
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

// bounds is the condition for exposures of the iteration.
func (s *statement) bounds() string {
	var b strings.Builder
	fmt.Fprintf(&b, " WHERE tenant = %s AND experiment = %s AND iteration = %s",
		s.text(s.q.Tenant), s.text(s.q.Experiment), s.text(s.q.Iteration))
	if s.q.From != 0 {
		fmt.Fprintf(&b, " AND t >= %d", s.q.From)
	}
	if s.q.Until != 0 {
		fmt.Fprintf(&b, " AND t < %d", s.q.Until)
	}
	return b.String()
}

// units gives the units with what their first exposure says. The window is in
// the order of the table's key, so that nothing need be sorted.
func (s *statement) units() {
	s.with("units", `SELECT DISTINCT ON (unit) unit, t AS t0, weights_version, variation%s,
		min(variation) OVER whole <> max(variation) OVER whole AS crossed
		FROM %s%s AND bot = 0 AND forced = 0
		WINDOW whole AS (PARTITION BY unit ORDER BY t, variation, id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
		ORDER BY unit, t, variation, id`,
		s.columns(""), s.tables.exposures, s.bounds())
}

// done gives the outcomes of events, each with the unit that it counts for and
// with its value as it is added, if that is asked for.
func (s *statement) done(added bool, wanted ...string) {
	scaled := ""
	if added {
		scaled = ", " + general.of("f.value") + " AS scaled"
	}
	condition := fmt.Sprintf("o.tenant = %s AND o.event IN (%s)", s.text(s.q.Tenant), s.texts(wanted))
	found := fmt.Sprintf("SELECT unit, event, id, t, value FROM %s AS o WHERE %s AND o.unit <> ''", s.tables.outcomes, condition)
	if s.indirect {
		s.owners()
		found += fmt.Sprintf(` UNION ALL SELECT x.unit, o.event, o.id, o.t, o.value FROM %s AS o
			JOIN %s AS x ON x.tenant = o.tenant AND x.alias = o.alias WHERE %s AND o.unit = '' AND o.alias <> '' AND x.alias <> ''`,
			s.tables.outcomes, s.tables.exposures, condition)
		found += fmt.Sprintf(` UNION ALL SELECT w.unit, o.event, o.id, o.t, o.value FROM %s AS o
			JOIN owners AS w ON w.user_id = o.user_id WHERE %s AND o.unit = '' AND o.alias = '' AND o.user_id <> ''`,
			s.tables.outcomes, condition)
	}
	s.with("found", "%s", found)
	s.with("done", `SELECT DISTINCT ON (f.unit, f.event, f.id) f.unit, f.event, f.t, f.value%s, u.t0
		FROM found AS f JOIN units AS u ON u.unit = f.unit WHERE NOT u.crossed
		ORDER BY f.unit, f.event, f.id, f.t, f.value NULLS LAST`, scaled)
}

// owners gives the unit that a user's outcomes count for.
func (s *statement) owners() {
	s.with("seen_with", `SELECT user_id, unit FROM %s AS o WHERE tenant = %s AND user_id <> '' AND unit <> ''
		UNION SELECT o.user_id, x.unit FROM %[1]s AS o JOIN %[3]s AS x ON x.tenant = o.tenant AND x.alias = o.alias
		WHERE o.tenant = %[2]s AND o.user_id <> '' AND o.unit = '' AND o.alias <> '' AND x.alias <> ''`,
		s.tables.outcomes, s.text(s.q.Tenant), s.tables.exposures)
	s.with("owners", `SELECT DISTINCT ON (w.user_id) w.user_id, w.unit
		FROM seen_with AS w JOIN units AS u ON u.unit = w.unit ORDER BY w.user_id, u.t0, w.unit`)
}

// within is the condition for outcomes that count.
func (s *statement) within(event string, window int64, hasWindow bool) string {
	condition := fmt.Sprintf("event = %s AND t >= t0 - %d", s.text(event), millis(s.q.Skew))
	if hasWindow {
		condition += fmt.Sprintf(" AND t < t0 + %d", window)
	}
	if s.q.Until != 0 {
		condition += fmt.Sprintf(" AND t < %d", s.q.Until)
	}
	return condition
}

// before is the condition for a unit's past.
func (s *statement) before(event string) string {
	end := millis(s.q.Skew)
	return fmt.Sprintf("event = %s AND t >= t0 - %d AND t < t0 - %d", s.text(event), end+millis(s.q.Covariate), end)
}

// matured is the condition for units that a measure looks at.
func (s *statement) matured(m *events.Measure) string {
	if s.q.MaturedBy == 0 || m.Window == 0 {
		return "true"
	}
	return fmt.Sprintf("t0 <= %d", int64(s.q.MaturedBy)-millis(m.Window))
}
