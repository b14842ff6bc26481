package caddymodule

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/caddy-experiments/caddy-experiments/device"
	"github.com/caddy-experiments/caddy-experiments/engine"
)

const fuzzKey = "0123456789abcdef0123456789abcdef"

// Our scan must read what net/url reads, but for three things: a semicolon is an
// ordinary character, as browsers have it; a name or value that is encoded
// wrongly does not spoil the other parameters; and such a value is empty but
// given, so that a second one makes it a repeated parameter.
func FuzzParameters(f *testing.F) {
	for _, seed := range []string{
		"client_id=a&experiment_id=b&experiment_id=c", "experiment%5Fid=%65xp_1&prompt=none&a", "&&==&=experiment_id&segment_id",
		"variation_id=a;b&%zz=1&connection=%zz&organization=+a%2Bb", "experiment_token=v1.a.b&organization_id=%00%ff",
		strings.Repeat("%65", 16) + "=x", "experiment_token" + strings.Repeat("%00", 40) + "=x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var p parameters
		p.scan(text)
		if strings.Contains(text, ";") {
			return
		}
		want, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		for which, name := range parameterNames {
			values := want[name]
			if p.given[which] != (len(values) > 0) || p.repeated[which] != (len(values) > 1) || p.values[which] != want.Get(name) {
				t.Errorf("%q: %s is %q, given %t, repeated %t; net/url has %q", text, name, p.values[which], p.given[which], p.repeated[which], values)
			}
		}
	})
}

// No Cookie header that somebody without the key makes up is believed.
func FuzzCookies(f *testing.F) {
	keys := ring([]string{fuzzKey})
	strange := ring([]string{"a foreign key of thirty-two bytes"})
	now := time.Unix(1_800_000_000, 0)
	decision := &engine.Decision{Treatment: &engine.Treatment{ExperimentID: "exp_1", VariationID: "var_1", IsControl: true}}
	// What a stranger can see: the forms, and our key's name.
	rename := strings.NewReplacer(strange.current().id, keys.current().id)
	f.Add("experiment_device=" + rename.Replace(strange.writeDevice("AAAA", now)) + "; experiment_carry=" + rename.Replace(strange.writeCarry(decision, "a/b", "AAAA", now)))
	f.Add("experiment_device=v1." + keys.current().id + ".a.b." + strings.Repeat("A", signatureLength) + ";;; =;experiment_carry=v1.......")
	f.Add("experiment_carry=v1." + keys.current().id + ".exp_1.var_1..co.zzzz." + strings.Repeat("A", signatureLength))
	f.Fuzz(func(t *testing.T, line string) {
		h := http.Header{"Cookie": {line, line}}
		if id, _ := keys.readDevice(h); id != "" {
			t.Errorf("%q: device %q", line, id)
		}
		if carried, ok := keys.readCarry(h, "a/b", "AAAA", now, time.Hour, overridesOpen); ok {
			t.Errorf("%q: carried %v", line, carried)
		}
		// Ours behind it are still found, unless the line swallows them.
		if strings.Contains(line, "experiment_") {
			return
		}
		h = http.Header{"Cookie": {line + "; experiment_device=" + keys.writeDevice("AAAA", now), "experiment_carry=" + keys.writeCarry(decision, "a/b", "AAAA", now)}}
		if id, current := keys.readDevice(h); id != "AAAA" || !current {
			t.Errorf("%q: hides the device", line)
		}
		if carried, ok := keys.readCarry(h, "a/b", "AAAA", now, time.Hour, overridesOpen); !ok || carried.ExperimentID != "exp_1" || !carried.IsControl {
			t.Errorf("%q: hides what is carried", line)
		}
	})
}

