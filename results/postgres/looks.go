package postgres

import "fmt"

// looks are what is known of a unit's outcomes, by the condition that they
// fulfil. Measures that look at the same outcomes share the columns.
type looks struct{ all []*look }

// look is what is known of the outcomes of one condition. Its columns are seen,
// how many there are; with times, earliest and latest; with values, how many have
// one, the smallest, the largest, and the sums of their parts.
type look struct {
	condition     string
	index         int
	timed, valued bool
}

// at gives the look at the outcomes of a condition.
func (l *looks) at(condition string) *look {
	for _, k := range l.all {
		if k.condition == condition {
			return k
		}
	}
	k := &look{condition: condition, index: len(l.all)}
	l.all = append(l.all, k)
	return k
}

func (k *look) column(name string) string { return fmt.Sprintf("%s%d", name, k.index) }

// parts are the columns that keep a sum.
func (k *look) parts() [3]string {
	return [3]string{k.column(partNames[0]), k.column(partNames[1]), k.column(partNames[2])}
}

// aggregates gives the columns, of outcomes that are grouped.
func (k *look) aggregates() []string {
	filter := fmt.Sprintf("FILTER (WHERE %s)", k.condition)
	columns := []string{fmt.Sprintf("count(*) %s AS %s", filter, k.column("seen"))}
	if k.timed {
		columns = append(columns, fmt.Sprintf("min(t) %s AS %s", filter, k.column("earliest")),
			fmt.Sprintf("max(t) %s AS %s", filter, k.column("latest")))
	}
	if !k.valued {
		return columns
	}
	columns = append(columns, fmt.Sprintf("count(value) %s AS %s", filter, k.column("valued")),
		fmt.Sprintf("min(value) %s AS %s", filter, k.column("low")), fmt.Sprintf("max(value) %s AS %s", filter, k.column("high")))
	names := k.parts()
	for i, part := range ofSingle.parts("value") {
		columns = append(columns, fmt.Sprintf("coalesce(sum(%s) %s, 0) AS %s", part, filter, names[i]))
	}
	return columns
}

// state is what measures use of a look: numbers in SQL.
type state struct{ seen, valued, sum string }

// own is what the columns themselves say. One value is taken as it is and two
// are added, which rounds once; several are added exactly and rounded once.
func (k *look) own() state {
	sum := fmt.Sprintf(`CASE WHEN %[1]s = 1 THEN %[2]s WHEN %[1]s = 2 AND abs(%[2]s) < 1e300 AND abs(%[3]s) < 1e300 THEN %[2]s + %[3]s ELSE %[4]s END`,
		k.column("valued"), k.column("low"), k.column("high"), ofSingle.number(k.parts()))
	return state{k.column("seen"), k.column("valued"), sum}
}
