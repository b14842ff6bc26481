package device

import "strings"

// platform names the operating system. The hint outranks the User-Agent, which
// reduced agents freeze.
func (a *agent) platform() string {
	if a.hints.platform != "" {
		return a.hints.platform
	}
	if strings.Contains(a.model, "chromebook") {
		return ChromeOS
	}
	for _, r := range platformTokens {
		if a.has(r.token) {
			return r.platform
		}
	}
	if hasWord(a.rest, "ios") || hasWord(a.rest, "ipados") {
		return IOS
	}
	if a.has("cfnetwork/") || a.has("darwin/") {
		// Only macOS names its processor, and only there the system's own programs
		// ask under these names.
		if hasAnyOf(a.rest, macTokens) {
			return MacOS
		}
		return IOS
	}
	if a.has("amazon;aft") || a.has("smarttv_aft") || a.has("fban/fb4a") {
		return Android
	}
	return Other
}

var macTokens = []string{
	"(x86_64)", "(i386)", "(arm64)", "macbook", "macmini", "imac", "macpro", "safari/", "com.apple.",
	"safari5", "networkingextension",
}

// platformTokens is ordered: systems that name another one for compatibility first.
var platformTokens = []struct{ token, platform string }{
	{"windows phone", Other},
	{"windows ce", Other},
	{"windows mobile", Other},
	{"iemobile", Other},
	{"; wds ", Other},
	{" xbox", Other},
	{"playstation", Other},
	{"zunewp7", Other},
	{"nintendo", Other},
	{" tizen", Other},
	{"(tizen", Other},
	{"web0s", Other},
	{"webos", Other},
	{"netcast", Other},
	{"maple20", Other},
	{"smarthub; ", Other},
	{"hpwos", Other},
	{"kaios", Other},
	{"symbian", Other},
	{"series60", Other},
	{"watchos", Other},
	{"watch os", Other},
	{"tvos", Other},
	{"vizios", Other},
	{"roku", Other},
	{"bada/", Other},
	{"blackberry", Other},
	{"bb10;", Other},
	{"fuchsia", Other},
	{"sailfish", Other},
	{"maemo", Other},
	{"meego", Other},
	{"morphos", Other},
	{"zeasn", Other},
	{"whaleos", Other},
	{"openharmony", Other},
	{"cros ", ChromeOS},
	{"chromebook", ChromeOS},
	{"citrixchromeapp", ChromeOS},
	{"windows iot", Windows},
	{"like android", Linux},
	{"android", Android},
	{"andr0id", Android},
	{" adr ", Android},
	{";adr ", Android},
	{"tclwebkit", Android},
	{"ipad", IOS},
	{"iphone", IOS},
	{"ipod", IOS},
	{"iph os", IOS},
	{"dv(iph", IOS},
	{"windows", Windows},
	{"win32", Windows},
	{"win64", Windows},
	{"win10 ", Windows},
	{"win7 ", Windows},
	{"mingw32", Windows},
	{"ms-office", Windows},
	{"macintosh", MacOS},
	{"mac os", MacOS},
	{"macos", MacOS},
	{"os x", MacOS},
	{"osx/", MacOS},
	{"freebsd", Other},
	{"openbsd", Other},
	{"netbsd", Other},
	{"sunos", Other},
	{"silk", Android},
	{" build/", Android},
	{"linux", Linux},
	{"ubuntu", Linux},
	{"suse", Linux},
	{"zenwalk", Linux},
}