// No token that somebody without the key makes up allows anything, whatever the
// override.
func FuzzToken(f *testing.F) {
	keys := ring([]string{fuzzKey})
	strange := ring([]string{"a foreign key of thirty-two bytes"})
	now := time.Unix(1_800_000_000, 0)
	force := engine.Force{ExperimentID: "exp_1", VariationID: "var_1"}
	rename := strings.NewReplacer(strange.current().id, keys.current().id)
	f.Add(rename.Replace(strange.writeToken("a/b", force, now.Add(time.Hour))), "a/b", "exp_1", "var_1", "")
	f.Add("v1."+keys.current().id+".exp_1.var_1..zzzzzz."+strings.Repeat("A", signatureLength), "a/b", "exp_1", "var_1", "")
	f.Add(".......", "", "", "", "")
	f.Fuzz(func(t *testing.T, token, tenant, experiment, variation, segment string) {
		force := engine.Force{ExperimentID: experiment, VariationID: variation, SegmentID: segment}
		if keys.allowsOverride(token, tenant, force, now) {
			t.Errorf("%q allows %v", token, force)
		}
		if strings.Contains(experiment+variation+segment, ".") || len(experiment)+len(variation)+len(segment) > 300 {
			return // no ids
		}
		good := keys.writeToken(tenant, force, now.Add(time.Hour))
		if !keys.allowsOverride(good, tenant, force, now) {
			t.Errorf("%q does not allow %v", good, force)
		}
		if keys.allowsOverride(good, tenant, force, now.Add(time.Hour)) || keys.allowsOverride(good, tenant+"x", force, now) || keys.allowsOverride(good+token, tenant, force, now) && token != "" {
			t.Errorf("%q allows too much", good)
		}
	})
}

// After the shield no name is left of which a server could make the CGI variable
// of a name of ours, and every other is.
func FuzzShield(f *testing.F) {
	f.Add("X-Experiment-Config", "value", "close, X-Experiment-Config", "Login-Variant")
	f.Add("x.experiment_CONFIG", "", "X_Experiment.Config,,keep-alive", "X_Custom.Header")
	f.Add("Login_variant", "a", "\u00a0X-Experiment-Config\t,x", "login-variant")
	f.Add("\xd2", "", "\xd2", "\xd2")
	f.Add("X!Experiment~Exposure", "", "x|experiment\u00e9config, X'Experiment'Config'", "Login!Variant\xff")
	f.Add("!X-Experiment-Config", "", "Login-Variant+", "Login-Variant")
	f.Fuzz(func(t *testing.T, name, value, connection, configured string) {
		s := newShield(configured)
		r := &http.Request{Header: http.Header{name: {value}, "Accept": {"x"}}, Trailer: http.Header{name: {value}, "X-Sum": {"1"}}}
		r.Body = io.NopCloser(strings.NewReader("body"))
		if name != "Connection" {
			r.Header["Connection"] = []string{connection, connection}
		}
		s.strip(r)
		r.Trailer[name] = []string{value} // as the server does at the end of the body
		if body, err := io.ReadAll(r.Body); string(body) != "body" || err != nil {
			t.Fatalf("the body reads %q, %v", body, err)
		}
		ours := func(text string) bool {
			name := cgiVariable(text)
			return strings.HasPrefix(name, "HTTP_X_EXPERIMENT_") || name == cgiVariable(configured)
		}
		for _, part := range []http.Header{r.Header, r.Trailer} {
			for left := range part {
				if ours(left) {
					t.Errorf("%q is left", left)
				}
			}
			if _, kept := part[name]; kept == ours(name) && name != "Connection" {
				t.Errorf("%q is kept: %t", name, kept)
			}
		}
		if name == "Connection" || ours("Connection") {
			return
		}
		var want []string
		for range 2 {
			for _, token := range strings.Split(connection, ",") {
				if token = strings.Trim(token, " \t\r\n"); token != "" && !ours(token) {
					want = append(want, token)
				}
			}
		}
		var got []string
		for _, line := range r.Header["Connection"] {
			for _, token := range strings.Split(line, ",") {
				if token = strings.Trim(token, " \t\r\n"); token != "" {
					got = append(got, token)
				}
			}
		}
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("of the tokens %q are left, want %q", got, want)
		}
	})
}

