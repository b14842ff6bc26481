package launchdarkly

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The sizes of a page.
const (
	defaultLimit = 20
	maxLimit     = 1000
)

// listed gives the parts of a parameter that is a comma-separated list. Several
// parameters of the name are one list.
func (q *request) listed(name string) []string {
	var out []string
	for _, part := range strings.Split(strings.Join(q.URL.Query()[name], ","), ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// number reads a parameter that is a whole number.
func (q *request) number(name string, missing, least, most int64) (int64, error) {
	text := q.URL.Query().Get(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, invalid(name, "must be a whole number from %d to %d", least, most)
	}
	return n, nil
}

// page cuts one page out of a list, and links those around it.
func page[T any](q *request, all []T) ([]T, map[string]link, error) {
	limit, err := q.number("limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return nil, nil, err
	}
	offset, err := q.number("offset", 0, 0, 1<<31-1)
	if err != nil {
		return nil, nil, err
	}
	total := int64(len(all))
	at := func(offset int64) string {
		values := q.URL.Query()
		values.Set("limit", strconv.FormatInt(limit, 10))
		values.Set("offset", strconv.FormatInt(offset, 10))
		return q.href(values)
	}
	pairs := []string{"self", q.href(q.URL.Query())}
	if total > limit || offset > 0 {
		pairs = append(pairs, "first", at(0), "last", at(max(total-1, 0)/limit*limit))
		if offset > 0 {
			pairs = append(pairs, "prev", at(max(offset-limit, 0)))
		}
		if offset+limit < total {
			pairs = append(pairs, "next", at(offset+limit))
		}
	}
	from := min(offset, total)
	return slices.Clone(all[from:min(from+limit, total)]), links(pairs...), nil
}

// href is the request's own path with other parameters.
func (q *request) href(values url.Values) string {
	path := strings.TrimPrefix(q.URL.EscapedPath(), prefix)
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}
