package engine

// longestKey bounds keys and the names of events, in bytes.
const longestKey = 256

// ValidKey reports whether text can be the key of an experiment, a metric or a
// metric group: up to 256 ASCII letters, digits, "_", "." and "-", of which the
// first is a letter or digit.
func ValidKey(text string) bool {
	if text == "" || len(text) > longestKey {
		return false
	}
	for i := range len(text) {
		c := text[i]
		letter := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '_' && c != '.' && c != '-') {
			return false
		}
	}
	return true
}

// ValidEventKey reports whether text can name an event: 1 to 256 bytes without
// control characters.
func ValidEventKey(text string) bool {
	return text != "" && len(text) <= longestKey && !hasControl(text)
}

func hasControl(text string) bool {
	for _, r := range text {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return true
		}
	}
	return false
}

func (d *decoder) key(n node, at *path) string {
	text := d.string(n, at)
	if n.kind() == stringNode && !ValidKey(text) {
		d.fault(n, at, "must be 1 to %d letters, digits, '_', '.' and '-', beginning with a letter or digit, got %q", longestKey, text)
	}
	return text
}

// label reads a text that is compared and written as it is: the key of an event,
// the name of a unit.
func (d *decoder) label(n node, at *path) string {
	text := d.string(n, at)
	if n.kind() == stringNode && !ValidEventKey(text) {
		d.fault(n, at, "must have 1 to %d bytes and no control characters, got %q", longestKey, text)
	}
	return text
}
