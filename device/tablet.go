package device

import "strings"

// isTablet reports whether the agent is a tablet or an e-reader.
func (a *agent) isTablet(platform string) bool {
	if hasAnyOf(a.ua, tabletTokens) && !a.has("tablet pc") {
		return true
	}
	if a.model != "" && platform != ChromeOS {
		if hasAnyPrefix(a.model, phoneModels) {
			return false
		}
		if hasAnyPrefix(a.model, tabletModels) || hasAnyOf(a.model, tabletModelTokens) || namesDigmaTablet(a.model) {
			return true
		}
	}
	if platform == Windows {
		return a.has("trident/") && a.has("; touch") && !a.has("wpdesktop")
	}
	if platform != Android || a.hints.mobile == "?1" || a.has("mobile") {
		return false
	}
	// Browsers of Android tablets leave out "Mobile". Apps leave it out anywhere.
	return strings.HasPrefix(a.ua, "mozilla/") && (a.has("safari") || a.has("firefox/"))
}

var tabletTokens = []string{
	"ipad", "tablet", "playbook", "kindle", "silk/", "silk-accelerated", "/apad", "pocketbook",
	"touchpad", "xoom", "kobo", "ereader", "e-reader",
}

// phoneModels are prefixes of Android models that a tablet's token hides in.
var phoneModels = []string{
	"coolpad", "padfone", "asus padfone", "gionee_gpad", "padua", "sm-f", "sm-g", "sm-a", "sm-s",
	"sm-n9", "rmx", "redmi note", "moto g", "moto e", "moto x", "moto z", "cph", "yl-coolpad", "techpad",
	"tech pad", "gpad_", "padm00", "musicpad", "clever pad",
}

// tabletModelTokens may stand anywhere in an Android model.
var tabletModelTokens = []string{
	"tab", "pad", "slate", "nook", "bntv", "ebook", "e-reader", "iplay", "surface duo", "inmate media",
	"-w09", "-w19", "-w29", "-w00", "-w10", "mid7", "mid8", "mid1", "transformer", "iconia",
}

