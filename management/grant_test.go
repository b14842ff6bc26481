package management

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// derive derives keys as ClientKeys has to, one of each root.
func derive(roots ...string) func(id, secret string) [][]byte {
	return func(id, secret string) (keys [][]byte) {
		for _, root := range roots {
			mac := hmac.New(sha256.New, []byte(root))
			mac.Write([]byte(id + "\n" + secret))
			keys = append(keys, mac.Sum(nil))
		}
		return keys
	}
}

const clientSecret = `a+b%20:c/"ü`

func withClients(c *Config) {
	c.Clients = []Client{
		{ID: "terraform", Secret: clientSecret},
		{ID: "reader", Secret: "reader secret", Name: "the reader", Scopes: []Scope{ScopeRead}},
		{ID: "acme", Secret: "acme secret", Tenant: "acme/staging"},
		{ID: "none", Secret: "none secret", Tenant: "acme/none"},
	}
	c.ClientKeys = derive("root")
	c.Entitled = func(tenant store.Tenant) bool { return tenant != "acme/none" }
}

// ask asks for an access token.
func (s *site) ask(contentType, body string, header ...string) reply {
	s.Helper()
	r := httptest.NewRequest("POST", TokenPath, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return s.send(r)
}

func (s *site) granted(id, secret string) string {
	s.Helper()
	got := s.ask(formType, url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}.Encode())
	text, _ := got.field("access_token").(string)
	if got.status != 200 || text == "" {
		s.Fatalf("%s is granted no token: %d %s", id, got.status, got.text)
	}
	return text
}

