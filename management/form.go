package management

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const formType = "application/x-www-form-urlencoded"

// The fields that are objects or lists; of all others target_level is a number and the
// rest are strings.
var structured = map[string]bool{"parameters": true, "overrides": true, "rules": true, "allocations": true, "assignment_config": true, "levels": true}

var lists = map[string]bool{"rules": true, "allocations": true, "levels": true}

// formJSON turns a form into the JSON object that means the same. What a form
// cannot say by itself stands in it in one of two ways: as JSON
// (allocations=[{"variation_id":…}], or the field once for each item), or with
// the way to each value in brackets (allocations[0][weight]=50). An empty
// description is null.
func formJSON(text string) ([]byte, *refusal) {
	invalid := func(format string, args ...any) ([]byte, *refusal) {
		return nil, failed(CodeInvalidBody, "Invalid request body. "+format, args...)
	}
	if strings.Count(text, "&") >= maxFormFields {
		return invalid("The form has more than %d fields.", maxFormFields)
	}
	values, err := url.ParseQuery(text)
	if err != nil || !utf8.ValidString(text) {
		return invalid("The form cannot be decoded.")
	}
	root := &branch{}
	for _, key := range sortedKeys(values) {
		given := values[key]
		name, way, ok := steps(key)
		switch {
		case !ok:
			return invalid("%s: is no field of a form.", clip(key))
		case len(way) > 0 && len(given) == 1 && structured[name]:
			if !root.put(append([]string{name}, way...), leaf(named(name, way), given[0])) {
				return invalid("%s: is given twice.", clip(key))
			}
		case len(way) > 0:
			return invalid("%s: is no field of a form, or given twice.", clip(key))
		case structured[name]:
			raw, problem := structuredField(name, given)
			if problem != nil {
				return nil, problem
			}
			if !root.put([]string{name}, raw) {
				return invalid("%s: is given twice.", clip(key))
			}
		case len(given) > 1:
			return invalid("%s: is given twice.", clip(key))
		case name == "description" && given[0] == "":
			root.put([]string{name}, []byte("null"))
		case name == "target_level":
			root.put([]string{name}, leaf(name, given[0]))
		default:
			root.put([]string{name}, quote(given[0]))
		}
	}
	return root.append(nil), nil
}

// maxFormFields bounds the fields of a form, far above what any entity needs.
const maxFormFields = 1000

func sortedKeys(values url.Values) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// structuredField takes the JSON that a field is written in: all of it, or a
// list's items one by one.
func structuredField(name string, given []string) ([]byte, *refusal) {
	for _, text := range given {
		if !json.Valid([]byte(text)) {
			return nil, failed(CodeInvalidBody, "Invalid request body. %s: must be JSON.", name)
		}
	}
	first := strings.TrimSpace(given[0])
	if len(given) == 1 && (!lists[name] || strings.HasPrefix(first, "[")) {
		return []byte(first), nil
	}
	if !lists[name] {
		return nil, failed(CodeInvalidBody, "Invalid request body. %s: is given twice.", name)
	}
	return []byte("[" + strings.Join(given, ",") + "]"), nil
}

// steps splits allocations[0][weight] into its name and the way from there.
func steps(key string) (name string, way []string, ok bool) {
	name, rest, bracketed := strings.Cut(key, "[")
	if !bracketed {
		return name, nil, name != ""
	}
	if name == "" || !strings.HasSuffix(rest, "]") {
		return "", nil, false
	}
	way = strings.Split(strings.TrimSuffix(rest, "]"), "][")
	return name, way, len(way) <= maxFormSteps
}

// maxFormSteps bounds the nesting of a form; what is deeper is written as JSON.
const maxFormSteps = 8

// named is the field that a value in brackets belongs to: the last name of its way,
// or the list whose items are plain values.
func named(name string, way []string) string {
	if name == "levels" {
		return name
	}
	return way[len(way)-1]
}

// leaf is the JSON of one value in brackets. Numbers and booleans look like
// themselves where the field holds such; a value can be anything, and is JSON
// where it is valid as that.
func leaf(field, text string) []byte {
	literal := json.Valid([]byte(text))
	switch field {
	case "value":
	case "weight", "priority", "is_control", "is_fallback", "exists", "levels", "target_level":
		literal = literal && !strings.ContainsAny(text, `"[{`)
	default:
		literal = false
	}
	if literal {
		return []byte(strings.TrimSpace(text))
	}
	return quote(text)
}

func quote(text string) []byte {
	return bytes.TrimSpace(encode(strings.ToValidUTF8(text, "\ufffd")))
}

func clip(text string) string {
	const most = 100
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// branch is an object that is being put together, or its JSON once it is known.
type branch struct {
	json  []byte
	names []string
	parts map[string]*branch
}

// put places a value; it answers false where there is one already.
func (b *branch) put(way []string, value []byte) bool {
	if b.json != nil {
		return false
	}
	if len(way) == 0 {
		if b.parts != nil {
			return false
		}
		b.json = value
		return true
	}
	if b.parts == nil {
		b.parts = map[string]*branch{}
	}
	part := b.parts[way[0]]
	if part == nil {
		part = &branch{}
		b.parts[way[0]] = part
		b.names = append(b.names, way[0])
	}
	return part.put(way[1:], value)
}

// append writes the object. One whose names are 0, 1, 2, … is a list.
func (b *branch) append(out []byte) []byte {
	if b.json != nil {
		return append(out, b.json...)
	}
	if items := b.items(); items != nil {
		out = append(out, '[')
		for i, item := range items {
			if i > 0 {
				out = append(out, ',')
			}
			out = item.append(out)
		}
		return append(out, ']')
	}
	out = append(out, '{')
	for i, name := range b.names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, quote(name)...), ':')
		out = b.parts[name].append(out)
	}
	return append(out, '}')
}

func (b *branch) items() []*branch {
	items := make([]*branch, len(b.names))
	for name, part := range b.parts {
		place := 0
		for _, digit := range []byte(name) {
			if digit < '0' || digit > '9' {
				return nil
			}
			place = min(place*10+int(digit-'0'), len(items))
		}
		if name == "" {
			place = 0 // allocations[]=…, which can name one item only
		}
		if place >= len(items) || items[place] != nil {
			return nil
		}
		items[place] = part
	}
	if len(items) == 0 {
		return nil
	}
	return items
}
