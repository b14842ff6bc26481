package engine

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unprintable reports whether a character does something to a terminal or to
// the text around it instead of standing for itself: a control character, a line
// end of any kind, or a mark that changes the direction of text.
func Unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// Printable returns a text as it can be printed on one line of a terminal:
// characters that are Unprintable are written as in JSON, \u001b for example, and
// bytes that are no UTF-8 as U+FFFD. Names in a document can have either.
func Printable(text string) string { return printable(text, Unprintable) }

// PrintableLines is Printable for a text of several lines, which keeps its line
// feeds and tabs.
func PrintableLines(text string) string {
	return printable(text, func(r rune) bool { return r != '\n' && r != '\t' && Unprintable(r) })
}

func printable(text string, bad func(rune) bool) string {
	if strings.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError || bad(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if bad(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