// with asks for the list of experiments with a token.
func (s *site) with(token string) reply {
	s.Helper()
	r := s.request("GET", "experiments", "")
	r.Header.Set("Authorization", "Bearer "+token)
	return s.send(r)
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func TestGrant(t *testing.T) {
	s := newSite(t, withClients).world()
	all := "read:experimentation create:experimentation update:experimentation delete:experimentation"
	long := strings.Repeat("x", 1025)
	const js, gt = "application/json", "grant_type=client_credentials"
	right := gt + "&client_id=terraform&client_secret=" + url.QueryEscape(clientSecret)
	for _, c := range []struct {
		name, contentType, body string
		header                  []string
		status                  int
		code, scope             string
	}{
		{"form", formType, right, nil, 200, "", all},
		{"form with a charset", formType + "; charset=utf-8", right, nil, 200, "", all},
		{"JSON", js, `{"grant_type":"client_credentials","client_id":"terraform","client_secret":"a+b%20:c/\"ü","audience":"https://x/api/v2/","organization":null,"more":{"a":[1]}}`, nil, 200, "", all},
		{"basic as written", formType, gt, []string{"Authorization", basic("terraform", url.QueryEscape(clientSecret))}, 200, "", all},
		{"basic without encoding", formType, gt, []string{"Authorization", basic("terraform", clientSecret)}, 200, "", all},
		{"basic with the id in the body", js, `{"grant_type":"client_credentials","client_id":"terraform"}`, []string{"Authorization", basic("terraform", clientSecret)}, 200, "", all},
		{"basic scheme in lower case", formType, gt, []string{"Authorization", strings.Replace(basic("terraform", clientSecret), "Basic", "basic", 1)}, 200, "", all},
		{"reader", formType, gt + "&client_id=reader&client_secret=reader+secret", nil, 200, "", "read:experimentation"},
		{"fewer scopes", formType, right + "&scope=delete:experimentation+read:users+read:experimentation", nil, 200, "", "read:experimentation delete:experimentation"},
		{"unknown fields", formType, right + "&a=1&a=2", nil, 200, "", all},

		{"no scope left", formType, right + "&scope=read:users", nil, 400, "invalid_scope", ""},
		{"a scope that the client has not", formType, gt + "&client_id=reader&client_secret=reader+secret&scope=create:experimentation", nil, 400, "invalid_scope", ""},
		{"unknown client", formType, gt + "&client_id=nobody&client_secret=x", nil, 401, "invalid_client", ""},
		{"wrong secret", formType, gt + "&client_id=reader&client_secret=x", nil, 401, "invalid_client", ""},
		{"secret of another client", formType, gt + "&client_id=reader&client_secret=acme+secret", nil, 401, "invalid_client", ""},
		{"no secret", formType, gt + "&client_id=reader", nil, 401, "invalid_client", ""},
		{"empty secret", formType, gt + "&client_id=reader&client_secret=", nil, 401, "invalid_client", ""},
		{"nothing", formType, "", nil, 401, "invalid_client", ""},
		{"basic without a secret", formType, gt, []string{"Authorization", basic("reader", "")}, 401, "invalid_client", ""},
		{"basic in two ways", formType, gt, []string{"Authorization", basic("rea%64er", "reader%20secret")}, 200, "", "read:experimentation"},
		{"another scheme", formType, right, []string{"Authorization", "Bearer x"}, 401, "invalid_client", ""},
		{"broken basic", formType, gt, []string{"Authorization", "Basic %%%"}, 401, "invalid_client", ""},
		{"two headers", formType, gt, []string{"Authorization", basic("terraform", clientSecret), "Authorization", basic("terraform", clientSecret)}, 401, "invalid_client", ""},
		{"twice", formType, right, []string{"Authorization", basic("terraform", clientSecret)}, 400, "invalid_request", ""},
		{"basic and another id", formType, gt + "&client_id=reader", []string{"Authorization", basic("terraform", clientSecret)}, 400, "invalid_request", ""},
		{"not entitled", formType, gt + "&client_id=none&client_secret=none+secret", nil, 400, "unauthorized_client", ""},
		{"no grant type", formType, strings.Replace(right, gt, "", 1), nil, 400, "invalid_request", ""},
		{"another grant type", formType, strings.Replace(right, gt, "grant_type=password&username=a", 1), nil, 400, "unsupported_grant_type", ""},
		{"field twice", formType, right + "&" + gt, nil, 400, "invalid_request", ""},
		{"field twice in JSON", js, `{"client_id":"a","client_id":"terraform"}`, nil, 400, "invalid_request", ""},
		{"audience too long", formType, right + "&audience=" + long, nil, 400, "invalid_request", ""},
		{"audience that is no text", formType, right + "&audience=%ff", nil, 400, "invalid_request", ""},
		{"body too large", formType, right + "&x=" + strings.Repeat("x", maxGrantBody), nil, 400, "invalid_request", ""},
		{"too many fields", formType, right + strings.Repeat("&a", 100), nil, 400, "invalid_request", ""},
		{"no form", formType, "%zz", nil, 400, "invalid_request", ""},
		{"no content type", "", right, nil, 400, "invalid_request", ""},
		{"text", "text/plain", right, nil, 400, "invalid_request", ""},
		{"no JSON", js, right, nil, 400, "invalid_request", ""},
		{"a list", js, `[]`, nil, 400, "invalid_request", ""},
		{"JSON cut off", js, `{"grant_type":"client_credentials"`, nil, 400, "invalid_request", ""},
		{"JSON and more", js, `{"grant_type":"client_credentials"} {}`, nil, 400, "invalid_request", ""},
		{"a number", js, `{"client_secret":1}`, nil, 400, "invalid_request", ""},
		{"deep JSON", js, `{"x":` + strings.Repeat("[", 12000), nil, 400, "invalid_request", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.ask(c.contentType, c.body, c.header...)
			code, _ := got.field("error").(string)
			scope, _ := got.field("scope").(string)
			if got.status != c.status || code != c.code || scope != c.scope {
				t.Errorf("got %d %s", got.status, got.text)
			}
			if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Pragma") != "no-cache" || got.header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("the header is %v", got.header)
			}
			if challenge := got.header.Get("WWW-Authenticate"); strings.HasPrefix(challenge, "Basic ") != (c.status == 401) {
				t.Errorf("WWW-Authenticate is %q", challenge)
			}
			if c.status == 200 && (got.field("token_type") != "Bearer" || got.field("expires_in") != 86400.0 || len(got.field("access_token").(string)) > longestAccessToken) {
				t.Errorf("got %s", got.text)
			}
			if description, _ := got.field("error_description").(string); c.status != 200 && (description == "" || strings.ContainsAny(description, "\"\\\n")) {
				t.Errorf("the description is %q", description)
			}
		})
	}
	for _, method := range []string{"GET", "OPTIONS", "PUT", "HEAD"} {
		r := httptest.NewRequest(method, TokenPath+"?"+right, nil)
		if got := s.send(r); got.status != 405 || got.header.Get("Allow") != "POST" || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %d %v", method, got.status, got.header)
		}
	}
}

