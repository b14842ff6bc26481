package caddymodule_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// HTTP/2 has no Connection header, and its trailers are frames. A well-behaved
// client refuses to send what is tried here, so the frames are made by hand.

// stream is one request in frames. The pseudo headers of a GET to idp stand
// where none are given.
type stream struct {
	path    string
	headers [][2]string
	body    string
	trailer [][2]string
}

// H2 sends a stream on a connection of its own, in clear text.
func (e *edge) H2(port int, s stream) exchange {
	e.t.Helper()
	before := e.Provider.Count()
	connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), patience)
	if err != nil {
		e.t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))

	var out bytes.Buffer
	out.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&out, connection)
	framer.AllowIllegalWrites = true
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encode := func(fields [][2]string) []byte {
		block.Reset()
		for _, f := range fields {
			_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		return bytes.Clone(block.Bytes())
	}
	method := "GET"
	if s.body != "" {
		method = "POST"
	}
	head := append([][2]string{{":method", method}, {":scheme", "http"}, {":authority", "idp"}, {":path", s.path}}, s.headers...)
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(head), EndHeaders: true, EndStream: s.body == ""})
	if s.body != "" {
		_ = framer.WriteData(1, s.trailer == nil, []byte(s.body))
		if s.trailer != nil {
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(s.trailer), EndHeaders: true, EndStream: true})
		}
	}
	if _, err := connection.Write(out.Bytes()); err != nil {
		e.t.Fatal(err)
	}
	x := exchange{Header: http.Header{}}
	for ended := false; !ended; {
		frame, err := framer.ReadFrame()
		if err != nil {
			if err != io.EOF {
				e.t.Logf("reading frames: %v", err)
			}
			break
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			x.Status, _ = strconv.Atoi(f.PseudoValue("status"))
			for _, field := range f.RegularFields() {
				x.Header.Add(field.Name, field.Value)
			}
			ended = f.StreamEnded()
		case *http2.DataFrame:
			x.Body = append(x.Body, f.Data()...)
			ended = f.StreamEnded()
		case *http2.RSTStreamFrame:
			x.Interim = append(x.Interim, -int(f.ErrCode))
			ended = true
		case *http2.GoAwayFrame:
			x.Interim = append(x.Interim, -int(f.ErrCode))
			ended = true
		}
	}
	x.Received = e.Provider.Since(before)
	return x
}

func TestNoClientSpeaksForTheEdgeOverHTTP2(t *testing.T) {
	e := startEdge(t, setup{
		Store:  map[string]string{"default/production": split},
		Global: "servers {\nprotocols h1 h2c\nexpected_underscore_headers X_experiment_config\nexpected_dot_headers X.experiment.config\n}",
	})
	const name = "x-experiment-config"
	tests := []struct {
		name   string
		stream stream
		denied bool // by HTTP/2 itself
	}{
		{name: "nothing", stream: stream{headers: [][2]string{{"x-other", "1"}}}},
		{name: "header", stream: stream{headers: [][2]string{{name, forgery}, {"x-other", "1"}}}},
		{name: "twice", stream: stream{headers: [][2]string{{name, forgery}, {name, forgery}}}},
		{name: "underscores", stream: stream{headers: [][2]string{{"x_experiment_config", forgery}}}},
		{name: "dots", stream: stream{headers: [][2]string{{"x.experiment.config", forgery}}}},
		{name: "upper case", stream: stream{headers: [][2]string{{"X-Experiment-Config", forgery}}}, denied: true},
		{name: "connection", stream: stream{headers: [][2]string{{"connection", name}, {"x-other", "1"}}}, denied: true},
		{name: "connection in upper case", stream: stream{headers: [][2]string{{"Connection", name}}}, denied: true},
		{name: "pseudo header", stream: stream{headers: [][2]string{{":" + name, forgery}}}, denied: true},
		{name: "many cookies", stream: stream{headers: [][2]string{{"cookie", "a=1"}, {"cookie", "experiment_carry=v1.x"}, {"cookie", "b=2"}}}},
		{name: "declared trailer", stream: stream{body: "x", headers: [][2]string{{"trailer", name}}, trailer: [][2]string{{name, forgery}}}},
		{name: "declared trailer among others", stream: stream{body: "x", headers: [][2]string{{"trailer", "x-sum, " + name}}, trailer: [][2]string{{"x-sum", "1"}, {name, forgery}}}},
		{name: "undeclared trailer", stream: stream{body: "x", trailer: [][2]string{{name, forgery}}}},
		{name: "undeclared trailer beside a declared one", stream: stream{body: "x", headers: [][2]string{{"trailer", "x-sum"}}, trailer: [][2]string{{"x-sum", "1"}, {name, forgery}}}},
		{name: "form with trailer", stream: stream{body: "client_id=spa", headers: [][2]string{{"content-type", "application/x-www-form-urlencoded"}, {"trailer", "x-sum"}}, trailer: [][2]string{{"x-sum", "1"}, {name, forgery}}}},
		{name: "form", stream: stream{body: "client_id=spa", headers: [][2]string{{"content-type", "application/x-www-form-urlencoded"}}}},
	}
	for _, path := range []string{"/authorize", "/login", "/authorize?prompt=none"} {
		for _, test := range tests {
			t.Run(path+" "+test.name, func(t *testing.T) {
				test.stream.path = path
				ours, bare := e.H2(e.port, test.stream), e.H2(e.barePort, test.stream)
				if ours.Text(isOurs) != bare.Text(isOurs) {
					t.Errorf("differs from a bare Caddy\n%s\nbare:\n%s", ours.Text(isOurs), bare.Text(isOurs))
				}
				if test.denied {
					if len(ours.Received) != 0 {
						t.Error("reached the provider")
					}
					return
				}
				if len(ours.Received) != 1 {
					t.Fatalf("the provider received %d requests", len(ours.Received))
				}
				if what := forged(ours.Received[0], path == "/authorize"); what != "" {
					t.Errorf("the provider received %s", what)
				}
			})
		}
	}
}
