package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	firefoxOnLinux = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	safariOnPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)

// demoPath leads to a database with 198.51.100.0/25 in US, WA and 192.0.2.0/24
// in SE, AB.
const demoPath = "../geo/testdata/demo.mmdb"

// located is a site that believes the proxy that the tests are.
func located(s setup) setup {
	s.Global += "\nservers {\ntrusted_proxies static 127.0.0.0/8\ntrusted_proxies_strict\n}"
	s.App += "\ngeoip " + demoPath
	return s
}

func TestAccessLogSaysWhatWasDecided(t *testing.T) {
	const onPhones = `{"experiment_id":"exp_Audience","variation_id":"var_Phones","is_control":false,"allocation_strategy":"segment","source":"segment","segment_id":"seg_UsPhones"}`
	tests := []struct {
		name, document string
		header         []string
		path           string
		carry          bool // a decision, made by the same request to /authorize
		details        string
		fields         string // device type, browser, platform, country, region
	}{
		{name: "bucket", document: several, path: "/authorize?client_id=spa", header: []string{"User-Agent", firefoxOnLinux},
			details: `{"experiment_id":"exp_Active","variation_id":"var_Passkey","is_control":false,"allocation_strategy":"percentage","source":"bucket"}`,
			fields:  "desktop firefox linux  "},
		{name: "segment", document: audience, path: "/authorize", header: []string{"User-Agent", safariOnPhone, "X-Forwarded-For", "198.51.100.7"},
			details: onPhones, fields: "mobile safari ios US WA"},
		{name: "fallback", document: audience, path: "/authorize", header: []string{"User-Agent", safariOnPhone, "X-Forwarded-For", "192.0.2.7"},
			details: `{"experiment_id":"exp_Audience","variation_id":"var_Everyone","is_control":true,"allocation_strategy":"segment","source":"fallback"}`,
			fields:  "mobile safari ios SE AB"},
		{name: "override", document: audience, path: "/authorize?experiment_id=exp_Audience&segment_id=seg_SwedishDesktops",
			details: `{"experiment_id":"exp_Audience","variation_id":"var_Nordic","is_control":false,"allocation_strategy":"segment","source":"override","segment_id":"seg_SwedishDesktops"}`,
			fields:  "bot other other  "},
		{name: "carried", document: audience, path: "/login/password", carry: true, header: []string{"User-Agent", safariOnPhone, "X-Forwarded-For", "198.51.100.7"},
			details: strings.Replace(onPhones, `"source":"segment"`, `"source":"carried"`, 1), fields: "mobile safari ios US WA"},
		{name: "no experiment", document: withoutActive(t), path: "/authorize", header: []string{"User-Agent", firefoxOnLinux}, details: "null", fields: "desktop firefox linux  "},
		{name: "silent", document: several, path: "/authorize?prompt=none", header: []string{"User-Agent", firefoxOnLinux}, details: "null", fields: "desktop firefox linux  "},
		{name: "another path", document: several, path: "/style.css", header: []string{"User-Agent", firefoxOnLinux}, details: "null", fields: "absent"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := startEdge(t, located(setup{Store: map[string]string{"default/production": test.document}}))
			jar, _ := cookiejar.New(nil)
			if test.carry {
				e.Get("/authorize", jar, test.header...)
			}
			e.Get(test.path, jar, test.header...)
			path, _, _ := strings.Cut(test.path, "?")
			line := e.LogLines("access.log", 1, `"uri":"`+path)[0]
			var details any
			if outer, ok := line["details"].(map[string]any); ok {
				details = outer["experiment"]
				if len(outer) != 1 {
					t.Errorf("details are %v", outer)
				}
			}
			var want any
			if err := json.Unmarshal([]byte(test.details), &want); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(details) != fmt.Sprint(want) {
				t.Errorf("details.experiment is %v, want %v", details, want)
			}
			fields := "absent"
			if _, ok := line["device_type"]; ok {
				fields = fmt.Sprint(line["device_type"], " ", line["browser"], " ", line["platform"], " ", line["country"], " ", line["region"])
			}
			if fields != test.fields {
				t.Errorf("who asked is %q, want %q", fields, test.fields)
			}
		})
	}
}

// secrets are what must be in no line that we write.
var secrets = map[string]string{
	"state": "S3CRETstate", "nonce": "S3CRETnonce", "code": "S3CRETcode", "code_challenge": "S3CRETchallenge",
	"login_hint": "S3CRET@example.com", "id_token_hint": "S3CRETtoken", "request": "S3CRETjwt", "client_secret": "S3CRETclient",
	"experiment_token": "S3CRETexperiment",
}

