package device

// Device is the answer of the package. No field is ever empty: what cannot be told
// is Other.
type Device struct {
	Type     string // one of Mobile, Desktop, Tablet, TV, Bot, Other
	Browser  string // a product name of Browsers, or Other
	Platform string // one of Windows, MacOS, IOS, Android, Linux, ChromeOS, Other
}

// Words of Device.Type.
const (
	Mobile  = "mobile"
	Desktop = "desktop"
	Tablet  = "tablet"
	TV      = "tv"
	Bot     = "bot"
)

// Words of Device.Platform. iPadOS counts as IOS; Fire OS, Android TV and the
// Android based HarmonyOS as Android.
const (
	Windows  = "windows"
	MacOS    = "macos"
	IOS      = "ios"
	Android  = "android"
	Linux    = "linux"
	ChromeOS = "chromeos"
)

// Other stands in each field for whatever has no word of its own: consoles,
// watches, cars and speakers as a Type, rare products as a Browser.
const Other = "other"

// Signals are the header values the answer is made of, as the client sent them. An
// absent header is the empty string.
type Signals struct {
	UserAgent   string // User-Agent
	Brands      string // Sec-CH-UA
	Mobile      string // Sec-CH-UA-Mobile
	Platform    string // Sec-CH-UA-Platform
	Model       string // Sec-CH-UA-Model
	FormFactors string // Sec-CH-UA-Form-Factors
}

// Longest values, in bytes, that anything in the package looks at. Real agents stay
// below 500 bytes, while a server accepts header blocks of a megabyte and the base
// parser's cost grows with the square of its input.
const (
	maxUserAgent   = 768
	maxBrands      = 256
	maxMobile      = 8
	maxPlatform    = 32
	maxModel       = 64
	maxFormFactors = 64
)

// capped returns s with every value cut to its longest length.
func (s Signals) capped() Signals {
	s.UserAgent = cut(s.UserAgent, maxUserAgent)
	s.Brands = cut(s.Brands, maxBrands)
	s.Mobile = cut(s.Mobile, maxMobile)
	s.Platform = cut(s.Platform, maxPlatform)
	s.Model = cut(s.Model, maxModel)
	s.FormFactors = cut(s.FormFactors, maxFormFactors)
	return s
}

func cut(s string, limit int) string {
	if len(s) > limit {
		return s[:limit]
	}
	return s
}
