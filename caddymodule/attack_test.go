package caddymodule_test

import (
	"fmt"
	"strings"
	"testing"
)

// forgery is a value that the provider must never see.
const forgery = `{"experiment_id":"exp_Forged","variation_id":"var_Forged","is_control":false,"config":{}}`

// forged tells whether a request carries what a client said in our name: any
// protected header but exactly one of ours, with a value that we wrote.
func forged(r received, decided bool) string {
	for name, values := range r.Header {
		switch {
		case !isOurs(name):
		case name != "X-Experiment-Config" || !decided:
			return fmt.Sprintf("the header %s: %q", name, values)
		case len(values) != 1 || !strings.HasPrefix(values[0], `{"experiment_id":"exp_Sp1it","variation_id":"var_`):
			return fmt.Sprintf("the header %s: %q", name, values)
		}
	}
	for name, values := range r.Trailer {
		if isOurs(name) {
			return fmt.Sprintf("the trailer %s: %q", name, values)
		}
	}
	if strings.Contains(r.Text(func(string) bool { return false }), "exp_Forged") {
		return "the forged value"
	}
	return ""
}

// approaches are the requests that every attack is tried with. %s is where the
// attack's lines go.
var approaches = []struct {
	name    string
	request string
	decided bool // with an active experiment it gets a variation
}{
	{"authorize", "GET /authorize?client_id=spa HTTP/1.1\r\nHost: idp\r\n%s\r\n", true},
	{"authorize by form", "POST /authorize HTTP/1.1\r\nHost: idp\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 13\r\n%s\r\nclient_id=spa", true},
	{"authorize by empty form", "POST /authorize HTTP/1.1\r\nHost: idp\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n%s\r\n", true},
	{"authorize silently", "GET /authorize?prompt=none HTTP/1.1\r\nHost: idp\r\n%s\r\n", false},
	{"authorize by HEAD", "HEAD /authorize HTTP/1.1\r\nHost: idp\r\n%s\r\n", false},
	{"authorize by OPTIONS", "OPTIONS /authorize HTTP/1.1\r\nHost: idp\r\n%s\r\n", false},
	{"another path", "GET /login HTTP/1.1\r\nHost: idp\r\n%s\r\n", false},
	{"post to another path", "POST /token HTTP/1.1\r\nHost: idp\r\nContent-Length: 2\r\n%s\r\nok", false},
	{"another path of the 1.0 kind", "GET /login HTTP/1.0\r\nHost: idp\r\n%s\r\n", false},
}

// attacks are header lines; what is not ours in them must arrive as without us.
var attacks = []struct{ name, lines string }{
	{"nothing", "X-Other: 1\r\n"},
	{"plain", "X-Experiment-Config: " + forgery + "\r\nX-Other: 1\r\n"},
	{"lower case", "x-experiment-config: " + forgery + "\r\n"},
	{"mixed case", "x-EXPERIMENT-cOnFiG: " + forgery + "\r\n"},
	{"twice", "X-Experiment-Config: " + forgery + "\r\nX-Other: 1\r\nX-Experiment-Config: " + forgery + "\r\n"},
	{"twice in other case", "X-Experiment-Config: " + forgery + "\r\nx-experiment-config: " + forgery + "\r\n"},
	{"empty", "X-Experiment-Config:\r\n"},
	{"underscores", "X_Experiment_Config: " + forgery + "\r\n"},
	{"dots", "X.Experiment.Config: " + forgery + "\r\n"},
	{"one underscore", "X-Experiment_Config: " + forgery + "\r\n"},
	{"underscore and dot", "X_Experiment.Config: " + forgery + "\r\n"},
	{"all spellings at once", "X-Experiment-Config: " + forgery + "\r\nX_Experiment_Config: " + forgery + "\r\nX.Experiment.Config: " + forgery + "\r\n"},
	{"every other byte that a name can have", everySpelling("X-Experiment-Config", "X-Experiment-Exposure")},
	{"connection tokens with every other byte", "Connection: " + strings.NewReplacer(": "+forgery+"\r\n", ", ").Replace(everySpelling("X-Experiment-Config")) + "X-Hop\r\nX-Hop: goes\r\n"},
	{"exposure", "X-Experiment-Exposure: " + forgery + "\r\n"},
	{"another of our prefix", "X-Experiment-Anything: " + forgery + "\r\nX-Experiment-: " + forgery + "\r\n"},
	{"folded line", "X-Experiment-Config: {\r\n " + forgery + "\r\n"},
	{"similar names that are not ours", "X-Experimental: a\r\nX-Experiment: b\r\nX-Experiments-Config: c\r\nConfig: d\r\nXX-Experiment-Config: e\r\n"},
	{"connection token", "Connection: X-Experiment-Config\r\nX-Other: 1\r\n"},
	{"connection token and header", "Connection: X-Experiment-Config\r\nX-Experiment-Config: " + forgery + "\r\n"},
	{"connection token before close", "Connection: X-Experiment-Config, close\r\n"},
	{"connection token after close", "Connection: close, X-Experiment-Config\r\n"},
	{"connection token among others", "Connection: keep-alive, x-experiment-config , X-Hop\r\nX-Hop: goes\r\nX-Other: stays\r\n"},
	{"connection token on a line of its own", "Connection: X-Hop\r\nConnection: X-EXPERIMENT-CONFIG\r\nX-Hop: goes\r\nX-Other: stays\r\n"},
	{"connection token with odd spaces", "Connection: \t X-Hop ,,\tX-Experiment-Config\t,\r\nX-Hop: goes\r\n"},
	{"connection token within an unknown space", "Connection: X-Experiment-Config, \u00a0X-Other\r\nX-Other: stays\r\n"},
	{"connection token in other spelling", "Connection: X_Experiment_Config, X.Experiment.Config, X-Hop\r\nX-Hop: goes\r\n"},
	{"connection tokens, hundreds", "Connection: " + strings.Repeat("X-Experiment-Config, ", 300) + "X-Hop\r\nX-Hop: goes\r\n"},
	{"upgrade", "Connection: X-Experiment-Config, Upgrade\r\nUpgrade: odd\r\n"},
	{"other hop by hop headers", "Keep-Alive: X-Experiment-Config\r\nProxy-Connection: X-Experiment-Config\r\nTE: trailers\r\n"},
}

