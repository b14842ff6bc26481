package events

import "errors"

// Why a text is no JSON.
var (
	errEnd        = errors.New("the JSON ends too early")
	errUnexpected = errors.New("it is no JSON")
	errDeep       = errors.New("it is nested too deeply")
)

// space gives the place of the first byte from at on that is no white space.
func space(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
		at++
	}
	return at
}

// scanValue gives the end of the JSON value that begins at a place, or the place
// where it is none.
func scanValue(text []byte, at, depth int) (int, error) {
	if at >= len(text) {
		return at, errEnd
	}
	switch c := text[at]; {
	case c == '"':
		return scanString(text, at)
	case c == '{' || c == '[':
		if depth == 0 {
			return at, errDeep
		}
		return scanNest(text, at, depth-1)
	case c == '-' || c >= '0' && c <= '9':
		return scanNumber(text, at)
	case c == 't':
		return scanWord(text, at, "true")
	case c == 'f':
		return scanWord(text, at, "false")
	case c == 'n':
		return scanWord(text, at, "null")
	}
	return at, errUnexpected
}

func scanWord(text []byte, at int, word string) (int, error) {
	rest := text[at:min(len(text), at+len(word))]
	if string(rest) != word[:len(rest)] {
		return at, errUnexpected
	}
	if len(rest) < len(word) {
		return at, errEnd
	}
	return at + len(word), nil
}

// scanNest scans an object or an array.
func scanNest(text []byte, at, depth int) (_ int, err error) {
	end := text[at] + 2 // '}' of '{' and ']' of '['
	at = space(text, at+1)
	if at < len(text) && text[at] == end {
		return at + 1, nil
	}
	for {
		if end == '}' {
			if at, err = scanKey(text, at); err != nil {
				return at, err
			}
		}
		if at, err = scanValue(text, at, depth); err != nil {
			return at, err
		}
		switch at = space(text, at); {
		case at >= len(text):
			return at, errEnd
		case text[at] == end:
			return at + 1, nil
		case text[at] != ',':
			return at, errUnexpected
		}
		at = space(text, at+1)
	}
}

// scanKey gives the place of the value that follows a key.
func scanKey(text []byte, at int) (int, error) {
	if at >= len(text) {
		return at, errEnd
	}
	if text[at] != '"' {
		return at, errUnexpected
	}
	at, err := scanString(text, at)
	if err != nil {
		return at, err
	}
	at = space(text, at)
	if at >= len(text) {
		return at, errEnd
	}
	if text[at] != ':' {
		return at, errUnexpected
	}
	return space(text, at+1), nil
}

func scanString(text []byte, at int) (int, error) {
	for at++; at < len(text); at++ {
		switch c := text[at]; {
		case c == '"':
			return at + 1, nil
		case c < ' ':
			return at, errUnexpected
		case c == '\\':
			end, err := scanEscape(text, at+1)
			if err != nil {
				return end, err
			}
			at = end - 1
		}
	}
	return at, errEnd
}

// scanEscape scans what follows a backslash.
func scanEscape(text []byte, at int) (int, error) {
	if at >= len(text) {
		return at, errEnd
	}
	switch text[at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 1, nil
	case 'u':
	default:
		return at, errUnexpected
	}
	for range 4 {
		at++
		if at >= len(text) {
			return at, errEnd
		}
		if c := text[at] | 0x20; !isDigit(text[at]) && (c < 'a' || c > 'f') {
			return at, errUnexpected
		}
	}
	return at + 1, nil
}

func scanNumber(text []byte, at int) (_ int, err error) {
	if text[at] == '-' {
		at++
	}
	if at < len(text) && text[at] == '0' {
		at++
	} else if at, err = scanDigits(text, at); err != nil {
		return at, err
	}
	if at < len(text) && text[at] == '.' {
		if at, err = scanDigits(text, at+1); err != nil {
			return at, err
		}
	}
	if at < len(text) && text[at]|0x20 == 'e' {
		if at++; at < len(text) && (text[at] == '+' || text[at] == '-') {
			at++
		}
		return scanDigits(text, at)
	}
	return at, nil
}

func scanDigits(text []byte, at int) (int, error) {
	if at >= len(text) {
		return at, errEnd
	}
	if !isDigit(text[at]) {
		return at, errUnexpected
	}
	for at < len(text) && isDigit(text[at]) {
		at++
	}
	return at, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