func TestLogsKeepSecrets(t *testing.T) {
	e := startEdge(t, located(setup{
		Store: map[string]string{"default/production": several},
		App:   "decision_log {dir}/decisions.log",
		Site:  "subject {http.request.header.X-Device}",
	}))
	query := url.Values{"client_id": {"spa"}}
	for name, value := range secrets {
		query.Set(name, value)
	}
	header := []string{"X-Device", "S3CRETsubject", "Cookie", "session=S3CRETcookie", "Authorization", "Bearer S3CRETbearer", "X-Forwarded-For", "198.51.100.7"}
	for _, override := range []string{"", "&experiment_id=exp_Draft", "&experiment_id=exp_Nobody", "&variation_id=var_SecondA", "&experiment_id=a&experiment_id=b"} {
		e.Get("/authorize?"+query.Encode()+override, nil, header...)
		request, _ := http.NewRequest(http.MethodPost, e.URL+"/authorize", strings.NewReader(query.Encode()+override))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("X-Device", "S3CRETsubject")
		e.Do(request, nil)
	}
	e.LogLines("decisions.log", 10, `"client_id":"spa"`)
	e.LogLines("caddy.log", 8, "experiment_assignment_succeeded")
	e.LogLines("caddy.log", 6, `"code":"experiment_`)
	for _, file := range []string{"decisions.log", "caddy.log"} {
		text, err := os.ReadFile(filepath.Join(e.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"S3CRET", "Grüß", "Sign in", "headline", "198.51.100.7"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s has %q", file, secret)
			}
		}
	}
	// In the access log what we add is as discreet; the request is Caddy's.
	for _, line := range e.LogLines("access.log", 10, "/authorize") {
		ours := fmt.Sprint(line["details"], line["device_type"], line["browser"], line["platform"], line["country"], line["region"])
		if strings.Contains(ours, "S3CRET") || strings.Contains(ours, "headline") {
			t.Errorf("the access log has %s", ours)
		}
	}
}

func TestAssignmentEvent(t *testing.T) {
	e := startEdge(t, located(setup{Store: map[string]string{"default/production": audience}}))
	jar, _ := cookiejar.New(nil)
	for range 3 {
		e.Get("/authorize?client_id=spa", jar, "User-Agent", safariOnPhone, "X-Forwarded-For", "198.51.100.7")
	}
	other, _ := cookiejar.New(nil)
	e.Get("/authorize?client_id=spa", other, "User-Agent", safariOnPhone)
	lines := e.LogLines("caddy.log", 2, `"experiment_assignment_succeeded"`)
	if len(lines) != 2 {
		t.Fatalf("%d events for two devices", len(lines))
	}
	delete(lines[0], "ts")
	hash, _ := lines[0]["subject_hash"].(string)
	if len(hash) != 22 || hash == lines[1]["subject_hash"] {
		t.Errorf("the subjects' hashes are %v and %v", hash, lines[1]["subject_hash"])
	}
	delete(lines[0], "subject_hash")
	want := "map[browser:safari client_id:spa country:US details:map[experiment:map[allocation_strategy:segment experiment_id:exp_Audience is_control:false " +
		"segment_id:seg_UsPhones source:segment variation_id:var_Phones]] device_type:mobile level:info logger:http.handlers.experiments " +
		"msg:experiment_assignment_succeeded platform:ios region:WA tenant:default/production]"
	if got := fmt.Sprint(lines[0]); got != want {
		t.Errorf("the event is\n%s, want\n%s", got, want)
	}
}

// injections are texts that make two lines of one, or half a line, in a careless
// log.
var injections = map[string]string{
	"line ends":             "a\r\n{\"level\":\"info\",\"msg\":\"forged\"}\n",
	"terminal escapes":      "\x1b[2J\x1b[31mred\x07",
	"separators of Unicode": "a\u2028b\u2029c\u0085d\ufeff",
	"invalid UTF-8":         "a\xff\xfe\xc0\x80b",
	"cut within a rune":     strings.Repeat("a", 127) + "é" + strings.Repeat("b", 10),
	"quotes":                `"},"status":200,"x":{"y":"\`,
	"NUL":                   "a\x00b",
	"surrogates":            "\xed\xa0\x80",
	"10 KB":                 strings.Repeat("a\u2028\"\x00", 1<<10),
	"script":                "<script>alert(1)</script>&amp;",
}

func TestLogsCannotBeForged(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": several}, App: "decision_log {dir}/decisions.log"})
	n := 0
	for name, text := range injections {
		escaped := url.QueryEscape(text)
		if len(escaped) > 12_000 {
			escaped = escaped[:12_000-12_000%3] // headers end at 16 KB; each escape is three bytes or a letter
			escaped = escaped[:strings.LastIndexByte(escaped, '%')]
		}
		agent := strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(text)
		for _, query := range []string{"client_id=" + escaped, "experiment_id=" + escaped, "variation_id=" + escaped + "&client_id=x", "experiment_id=exp_Active&variation_id=" + escaped} {
			x := e.Raw(e.port, get("/authorize?"+query, "User-Agent: "+agent[:min(len(agent), 500)]+"\r\n"), false)
			if x.Status != 200 && x.Status != 400 { // a control character in a header is Caddy's to refuse
				t.Errorf("%s: answered %d", name, x.Status)
			}
			n += len(x.Received)
		}
	}
	if n < 4*len(injections)-8 {
		t.Fatalf("only %d requests arrived", n)
	}
	// LogLines has decoded every line by then.
	if lines := e.LogLines("decisions.log", n); len(lines) != n {
		t.Errorf("%d requests made %d lines", n, len(lines))
	}
	for _, file := range []string{"decisions.log", "caddy.log", "access.log"} {
		text, _ := os.ReadFile(filepath.Join(e.Dir, file))
		for line := range strings.Lines(string(text)) {
			if !json.Valid([]byte(line)) || !utf8.ValidString(line) || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%s has the line %q", file, line)
			}
		}
		if slices.ContainsFunc(e.LogLines(file, 0), func(line map[string]any) bool { return line["msg"] == "forged" }) {
			t.Errorf("%s has a forged line", file)
		}
	}
	for _, line := range e.LogLines("decisions.log", n) {
		if id := line["client_id"].(string); len(id) > 3*128 {
			t.Errorf("a client_id of %d bytes is logged", len(id))
		}
	}
}