// An access token does what its client may, in its client's tenant and name.
func TestAccessToken(t *testing.T) {
	s := newSite(t, withClients).world()
	text := s.granted("terraform", clientSecret)
	if got := s.with(text); got.status != 200 || len(got.field("experiments").([]any)) != 1 {
		t.Errorf("reading: got %d %s", got.status, got.text)
	}
	if got := s.with(s.granted("acme", "acme secret")); got.status != 200 || len(got.field("experiments").([]any)) != 0 {
		t.Errorf("reading another tenant: got %d %s", got.status, got.text)
	}
	write := func(token string) reply {
		r := s.request("POST", "segments", `{"name":"people on phones","rules":[{"match":{"device_type":["mobile"]}}]}`)
		r.Header.Set("Authorization", "Bearer "+token)
		return s.send(r)
	}
	if got := write(s.granted("reader", "reader secret")); got.code() != CodeInsufficientScope {
		t.Errorf("writing with a reader's token: got %d %s", got.status, got.text)
	}
	if got := write(text); got.status != 201 || s.events[len(s.events)-1].Token != "terraform" {
		t.Errorf("writing: got %d %s, the audit says %+v", got.status, got.text, s.events)
	}
	got := s.ask("application/json", `{"grant_type":"client_credentials","client_id":"reader","client_secret":"reader secret","audience":"https://a.example/api/v2/"}`)
	parts := strings.Split(got.field("access_token").(string), ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	claims := reply{text: payload}
	now := float64(s.clock.now.Unix())
	for name, want := range map[string]any{
		"aud": "https://a.example/api/v2/", "client_id": "reader", "sub": "reader", "tenant": "default/production", "scope": "read:experimentation",
		"iat": now, "exp": now + 86400, "iss": "caddy-experiments",
	} {
		if claims.field(name) != want {
			t.Errorf("%s is %v, want %v", name, claims.field(name), want)
		}
	}
	// LaunchDarkly's dialect takes it as any other token.
	r := httptest.NewRequest("GET", "/api/v2/metrics/default", nil)
	r.Header.Set("Authorization", text)
	w := httptest.NewRecorder()
	if s.api.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("LaunchDarkly's dialect: got %d %s", w.Code, w.Body)
	}
	s.clock.advance(accessLifetime - time.Minute)
	if got := s.with(text); got.status != 200 {
		t.Errorf("a minute before its end: got %d", got.status)
	}
	s.clock.advance(time.Minute)
	if got := s.with(text); got.code() != CodeInvalidToken {
		t.Errorf("at its end: got %d", got.status)
	}
}

// An access token ends with what it was granted for.
func TestAccessTokenEndsWithItsClient(t *testing.T) {
	s := newSite(t, withClients).world()
	text := s.granted("terraform", clientSecret)
	for _, c := range []struct {
		name   string
		change func(*Config)
		status int
	}{
		{"nothing", func(*Config) {}, 200},
		{"its client has gone", func(c *Config) { c.Clients = c.Clients[1:] }, 401},
		{"all clients have gone", func(c *Config) { c.Clients = nil }, 401},
		{"another secret", func(c *Config) { c.Clients[0].Secret = "new" }, 401},
		{"another id", func(c *Config) { c.Clients[0].ID = "other" }, 401},
		{"another tenant", func(c *Config) { c.Clients[0].Tenant = "acme/staging" }, 401},
		{"another name", func(c *Config) { c.Clients[0].Name = "other" }, 200},
		{"no right to read", func(c *Config) { c.Clients[0].Scopes = []Scope{ScopeCreate} }, 403},
		{"the right to read alone", func(c *Config) { c.Clients[0].Scopes = []Scope{ScopeRead} }, 200},
		{"the key has moved back", func(c *Config) { c.ClientKeys = derive("new", "root") }, 200},
		{"the key has gone", func(c *Config) { c.ClientKeys = derive("new") }, 401},
		{"no entitlement", func(c *Config) { c.Entitled = func(store.Tenant) bool { return false } }, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			later := newSite(t, func(config *Config) { withClients(config); c.change(config) })
			if got := later.with(text); got.status != c.status {
				t.Errorf("got %d %s", got.status, got.text)
			}
		})
	}
	// What a client has not been granted it does not get when it may more.
	reader := s.ask(formType, "grant_type=client_credentials&client_id=acme&client_secret=acme+secret&scope=read:experimentation")
	r := s.request("DELETE", "segments/seg_1", "")
	r.Header.Set("Authorization", "Bearer "+reader.field("access_token").(string))
	if got := s.send(r); got.code() != CodeInsufficientScope {
		t.Errorf("deleting with a token for reading: got %d %s", got.status, got.text)
	}
}

