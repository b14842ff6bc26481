package device

import (
	"maps"
	"slices"
	"strings"
)

// product names the browser that a token of the User-Agent gives away.
type product struct {
	token string
	name  string
}

// products is ordered: apps that embed a browser before browsers, browsers before
// the engines they claim compatibility with. Every engine family comes last.
var products = []product{
	// Apps with a browser inside.
	{"micromessenger", "wechat"},
	{"instagram", "instagram"},
	{"fban/", "facebook"},
	{"fbav/", "facebook"},
	{"fb_iab", "facebook"},
	{"facebook", "facebook"},
	{"musical_ly", "tiktok"},
	{"musically", "tiktok"},
	{"bytedancewebview", "tiktok"},
	{"tiktok", "tiktok"},
	{"pinterest", "pinterest"},
	{"snapchat", "snapchat"},
	{"twitter", "twitter"},
	{"linkedin", "linkedin"},
	{"whatsapp", "whatsapp"},
	{"telegram", "telegram"},
	{" line/", "line"},
	{"kakaotalk", "kakaotalk"},
	{"naver(", "naver"},
	{"daumapps", "daum"},
	{"weibo", "weibo"},
	{"alipayclient", "alipay"},
	{"dingtalk", "dingtalk"},
	{"teamsmobile", "teams"},
	{" teams/", "teams"},
	{"slack/", "slack"},
	{"slack_", "slack"},
	{"discord/", "discord"},
	{"spotify", "spotify"},
	{"yjapp", "yahoo japan"},
	{"googleapp/", "gsa"},
	{" gsa/", "gsa"},
	{"com.google.googlemobile", "gsa"},
	{"com.google.android.apps.searchlite", "gsa"},
	{"com.google.android.googlequicksearchbox", "gsa"},

	// Yandex before Opera and Chrome, which its agents name too.
	{"yabrowser", "yandex"},
	{"yasearchbrowser", "yandex"},
	{"yaapp_", "yandex"},
	{"yasearchapp", "yandex"},
	{"yowser", "yandex"},
	{"yandexsearch", "yandex"},
	{"yandex/", "yandex"},

	// Browsers that add their name to another's.
	{"baiduboxapp", "baidu"},
	{"baidubrowser", "baidu"},
	{"bidubrowser", "baidu"},
	{"baiduhd", "baidu"},
	{"flyflow", "baidu"},
	{"quark/", "quark"},
	{"ucbrowser", "ucbrowser"},
	{"ucweb", "ucbrowser"},
	{" uc applewebkit", "ucbrowser"},
	{" uckai/", "ucbrowser"},
	{"uc browser", "ucbrowser"},
	{" ubrowser/", "ucbrowser"},
	{" ucpc/", "ucbrowser"},
	{"mqqbrowser", "qq"},
	{"qqbrowser", "qq"},
	{" qq/", "qq"},
	{"miuibrowser", "miui"},
	{"mint browser", "mint"},
	{"huaweibrowser", "huawei"},
	{"hbpc/", "huawei"},
	{"vivobrowser", "vivo"},
	{"heytapbrowser", "heytap"},
	{"oppobrowser", "heytap"},
	{"mzbrowser", "meizu"},
	{"samsungbrowser", "samsung"},
	{"samsungwebview", "samsung"},
	{"lg browser", "lg"},
	{"phx/", "phoenix"},
	{"duckduckgo/", "duckduckgo"},
	{" ddg/", "duckduckgo"},
	{"brave", "brave"},
	{"vivaldi", "vivaldi"},
	{"whale/", "whale"},
	{"coc_coc_browser", "coc coc"},
	{"coccoc", "coc coc"},
	{"avast/", "avast"},
	{" avg/", "avg"},
	{"avira/", "avira"},
	{"norton/", "norton"},
	{"ccleaner/", "ccleaner"},
	{"alohabrowser", "aloha"},
	{"puffin/", "puffin"},
	{"sleipnir", "sleipnir"},
	{"maxthon", "maxthon"},
	{"mxbrowser", "maxthon"},
	{"myie2", "maxthon"},
	{"dolphin", "dolphin"},
	{"dolfin", "dolphin"},
	{"liebaofast", "liebao"},
	{"lbbrowser", "liebao"},
	{"metasr", "sogou"},
	{"sogoumobilebrowser", "sogou"},
	{"360se", "360"},
	{"360ee", "360"},
	{"360browser", "360"},
	{"qihoobrowser", "360"},
	{"2345explorer", "2345"},
	{"slbrowser", "lenovo"},
	{"iron/", "iron"},
	{"iridium/", "iridium"},
	{"comodo_dragon", "comodo dragon"},
	{"electron/", "electron"},
	{"epiphany", "epiphany"},
	{"konqueror", "konqueror"},
	{"falkon", "falkon"},
	{"qupzilla", "qupzilla"},
	{"midori", "midori"},
	{"otter/", "otter"},
	{"surf/", "surf"},
	{"qutebrowser", "qutebrowser"},
	{"sailfishbrowser", "sailfish"},
	{"ecosia", "ecosia"},
	{"ghostery", "ghostery"},
	{"arc/", "arc"},
	{"silk/", "silk"},
	{"silk-accelerated", "silk"},
	{"odin/", "odin"},
	{"hawk/", "hawk"},
	{"instabridge", "instabridge"},
	{"tv bro/", "tv bro"},

	// Firefox's relatives, which carry its token as well.
	{"seamonkey", "seamonkey"},
	{"palemoon", "pale moon"},
	{"waterfox", "waterfox"},
	{"librewolf", "librewolf"},
	{"basilisk", "basilisk"},
	{"camino", "camino"},
	{"k-meleon", "k-meleon"},
	{"iceweasel", "iceweasel"},
	{"icecat", "icecat"},
	{"icedragon", "icedragon"},
	{"thunderbird", "thunderbird"},
	{"klar/", "firefox"},
	{"focus/", "firefox"},

	// Opera and Edge name Chrome, and old Opera posed as Internet Explorer.
	{"opr/", "opera"},
	{"opera", "opera"},
	{"opios/", "opera"},
	{"opt/", "opera"},
	{"opx/", "opera"},
	{"oupeng", "opera"},
	{" omi/", "opera"},
	{"tbrowser", "tbrowser"},
	{"edg/", "edge"},
	{"edga/", "edge"},
	{"edgios/", "edge"},
	{"edge/", "edge"},
	{"edgw/", "edge"},

	// Mail, office and network software.
	{"microsoft outlook", "outlook"},
	{"msoffice", "office"},
	{"microsoft office", "office"},

	{"crios/", "chrome"},
	{"fxios/", "firefox"},

	// Browsers of phones before Android.
	{"up.browser", "openwave"},
	{"openwave", "openwave"},
	{"netfront", "netfront"},
	{"obigo", "obigo"},
	{"teleca", "obigo"},
	{"nokiabrowser", "nokia"},
	{"browserng", "nokia"},
	{"series60", "nokia"},
	{"blackberry", "blackberry"},
	{"bb10", "blackberry"},
	{"playbook", "blackberry"},
	{"webpositive", "webpositive"},
	{"netsurf", "netsurf"},
	{"dillo", "dillo"},
	{"links (", "links"},
	{"elinks", "elinks"},
	{"lynx/", "lynx"},
	{"w3m/", "w3m"},

	// Families.
	{"iemobile", "ie"},
	{"trident/", "ie"},
	{"msie ", "ie"},
	{"internet explorer", "ie"},
	{"headlesschrome", "chrome"},
	{"rocket/", "firefox"},
	{"chrome/", "chrome"},
	{"chr0me/", "chrome"},
	{"chromium", "chrome"},
	{"crmo/", "chrome"},
	{"chrome", "chrome"},
	{"firefox", "firefox"},
	{"fennec", "firefox"},
	{"minefield", "firefox"},
	{"shiretoko", "firefox"},
	{"lorentz", "firefox"},
	{"mnenhy", "firefox"},
	{"namoroka", "firefox"},
	{"bonecho", "firefox"},
	{"granparadiso", "firefox"},
}

