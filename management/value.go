package management

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// MaxValue is the largest parameter value in bytes of compact JSON.
const MaxValue = 1 << 10

// typeOf is the declared type that a JSON value fits; empty for null.
func typeOf(value json.RawMessage) engine.ParameterType {
	switch value[0] {
	case '"':
		return engine.TypeString
	case 't', 'f':
		return engine.TypeBoolean
	case '[':
		return engine.TypeArray
	case '{':
		return engine.TypeObject
	case 'n':
		return ""
	}
	return engine.TypeNumber
}

func tooLarge(value json.RawMessage) bool {
	var compact bytes.Buffer
	return json.Compact(&compact, value) != nil || compact.Len() > MaxValue
}

// same reports whether two JSON values mean the same, however they are written.
func same(a, b json.RawMessage) bool {
	return equal(generic(a), generic(b))
}

func generic(value json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber() // a float would not tell large numbers apart
	var out any
	if decoder.Decode(&out) != nil {
		return nil // unreachable: the value has been parsed before
	}
	return out
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && decimalOf(a) == decimalOf(b)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, value := range a {
			if other, there := b[name]; !there || !equal(value, other) {
				return false
			}
		}
		return true
	}
	return a == b
}

// decimal is a number as digits × 10^exponent, without zeros at either end.
type decimal struct {
	digits   string
	exponent int
	negative bool
}

func decimalOf(number json.Number) decimal {
	text, negative := strings.CutPrefix(strings.ToLower(string(number)), "-")
	mantissa, power, _ := strings.Cut(text, "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent, err := strconv.Atoi(strings.TrimPrefix(power, "+"))
	if power != "" && err != nil {
		return decimal{digits: text, negative: negative} // beyond counting: compared as written
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	short := strings.TrimRight(digits, "0")
	if short == "" {
		return decimal{}
	}
	return decimal{short, exponent - len(fraction) + len(digits) - len(short), negative}
}