// signedBy writes a token of any header and payload with any key.
func signedBy(key []byte, header, payload string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Nothing but a token that was granted lets in, whatever it says of itself.
func TestForgedAccessTokens(t *testing.T) {
	s := newSite(t, withClients)
	text := s.granted("terraform", clientSecret)
	parts := strings.Split(text, ".")
	decoded, _ := base64.RawURLEncoding.DecodeString(parts[0])
	header := string(decoded)
	decoded, _ = base64.RawURLEncoding.DecodeString(parts[1])
	claims := string(decoded)
	key := derive("root")("terraform", clientSecret)[0]
	if got := s.with(signedBy(key, header, claims)); got.status != 200 {
		t.Fatalf("the test signs wrongly: %s", got.text)
	}
	foreign := strings.Split(s.granted("acme", "acme secret"), ".")
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for name, forged := range map[string]string{
		"no signature":                   parts[0] + "." + parts[1] + ".",
		"two parts":                      parts[0] + "." + parts[1],
		"four parts":                     text + ".",
		"alg none":                       encoded(strings.Replace(header, "HS256", "none", 1)) + "." + parts[1] + ".",
		"alg none with the signature":    encoded(strings.Replace(header, "HS256", "none", 1)) + "." + parts[1] + "." + parts[2],
		"alg HS512":                      signedBy(key, strings.Replace(header, "HS256", "HS512", 1), claims),
		"alg RS256":                      signedBy(key, strings.Replace(header, "HS256", "RS256", 1), claims),
		"no alg":                         signedBy(key, strings.Replace(header, `"alg":"HS256",`, "", 1), claims),
		"no kid":                         signedBy(key, `{"alg":"HS256","typ":"JWT"}`, claims),
		"a header of its own":            signedBy(key, strings.Replace(header, "{", `{"crit":["x"],"x":1,`, 1), claims),
		"another key":                    signedBy([]byte("root"), header, claims),
		"no key":                         signedBy(nil, header, claims),
		"the secret as the key":          signedBy([]byte(clientSecret), header, claims),
		"no exp":                         signedBy(key, header, strings.Replace(claims, `"exp"`, `"xexp"`, 1)),
		"exp that is text":               signedBy(key, header, strings.Replace(claims, `"exp":`, `"exp":"9999999999","x":`, 1)),
		"another client":                 signedBy(key, header, strings.Replace(claims, `"client_id":"terraform"`, `"client_id":"acme"`, 1)),
		"another tenant":                 signedBy(key, header, strings.Replace(claims, "default/production", "acme/staging", 1)),
		"no tenant":                      signedBy(key, header, strings.Replace(claims, "default/production", "", 1)),
		"no JSON":                        signedBy(key, header, claims[1:]),
		"another's header":               foreign[0] + "." + parts[1] + "." + parts[2],
		"another's payload":              parts[0] + "." + foreign[1] + "." + parts[2],
		"another's signature":            parts[0] + "." + parts[1] + "." + foreign[2],
		"the signature padded":           text + "=",
		"a changed claim":                parts[0] + "." + encoded(strings.Replace(claims, "read:", "reap:", 1)) + "." + parts[2],
		"far too long":                   signedBy(key, header, claims+strings.Repeat(" ", longestAccessToken)),
		"a client's id":                  "terraform",
		"a client's secret":              clientSecret,
		"the first part":                 parts[0],
		"nothing but dots":               "..",
		"the first part in another case": strings.ToLower(parts[0]) + "." + parts[1] + "." + parts[2],
	} {
		if got := s.with(forged); got.code() != CodeInvalidToken {
			t.Errorf("%s: got %d %s", name, got.status, got.text)
		}
	}
	for i := range text {
		changed := []byte(text)
		changed[i] ^= 1
		if got := s.with(string(changed)); got.status != 401 {
			t.Errorf("with byte %d changed: got %d", i, got.status)
		}
	}
}

// Guessing secrets spends what strangers have, and nothing of the clients'.
func TestGrantRateLimit(t *testing.T) {
	s := newSite(t, func(c *Config) { withClients(c); c.Rate, c.Burst = 1, 3 })
	guess := func(want int) {
		t.Helper()
		got := s.ask(formType, "grant_type=client_credentials&client_id=reader&client_secret=guess")
		if got.status != want || want == 429 && (got.header.Get("Retry-After") != "1" || got.field("error") != "too_many_requests") {
			t.Errorf("got %d %v %s", got.status, got.header, got.text)
		}
	}
	for range 3 {
		guess(401)
	}
	guess(429)
	if got := s.ask("text/plain", ""); got.status != 429 {
		t.Errorf("a broken request: got %d", got.status)
	}
	text := s.granted("reader", "reader secret") // the first of its three
	if got := s.with(text); got.status != 200 || got.header.Get("X-RateLimit-Remaining") != "1" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	s.with(text)
	if got := s.with(text); got.status != 429 {
		t.Errorf("the client has more than its quota: %d", got.status)
	}
	s.granted("acme", "acme secret")
	s.clock.advance(2 * time.Second)
	guess(401)
}

func TestClientsRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		clients []Client
		keys    func(id, secret string) [][]byte
		want    string
	}{
		{"no keys", []Client{{ID: "a", Secret: "b"}}, nil, "clients need ClientKeys"},
		{"no key", []Client{{ID: "a", Secret: "b"}}, derive(), "client 1: ClientKeys has no key for it"},
		{"no id", []Client{{Secret: "b"}}, derive("r"), "client 1: the id must be 1 to 255 visible ASCII characters"},
		{"a space", []Client{{ID: "a b", Secret: "b"}}, derive("r"), "the id must be"},
		{"no secret", []Client{{ID: "a"}}, derive("r"), "client 1: the secret is empty"},
		{"long secret", []Client{{ID: "a", Secret: strings.Repeat("x", 1025)}}, derive("r"), "the secret has more than 1024 bytes"},
		{"twice", []Client{{ID: "a", Secret: "b"}, {ID: "a", Secret: "c"}}, derive("r"), "client 2: another client has the same id"},
		{"scope", []Client{{ID: "a", Secret: "b", Scopes: []Scope{"x"}}}, derive("r"), `client 1: there is no scope "x"`},
		{"tenant", []Client{{ID: "a", Secret: "b", Tenant: "x"}}, derive("r"), "must be project/environment"},
	} {
		if _, err := New(Config{Store: &failing{}, Clients: c.clients, ClientKeys: c.keys}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

// Of whatever is shown as a token, only what was granted lets in.
func FuzzAccessToken(f *testing.F) {
	s := newSite(f, withClients)
	good := map[string]bool{}
	for _, c := range [][2]string{{"terraform", clientSecret}, {"acme", "acme secret"}} {
		text := s.granted(c[0], c[1])
		good[text] = true
		f.Add(text)
		f.Add(strings.Replace(text, ".", "..", 1))
		f.Add(text[:len(text)-1])
	}
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		held := s.api.clients.admit(text, s.clock.now)
		if (held != nil) != good[text] {
			t.Errorf("%q lets in: %v", text, held != nil)
		}
	})
}

