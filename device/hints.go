package device

import "strings"

// hints are the Client Hints in lower case. A field is empty where the client did
// not say, or said something unknown.
type hints struct {
	brands     string // the list as sent
	platform   string // a word of Device.Platform
	model      string
	formFactor string // a word of Device.Type
	mobile     string // "?1", "?0" or ""
}

var hintPlatforms = map[string]string{
	"android":     Android,
	"chrome os":   ChromeOS,
	"chromeos":    ChromeOS,
	"chromium os": ChromeOS,
	"ios":         IOS,
	"ipados":      IOS,
	"linux":       Linux,
	"macos":       MacOS,
	"mac os x":    MacOS,
	"windows":     Windows,
	"harmonyos":   Android,
	"fire os":     Android,
}

// hintFormFactors is ordered: a device may name several, the telling one first.
// "Desktop" is missing because a tablet in desktop mode sends it too.
var hintFormFactors = []struct{ token, deviceType string }{
	{"automotive", Other},
	{"watch", Other},
	{"xr", Other},
	{"eink", Tablet},
	{"tablet", Tablet},
	{"mobile", Mobile},
}

func newHints(s Signals) hints {
	h := hints{
		brands:   lower(s.Brands),
		platform: hintPlatforms[unquote(s.Platform)],
		model:    unquote(s.Model),
	}
	if h.model == "k" {
		h.model = ""
	}
	if s.FormFactors != "" {
		factors := lower(s.FormFactors)
		for _, f := range hintFormFactors {
			if strings.Contains(factors, `"`+f.token+`"`) {
				h.formFactor = f.deviceType
				break
			}
		}
	}
	if m := strings.TrimSpace(s.Mobile); m == "?1" || m == "?0" {
		h.mobile = m
	}
	return h
}

// unquote returns the text of a structured field string in lower case, "" for "".
func unquote(s string) string {
	if s == "" {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(lower(s), `"`, ""))
}
