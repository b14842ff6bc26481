package caddymodule

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Whatever byte stands between the words of a name of ours, in headers, trailers
// and Connection tokens, no client gets it past the shield.
func TestShieldFoldsEveryByte(t *testing.T) {
	const configured = "Login-Variant!2"
	s := newShield(configured)
	for _, name := range []string{"X-Experiment-Config", "X-Experiment-Exposure", "x-experiment-a", configured} {
		for at := range len(name) {
			if alphanumeric(name[at]) {
				continue
			}
			for c := range 256 {
				spelling := name[:at] + string([]byte{byte(c)}) + name[at+1:]
				stripped := !alphanumeric(byte(c))
				if s.protects(spelling) != stripped {
					t.Errorf("%q is protected: %t", spelling, !stripped)
				}
				if c == ',' || !stripped {
					continue // two tokens, or a name that is not ours
				}
				r := &http.Request{
					Header:  http.Header{spelling: {"forged"}, "Connection": {spelling + ", X-Hop"}},
					Trailer: http.Header{spelling: nil},
					Body:    io.NopCloser(strings.NewReader("")),
				}
				s.strip(r)
				r.Trailer[spelling] = []string{"forged"} // as the server does at the end of the body
				_, _ = io.Copy(io.Discard, r.Body)
				if len(r.Header) != 1 || len(r.Trailer) != 0 || !slices.Equal(r.Header["Connection"], []string{"X-Hop"}) {
					t.Errorf("%q leaves %v, %v", spelling, r.Header, r.Trailer)
				}
			}
		}
	}
}

// What no server makes one of our variables of is the client's own business.
func TestShieldLeavesOthers(t *testing.T) {
	s := newShield("Login-Variant")
	for _, name := range []string{
		"", "X-Experiment", "X-Experiments-Config", "XX-Experiment-Config", "-X-Experiment-Config", "X--Experiment-Config", "XExperiment-Config",
		"X\u00e9Experiment-Config", "Login-Variant-", "Login-Variant!", "!Login-Variant", "Login--Variant", "Login-Varian", "LoginVariant",
	} {
		if s.protects(name) {
			t.Errorf("%q is taken for ours", name)
		}
	}
	for _, name := range []string{"X-Experiment-", "X-Experiment-Config!", "X-Experiment!\xc3\xa9", "login\xffvariant"} {
		if !s.protects(name) {
			t.Errorf("%q is not taken for ours", name)
		}
	}
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