// Whatever is asked for is granted to who shows a client's secret, and refused
// with 400 or 401 to all others.
func FuzzGrant(f *testing.F) {
	s := newSite(f, withClients)
	f.Add(formType, "grant_type=client_credentials&client_id=reader&client_secret=reader+secret", "")
	f.Add("application/json", `{"grant_type":"client_credentials","client_id":"reader","client_secret":"reader secret"}`, "")
	f.Add(formType, "grant_type=client_credentials&scope=a", basic("reader", "reader+secret"))
	f.Add("application/json", `{"grant_type":null,"client_id":"\ud800","x":[{}]}`, basic("%", "%"))
	f.Fuzz(func(t *testing.T, contentType, body, authorization string) {
		r := httptest.NewRequest("POST", TokenPath, strings.NewReader(body))
		r.Header = http.Header{"Content-Type": {contentType}}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, r)
		got := reply{w.Code, w.Header(), w.Body.Bytes()}
		if !slices.Contains([]int{200, 400, 401}, got.status) || (got.field("error") == nil) != (got.status == 200) {
			t.Errorf("got %d %s", got.status, got.text)
		}
		if text, _ := got.field("access_token").(string); got.status == 200 && s.api.clients.admit(text, s.clock.now) == nil {
			t.Errorf("%s was granted and does not let in", got.text)
		}
	})
}
