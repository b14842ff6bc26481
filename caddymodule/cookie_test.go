package caddymodule_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/caddymodule"
	"github.com/caddy-experiments/caddy-experiments/engine"
)

// setCookies gives the cookies of ours in a response, by name.
func setCookies(response *http.Response) map[string]*http.Cookie {
	found := map[string]*http.Cookie{}
	for _, c := range response.Cookies() {
		if strings.HasPrefix(c.Name, "experiment_") {
			found[c.Name] = c
		}
	}
	return found
}

// carries reports whether a jar holds a carried decision for a site.
func carries(e *edge, jar http.CookieJar) bool {
	site, _ := url.Parse(e.URL)
	for _, c := range jar.Cookies(site) {
		if c.Name == "experiment_carry" {
			return true
		}
	}
	return false
}

func TestCookieAttributes(t *testing.T) {
	tests := []struct {
		name   string
		setup  setup
		header []string
		age    string // of the carry
		secure bool
	}{
		{name: "default", age: "3600"},
		{name: "sticky", setup: setup{Site: "sticky 90s"}, age: "90"},
		{name: "a client that claims TLS", header: []string{"X-Forwarded-Proto", "https"}, age: "3600"},
		{name: "a trusted proxy with TLS", setup: setup{Global: "servers {\ntrusted_proxies static 127.0.0.0/8\n}"}, header: []string{"X-Forwarded-Proto", "https"}, age: "3600", secure: true},
		{name: "a trusted proxy without", setup: setup{Global: "servers {\ntrusted_proxies static 127.0.0.0/8\n}"}, header: []string{"X-Forwarded-Proto", "http"}, age: "3600"},
		{name: "a trusted proxy that does not say", setup: setup{Global: "servers {\ntrusted_proxies static 127.0.0.0/8\n}"}, age: "3600"},
		{name: "another proxy", setup: setup{Global: "servers {\ntrusted_proxies static 10.0.0.0/8\n}"}, header: []string{"X-Forwarded-Proto", "https"}, age: "3600"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.setup.Store = map[string]string{"default/production": split}
			e := startEdge(t, test.setup)
			lines := e.Get("/authorize", nil, test.header...).Header["Set-Cookie"]
			if len(lines) != 2 {
				t.Fatalf("set %q", lines)
			}
			for i, want := range []struct{ name, age string }{{"experiment_device", "31536000"}, {"experiment_carry", test.age}} {
				name, rest, _ := strings.Cut(lines[i], "=")
				value, attributes, _ := strings.Cut(rest, "; ")
				expected := "Path=/; Max-Age=" + want.age + "; HttpOnly; SameSite=Lax"
				if test.secure {
					expected += "; Secure"
				}
				if name != want.name || attributes != expected {
					t.Errorf("set %q, want %s with %q", lines[i], want.name, expected)
				}
				if strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
					t.Errorf("%s has a value that needs quoting: %q", name, value)
				}
			}
		})
	}
}

