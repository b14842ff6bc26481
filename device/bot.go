package device

import "strings"

// isBot reports whether the agent is a program without a person behind it: a
// crawler, monitor, preview, scanner, library or assistant's fetcher. The model is
// left out: phones are named after robots and gems.
func (a *agent) isBot(platform string) bool {
	unnamed := platform == Other || platform == Linux
	if unnamed && hasAnyOf(a.rest, botWords) && !hasAnyOf(a.rest, phoneTokens) {
		return true
	}
	if hasAnyOf(a.rest, botTokens) || hasAnyPrefix(a.rest, libraries) || namesBot(a.rest) {
		return true
	}
	// A contact address is the courtesy of crawlers. So is "compatible" without the
	// browser that the word came with.
	if hasAnyOf(a.rest, contactTokens) && !hasAnyOf(a.rest, contactApps) {
		return true
	}
	return strings.HasPrefix(a.rest, "mozilla/") && a.has("(compatible; ") && !hasAnyOf(a.rest, compatibleBrowsers)
}

// namesBot reports whether a word of s ends in bot. Cubot makes phones.
func namesBot(s string) bool {
	for {
		i := strings.Index(s, "bot")
		if i < 0 {
			return false
		}
		end := i + len("bot")
		if (end == len(s) || !isLetter(s[end])) && !strings.HasSuffix(s[:i], "cu") {
			return true
		}
		s = s[end:]
	}
}

var contactTokens = []string{"http://", "https://", "+http"}

// contactApps are programs for people that name their home page all the same.
var contactApps = []string{
	"liferea", "podbean", "doughnut", "podcast", "fban/", "fbav/", "fb_iab", "akregator", "rssowl",
	"netnewswire", "newsfire", "bsalsa",
}

var compatibleBrowsers = []string{
	"msie", "konqueror", "netpositive", "windows", "opera", "android", "iphone", "ipad", "linux",
	"viera", "symbian", "ms-office", "positive", "syllable",
}

// libraries begin the agent of a program that talks HTTP with them. Further in they
// may belong to an app.
var libraries = []string{
	"curl/", "curl ", "libcurl", "wget", "go-http", "golang", "lwp", "libwww", "winhttp", "java/",
	"java-http", "jakarta", "okhttp", "httpclient", "http_client", "http-client", "jersey/", "ktor",
	"vert.x", "perl", "ruby", "php/", "php-", "axios", "undici", "node/", "node-", "node.js", "got (", "got/", "superagent",
	"httpx", "faraday", "typhoeus", "restsharp", "reqwest", "hyper/", "dart/", "dart:io", "unirest",
	"requests", "urllib", "powershell", "rust-", "deno/", "bun/",
}

// botTokens are enough wherever they stand: the words that bots are built from, then
// names of crawlers, previews, assistants, monitors, audits, scanners and tools.
var botTokens = []string{
	"crawl", "spider", "spyder", "slurp", "scraper", "scrapy", "robot", "feedfetch", "archiver",
	"archivebox", "linkcheck", "sitecheck", "transcoder", "prerender", "lighthouse", "pagespeed",
	"page speed", "headlesschrome", "phantomjs", "slimerjs", "puppeteer", "playwright", "selenium",
	"cypress/", "webdriver", "synthetic", "nutch", "heritrix", "larbin", "jndi:",

	"adsbot", "mediapartners-google", "apis-google", "google-", "google favicon", "googleother",
	"googleadsense", "googleprober", "google web preview", "googleassociation", "googleagent",
	"googledocs", "bingpreview", "yandex.com/bots", "yandexdirect", "yandexmetrika", "yandeximages",
	"yeti/", "naver.me", "ichiro", "daumoa", "mail.ru_", "sogou web", "ia_archiver", "gigablast",
	"teoma", "scoutjet", "seznam",

	"facebookexternalhit", "facebookcatalog", "facebookplatform", "meta-external", "skypeuripreview",
	"embedly", "vkshare", "pinterest/0", "slack-img", "tumblr/", "flipboardproxy", "outbrain", "w3c_",
	"iframely", "hatena", "pocketparser", "feedburner", "feed finder", "img2dataset",

	"chatgpt-user", "oai-search", "claude-user", "claude-web", "claude-search", "anthropic",
	"perplexity", "cohere-ai", "bytespider", "mistralai-", "gemini-deep", "novaact", "character-ai",
	"firecrawl",

	"pingdom", "datadogsynth", "datadog agent", "newrelicpinger", "statuscake", "site24x7", "catchpoint",
	"ptst/", "gtmetrix", "dareboost", "speedcurve", "uptime", "uptimia", "cloudflareobservatory",
	"cloudflare-", "builtwith", "wappalyzer", "ahrefs", "semrush", "majestic12", "mj12", "moz.com",
	"screaming frog", "sistrix", "seokicks", "netcraft", "siteimprove", "functionize", "datanyze",
	"inspector", "sitesucker", "webmoney advisor", "check_http", "prtg ", "elb-health", "kube-probe",
	"whatsmyip",

	"nmap", "masscan", "zgrab", "nikto", "sqlmap", "nessus", "openvas", "nuclei", "shodan", "censys",
	"qualys", "acunetix", "burp", "wpscan", "dirbuster", "gobuster", "detectify", "netsparker", "w3af",
	"arachni", "interact.sh",

	"python", "aiohttp", "mechanize", "libwww-perl", "lwp::", "go-http-client", "apache-httpclient",
	"httpunit", "node-fetch", "guzzle", "postman", "insomnia", "httpie", "appengine-google",
	"winhttrack", "httrack", "webcopier", "teleport pro", "offline explorer", "similartech",
}

// botWords are enough only in an agent that names no system of a person's device:
// apps for people are called after them too.
var botWords = []string{
	"scrap", "fetch", "validator", "preview", "monitor", "scanner", "scanning", "checker", "probe",
	"audit", "analyz", "research", "thumbnail", "proxy", "domain", "harvest", "snippet", "search engine",
	"websearch", "linkwalker", "exporter", "disqus", "feedly", "feedbin", "commafeed",
	"newsblur", "inoreader", "superfeedr", "hubspot", "cloudflare", "fastly", "zabbix", "nagios",
	"icinga", "prometheus", "blackbox", "grafana", "consul", "watchdog", "cortex", "xpanse", "expanse",
	"newrelic", "datadog", "wordpress", "drupal", "joomla", "wp_is_", "typo3", "phpmyadmin",
	"rest-client", "whatweb", "wapiti", "webcorp", "claude", "slack-",
}
