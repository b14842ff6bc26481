package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
)

// visitors is how many different devices ask.
const visitors = 512

// request is one that a visitor sends.
type request struct {
	path   string
	header [][2]string
}

// browsers are what the visitors have: User-Agent, and hints where they send any.
var browsers = [][2]string{
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", `"Windows"`},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", `"Windows"`},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", `"macOS"`},
	{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36", `"Linux"`},
	{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36", `"Chrome OS"`},
	{"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36", `"Android"`},
	{"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", `"Android"`},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", `"Windows"`},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 OPR/122.0.0.0", `"Windows"`},
	{"Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", `"Android"`},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", ""},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1", ""},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.7390.41 Mobile/15E148 Safari/604.1", ""},
	{"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", ""},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", ""},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0", ""},
	{"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0", ""},
	{"Mozilla/5.0 (Android 14; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0", ""},
	{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", ""},
	{"okhttp/4.12.0", ""},
}

// networks are where the visitors come from; the last two are in no database of
// locations.
var networks = []string{"192.0.2.", "198.51.100.", "203.0.113.", "10.20.30.", "100.64.7."}

// newVisitors makes the requests of devices that were never here, of the same
// seed the same ones.
func newVisitors() []request {
	random := rand.New(rand.NewPCG(1, 2))
	token := func(n int) string {
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		text := make([]byte, n)
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		return string(text)
	}
	requests := make([]request, visitors)
	for i := range requests {
		browser := browsers[random.IntN(len(browsers))]
		header := [][2]string{
			{"Host", "auth.example.com"}, {"User-Agent", browser[0]},
			{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
			{"Accept-Language", "en-US,en;q=0.9"}, {"Accept-Encoding", "gzip, deflate, br, zstd"},
			{"Referer", "https://app.example.com/"}, {"Upgrade-Insecure-Requests", "1"},
			{"Sec-Fetch-Dest", "document"}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Site", "cross-site"},
			{"X-Forwarded-For", networks[random.IntN(len(networks))] + fmt.Sprint(1+random.IntN(254))},
		}
		if browser[1] != "" {
			mobile := "?0"
			if strings.Contains(browser[0], "Mobile") {
				mobile = "?1"
			}
			header = append(header, [2]string{"Sec-Ch-Ua", `"Chromium";v="141", "Not=A?Brand";v="24", "Google Chrome";v="141"`},
				[2]string{"Sec-Ch-Ua-Mobile", mobile}, [2]string{"Sec-Ch-Ua-Platform", browser[1]})
		}
		requests[i] = request{
			path: "/authorize?client_id=" + []string{"web-shop", "mobile-app", "partner-portal"}[random.IntN(3)] +
				"&response_type=code&scope=openid%20profile%20email%20offline_access&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback" +
				"&state=" + token(32) + "&nonce=" + token(32) + "&code_challenge=" + token(43) + "&code_challenge_method=S256&connection=google-oauth2&ui_locales=en",
			header: header,
		}
	}
	return requests
}

// returned makes the requests of the same devices when they come again, with the
// cookies that an edge gave them, which every proxy gets to see: those of devices
// in a login, and of devices whose decision is not carried any more.
func returned(url string, requests []request) (inLogin, undecided []request, err error) {
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, r := range requests {
		asked, err := r.to(url)
		if err != nil {
			return nil, nil, err
		}
		answer, err := client.Do(asked)
		if err != nil {
			return nil, nil, err
		}
		answer.Body.Close()
		var device, carried string
		for _, c := range answer.Cookies() {
			switch c.Name {
			case "experiment_device":
				device = c.Name + "=" + c.Value
			case "experiment_carry":
				carried = c.Name + "=" + c.Value
			}
		}
		if device == "" || carried == "" {
			return nil, nil, fmt.Errorf("a new device is given the cookies %v, want two of the edge; is an experiment active?", answer.Cookies())
		}
		inLogin = append(inLogin, r.with(device+"; "+carried))
		undecided = append(undecided, r.with(device))
	}
	return inLogin, undecided, nil
}

// with gives the request with cookies of ours, after one of the provider's.
func (r request) with(cookies string) request {
	return request{path: r.path, header: append(r.header[:len(r.header):len(r.header)], [2]string{"Cookie", "did=s%3Av0%3A9f2c; " + cookies})}
}

func (r request) to(url string) (*http.Request, error) {
	made, err := http.NewRequest(http.MethodGet, url+r.path, nil)
	if err != nil {
		return nil, err
	}
	for _, field := range r.header {
		made.Header.Set(field[0], field[1])
	}
	made.Host = "auth.example.com"
	return made, nil
}
