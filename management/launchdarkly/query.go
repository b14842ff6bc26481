package launchdarkly

import (
	"net/http"
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

// maxParameter is the longest value of a parameter in bytes.
const maxParameter = 4 << 10

// readQuery reads the parameters of a request. One that the operation does not have
// is refused: a list that leaves out a filter is another list than the client takes
// it for.
func (q *request) readQuery(known []string) error {
	values, err := url.ParseQuery(q.URL.RawQuery)
	if err != nil {
		return Refuse(http.StatusBadRequest, "invalid query: %s", clip(err.Error()))
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all := values[name]
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			return invalid(clip(name), "is no parameter of this operation, which has none")
		case !slices.Contains(known, name):
			return invalid(clip(name), "is no parameter of this operation; it has %s", strings.Join(known, ", "))
		case len(strings.Join(all, ",")) > maxParameter:
			return invalid(name, "must have at most %d bytes", maxParameter)
		case len(all) > 1 && !slices.Contains(lists, name):
			return invalid(name, "must not be there more than once")
		}
	}
	q.query = values
	return nil
}

// lists are the parameters that may be there several times; together they are one
// list.
var lists = []string{"env", "expand", "filter", "lifecycleState", "sort"}

// listed returns the parts of a parameter that is a comma-separated list.
func (q *request) listed(name string) []string {
	var out []string
	for part := range strings.SplitSeq(strings.Join(q.query[name], ","), ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// words reads a parameter that is a list of some of the words of an operation.
func (q *request) words(name string, known ...string) ([]string, error) {
	out := q.listed(name)
	for _, word := range out {
		if !slices.Contains(known, word) {
			return nil, invalid(name, "must be of %s, got %q", strings.Join(known, ", "), clip(word))
		}
	}
	return out, nil
}

// number reads a parameter that is a whole number.
func (q *request) number(name string, missing, least, most int64) (int64, error) {
	text := q.query.Get(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, invalid(name, "must be a whole number from %d to %d", least, most)
	}
	return n, nil
}

// boolean reads a parameter that is a truth value.
func (q *request) boolean(name string, missing bool) (bool, error) {
	switch text := q.query.Get(name); text {
	case "":
		return missing, nil
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	default:
		return false, invalid(name, "must be true or false, got %q", clip(text))
	}
}

// environments refuses a parameter that asks for other environments than the
// token's.
func (q *request) environments(name string) error {
	for _, environment := range q.listed(name) {
		if environment != q.session.Tenant().Environment() {
			return invalid(name, "must be %s, which the token is for, got %q", q.session.Tenant().Environment(), clip(environment))
		}
	}
	return nil
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
		values := url.Values{}
		for name, value := range q.query {
			values[name] = value
		}
		values.Set("limit", strconv.FormatInt(limit, 10))
		values.Set("offset", strconv.FormatInt(offset, 10))
		return q.href(values)
	}
	pairs := []string{"self", q.href(q.query)}
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
