package caddymodule_test

import (
	"fmt"
	"net/http"
	"testing"
)

// addressHeaders are the ones in which somebody on the way may have said who the
// client is.
var addressHeaders = []string{
	"X-Forwarded-For", "Forwarded", "True-Client-Ip", "X-Real-Ip", "Cf-Connecting-Ip", "X-Client-Ip", "X-Cluster-Client-Ip",
	"Fastly-Client-Ip", "X-Original-Forwarded-For", "X-Azure-Clientip", "Via", "X_forwarded_for", "X.Forwarded.For",
}

// claims say in every form that the client is in the United States.
var claims = []string{
	"198.51.100.7", "198.51.100.7:443", " 198.51.100.7 ", "::ffff:198.51.100.7", "[::ffff:198.51.100.7]:443", "2001:db8:1::1",
	"[2001:db8:1::1]", "[2001:db8:1::1]:443", "2001:db8:1::1%eth0", "2001:DB8:1:0:0:0:0:1", `for=198.51.100.7`, `for="[2001:db8:1::1]:443";by=::1`,
}

// tellPlace shows the provider where the client is taken to be.
const tellPlace = "request_header X-Place {http.experiments.country}-{http.experiments.region}"

// Where a client is, is what the connection or a trusted proxy says, and nothing
// that the client can write.
func TestPlacesCannotBeSpoofed(t *testing.T) {
	const (
		nowhere = "-" // the loopback address is in no country
		sweden  = "192.0.2.7"
	)
	tests := []struct {
		name, global string
		// believed are the headers that somebody who is trusted writes.
		believed []string
		// A proxy appends the address that it sees to what the client claims.
		appended string
		want     string
	}{
		{"nobody is trusted", "", nil, "", nowhere},
		{"somebody else is trusted", "servers {\ntrusted_proxies static 10.0.0.0/8\ntrusted_proxies_strict\n}", nil, sweden, nowhere},
		{"a proxy that appends is trusted", "servers {\ntrusted_proxies static 127.0.0.0/8\ntrusted_proxies_strict\n}", []string{"X-Forwarded-For"}, sweden, "SE-AB"},
		{"another header is trusted", "servers {\ntrusted_proxies static 127.0.0.0/8\ntrusted_proxies_strict\nclient_ip_headers True-Client-IP\n}", []string{"True-Client-Ip"}, sweden, "SE-AB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := startEdge(t, setup{Global: test.global, App: "geoip " + demoPath, Before: tellPlace})
			check := func(what, want string, header ...string) {
				t.Helper()
				response := e.Get("/authorize", nil, header...)
				if got := e.Provider.Last(t).Header.Get("X-Place"); got != want || response.StatusCode != http.StatusOK {
					t.Errorf("%s: taken to be at %q, want %q; answered %d", what, got, want, response.StatusCode)
				}
			}
			for _, name := range addressHeaders {
				for _, claim := range claims {
					want, value := nowhere, claim
					if len(test.believed) > 0 && name == test.believed[0] {
						want, value = test.want, claim+", "+test.appended
					}
					check(fmt.Sprintf("%s: %s", name, value), want, name, value)
					if want != nowhere {
						check(fmt.Sprintf("%s: %s on two lines", name, value), want, name, claim, name, test.appended)
					}
				}
			}
			// All of them at once, before what the proxy says.
			all := []string{}
			for _, name := range addressHeaders {
				if len(test.believed) == 0 || name != test.believed[0] {
					all = append(all, name, claims[0])
				}
			}
			for _, name := range test.believed {
				all = append(all, name, claims[0]+", "+test.appended)
			}
			check("all headers", test.want, all...)
		})
	}
}

// Without trusted_proxies_strict the leftmost address counts, which a client can
// choose where its proxy appends: the reason why the documentation asks for it.
func TestPlacesWithoutStrictCanBeSpoofed(t *testing.T) {
	e := startEdge(t, setup{Global: "servers {\ntrusted_proxies static 127.0.0.0/8\n}", App: "geoip " + demoPath, Before: tellPlace})
	e.Get("/authorize", nil, "X-Forwarded-For", "198.51.100.7, 192.0.2.7")
	if got := e.Provider.Last(t).Header.Get("X-Place"); got != "US-WA" {
		t.Errorf("taken to be at %q; if Caddy no longer believes the leftmost address, the documentation can say so", got)
	}
}

// The peer of the connection itself, in every form that an address has.
func TestPlaceOfThePeer(t *testing.T) {
	e := startEdge(t, setup{
		Store: map[string]string{"default/production": split}, App: "geoip " + demoPath,
		Global: "servers {\ntrusted_proxies static 10.0.0.0/8 fd00::/8\ntrusted_proxies_strict\n}",
	})
	tests := []struct{ peer, forwarded, want string }{
		{"198.51.100.7", "", "US-WA"},
		{"198.51.100.7", "192.0.2.7", "US-WA"},
		{"::ffff:198.51.100.7", "", "US-WA"},
		{"::ffff:198.51.100.7", "192.0.2.7", "US-WA"},
		{"2001:db8:1::1", "192.0.2.7", "US-NY"},
		{"2001:db8:1::1%eth0", "192.0.2.7", "US-NY"},
		{"10.0.0.1", "192.0.2.7", "SE-AB"},
		{"10.0.0.1", "198.51.100.7, 192.0.2.7", "SE-AB"},
		{"10.0.0.1", "198.51.100.7, 192.0.2.7, 10.0.0.2", "SE-AB"},
		{"fd00::1", "198.51.100.7, 192.0.2.7", "SE-AB"},
		{"fd00::1", "2001:db8:1::1", "US-NY"},
		{"fd01::1%eth0", "", "-"},
		{"192.168.1.1", "198.51.100.7", "-"},
		{"100.64.0.1", "198.51.100.7", "-"},
		{"fe80::1%eth0", "198.51.100.7", "-"},
		{"127.0.0.1", "198.51.100.7", "-"},
	}
	for _, test := range tests {
		question := map[string]any{"url": "/authorize", "ip": test.peer, "headers": map[string][]string{}}
		if test.forwarded != "" {
			question["headers"] = map[string][]string{"X-Forwarded-For": {test.forwarded}}
		}
		_, answer, _ := e.Decide(question)
		found := map[string]string{}
		for _, a := range answer.Attributes {
			found[a.Name] = a.Value
		}
		if got := found["country"] + "-" + found["region"]; got != test.want {
			t.Errorf("from %s with %q: taken to be at %q, want %q", test.peer, test.forwarded, got, test.want)
		}
	}
}
