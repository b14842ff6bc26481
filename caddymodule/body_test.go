package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// A body that is of no use must not even be touched: reading it would tell a
// waiting client to send, or hold up the provider.
func TestBodiesLookedInto(t *testing.T) {
	const formType = "application/x-www-form-urlencoded"
	tests := []struct {
		name    string
		method  string
		header  http.Header
		length  int64
		trailer http.Header
		body    string
		read    bool
		touched bool
	}{
		{"form", "POST", http.Header{"Content-Type": {formType}}, 3, nil, "a=b", true, true},
		{"form with charset", "POST", http.Header{"Content-Type": {formType + "; charset=UTF-8"}}, 3, nil, "a=b", true, true},
		{"chunked form", "POST", http.Header{"Content-Type": {formType}}, -1, nil, "a=b", true, true},
		{"longest form", "POST", http.Header{"Content-Type": {formType}}, maxForm, nil, strings.Repeat("x", maxForm), true, true},
		{"too long by its length", "POST", http.Header{"Content-Type": {formType}}, maxForm + 1, nil, strings.Repeat("x", maxForm+1), false, false},
		{"too long as it turns out", "POST", http.Header{"Content-Type": {formType}}, -1, nil, strings.Repeat("x", maxForm+1), false, true},
		{"waiting for consent", "POST", http.Header{"Content-Type": {formType}, "Expect": {"100-continue"}}, 3, nil, "a=b", false, false},
		{"with trailers", "POST", http.Header{"Content-Type": {formType}}, -1, http.Header{"X-Sum": nil}, "a=b", false, false},
		{"multipart", "POST", http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}, 3, nil, "a=b", false, false},
		{"JSON", "POST", http.Header{"Content-Type": {"application/json"}}, 3, nil, "a=b", false, false},
		{"without type", "POST", http.Header{}, 3, nil, "a=b", false, false},
		{"broken type", "POST", http.Header{"Content-Type": {formType + "; ="}}, 3, nil, "a=b", false, false},
		{"GET", "GET", http.Header{"Content-Type": {formType}}, 3, nil, "a=b", false, false},
		{"PUT", "PUT", http.Header{"Content-Type": {formType}}, 3, nil, "a=b", false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			touched := false
			source := io.MultiReader(touch{&touched}, iotest.OneByteReader(strings.NewReader(test.body)))
			r := &http.Request{Method: test.method, Header: test.header, ContentLength: test.length, Trailer: test.trailer, Body: io.NopCloser(source)}
			read := readForm(r)
			if touched != test.touched || (read != nil) != test.read || test.read && string(read) != test.body {
				t.Errorf("read %d bytes, touched %t", len(read), touched)
			}
			if body, err := io.ReadAll(r.Body); string(body) != test.body || err != nil {
				t.Errorf("then the body has %d bytes, %v", len(body), err)
			}
		})
	}
}

// touch is the empty start of a body that tells when it is read.
type touch struct{ touched *bool }

func (t touch) Read([]byte) (int, error) { *t.touched = true; return 0, io.EOF }

// The end of a body that breaks off is the one that Caddy would have met: it
// tells a body over a configured limit from a client that is gone by it.
func TestBrokenBodyKeepsItsError(t *testing.T) {
	limit := &http.MaxBytesError{Limit: 2}
	r := &http.Request{
		Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, ContentLength: -1,
		Body: io.NopCloser(io.MultiReader(strings.NewReader("a="), iotest.ErrReader(limit))),
	}
	if read := readForm(r); read != nil {
		t.Errorf("read %q of a broken form", read)
	}
	body, err := io.ReadAll(r.Body)
	if string(body) != "a=" || !errors.Is(err, error(limit)) {
		t.Errorf("then the body is %q, %v", body, err)
	}
	if again, err := io.ReadAll(r.Body); len(again) != 0 || !errors.Is(err, error(limit)) {
		t.Errorf("then %q, %v", again, err)
	}
}

func TestNoBody(t *testing.T) {
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		r := &http.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: body}
		if read := readForm(r); len(read) != 0 || r.Body != body {
			t.Errorf("read %q and left the body %v", read, r.Body)
		}
	}
}
