package postgres

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A column of text takes neither zero bytes nor what is not UTF-8. Such bytes are
// kept as this character, which has no meaning of its own, and two digits each.
const escape = "\U0010FFFF"

// stored gives a text as it is kept. Almost all stay what they are.
func stored(s string) string {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "\x00"+escape) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == 0 || r == utf8.RuneError && size == 1 || s[:size] == escape {
			for _, c := range []byte(s[:size]) {
				fmt.Fprintf(&b, escape+"%02x", c)
			}
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// plain is the reverse of stored.
func plain(s string) string {
	before, rest, found := strings.Cut(s, escape)
	if !found {
		return s
	}
	var b strings.Builder
	for found {
		b.WriteString(before)
		if len(rest) >= 2 {
			c, _ := strconv.ParseUint(rest[:2], 16, 8) // stored wrote it
			b.WriteByte(byte(c))
			rest = rest[2:]
		}
		before, rest, found = strings.Cut(rest, escape)
	}
	b.WriteString(before)
	return b.String()
}