// tabletModels are prefixes of Android models.
var tabletModels = []string{
	// Samsung, Google, Amazon.
	"sm-t", "sm-x", "sm-p", "gt-p1", "gt-p3", "gt-p5", "gt-p6", "gt-p7", "gt-p8", "gt-n5", "gt-n8",
	"sch-i800", "sgh-i957", "shw-m18", "shw-m38", "shw-m48", "shv-e230", "nexus 7", "nexus 9",
	"nexus 10", "pixel c", "kfa", "kfd", "kff", "kfg", "kfj", "kfk", "kfm", "kfo", "kfq", "kfr", "kfs",
	"kft",
	// Lenovo, Huawei, Honor.
	"lenovo tb", "tb-j", "tb-x", "tb-7", "tb-8", "tb12", "tb13", "tb3", "tb2", "tb5", "tb7", "tb8",
	"lenovo yt", "yt-", "yt3-", "lenovo yoga t", "lenovo a76", "lenovo a55", "lenovo a33", "lenovo a35",
	"lenovo b6000", "lenovo b8", "lenovo s6000", "lenovo a10-", "lenovo a8-", "lenovo a7-",
	"lenovo a3000", "lenovo a1000", "lenovo pb-", "bah", "bach-", "agr-", "ags", "agm3", "kob", "bg2-",
	"bgo-", "btv-", "sht-", "vrd-", "vrdl", "cpn-", "scm-", "mrx-", "mrr-", "mrdi", "wgr", "dby", "dbr-",
	"bzk-", "bzt-", "bzd-", "bzw-", "bzi-", "bzc-", "bzh-", "hdl-", "hdn-", "jdn", "jms-", "krj", "got-",
	"gem-70", "ple-70", "fdr-a0", "mon-al", "mon-w", "huawei m2-", "m2-8", "m2-a", "t1-", "s8-3", "s8-7",
	"s10-1", "s10-2", "hey-w", "hey2-w", "elnw", "rod-w", "rod2-w",
	// Asus, Acer, LG, HTC, Sony, Motorola, Microsoft.
	"me17", "me30", "me37", "me57", "me58", "k00c", "k00e", "k00f", "k00l", "k010", "k011", "k012",
	"k013", "k015", "k016", "k017", "k018", "k01a", "k01e", "k01n", "p00", "p01", "p02", "asus_p",
	"asus k0", "a1-", "a3-", "b1-", "b3-", "lg-v4", "lg-v5", "lg-v7", "lg-v9", "lm-t6", "lg-uk",
	"htc flyer", "htc jetstream", "htc_flyer", "sgp", "so-03e", "so-05f", "so-05g", "sot", "mz60",
	"mz61",
	// Xiaomi, Oppo, Realme, Vivo, Oneplus, Nokia, Tecno.
	"mi pad", "redmi pad", "210510", "22081283", "23043rp", "23073rp", "2307brp", "2306brp", "24018rp",
	"2405crp", "24074rp", "24075rp", "24091rp", "rmp2", "opd2", "pa2", "dpd2", "t20 ", "t21 ",
	// Alcatel.
	"8052", "8054", "8055", "8056", "8062", "8063", "8067", "8068", "8070", "8079", "8080", "8081",
	"8082", "8084", "8085", "8088", "8089", "8090", "8091", "8092", "8093", "8094", "8095", "8096",
	"8097", "8098", "9003", "9005", "9006", "9007", "9009", "9010", "9013", "9015", "9017", "9020",
	"9022", "9024", "9025", "9026", "9027", "9029", "9032", "9033", "9036", "9037", "9038", "9039",
	"1t ", "3t ",
	// Prestigio, Digma, Irbis, BQ, TeXet, Oysters, Dexp, Nomi, RCA, Archos, Navitel and other brands of series.
	"pmt", "pmp", "psp7546", "pmid", "tz1", "tz2", "tz7", "tz8", "tz9", "bq-7", "bq-8", "bq-9", "bq-10",
	"bqru-7", "bqru-8", "bqru-10", "tm-7", "tm-8", "tm-9", "tm-10", "oysters t", "ursus", "nomi_c07",
	"nomi_c08", "nomi_c10", "rct", "rc07", "rc78", "archos 7", "archos 8", "archos 9", "archos 10",
	"archos 13", "archos access 70", "archos access 10", "navitel t", "navitel a", "mid", "mtcd",
	"etl-t", "cube-t", "cube_t", "teclast", "onda", "ainol", "alldocube", "chuwi", "vankyo", "viewpad",
	"venue 7", "venue 8", "venue7", "venue8", "venue 10", "xperia z2 t", "d70", "1000", "nabi", "zync",
	"ginzzu gt-", "irulu", "w-109", "i-buddie", "dragon touch", "lecoo", "iball slide", "iball_slide",
	"readboy", "kurio", "visionbook", "supra m", "ipa2", "mc_", "qs97", "an7", "an9", "an10", "t74",
	"t84", "nt-3", "idbot", "id bot", "xelio", "hi10", "joy8", "joy10", "teo", "numy", "pixus_", "mfc1",
	"mfc2", "n5100", "n5110", "n8000", "tdt3", "tdt4", "ccit", "tab-", "reeder p11", "qta", "rmd-",
	"rmd_",
}

// namesDigmaTablet reports whether a model ends in one of Digma's type codes, such
// as ps8145pg, whose first digit is the screen's size: 7, 8, 9 or 10 inches.
func namesDigmaTablet(model string) bool {
	const length = len("ps8145pg")
	if len(model) <= length {
		return false
	}
	code := model[len(model)-length:]
	for i := range length {
		if digit := i >= 2 && i < 6; digit && !isDigit(code[i]) || !digit && !isLetter(code[i]) {
			return false
		}
	}
	return strings.IndexByte("1789", code[2]) >= 0
}