// separators are the bytes that a name may have besides letters and digits.
const separators = "!#$%&'*+-.^_`|~"

// everySpelling is lines with names in which one or both of the separators are
// exchanged.
func everySpelling(names ...string) string {
	var lines strings.Builder
	for _, name := range names {
		words := strings.Split(name, "-")
		for _, c := range separators {
			for _, spelling := range []string{
				words[0] + string(c) + words[1] + "-" + words[2],
				words[0] + "-" + words[1] + string(c) + words[2],
				strings.Join(words, string(c)),
			} {
				lines.WriteString(spelling + ": " + forgery + "\r\n")
			}
		}
	}
	return lines.String()
}

func TestNoClientSpeaksForTheEdge(t *testing.T) {
	sites := []struct {
		name    string
		setup   setup
		decides bool
	}{
		{"experiment", setup{Store: map[string]string{"default/production": split}}, true},
		{"no document", setup{}, false},
		{"paused", setup{Store: map[string]string{"default/production": withStatus(t, split, "paused")}}, false},
		{"spellings let through", setup{
			Store: map[string]string{"default/production": split},
			Global: `servers {
				expected_underscore_headers X_experiment_config X-Experiment_config X_experiment.config
				expected_dot_headers X.experiment.config
			}`,
		}, true},
	}
	for _, site := range sites {
		t.Run(site.name, func(t *testing.T) {
			e := startEdge(t, site.setup)
			for _, approach := range approaches {
				for _, attack := range attacks {
					request := fmt.Sprintf(approach.request, attack.lines)
					decided := site.decides && approach.decided
					checkShielded(t, e, approach.name+": "+attack.name, request, isOurs, func(r received) string {
						if decided && len(r.Header["X-Experiment-Config"]) != 1 {
							return "no decision"
						}
						return forged(r, decided)
					})
				}
			}
		})
	}
}

// checkShielded sends a request to both sites: what is not ours must be as
// without us, and nothing forged may get through.
func checkShielded(t *testing.T, e *edge, name, request string, ours func(string) bool, fault func(received) string) {
	t.Helper()
	got, bare := e.Both(request)
	if got.Text(ours) != bare.Text(ours) {
		t.Errorf("%s: differs from a bare Caddy\n%s\nbare:\n%s", name, got.Text(ours), bare.Text(ours))
	}
	for _, r := range got.Received {
		if what := fault(r); what != "" {
			t.Errorf("%s: the provider received %s", name, what)
		}
	}
}

