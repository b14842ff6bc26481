package launchdarkly

import (
	"strings"
	"unicode/utf8"
)

// clauses reads a filter of the form field operator value, with commas or "and"
// between several. A value is a word, a quoted text or a list of them in brackets.
func clauses(texts []string) ([]term, error) {
	r := &clauseReader{rest: strings.Join(texts, ",")}
	if !utf8.ValidString(r.rest) {
		return nil, invalid("filter", "must be UTF-8")
	}
	var out []term
	for r.space(); r.rest != ""; r.space() {
		if len(out) > 0 && !r.between() {
			return nil, r.refuse(`must have a comma or "and" between two conditions`)
		}
		if len(out) == maxTerms {
			return nil, invalid("filter", "must have at most %d conditions", maxTerms)
		}
		t, err := r.clause()
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// clauseReader reads a filter from the left.
type clauseReader struct{ rest string }

// refuse refuses what comes next.
func (r *clauseReader) refuse(what string) error {
	if r.rest == "" {
		return invalid("filter", "%s, got its end", what)
	}
	return invalid("filter", "%s, got %q", what, clip(r.rest))
}

func (r *clauseReader) space() { r.rest = strings.TrimLeft(r.rest, " \t\r\n") }

// take takes the next byte if it is that one.
func (r *clauseReader) take(c byte) bool {
	if r.rest == "" || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// name takes letters, digits, dots and underscores; there may be none.
func (r *clauseReader) name() string {
	end := strings.IndexFunc(r.rest, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.')
	})
	if end < 0 {
		end = len(r.rest)
	}
	name := r.rest[:end]
	r.rest = r.rest[end:]
	return name
}

// between takes what separates two conditions.
func (r *clauseReader) between() bool {
	if r.take(',') {
		r.space()
		return true
	}
	before := r.rest
	if !strings.EqualFold(r.name(), "and") {
		r.rest = before
		return false
	}
	r.space()
	return true
}

func (r *clauseReader) clause() (term, error) {
	t := term{field: r.name()}
	if t.field == "" {
		return t, r.refuse("must have conditions of the form field operator value")
	}
	r.space()
	if t.operator = r.name(); t.operator == "" {
		return t, r.refuse(t.field + " must be followed by an operator: equals, contains, anyOf or notEquals")
	}
	r.space()
	if !r.take('[') {
		value, err := r.value()
		t.values = []string{value}
		return t, err
	}
	for r.space(); !r.take(']'); r.space() {
		if len(t.values) > 0 && !r.take(',') {
			return t, r.refuse(t.field + " must have a comma between two values, and a bracket at the end")
		}
		if len(t.values) == maxValues {
			return t, t.refuse("must have at most %d values", maxValues)
		}
		r.space()
		value, err := r.value()
		if err != nil {
			return t, err
		}
		t.values = append(t.values, value)
	}
	return t, nil
}

// value takes a word, or a text in quotes of either kind, in which a backslash
// stands before a quote or another backslash.
func (r *clauseReader) value() (string, error) {
	if r.rest != "" && (r.rest[0] == '"' || r.rest[0] == '\'') {
		return r.quoted()
	}
	end := strings.IndexAny(r.rest, " \t\r\n,[]\"'")
	if end < 0 {
		end = len(r.rest)
	}
	if end == 0 {
		return "", r.refuse("must have a value")
	}
	word := r.rest[:end]
	r.rest = r.rest[end:]
	return word, nil
}

func (r *clauseReader) quoted() (string, error) {
	quote, rest := r.rest[0], r.rest[1:]
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == quote:
			r.rest = rest[i+1:]
			return b.String(), nil
		case c == '\\' && i+1 < len(rest) && (rest[i+1] == quote || rest[i+1] == '\\'):
			i++
			b.WriteByte(rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", r.refuse("must have a quote at the end of a quoted value")
}
