package caddymodule_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// randomBytes gives the same bytes every time, without line ends and NUL, which
// end a request for every server.
func randomBytes(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		for b[i] == 0 || b[i] == '\r' || b[i] == '\n' {
			b[i] = byte(random.Uint32())
		}
	}
	return string(b)
}

func get(target string, lines ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: idp\r\n" + strings.Join(lines, "") + "\r\n"
}

const formType = "Content-Type: application/x-www-form-urlencoded\r\n"

// post gives a POST to /authorize with its length.
func post(body string, lines ...string) string {
	return "POST /authorize HTTP/1.1\r\nHost: idp\r\n" + strings.Join(lines, "") +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// chunked gives a POST to /authorize in chunks of the given size.
func chunked(body string, size int, lines ...string) string {
	var b strings.Builder
	b.WriteString("POST /authorize HTTP/1.1\r\nHost: idp\r\n" + strings.Join(lines, "") + "Transfer-Encoding: chunked\r\n\r\n")
	for body != "" {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

// form gives a form of exactly n bytes.
func form(n int) string {
	return "client_id=spa&filler=" + strings.Repeat("x", n-len("client_id=spa&filler="))
}

// parameters gives n parameters that all matter to us.
func parameters(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "experiment_id=exp_%d&", i)
	}
	return b.String()
}

// hostile are requests that must end as they do without us: the same answer,
// and the same bytes at the provider.
var hostile = []struct{ name, request string }{
	{"1 MB User-Agent", get("/authorize", "User-Agent: "+strings.Repeat("Mozilla/5.0 ", 1<<20/12), "\r\n")},
	{"15 KB User-Agent", get("/authorize", "User-Agent: "+strings.Repeat("(", 15<<10), "\r\n")},
	{"User-Agent of random bytes", get("/authorize", "User-Agent: "+randomBytes(4000)+"\r\n")},
	{"no User-Agent", get("/authorize")},
	{"empty User-Agent", get("/authorize", "User-Agent:\r\n")},
	{"two User-Agents", get("/authorize", "User-Agent: a\r\nUser-Agent: b\r\n")},

	{"as many parameters as fit", get("/authorize?" + parameters(700))},
	{"10,000 parameters", get("/authorize?" + parameters(10_000))},
	{"ampersands", get("/authorize?" + strings.Repeat("&", 10_000))},
	{"equals signs", get("/authorize?" + strings.Repeat("=", 10_000))},
	{"overrides twice", get("/authorize?experiment_id=exp_Sp1it&experiment_id=exp_Sp1it&variation_id=var_Base")},
	{"percent signs", get("/authorize?%%%&experiment_id=%&variation_id=%2&client_id=%zz&%65xperiment_id=%e")},
	{"escapes of control characters", get("/authorize?client_id=%00%0d%0a%1b%7f&experiment_id=%0d%0aX-Evil:1")},
	{"escapes of invalid UTF-8", get("/authorize?client_id=%ff%fe&experiment_id=%c0%80")},
	{"raw bytes outside ASCII", get("/authorize?client_id=\xff\xfe\xc3\xa9")},
	{"semicolons", get("/authorize?client_id=a;experiment_id=exp_Sp1it;variation_id=var_Base")},
	{"pluses", get("/authorize?client_id=+a+b+&experiment_id=+exp_Sp1it")},
	{"question marks", get("/authorize??client_id=a?b")},
	{"query of nothing", get("/authorize?")},
	{"fragment", get("/authorize?a=b#client_id=c")},
	{"placeholders", get("/authorize?client_id={env.HOME}&experiment_id={http.request.header.Cookie}")},
	{"encoded path", get("/%61uthorize?client_id=spa")},
	{"dots in the path", get("/x/../authorize")},
	{"double slash", get("//authorize")},
	{"invalid escape in the path", get("/authorize%zz")},
	{"spaces in the path", get("/author ize")},

	{"random cookies", get("/authorize", "Cookie: "+randomBytes(4000)+"\r\n")},
	{"our cookies of random bytes", get("/authorize", "Cookie: experiment_device="+randomBytes(300)+"; experiment_carry="+randomBytes(300)+"\r\n")},
	{"hundreds of our cookies", get("/authorize", "Cookie: "+strings.Repeat("experiment_device=v1.a.b.c.d; experiment_carry=v1.a.b.c.d.e.f.g; ", 150)+"\r\n")},
	{"a cookie without end", get("/authorize", "Cookie: experiment_carry="+strings.Repeat(".", 10_000)+"\r\n")},
	{"cookies on many lines", get("/login", strings.Repeat("Cookie: experiment_carry=\r\n", 200))},
	{"empty cookie", get("/login", "Cookie:\r\n")},

	{"header bytes outside ASCII", get("/authorize", "X-Name: \xff\xfe\x80\r\nSec-CH-UA: \xff\r\nAccept-Language: \xc3\xa9\r\n")},
	{"empty headers", get("/authorize", "X-Empty:\r\nSec-Purpose:\r\nPurpose:\r\nX-Moz:\r\nSec-CH-UA:\r\nX-Forwarded-For:\r\n")},
	{"folded header", get("/authorize", "X-Folded: a\r\n  b\r\n")},
	{"NUL in a header", get("/authorize", "X-Nul: a\x00b\r\n")},
	{"space before the colon", get("/authorize", "X-Experiment-Config : a\r\n")},
	{"no colon", get("/authorize", "X-Experiment-Config\r\n")},
	{"header without name", get("/authorize", ": a\r\n")},
	{"spoofed addresses", get("/authorize", "X-Forwarded-For: 198.51.100.1, nonsense\r\nForwarded: for=\"[\"\r\nX-Real-IP: ::\r\n")},
	{"hundreds of headers", get("/authorize", strings.Repeat("X-A: b\r\n", 900))},

	{"absolute form", "GET http://elsewhere/authorize?client_id=spa HTTP/1.1\r\nHost: idp\r\n\r\n"},
	{"absolute form of another scheme", "GET ftp://elsewhere/authorize HTTP/1.1\r\nHost: idp\r\n\r\n"},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: idp\r\n\r\n"},
	{"CONNECT", "CONNECT idp:443 HTTP/1.1\r\nHost: idp:443\r\n\r\n"},
	{"unknown method", "FROB /authorize HTTP/1.1\r\nHost: idp\r\n\r\n"},
	{"no host", "GET /authorize HTTP/1.1\r\n\r\n"},
	{"odd host", "GET /authorize HTTP/1.1\r\nHost: [::1]:\r\n\r\n"},
	{"host of dots", "GET /authorize HTTP/1.1\r\nHost: ...\r\n\r\n"},
	{"two hosts", "GET /authorize HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
	{"HTTP/1.0", "GET /authorize HTTP/1.0\r\n\r\n"},
	{"HTTP/9.9", "GET /authorize HTTP/9.9\r\nHost: idp\r\n\r\n"},
	{"GET with a body", "GET /authorize HTTP/1.1\r\nHost: idp\r\n" + formType + "Content-Length: 13\r\n\r\nclient_id=spa"},

	{"form", post("client_id=spa&experiment_id=exp_Unknown&a=%zz", formType)},
	{"empty form", post("", formType)},
	{"form with charset", post("client_id=spa", "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n")},
	{"form in capitals", post("client_id=spa", "Content-Type: APPLICATION/X-WWW-FORM-URLENCODED\r\n")},
	{"form with broken type", post("client_id=spa", "Content-Type: application/x-www-form-urlencoded; ;;=\r\n")},
	{"two types", post("client_id=spa", formType, "Content-Type: text/plain\r\n")},
	{"no type", post("client_id=spa")},
	{"form without length", "POST /authorize HTTP/1.1\r\nHost: idp\r\n" + formType + "\r\n"},
	{"form of 64 KiB", post(form(64<<10), formType)},
	{"form of 64 KiB and one", post(form(64<<10+1), formType)},
	{"form of 1 MB", post(form(1<<20), formType)},
	{"form of 10,000 parameters", post(parameters(10_000), formType)},
	{"form of random bytes", post(randomBytes(50_000)+"\x00\r\n\r\n", formType)},
	{"multipart", post("--b\r\nContent-Disposition: form-data; name=\"experiment_id\"\r\n\r\nexp_Sp1it\r\n--b--\r\n", "Content-Type: multipart/form-data; boundary=b\r\n")},
	{"compressed form", post("\x1f\x8b\x08\x00", formType, "Content-Encoding: gzip\r\n")},
	{"chunked form", chunked("client_id=spa&experiment_id=exp_Unknown", 3, formType)},
	{"chunked form of 64 KiB", chunked(form(64<<10), 1000, formType)},
	{"chunked form of 64 KiB and one", chunked(form(64<<10+1), 1000, formType)},
	{"chunked form of 1 MB", chunked(form(1<<20), 10_000, formType)},
	{"empty chunked form", chunked("", 1, formType)},
	{"chunk extensions", "POST /authorize HTTP/1.1\r\nHost: idp\r\n" + formType + "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\na=b\r\n0;c\r\n\r\n"},
	{"length and chunks", "POST /authorize HTTP/1.1\r\nHost: idp\r\n" + formType + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n"},
	{"two lengths", "POST /authorize HTTP/1.1\r\nHost: idp\r\n" + formType + "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=b&"},
	{"negative length", "POST /authorize HTTP/1.1\r\nHost: idp\r\n" + formType + "Content-Length: -3\r\n\r\na=b"},
	{"body beyond its length", "POST /authorize HTTP/1.1\r\nHost: idp\r\nConnection: close\r\n" + formType + "Content-Length: 3\r\n\r\na=b&experiment_id=exp_Sp1it"},
	{"expect continue", post("client_id=spa", formType, "Expect: 100-continue\r\n")},
	{"expect something else", post("client_id=spa", formType, "Expect: the-unexpected\r\n")},
}

func TestHostileRequestsEndAsWithoutUs(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	for _, test := range hostile {
		t.Run(test.name, func(t *testing.T) {
			ours, bare := e.Both(test.request)
			got, want := ours.Text(isOurs), bare.Text(isOurs)
			if got != want {
				t.Errorf("got\n%.2000s\nbare Caddy:\n%.2000s", got, want)
			}
			if bare.Status == 0 {
				t.Error("not even a bare Caddy answers")
			}
			for _, r := range ours.Received {
				if what := forged(r, true); what != "" {
					t.Errorf("the provider received %s", what)
				}
			}
		})
	}
	// After all of that it decides as before.
	if config := e.Raw(e.port, get("/authorize"), false).Received[0].Config(t); config["experiment_id"] != "exp_Sp1it" {
		t.Errorf("received %v", config)
	}
}

// A body that breaks off is one to Caddy, which answers 499 or 502 as the client
// or the body is noticed first; the provider never takes it for whole.
func TestBodiesThatBreakOff(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	const head = "POST /authorize HTTP/1.1\r\nHost: idp\r\n" + formType
	tests := []struct {
		name, request string
		hangUp        bool
	}{
		{"form", head + "Content-Length: 100\r\n\r\nclient_id=spa", true},
		{"form without a byte", head + "Content-Length: 100\r\n\r\n", true},
		{"chunked form", head + "Transfer-Encoding: chunked\r\n\r\nd\r\nclient_id=spa\r\n", true},
		{"within a chunk", head + "Transfer-Encoding: chunked\r\n\r\nff\r\nclient_id=spa", true},
		{"no chunks", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\na=b\r\n0\r\n\r\n", false},
		{"huge form", head + "Content-Length: 1000000\r\n\r\n" + form(200_000), true},
		{"no form", "POST /authorize HTTP/1.1\r\nHost: idp\r\nContent-Length: 100\r\n\r\nclient_id=spa", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ours, bare := e.Raw(e.port, test.request, test.hangUp), e.Raw(e.barePort, test.request, test.hangUp)
			for _, x := range []exchange{ours, bare} {
				if x.Status != 499 && x.Status != 502 || len(x.Body) != 0 {
					t.Errorf("answered %d %q; a bare Caddy %d %q", ours.Status, ours.Body, bare.Status, bare.Body)
				}
			}
		})
	}
}