// A client sends trailers after a chunked body; some servers take them for
// headers.
func TestNoClientSpeaksForTheEdgeInTrailers(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	const form, binary = "application/x-www-form-urlencoded", "application/octet-stream"
	tests := []struct{ name, declared, trailers string }{
		{"declared", "Trailer: X-Experiment-Config\r\n", "X-Experiment-Config: " + forgery + "\r\n"},
		{"declared in lower case", "trailer: x-experiment-config\r\n", "x-experiment-config: " + forgery + "\r\n"},
		{"declared among others", "Trailer: X-Sum, X-Experiment-Config, X-Time\r\n", "X-Sum: 1\r\nX-Experiment-Config: " + forgery + "\r\nX-Time: 2\r\n"},
		{"declared on two lines", "Trailer: X-Sum\r\nTrailer: X-Experiment-Config\r\n", "X-Sum: 1\r\nX-Experiment-Config: " + forgery + "\r\n"},
		{"declared but not sent", "Trailer: X-Experiment-Config\r\n", ""},
		{"undeclared beside a declared one", "Trailer: X-Sum\r\n", "X-Sum: 1\r\nX-Experiment-Config: " + forgery + "\r\n"},
		{"undeclared beside ours declared", "Trailer: X-Experiment-Config\r\n", "X-Experiment-Config: " + forgery + "\r\nX-Sum: 1\r\n"},
		{"undeclared", "", "X-Experiment-Config: " + forgery + "\r\nX-Sum: 1\r\n"},
		{"other spellings", "Trailer: X-Sum, X_Experiment_Config\r\n", "X-Sum: 1\r\nX_Experiment_Config: " + forgery + "\r\nX.Experiment.Config: " + forgery + "\r\nX-Experiment-Exposure: " + forgery + "\r\n"},
		{"none of ours", "Trailer: X-Sum\r\n", "X-Sum: 1\r\nX-Undeclared: 2\r\n"},
		{"one that no client may send", "Trailer: X-Sum\r\n", "X-Sum: 1\r\nContent-Length: 7\r\n"},
		{"with header and connection token", "X-Experiment-Config: " + forgery + "\r\nConnection: X-Experiment-Config\r\nTrailer: X-Sum\r\n", "X-Sum: 1\r\nX-Experiment-Config: " + forgery + "\r\n"},
	}
	for _, path := range []string{"/authorize", "/token"} {
		for _, mediaType := range []string{form, binary} {
			for _, test := range tests {
				request := "POST " + path + " HTTP/1.1\r\nHost: idp\r\nContent-Type: " + mediaType + "\r\nTransfer-Encoding: chunked\r\n" +
					test.declared + "\r\n" + "d\r\nclient_id=spa\r\n0\r\n" + test.trailers + "\r\n"
				checkShielded(t, e, path+" "+mediaType+": "+test.name, request, isOurs, func(r received) string {
					if string(r.Body) != "client_id=spa" {
						return "another body"
					}
					return forged(r, path == "/authorize")
				})
			}
		}
	}
}

// A real server lets through which bytes it likes; all 256 are tried at each
// place of a name that is no letter, and at both at once.
func TestNoByteSpeaksForTheEdge(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	passed := map[byte]bool{}
	for _, name := range []string{"X-Experiment-Config", "X-Experiment-Exposure"} {
		words := strings.Split(name, "-")
		for i := range 256 {
			c := string([]byte{byte(i)})
			for _, spelling := range []string{words[0] + c + words[1] + "-" + words[2], words[0] + "-" + words[1] + c + words[2], strings.Join(words, c)} {
				got := e.Raw(e.port, "GET /authorize HTTP/1.1\r\nHost: idp\r\nConnection: close\r\n"+spelling+": "+forgery+"\r\n\r\n", false)
				for _, r := range got.Received {
					if strings.ContainsAny(c, separators) {
						passed[byte(i)] = true
					}
					if what := forged(r, true); what != "" && !alphanumeric(byte(i)) && c != ":" {
						t.Errorf("%q: the provider received %s", spelling, what)
					}
					if len(r.Header["X-Experiment-Config"]) != 1 {
						t.Errorf("%q: no decision arrived", spelling)
					}
				}
			}
		}
	}
	if len(passed) != len(separators) {
		t.Errorf("of the bytes %q only %d arrive at all", separators, len(passed))
	}
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

func TestConfiguredHeaderIsProtected(t *testing.T) {
	e := startEdge(t, setup{
		Store:  map[string]string{"default/production": split},
		Site:   "header Login-Variant",
		Global: "servers {\nexpected_underscore_headers Login_variant\nexpected_dot_headers Login.variant\n}",
	})
	ours := func(name string) bool {
		return isOurs(name) || variable(name) == "LOGIN_VARIANT"
	}
	lines := []string{
		"Login-Variant: forged\r\n", "login-variant: forged\r\nLOGIN-VARIANT: forged\r\n", "Login_variant: forged\r\n", "Login.variant: forged\r\n",
		"Login!Variant: forged\r\nlogin~variant: forged\r\nLOGIN'VARIANT: forged\r\n", "Connection: Login*Variant, X-Hop\r\nX-Hop: goes\r\n",
		"X-Experiment-Config: forged\r\n", "Connection: Login-Variant, X-Hop\r\nX-Hop: goes\r\n",
		"Login-Variants: stays\r\nLogin-Varian: stays\r\nX-Login-Variant: stays\r\n",
	}
	for _, approach := range approaches {
		for _, line := range lines {
			checkShielded(t, e, approach.name+": "+line, fmt.Sprintf(approach.request, line), ours, func(r received) string {
				if approach.decided && (len(r.Header["Login-Variant"]) != 1 || !strings.Contains(r.Header["Login-Variant"][0], "exp_Sp1it")) {
					return fmt.Sprintf("the decision %q", r.Header["Login-Variant"])
				}
				if strings.Contains(fmt.Sprint(r.Header), "forged") {
					return fmt.Sprintf("a forgery: %v", r.Header)
				}
				return ""
			})
		}
	}
}
