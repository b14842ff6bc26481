package caddymodule_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
)

// certified writes a certificate for the loopback address into the edge's
// directory, and gives Caddy's directive for it.
func (e *edge) certified() string {
	e.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		e.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		e.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		e.t.Fatal(err)
	}
	return fmt.Sprintf("tls %s %s\n",
		e.write("certificate.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})),
		e.write("certificate.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

func TestNoClientSpeaksForTheEdgeOverHTTP3(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	port := freePort(t)
	if err := e.Load(setup{
		Global: "servers {\nexpected_underscore_headers X_experiment_config\nexpected_dot_headers X.experiment.config\n}",
		Before: fmt.Sprintf("}\nhttps://localhost:%d {\nbind 127.0.0.1\n%sexperiments\n", port, e.certified()),
	}); err != nil {
		t.Fatal(err)
	}
	transport := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}} // the test's own certificate
	defer transport.Close()
	const name = "X-Experiment-Config"
	tests := []struct {
		name    string
		header  http.Header
		trailer http.Header
	}{
		{"nothing", nil, nil},
		{"header", http.Header{name: {forgery}, "X-Other": {"1"}}, nil},
		{"twice", http.Header{name: {forgery, forgery}}, nil},
		{"underscores", http.Header{"X_experiment_config": {forgery}}, nil},
		{"dots", http.Header{"X.experiment.config": {forgery}}, nil},
		{"all spellings", http.Header{name: {forgery}, "X_experiment_config": {forgery}, "X.experiment.config": {forgery}, "X-Experiment-Exposure": {forgery}}, nil},
		{"trailer", nil, http.Header{name: {forgery}}},
		{"trailer and header", http.Header{name: {forgery}}, http.Header{name: {forgery}, "X-Sum": {"1"}}},
		{"trailer in other spellings", nil, http.Header{"X_experiment_config": {forgery}, "X-Sum": {"1"}}},
	}
	for _, path := range []string{"/authorize", "/login", "/authorize?prompt=none"} {
		for _, test := range tests {
			request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d%s", port, path), nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.trailer != nil {
				request.Method, request.Body, request.Trailer = http.MethodPost, io.NopCloser(strings.NewReader("client_id=spa")), test.trailer
				request.ContentLength = -1
			}
			request.Host = "localhost"
			for name, values := range test.header {
				request.Header[name] = values
			}
			before := e.Provider.Count()
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			received := e.Provider.Since(before)
			if response.StatusCode != http.StatusOK || response.Proto != "HTTP/3.0" || len(received) != 1 {
				t.Fatalf("%s %s: answered %d over %s, %d requests arrived", path, test.name, response.StatusCode, response.Proto, len(received))
			}
			decided := path == "/authorize"
			if decided && len(received[0].Header[name]) != 1 {
				t.Errorf("%s %s: no decision arrived", path, test.name)
			}
			if what := forged(received[0], decided); what != "" {
				t.Errorf("%s %s: the provider received %s", path, test.name, what)
			}
		}
	}
}
