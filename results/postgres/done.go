package postgres

import (
	"fmt"
	"slices"
	"strings"
)

// selectUnits gives the units with what their first exposure says, numbered. The
// window is in the order of the table's key, so that nothing need be sorted.
func (s *statement) selectUnits() string {
	return fmt.Sprintf(`SELECT row_number() OVER () AS n, first.* FROM (
		SELECT DISTINCT ON (unit) unit, t AS t0, weights_version, variation%s,
		min(variation) OVER whole <> max(variation) OVER whole AS crossed
		FROM %s%s AND bot = 0 AND forced = 0
		WINDOW whole AS (PARTITION BY unit ORDER BY t, variation, id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
		ORDER BY unit, t, variation, id) AS first`,
		s.columns(""), s.tables.exposures, s.bounds())
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

// selectDone gives the outcomes that the query asks for, each with the unit that
// it counts for. Events are told by their number.
func (s *statement) selectDone() string {
	s.units()
	columns := "unit, event, id, t, value"
	condition := fmt.Sprintf("o.tenant = %s AND o.event IN (%s)", s.text(s.q.Tenant), s.texts(s.happenings))
	found := fmt.Sprintf("SELECT %s FROM %s AS o WHERE %s AND o.unit <> ''", columns, s.tables.outcomes, condition)
	if s.indirect {
		s.owners()
		found += fmt.Sprintf(` UNION ALL SELECT x.unit, o.event, o.id, o.t, o.value FROM %s AS o
			JOIN %s AS x ON x.tenant = o.tenant AND x.alias = o.alias WHERE %s AND o.unit = '' AND o.alias <> '' AND x.alias <> ''`,
			s.tables.outcomes, s.tables.exposures, condition)
		found += fmt.Sprintf(` UNION ALL SELECT w.unit, o.event, o.id, o.t, o.value FROM %s AS o
			JOIN owners AS w ON w.user_id = o.user_id WHERE %s AND o.unit = '' AND o.alias = '' AND o.user_id <> ''`,
			s.tables.outcomes, condition)
	}
	number := "CASE f.event"
	for i, event := range s.happenings {
		number += fmt.Sprintf(" WHEN %s THEN %d", s.text(event), i)
	}
	return fmt.Sprintf(`SELECT n, event, t, value, t0, part FROM (
		SELECT DISTINCT ON (u.n, event, f.id) u.n, %s END AS event, f.t, f.value, u.t0, p.part
		FROM (%s) AS f JOIN units AS u ON u.unit = f.unit
		LEFT JOIN (%s) AS p ON p.weights_version = u.weights_version AND p.variation = u.variation WHERE NOT u.crossed
		ORDER BY u.n, event, f.id, f.t, f.value NULLS LAST) AS once`, number, found, s.numberedParts())
}

// numberedParts gives the groups of all units with their places among them.
func (s *statement) numberedParts() string {
	parts := "SELECT -1 AS part, ''::text AS weights_version, ''::text AS variation WHERE false"
	for i, k := range s.out.parts {
		parts += fmt.Sprintf(" UNION ALL SELECT %d, %s, %s", i, s.stored(k.weightsVersion), s.stored(k.variation))
	}
	return parts
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

// wanted lists the events that a query asks for.
func (r *reading) wanted() []string {
	var wanted []string
	for _, m := range r.q.Measures {
		wanted = append(wanted, m.Event)
		if m.Denominator != "" {
			wanted = append(wanted, m.Denominator)
		}
	}
	for _, c := range r.q.Chains {
		wanted = append(wanted, c.Events...)
	}
	return slices.Compact(slices.Sorted(slices.Values(wanted)))
}

// isEvent is the condition for outcomes of an event.
func (s *statement) isEvent(event string) string {
	return fmt.Sprintf("event = %d", slices.Index(s.happenings, event))
}

// within is the condition for outcomes that count.
func (s *statement) within(event string, window int64, hasWindow bool) string {
	condition := fmt.Sprintf("%s AND t >= t0 - %d", s.isEvent(event), millis(s.q.Skew))
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
	return fmt.Sprintf("%s AND t >= t0 - %d AND t < t0 - %d", s.isEvent(event), end+millis(s.q.Covariate), end)
}