// cgiVariable is what lighttpd, which is the most thorough of the servers, makes
// of a header's name for a program behind it.
func cgiVariable(name string) string {
	b := []byte("HTTP_" + name)
	for i, c := range b {
		switch {
		case 'a' <= c && c <= 'z':
			b[i] = c - 'a' + 'A'
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			b[i] = '_'
		}
	}
	return string(b)
}

// Whatever is sent as a form, the provider reads the same bytes and the same end.
func FuzzForm(f *testing.F) {
	f.Add([]byte("client_id=spa"), "application/x-www-form-urlencoded", false, uint16(0))
	f.Add(bytes.Repeat([]byte("a=b&"), 100), "application/x-www-form-urlencoded; charset=utf-8", true, uint16(700))
	f.Add([]byte{0, 0xff}, "multipart/form-data; boundary=x", true, uint16(70))
	f.Fuzz(func(t *testing.T, text []byte, mediaType string, breaks bool, repeat uint16) {
		text = bytes.Repeat(text, 1+int(repeat)%1024)
		if len(text) > 4*maxForm {
			text = text[:4*maxForm]
		}
		var source io.Reader = bytes.NewReader(text)
		if breaks {
			source = io.MultiReader(source, iotest.ErrReader(io.ErrUnexpectedEOF))
		}
		body := &closing{Reader: iotest.DataErrReader(source)}
		r := &http.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {mediaType}}, Body: body, ContentLength: -1}
		read := readForm(r)
		if read != nil && (!bytes.Equal(read, text) || breaks || len(text) > maxForm) {
			t.Errorf("a form of %d bytes, broken %t, gave %d", len(text), breaks, len(read))
		}
		replayed, err := io.ReadAll(r.Body)
		if !bytes.Equal(replayed, text) || (err != nil) != breaks {
			t.Errorf("the body of %d bytes reads as %d, %v", len(text), len(replayed), err)
		}
		if r.Body.Close() != nil || !body.closed || r.ContentLength != -1 {
			t.Error("the body is not closed, or has another length")
		}
	})
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

// A line of the decision log is one line and one JSON object, whoever asks.
func FuzzDecisionLine(f *testing.F) {
	f.Add("spa", "Mozilla/5.0 (Windows NT 10.0)", `"Chromium";v="1"`, `"Windows"`, 200)
	f.Add("a\r\n\x1b[2J\u2028\xff\"\\", "curl/8.0\"}", "\x00", "?1", 0)
	f.Add(strings.Repeat("é", 100), "a\xffb/1.0 c", `"x";v="\"`, "\"\n\"", -1)
	f.Fuzz(func(t *testing.T, client, agent, brands, platform string, status int) {
		v := &visit{clientID: client}
		v.device = device.Parse(device.Signals{UserAgent: agent, Brands: brands, Platform: platform, Model: brands, FormFactors: platform})
		v.decision = engine.Decision{Treatment: &engine.Treatment{ExperimentID: "exp_1", VariationID: "var_1", Strategy: engine.StrategySegment}, SegmentID: "seg_1", Source: engine.SourceSegment}
		line := v.appendLine(nil, "a/b", status, time.Now())
		var decoded struct {
			ClientID string `json:"client_id"`
			Status   json.Number
			Browser  string
			Details  struct{ Experiment map[string]any }
		}
		if err := json.Unmarshal(line, &decoded); err != nil || bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("%q: %v", line, err)
		}
		if bytes.ContainsFunc(line[:len(line)-1], func(r rune) bool { return r < ' ' || r == 0x2028 || r == 0x2029 }) {
			t.Errorf("%q has a control character", line)
		}
		if decoded.ClientID != strings.ToValidUTF8(clipped(client), "\ufffd") && len(client) <= longestLogged && strings.ToValidUTF8(client, "") == client {
			t.Errorf("client_id %q is logged as %q", client, decoded.ClientID)
		}
		if decoded.Status.String() != strconv.Itoa(status) || decoded.Browser != v.device.Browser || len(decoded.Details.Experiment) != 6 {
			t.Errorf("%q", line)
		}
	})
}