// What a client makes up or takes from elsewhere is as good as no cookie.
func TestForgedCookiesAreAbsent(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Before: "request_header X-Subject {http.experiments.subject}"})
	keys := []string{testKey}
	foreign := []string{"a foreign key of thirty-two bytes"}
	base := engine.Decision{Treatment: &engine.Treatment{ExperimentID: "exp_Sp1it", VariationID: "var_Spare"}, Source: engine.SourceBucket}
	const id = "AAAAAAAAAAAAAAAAAAAAAA"
	device := caddymodule.SignDevice(keys, id)
	carry := caddymodule.SignCarry(keys, "default/production", id, base, time.Now())
	flipped := func(value string, at int) string {
		b := []byte(value)
		b[at] ^= 1
		return string(b)
	}
	tests := []struct {
		name, device, carry string
		knownDevice, served bool
	}{
		{"both good", device, carry, true, true},
		{"no carry", device, "", true, false},
		{"carry without device", "", carry, false, false},
		{"carry of another device", caddymodule.SignDevice(keys, "BBBBBBBBBBBBBBBBBBBBBB"), carry, false, false},
		{"carry of another tenant", device, caddymodule.SignCarry(keys, "default/staging", id, base, time.Now()), true, false},
		{"carry of a foreign key", device, caddymodule.SignCarry(foreign, "default/production", id, base, time.Now()), true, false},
		{"carry from the future", device, caddymodule.SignCarry(keys, "default/production", id, base, time.Now().Add(3*time.Hour)), true, false},
		{"carry of long ago", device, caddymodule.SignCarry(keys, "default/production", id, base, time.Now().Add(-3*time.Hour)), true, false},
		{"device of a foreign key", caddymodule.SignDevice(foreign, id), carry, false, false},
		{"device and carry exchanged", carry, device, false, false},
		{"device as made up", "v1." + strings.Split(device, ".")[1] + ".AAAA.zzzz." + strings.Repeat("A", 43), carry, false, false},
		{"a bare id", id, carry, false, false},
		{"another version", "v2" + device[2:], carry, false, false},
		{"without signature", device[:strings.LastIndex(device, ".")], carry, false, false},
		{"a signature cut short", device[:len(device)-1], carry, false, false},
		{"a signature with more", device + "A", carry, false, false},
		{"in quotes", `"` + device + `"`, carry, false, false},
		{"oversize", device + strings.Repeat(".A", 1000), carry, false, false},
		{"an experiment that is gone", device, caddymodule.SignCarry(keys, "default/production", id, engine.Decision{Treatment: &engine.Treatment{ExperimentID: "exp_Gone", VariationID: "var_Spare"}}, time.Now()), true, false},
		{"a variation that is gone", device, caddymodule.SignCarry(keys, "default/production", id, engine.Decision{Treatment: &engine.Treatment{ExperimentID: "exp_Sp1it", VariationID: "var_Gone"}}, time.Now()), true, false},
	}
	for i := range len(device) {
		if c := flipped(device, i); !strings.ContainsAny(c[i:i+1], `";,\ `) {
			tests = append(tests, tests[0])
			last := &tests[len(tests)-1]
			last.name, last.device, last.knownDevice, last.served = "device flipped", c, false, false
		}
	}
	for i := range len(carry) {
		tests = append(tests, tests[0])
		last := &tests[len(tests)-1]
		last.name, last.carry, last.served = "carry flipped", flipped(carry, i), false
	}
	for _, test := range tests {
		var cookies []string
		if test.device != "" {
			cookies = append(cookies, "experiment_device="+test.device)
		}
		if test.carry != "" {
			cookies = append(cookies, "experiment_carry="+test.carry)
		}
		header := []string{"Cookie", strings.Join(cookies, "; ")}
		e.Get("/login", nil, header...)
		if got := e.Provider.Last(t).Config(t) != nil; got != test.served {
			t.Errorf("%s: another page was served a decision: %t (%s)", test.name, got, cookies)
		}
		response := e.Get("/authorize", nil, header...)
		r := e.Provider.Last(t)
		if known := r.Header.Get("X-Subject") == id; known != test.knownDevice {
			t.Errorf("%s: decided for %s (%s)", test.name, r.Header.Get("X-Subject"), cookies)
		}
		if got := r.Config(t)["variation_id"] == "var_Spare"; got != test.served {
			t.Errorf("%s: got %v (%s)", test.name, r.Config(t), cookies)
		}
		if set := setCookies(response); len(set) != map[bool]int{false: 2}[test.served] {
			t.Errorf("%s: set %v", test.name, set)
		}
	}
}

// Sibling domains can set cookies of the same name: the first that is ours
// counts.
func TestTossedCookies(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Before: "request_header X-Subject {http.experiments.subject}"})
	a, b := caddymodule.SignDevice([]string{testKey}, "AAAA"), caddymodule.SignDevice([]string{testKey}, "BBBB")
	tests := []struct {
		name    string
		cookies []string
		want    string
	}{
		{"tossed before", []string{"experiment_device=tossed; experiment_device=" + a}, "AAAA"},
		{"tossed after", []string{"experiment_device=" + a + "; experiment_device=tossed"}, "AAAA"},
		{"two good ones", []string{"experiment_device=" + b + "; experiment_device=" + a}, "BBBB"},
		{"on two lines", []string{"experiment_device=tossed", "x=y; experiment_device=" + a}, "AAAA"},
		{"without spaces", []string{"x=y;experiment_device=" + a + ";z"}, "AAAA"},
		{"similar names", []string{"xexperiment_device=" + a + "; experiment_devicex=" + a + "; Experiment_Device=" + a + "; experiment_device=" + b}, "BBBB"},
	}
	for _, test := range tests {
		var header []string
		for _, line := range test.cookies {
			header = append(header, "Cookie", line)
		}
		e.Get("/authorize", nil, header...)
		if got := e.Provider.Last(t).Header.Get("X-Subject"); got != test.want {
			t.Errorf("%s: decided for %q, want %q", test.name, got, test.want)
		}
	}
}

