package postgres

import "fmt"

// A unit's outcomes are gone through by day. Each changes the unit's numbers from
// what they were then to what they are now, and the changes of a day add up to
// what the unit grew on it, whatever their order.

// hit is a column that says whether an outcome fulfils the condition.
func (k *look) hit() string { return fmt.Sprintf("(%s) AS %s", k.condition, k.column("hit")) }

// running gives what is known after each outcome, of those up to it.
func (k *look) running() []string {
	over := fmt.Sprintf("FILTER (WHERE %s) OVER so_far", k.column("hit"))
	columns := []string{fmt.Sprintf("count(*) %s AS %s", over, k.column("seen"))}
	if !k.valued {
		return columns
	}
	columns = append(columns, fmt.Sprintf("count(value) %s AS %s", over, k.column("valued")),
		fmt.Sprintf("min(value) %s AS %s", over, k.column("low")))
	names := k.parts()
	for i, part := range partNames {
		columns = append(columns, fmt.Sprintf("sum(%s) %s AS %s", part, over, names[i]))
	}
	return columns
}

// now is the state after an outcome.
func (k *look) now() state {
	parts := k.parts()
	for i := range parts {
		parts[i] = fmt.Sprintf("coalesce(%s, 0)", parts[i])
	}
	sum := fmt.Sprintf("CASE WHEN %s = 1 THEN %s ELSE %s END", k.column("valued"), k.column("low"), ofSingle.number(parts))
	return state{k.column("seen"), k.column("valued"), sum}
}

// then is the state before it.
func (k *look) then() state {
	parts := k.parts()
	for i, own := range partNames {
		parts[i] = fmt.Sprintf("(coalesce(%s, 0) - CASE WHEN %s THEN coalesce(%s, 0) ELSE 0 END)", parts[i], k.column("hit"), own)
	}
	return state{
		seen:   fmt.Sprintf("(%s - %s::int)", k.column("seen"), k.column("hit")),
		valued: fmt.Sprintf("(%s - (%s AND value IS NOT NULL)::int)", k.column("valued"), k.column("hit")),
		sum:    ofSingle.number(parts),
	}
}

// partNames are the columns of an outcome's value, taken apart.
var partNames = [3]string{"whole", "rest", "wild"}
