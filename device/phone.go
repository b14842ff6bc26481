package device

// isPhone reports whether the agent is a phone, smart or not, or a player of its size.
func (a *agent) isPhone(platform string) bool {
	if platform == Android || a.hints.mobile == "?1" {
		return true
	}
	switch platform {
	case Windows, MacOS, ChromeOS:
		// Programs of computers are named after phones too.
		return hasAnyOf(a.rest, desktopPhoneTokens)
	}
	return hasAnyOf(a.ua, phoneTokens) || hasAnyPrefix(a.ua, phonePrefixes)
}

// desktopPhoneTokens tell phones whose system names itself as a computer's does.
var desktopPhoneTokens = []string{"mobile", "lumia", "htc_", "htc-", "fxios", "crios", "edgios"}

// phoneTokens name systems, standards and browsers of phones, then makers as they
// write themselves in agents older than Android.
var phoneTokens = []string{
	"iphone", "iph os", "dv(iph", "ipod", "mobile", "phone", "midp", "cldc", "symbian", "series60",
	"series40", "s60version", "blackberry", "bb10;", "kaios", "ucweb", "opera mini", "opera mobi",
	"up.browser", "up.link", "obigo", "teleca", "jig browser", "wap1.", "openwave", "maui", "mre/",
	"windows ce", "wp7", "wpos", "brew", "palm", "j2me", "wap browser", "wap2.0", "mmp/", "netfront/3",
	"netfront/4", "bada/", "xiino", "mqqbrowser/mini", "ppc 240x320", "pocket internet explorer", "htc_",
	"htc-", "htc/", "htc ", "htctytn", "nokia", "sonyericsson", "samsung-", "sgh-", "huawei-", "huawei/",
	"huawei_", "sagem", "benq", "docomo", "kddi", "softbank", "vodafone/", "fban/fb4a", "lumia",
}

var phonePrefixes = []string{
	"htc", "lg-", "lg/", "lge-", "mot-", "sec-", "sie-", "zte", "sharp-", "alcatel", "lava", "micromax",
	"philips-", "panasonic-", "sanyo", "j-phone", "kwc-",
}