// With a new key in front nobody loses device or decision, and browsers get
// their device signed anew.
func TestKeyRotation(t *testing.T) {
	const newKey = "another_key_of_thirty_two_bytes_"
	s := setup{Store: map[string]string{"default/production": split}, Before: seen + "\nrequest_header X-Subject {http.experiments.subject}"}
	e := startEdge(t, s)
	jar, _ := cookiejar.New(nil)
	e.Get("/authorize", jar)
	before := e.Provider.Last(t)

	load := func(keys string) {
		t.Helper()
		s.App = "signing_key " + keys
		if err := e.Load(s); err != nil {
			t.Fatal(err)
		}
	}
	same := func(when string, source string) {
		t.Helper()
		r := e.Provider.Last(t)
		if r.Header.Get("X-Subject") != before.Header.Get("X-Subject") || r.Config(t)["variation_id"] != before.Config(t)["variation_id"] || r.Header.Get("X-Seen") != source {
			t.Errorf("%s: %q was decided %v by %s; before %q %v", when, r.Header.Get("X-Subject"), r.Config(t), r.Header.Get("X-Seen"), before.Header.Get("X-Subject"), before.Config(t))
		}
	}
	load(newKey + " " + testKey)
	e.Get("/login", jar)
	same("on another page", "carried/")
	response := e.Get("/authorize", jar)
	same("at the next login", "carried/")
	if set := setCookies(response); set["experiment_device"] == nil || set["experiment_carry"] != nil {
		t.Errorf("set %v, want the device signed anew and the decision as it was", set)
	}
	if set := setCookies(e.Get("/authorize", jar)); len(set) != 0 {
		t.Errorf("set %v once more", set)
	}
	load(newKey)
	e.Get("/authorize", jar)
	same("without the old key", "bucket/")
}

func TestProvidersAnswerIsUntouched(t *testing.T) {
	e := startEdge(t, setup{
		Store: map[string]string{"default/production": split},
		Provider: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Set-Cookie", "session=1; Path=/")
			w.Header().Add("Set-Cookie", "csrf=2; Secure")
			w.Header().Set("Location", "/login?state=a%20b")
			w.Header().Set("Cache-Control", "no-store")
			w.Header()["X-Odd"] = []string{"", "two"}
			w.Header().Set("X-Experiment-Answer", "the provider may")
			if r.URL.Query().Get("hint") != "" {
				w.Header().Set("Link", "</style.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
			}
			w.WriteHeader(http.StatusFound)
			_, _ = w.Write([]byte("to the login"))
		},
	})
	for _, target := range []string{"/authorize", "/authorize?hint=1", "/login", "/authorize?prompt=none"} {
		ours, bare := e.Both(get(target))
		// A hint's headers can have ours among them; its answer is what counts.
		if ours.Text(isOurs) != bare.Text(isOurs) {
			t.Errorf("%s\n%s\nbare:\n%s", target, ours.Text(isOurs), bare.Text(isOurs))
		}
		want := map[bool]int{true: 4, false: 2}[target == "/authorize" || target == "/authorize?hint=1"]
		if got := ours.Header["Set-Cookie"]; len(got) != want {
			t.Errorf("%s: the cookies are %q", target, got)
		}
	}
}

func mustURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// expired makes a browser forget a cookie.
func expired(name string) []*http.Cookie {
	return []*http.Cookie{{Name: name, Path: "/", MaxAge: -1}}
}
