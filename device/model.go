package device

import "strings"

// deviceModel finds the device model in a lower-case agent of Android or Tizen: the first field
// after the version that is neither a language nor a flag, up to its build. It
// returns the model, and where its field starts and ends; the model is "" where
// there is none.
func deviceModel(ua string) (model string, start, end int) {
	start = -1
	for _, system := range [...]string{"android", " adr ", ";adr ", "andr0id", "; tizen"} {
		if start = strings.Index(ua, system); start >= 0 {
			start += len(system)
			break
		}
	}
	if start < 0 {
		return "", 0, 0
	}
	semicolon := strings.IndexByte(ua[start:], ';')
	if semicolon < 0 {
		return "", 0, 0
	}
	start += semicolon + 1
	for start < len(ua) {
		end = len(ua)
		if i := strings.IndexAny(ua[start:], ";)"); i >= 0 {
			end = start + i
		}
		field := ua[start:end]
		// Agents that lost their parentheses run on into the engine.
		for _, tail := range [...]string{"build/", "applewebkit"} {
			if i := strings.Index(field, tail); i >= 0 {
				field, end = field[:i], start+i
			}
		}
		field = strings.TrimSpace(field)
		if field != "" && !isLanguage(field) && !modelFlags[field] && !strings.HasPrefix(field, "mobile:") {
			return cut(strings.TrimPrefix(field, "samsung "), maxModel), start, end
		}
		if end == len(ua) || ua[end] == ')' {
			return "", 0, 0
		}
		start = end + 1
	}
	return "", 0, 0
}

// modelFlags are fields that stand where a model may.
var modelFlags = map[string]bool{
	"u": true, "wv": true, "mobile": true, "tablet": true, "k": true,
	"harmonyos": true, "arm": true, "arm_64": true, "arm64": true,
}

// isLanguage tells a tag such as en, en-us or zh_cn from a model.
func isLanguage(s string) bool {
	switch len(s) {
	case 2:
		return isLetter(s[0]) && isLetter(s[1])
	case 5:
		return isLetter(s[0]) && isLetter(s[1]) && (s[2] == '-' || s[2] == '_') && isLetter(s[3]) && isLetter(s[4])
	}
	return strings.HasPrefix(s, "zh-han")
}

// hasAnyPrefix reports whether s begins with one of prefixes.
func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// hasAnyOf reports whether s contains one of tokens.
func hasAnyOf(s string, tokens []string) bool {
	for _, t := range tokens {
		if strings.Contains(s, t) {
			return true
		}
	}
	return false
}
