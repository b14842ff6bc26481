package device

import "strings"

// isTV reports whether the agent is a television, a set-top box or a stick.
func (a *agent) isTV() bool {
	if hasAnyOf(a.ua, tvTokens) || hasAnyWord(a.ua, tvWords) {
		return true
	}
	if a.model == "" {
		return false
	}
	return hasAnyPrefix(a.model, tvModels) || hasAnyOf(a.model, tvModelTokens) || namesTV(a.model) || namesScreenSize(a.model)
}

// namesTV reports whether a word of an Android model ends in tv. LeTV makes phones,
// and "dtv" is a phone with a tuner.
func namesTV(model string) bool {
	if strings.HasPrefix(model, "letv") {
		return false
	}
	for from := 0; ; {
		i := strings.Index(model[from:], "tv")
		if i < 0 {
			return false
		}
		i += from
		from = i + len("tv")
		if i > 0 && model[i-1] == 'd' {
			continue
		}
		if from == len(model) || model[from] == ' ' {
			return true
		}
	}
}

// tvTokens name standards, systems, makers' series and boxes.
var tvTokens = []string{
	"hbbtv", "smart-tv", "smarttv", "smart tv", "smart_tv", "googletv", "google tv", "google_tv",
	"android tv", "androidtv", "android_tv", "appletv", "apple tv", "webtv", "tvos", "netcast", "web0s",
	"webos.tv", "webos tv", "bravia", "aquos-", " viera", "viera/", "roku", "crkey", "chromecast",
	"nexus player", "shield android", "tv safari", "ce-html", "netrange", "nettv", "vidaa", "vizio",
	"opera tv", "maple20", "tizen tv", "mibox", "mitv", "mi tv", "tvbox", "tv box", "tv_box", "settop",
	"set-top", "tsbnettv", "philipstv", "inettvbrowser", "espial", "brightsign", "kreatv", "freebox",
	"tivimate", "large screen", "panasonic.bd", "dlnadoc", "_tv_", "tclwebkit", "firetv", "fire tv",
	"fire_tv", "formuler", "technisat", "ekioh", "kdl", "hisense-mt", "zeasn", "whaleos", "bouygtel",
	"lg netcast", "large_screen", "tvplus", "rutubetv", "winkbox", "avkb/", "amazon;aft", "smarttv_aft",
	"linux mips", "linux sh4", "coolita", "gw-device", "vlc/3.0.14 libvlc",
}

// tvWords stand alone in an agent.
var tvWords = []string{"stb", "omi", "iptv", "tivo", "tv"}

// tvModels are prefixes of Android models: Amazon's sticks and televisions, then
// boxes sold under many brands.
var tvModels = []string{
	"aft", "x96", "x98mini", "x92", "x88", "x99", "h96", "t95", "a95x", "mxq", "mx9", "m8s", "minim8",
	"tx3", "tx6", "tx9", "tanix", "mk8", "mk9", "rkm mk", "km2", "km5", "km6", "km8", "km9", "mecool",
	"beelink", "gtking", "gt1mini", "gtcombo", "neo-x", "neo-u", "minix", "ugoos", "zidoo", "vontar",
	"rombica", "nexon", "evpad", "vorke", "z28pro", "invin", "leelbox", "yundoo", "egreat", "himedia",
	"q plus", "amigo7x", "tox1", "tox3", "tox4", "as512", "as515", "as516", "as_4k", "vmp-", "nv501",
	"nv71", "nv72", "ec6108", "polar_", "polarline", "smotreshka", "akai_ta", "loview", "artline",
	"s600 max", "s70cds", "g7 ultra", "superbox", "wiwa", "red360", "yndx-", "sber", "sbdv-", "mygica",
	"transpeed", "pendoo", "technosat", "selenga", "nogapc", "netta", "gt1-mini", "as4k", "atom-",
	"vega s95", "x98_", "limet", "limez", "orbsmart", "ozonehd", "ki pro", "kii pro", "r68", "tb-b0",
	"tb-po", "xds", "crd", "ct-8", "kant-", "cvte_", "gtv", "dreamstar", "a5x max", "divisat",
	"skystream", "koton", "provision", "skyworth", "hiberg", "iconbit", "youwei", "wzone", "megamax",
}

// tvModelTokens may stand anywhere in an Android model: panels, tuners, boxes.
var tvModelTokens = []string{
	"led2", "led3", "led4", "led5", "led6", "led7", "led-", "led 3", "led 4", "led 5", "shell", "t2s",
	"ts2c", "cts2", "tscs", "dvb", "isdb", "box", "realtekatv", "streamer", "streaming", "stick", "rtd2",
	"-atv", "uhd",
}

// screenSizes are the usual diagonals of televisions in inches, two digits each.
const screenSizes = "19 20 22 24 28 32 39 40 42 43 48 49 50 55 58 60 65 70 75 77 82 83 85 86 98"

// editions follow a number in names of phones: note20ultra5g.
var editions = map[string]bool{"pro": true, "ultra": true, "plus": true, "max": true, "lite": true, "mini": true, "fe": true}

// namesScreenSize reports whether an Android model is built around a screen size, as
// most televisions' are: 43u800, bq_42fs07b, k32dlx9hs. Two digits of screenSizes
// must be followed by a letter; unless they begin the model, one to six letters and
// another digit must follow, and after a letter at least two letters or two digits,
// for there phones and tablets look alike.
func namesScreenSize(model string) bool {
	for i := 0; i+2 < len(model); i++ {
		if !isDigit(model[i]) || !isDigit(model[i+1]) || i > 0 && isDigit(model[i-1]) {
			continue
		}
		if !strings.Contains(screenSizes, model[i:i+2]) || !isLetter(model[i+2]) {
			continue
		}
		if i == 0 {
			return true
		}
		end := i + 2
		for end < len(model) && isLetter(model[end]) {
			end++
		}
		letters := end - i - 2
		if letters > 6 || end == len(model) || !isDigit(model[end]) || editions[model[i+2:end]] {
			continue
		}
		twoDigits := end+1 < len(model) && isDigit(model[end+1])
		if !isLetter(model[i-1]) || letters > 1 || twoDigits {
			return true
		}
	}
	return false
}
