package events

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxText bounds ids, names and attributes in bytes.
const MaxText = 256

// maxValue bounds what an outcome can be worth, so that sums stay finite.
const maxValue = 1e100

// textOf gives what is in a JSON string. The text may be a part of raw.
func textOf(raw []byte) ([]byte, error) {
	if raw[0] != '"' {
		return nil, errors.New("must be a string")
	}
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		var err error
		if text, err = unescape(text); err != nil {
			return nil, err
		}
	}
	if len(text) > MaxText {
		return nil, fmt.Errorf("has %d bytes; the limit is %d", len(text), MaxText)
	}
	return text, checkText(text)
}

// unescape gives what a JSON string with escapes means. Halves of a surrogate
// pair are a fault.
func unescape(text []byte) ([]byte, error) {
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			plain = append(plain, text[i])
			continue
		}
		i++
		if text[i] != 'u' {
			plain = append(plain, escaped(text[i]))
			continue
		}
		r := rune4(text[i+1:])
		i += 4
		if utf16.IsSurrogate(r) {
			if len(text) < i+7 || text[i+1] != '\\' || text[i+2] != 'u' {
				return nil, errUTF8
			}
			if r = utf16.DecodeRune(r, rune4(text[i+3:])); r == utf8.RuneError {
				return nil, errUTF8
			}
			i += 6
		}
		plain = utf8.AppendRune(plain, r)
	}
	return plain, nil
}

var errUTF8 = errors.New("must be valid UTF-8")

// escaped gives what a character after a backslash stands for.
func escaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// rune4 reads four hexadecimal digits.
func rune4(text []byte) (r rune) {
	for _, c := range text[:4] {
		if c > '9' {
			c = c | 0x20 - 'a' + 10 + '0'
		}
		r = r<<4 | rune(c-'0')
	}
	return r
}

func checkText(text []byte) error {
	for _, c := range text {
		if c < ' ' || c > '~' {
			return checkRunes(text)
		}
	}
	return nil
}

func checkRunes(text []byte) error {
	if !utf8.Valid(text) {
		return errUTF8
	}
	if bytes.ContainsFunc(text, unicode.IsControl) {
		return errors.New("must have no control characters")
	}
	return nil
}

// numberOf gives a JSON number from 0 to a limit.
func numberOf(raw []byte, limit float64) (float64, error) {
	if raw[0] != '-' && !isDigit(raw[0]) {
		return 0, errors.New("must be a number")
	}
	number, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || number < 0 || number > limit {
		return 0, fmt.Errorf("must be a number from 0 to %g", limit)
	}
	return math.Abs(number), nil // -0
}

var errTime = errors.New("must be a time in RFC 3339, or a number of milliseconds since 1970")

// timeOf gives a time that is written in RFC 3339 or as a number.
func timeOf(raw []byte) (Millis, error) {
	text := raw
	if raw[0] == '"' {
		text = raw[1 : len(raw)-1]
		if t, err := time.Parse(time.RFC3339, string(text)); err == nil {
			return MillisOf(t), nil
		}
		if len(text) == 0 || !isDigits(text) {
			return 0, errTime
		}
	}
	if milliseconds, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return Millis(milliseconds), nil
	}
	if text[0] != '-' && !isDigit(text[0]) {
		return 0, errTime
	}
	// Some clocks count fractions.
	milliseconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(milliseconds) > float64(latest) {
		return 0, errTime
	}
	return Millis(math.Floor(milliseconds)), nil
}

func isDigits(text []byte) bool {
	for _, c := range text {
		if !isDigit(c) {
			return false
		}
	}
	return true
}
