package management

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The sizes of a page.
const (
	DefaultTake = 25
	MaxTake     = 50
)

// query reads the parameters that a list understands. Others, and repeated
// ones, are refused: a misspelled filter must not look like one without effect.
func (c *call) query(known ...string) (url.Values, *refusal) {
	values, err := url.ParseQuery(c.request.URL.RawQuery)
	if err != nil {
		return nil, failed(CodeInvalidQuery, "Invalid request query string. It cannot be decoded.")
	}
	for _, name := range sortedKeys(values) {
		if !slices.Contains(known, name) {
			return nil, failed(CodeInvalidQuery, "Invalid request query string. %s: is no parameter here.", clip(name))
		}
		if len(values[name]) > 1 {
			return nil, failed(CodeInvalidQuery, "Invalid request query string. %s: is given twice.", name)
		}
	}
	return values, nil
}

// choice reads a parameter that is one of some words; empty if it is not given.
func choice[T ~string](values url.Values, name string, words ...T) (T, *refusal) {
	if !values.Has(name) {
		return "", nil
	}
	word := T(values.Get(name))
	if !slices.Contains(words, word) {
		texts := make([]string, len(words))
		for i, w := range words {
			texts[i] = string(w)
		}
		return "", failed(CodeInvalidQuery, "Invalid request query string. %s: must be one of %s.", name, strings.Join(texts, ", "))
	}
	return word, nil
}

// position is where an entity stands in a list: in the order of creation. It
// survives that others come and go.
type position struct {
	created time.Time
	id      string
}

// placed is the position of an entity. It is no more precise than its text.
func placed(created *time.Time, id string) position {
	return position{moment(created).Truncate(time.Microsecond), id}
}

func (p position) compare(q position) int {
	return cmp.Or(p.created.Compare(q.created), strings.Compare(p.id, q.id))
}

// String is the form of a position that clients hand back.
func (p position) String() string {
	return strconv.FormatInt(p.created.UnixMicro(), 36) + "." + p.id
}

func parsePosition(text string) (position, bool) {
	micros, id, ok := strings.Cut(text, ".")
	n, err := strconv.ParseInt(micros, 36, 64)
	return position{time.UnixMicro(n).UTC(), id}, ok && err == nil && id != ""
}

// page cuts one page out of all entities of a kind: those that pass the filter,
// from the one that the request names, and the token of the page after it, if
// there is one.
func page[T any](values url.Values, all []T, at func(*T) position, keep func(*T) bool) ([]*T, string, *refusal) {
	take := DefaultTake
	if values.Has("take") {
		n, err := strconv.Atoi(values.Get("take"))
		if err != nil || n < 1 || n > MaxTake {
			return nil, "", failed(CodeInvalidQuery, "Invalid request query string. take: must be a whole number from 1 to %d.", MaxTake)
		}
		take = n
	}
	var from position
	if text := values.Get("from"); text != "" {
		named := slices.IndexFunc(all, func(entity T) bool { return at(&entity).id == text })
		parsed, ok := parsePosition(text)
		switch {
		case named >= 0:
			from = at(&all[named])
		case ok:
			from = parsed
		default:
			return nil, "", failed(CodeInvalidQuery, "Invalid request query string. from: is neither the next of another page nor an id in the list.")
		}
	}
	kept := []*T{}
	for i := range all {
		if keep(&all[i]) && (from.id == "" || at(&all[i]).compare(from) >= 0) {
			kept = append(kept, &all[i])
		}
	}
	slices.SortFunc(kept, func(a, b *T) int { return at(a).compare(at(b)) })
	if len(kept) <= take {
		return kept, "", nil
	}
	return kept[:take], at(kept[take]).String(), nil
}

// epoch stands for the time that an entity which a person wrote into a document
// does not have.
var epoch = time.Unix(0, 0).UTC()

func moment(t *time.Time) time.Time {
	if t == nil {
		return epoch
	}
	return t.UTC()
}

// optional gives the text of an optional field.
func optional(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