// brandProducts are the brands of Sec-CH-UA, in lower case. Brands that only repeat
// the engine are missing: every Chromium sends them.
var brandProducts = []product{
	{"microsoft edge", "edge"},
	{"opera", "opera"},
	{"yandex", "yandex"},
	{"yabrowser", "yandex"},
	{"yowser", "yandex"},
	{"samsung internet", "samsung"},
	{"samsungbrowser", "samsung"},
	{"brave", "brave"},
	{"vivaldi", "vivaldi"},
	{"whale", "whale"},
	{"coccoc", "coc coc"},
	{"coc_coc", "coc coc"},
	{"duckduckgo", "duckduckgo"},
	{"avast", "avast"},
	{"avg secure", "avg"},
	{"avira", "avira"},
	{"norton", "norton"},
	{"ccleaner", "ccleaner"},
	{"huaweibrowser", "huawei"},
	{"miuibrowser", "miui"},
	{"miui browser", "miui"},
	{"heytapbrowser", "heytap"},
	{"vivobrowser", "vivo"},
	{"quark", "quark"},
	{"ucbrowser", "ucbrowser"},
	{"qqbrowser", "qq"},
	{"sogou", "sogou"},
	{"360", "360"},
	{"aloha", "aloha"},
	{"ecosia", "ecosia"},
	{"electron", "electron"},
	{"silk", "silk"},
	{"wavebox", "wavebox"},
	{"firefox", "firefox"},
	{"google chrome", "chrome"},
	{"headlesschrome", "chrome"},
	{"android webview", "chrome"},
}

// Browsers returns all names Device.Browser can hold, sorted, Other included.
func Browsers() []string {
	return slices.Sorted(maps.Keys(browserNames))
}

var browserNames = func() map[string]bool {
	names := map[string]bool{Other: true, "safari": true, "android": true}
	for _, table := range [][]product{products, brandProducts} {
		for _, p := range table {
			names[p.name] = true
		}
	}
	return names
}()

// browser names the product. A brand hint outranks only an engine family, since an
// app's own token says more than the brand of the WebView in it.
func (a *agent) browser(platform string) string {
	name := a.userAgentBrowser(platform)
	if name == "chrome" || name == "safari" || name == Other {
		if b := match(a.hints.brands, brandProducts); b != "" {
			return b
		}
		if name == Other && strings.Contains(a.hints.brands, "chromium") {
			return "chrome"
		}
	}
	return name
}

func (a *agent) userAgentBrowser(platform string) string {
	if name := match(a.rest, products); name != "" {
		return name
	}
	switch {
	case platform == Android || a.has("android"):
		return "android"
	case platform == IOS, platform == MacOS && a.has("applewebkit"), a.has("safari"):
		return "safari"
	}
	if platform == Other {
		return Other
	}
	// A WebView without a product of its own, for one. The base parser may answer
	// with any word of the agent, so only names of the tables pass.
	name, _ := a.base().Browser()
	if name = lower(name); browserNames[name] {
		return name
	}
	return Other
}

// match returns the name of the first product whose token s contains, or "".
func match(s string, table []product) string {
	if s == "" {
		return ""
	}
	for _, p := range table {
		if strings.Contains(s, p.token) {
			return p.name
		}
	}
	return ""
}
