package engine

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ConfigValue is the value that a variation gives one parameter.
type ConfigValue struct {
	Parameter string
	// JSON is the value in compact ASCII JSON.
	JSON string
	// Text is the value for people and templates: a string's characters
	// without quotes, any other value as in JSON.
	Text string
}

// mergedConfig is what a variation makes of its flag's parameters.
type mergedConfig struct {
	values []ConfigValue
	json   string // as the header has it
}

// mergeConfigs lays the overrides of each of a flag's variations over the
// baseline: every parameter of the flag, in the order of their names. The result
// is by variation and serves every experiment with the flag.
func mergeConfigs(flag *FeatureFlag, into map[string]mergedConfig) {
	names := slices.Sorted(maps.Keys(flag.Parameters))
	baseline := make(map[string]ConfigValue, len(names))
	for _, name := range names {
		baseline[name] = configValue(name, flag.Parameters[name].Value)
	}
	for i := range flag.Variations {
		merged := mergedConfig{values: make([]ConfigValue, 0, len(names))}
		for _, name := range names {
			value := baseline[name]
			if override, ok := flag.Variations[i].Overrides[name]; ok {
				value = configValue(name, override.Value)
			}
			merged.values = append(merged.values, value)
		}
		merged.json = configJSON(merged.values)
		into[flag.Variations[i].ID] = merged
	}
}

// only leaves out the parameters that a variation does not override.
func (c mergedConfig) only(overrides map[string]Override) mergedConfig {
	var out mergedConfig
	for _, value := range c.values {
		if _, overridden := overrides[value.Parameter]; overridden {
			out.values = append(out.values, value)
		}
	}
	out.json = configJSON(out.values)
	return out
}

func configValue(parameter string, raw json.RawMessage) ConfigValue {
	value := ConfigValue{Parameter: parameter, JSON: compactASCII(raw)}
	value.Text = value.JSON
	var text string
	if value.JSON[0] == '"' && json.Unmarshal(raw, &text) == nil {
		value.Text = text
	}
	return value
}

func configJSON(values []ConfigValue) string {
	b := []byte{'{'}
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendASCIIString(b, value.Parameter)
		b = append(b, `:{"value":`...)
		b = append(b, value.JSON...)
		b = append(b, '}')
	}
	return string(append(b, '}'))
}

// emptyHeader is a header value without ids and configuration.
const emptyHeader = `{"experiment_id":"","variation_id":"","is_control":,"config":}`

// headerSize is the length of a header value, without writing it.
func headerSize(experimentID, variationID string, isControl bool, config string) int {
	return len(emptyHeader) + len(experimentID) + len(variationID) + len(strconv.FormatBool(isControl)) + len(config)
}

// headerValue writes what the identity provider receives. It is ASCII without
// control characters whatever the names and values are, because servers refuse
// or mangle everything else in a header. Ids need no escapes.
func headerValue(experimentID, variationID string, isControl bool, config string) string {
	return `{"experiment_id":"` + experimentID + `","variation_id":"` + variationID +
		`","is_control":` + strconv.FormatBool(isControl) + `,"config":` + config + `}`
}

// compactASCII removes the white space of a valid JSON text and escapes what is
// not printable ASCII, and nothing else: a document that has been stored and
// read again, and so may have gained escapes, gives the same header. Outside
// strings JSON is ASCII by itself, and inside them an escape means the same
// character.
func compactASCII(raw json.RawMessage) string {
	if isPlain(raw) {
		return string(raw)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return "null" // unreachable for a decoded document
	}
	return string(appendASCII(nil, compact.Bytes()))
}

// isPlain reports whether a JSON text has nothing to remove or to escape: a
// string of printable ASCII without escapes, or anything else without white
// space. Most values are of this kind.
func isPlain(text []byte) bool {
	least := byte('!')
	if len(text) > 0 && text[0] == '"' {
		least = ' '
	}
	for _, c := range text {
		if c < least || c >= 0x7f || c == '\\' {
			return false
		}
	}
	return true
}

func appendASCIIString(b []byte, s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f || r == '"' || r == '\\' }) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // unreachable: every string can be written
	}
	return appendASCII(b, quoted)
}

func appendASCII(b, text []byte) []byte {
	for i := 0; i < len(text); {
		if text[i] == '\\' {
			var size int
			b, size = appendEscaped(b, text[i:])
			i += size
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		i += size
		switch {
		case r < utf8.RuneSelf && r != 0x7f:
			b = append(b, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = appendEscape(appendEscape(b, high), low)
		default:
			b = appendEscape(b, r)
		}
	}
	return b
}

// appendEscaped writes the escape that text begins with, as the character
// itself where it need not be an escape, and gives its size in text.
func appendEscaped(b, text []byte) ([]byte, int) {
	switch text[1] {
	case '/':
		return append(b, '/'), 2
	case 'u':
		n, _ := strconv.ParseUint(string(text[2:6]), 16, 16)
		if r := rune(n); r < ' ' || r >= 0x7f || r == '"' || r == '\\' {
			return appendEscape(b, r), 6
		}
		return append(b, byte(n)), 6
	}
	return append(b, text[:2]...), 2
}

func appendEscape(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
