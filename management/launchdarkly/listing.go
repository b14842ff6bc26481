package launchdarkly

import (
	"maps"
	"slices"
	"strings"
)

// listing says how a list is filtered and sorted.
type listing[T any] struct {
	read   func(texts []string) ([]term, error) // the form of its filter
	fields map[string]field[T]
	orders map[string]order[T]
}

// of is what a request asks for of a list.
func (l listing[T]) of(q *request, all []T) ([]T, error) {
	terms, err := l.read(q.query["filter"])
	if err != nil {
		return nil, err
	}
	keeps, err := keeping(terms, l.fields)
	if err != nil {
		return nil, err
	}
	return sorted(q, kept(all, keeps), l.orders)
}

// maxSorts is by how many fields a list can be sorted.
const maxSorts = 10

// order compares two items of a list.
type order[T any] func(a, b T) int

// sorted sorts a list as the request asks for: by fields in turn, those with a dash
// before them downwards. What is equal, and a list that is not to be sorted, stays
// as it was.
func sorted[T any](q *request, all []T, fields map[string]order[T]) ([]T, error) {
	wanted := q.listed("sort")
	if len(wanted) > maxSorts {
		return nil, invalid("sort", "must have at most %d fields", maxSorts)
	}
	var orders []order[T]
	for _, name := range wanted {
		field, down := strings.CutPrefix(name, "-")
		by, known := fields[field]
		if !known {
			return nil, invalid("sort", "must be of %s, each with or without a dash before it, got %q", strings.Join(slices.Sorted(maps.Keys(fields)), ", "), clip(name))
		}
		if down {
			up := by
			by = func(a, b T) int { return up(b, a) }
		}
		orders = append(orders, by)
	}
	if len(orders) == 0 {
		return all, nil
	}
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b T) int {
		for _, by := range orders {
			if c := by(a, b); c != 0 {
				return c
			}
		}
		return 0
	})
	return out, nil
}

// same is the order of what all items have alike.
func same[T any](a, b T) int { return 0 }
