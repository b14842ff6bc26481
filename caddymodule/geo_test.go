package caddymodule_test

import "testing"

func TestLocationIsTheClients(t *testing.T) {
	const trusted = "servers {\ntrusted_proxies static 127.0.0.0/8 10.0.0.0/8\ntrusted_proxies_strict\n}"
	const geoip = "geoip " + demoPath
	tests := []struct {
		name, global, app string
		header            []string
		want              string
	}{
		{"by a trusted proxy", trusted, geoip, []string{"X-Forwarded-For", "198.51.100.7"}, "US-WA"},
		{"elsewhere", trusted, geoip, []string{"X-Forwarded-For", "192.0.2.7"}, "SE-AB"},
		{"IPv6", trusted, geoip, []string{"X-Forwarded-For", "2001:db8:1::1"}, "US-NY"},
		{"IPv6 with a zone", trusted, geoip, []string{"X-Forwarded-For", "2001:db8:1::1%eth0"}, "US-NY"},
		{"IPv4 in IPv6", trusted, geoip, []string{"X-Forwarded-For", "::ffff:198.51.100.7"}, "US-WA"},
		{"country without region", trusted, geoip, []string{"X-Forwarded-For", "2001:db8:2::1"}, "SG-"},
		{"behind two proxies", trusted, geoip, []string{"X-Forwarded-For", "198.51.100.7, 10.1.2.3"}, "US-WA"},
		{"claimed before the proxy", trusted, geoip, []string{"X-Forwarded-For", "198.51.100.7, 192.0.2.7"}, "SE-AB"},
		{"claimed on a line before", trusted, geoip, []string{"X-Forwarded-For", "198.51.100.7", "X-Forwarded-For", "192.0.2.7"}, "SE-AB"},
		{"claimed in other headers", trusted, geoip, []string{"Forwarded", "for=198.51.100.7", "X-Real-Ip", "198.51.100.7", "CF-Connecting-IP", "198.51.100.7"}, "-"},
		{"nonsense", trusted, geoip, []string{"X-Forwarded-For", "everywhere"}, "-"},
		{"in no database", trusted, geoip, []string{"X-Forwarded-For", "8.8.8.8"}, "-"},
		{"private", trusted, geoip, []string{"X-Forwarded-For", "192.168.1.1"}, "-"},
		{"a client that claims it", "", geoip, []string{"X-Forwarded-For", "198.51.100.7"}, "-"},
		{"a client of another proxy's claims", "servers {\ntrusted_proxies static 10.0.0.0/8\n}", geoip, []string{"X-Forwarded-For", "198.51.100.7"}, "-"},
		{"no database", trusted, "", []string{"X-Forwarded-For", "198.51.100.7"}, "-"},
		{"a database that is missing", trusted, "geoip {dir}/missing.mmdb optional", []string{"X-Forwarded-For", "198.51.100.7"}, "-"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := startEdge(t, setup{
				Global: test.global, App: test.app,
				Before: "request_header X-Place {http.experiments.country}-{http.experiments.region}",
			})
			for _, path := range []string{"/authorize", "/login"} {
				e.Get(path, nil, test.header...)
				if got := e.Provider.Last(t).Header.Get("X-Place"); got != test.want {
					t.Errorf("%s: %q, want %q", path, got, test.want)
				}
			}
		})
	}
}

// Segments see the place, the device and the client as they are.
func TestSegmentsByPlaceAndDevice(t *testing.T) {
	e := startEdge(t, located(setup{Store: map[string]string{"default/production": audience}}))
	tests := []struct{ name, agent, from, want string }{
		{"phone in the US", safariOnPhone, "198.51.100.7", "var_Phones"},
		{"phone in Sweden", safariOnPhone, "192.0.2.7", "var_Everyone"},
		{"desktop in Sweden", firefoxOnLinux, "192.0.2.7", "var_Nordic"},
		{"desktop nowhere", firefoxOnLinux, "127.0.0.1", "var_Everyone"},
	}
	for _, test := range tests {
		e.Get("/authorize", nil, "User-Agent", test.agent, "X-Forwarded-For", test.from)
		if got := e.Provider.Last(t).Config(t)["variation_id"]; got != test.want {
			t.Errorf("%s: got %v, want %s", test.name, got, test.want)
		}
	}
}

// attributes are those of the request itself.
func TestSegmentsByRequest(t *testing.T) {
	tests := []struct {
		name, match, query, form string
		host                     string
		want                     bool
	}{
		{"client", `"client_id": ["SPA"]`, "client_id=spa", "", "", true},
		{"another client", `"client_id": ["spa"]`, "client_id=app", "", "", false},
		{"client by form", `"client_id": ["spa"]`, "", "client_id=spa", "", true},
		{"client, encoded", `"client_id": ["my app"]`, "client_id=my+app", "", "", true},
		{"client that cannot be decoded", `"client_id": {"exists": false}`, "client_id=%zz", "", "", true},
		{"connection", `"connection": ["google-oauth2"]`, "connection=google-oauth2", "", "", true},
		{"connection type", `"connection_type": ["social"]`, "connection=google-oauth2", "", "", true},
		{"type of another connection", `"connection_type": {"exists": true}`, "connection=okta", "", "", false},
		{"organization", `"organization_id": {"starts_with": ["org_"]}`, "organization=org_1", "", "", true},
		{"organization id", `"organization_id": ["org_2"]`, "organization=org_1&organization_id=org_2", "", "", true},
		{"domain", `"domain": ["auth.example.com"]`, "", "", "Auth.Example.com", true},
		{"domain with port", `"domain": {"ends_with": [".example.com"]}`, "", "", "auth.example.com:8443", true},
		{"another domain", `"domain": ["auth.example.com"]`, "", "", "auth.example.org", false},
		{"agent", `"user_agent": {"contains": ["firefox/140"]}`, "", "", "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := replaced(t, audience, `{"device_type": ["mobile"], "country": ["us"]}`, "{"+test.match+"}")
			e := startEdge(t, setup{Store: map[string]string{"default/production": document}, Site: "connections {\ngoogle-oauth2 social\n}"})
			request := get("/authorize?"+test.query, "User-Agent: "+firefoxOnLinux+"\r\n")
			if test.form != "" {
				request = post(test.form, formType)
			}
			if test.host != "" {
				request = "GET /authorize HTTP/1.1\r\nHost: " + test.host + "\r\n\r\n"
			}
			x := e.Raw(e.port, request, false)
			if got := x.Received[0].Config(t)["variation_id"] == "var_Phones"; got != test.want {
				t.Errorf("matched: %t (%v)", got, x.Received[0].Config(t))
			}
		})
	}
}
