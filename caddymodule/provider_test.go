package caddymodule_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// provider is an identity provider that writes down the requests it receives.
type provider struct {
	server *httptest.Server

	mu       sync.Mutex
	received []received
}

// received is a request as it arrived, with its body and trailers read.
type received struct {
	*http.Request
	Body []byte
}

// Config decodes the header that names the decision; nil if there is none.
func (r received) Config(t testing.TB) map[string]any {
	t.Helper()
	values := r.Header.Values("X-Experiment-Config")
	if len(values) == 0 {
		return nil
	}
	var config map[string]any
	if err := json.Unmarshal([]byte(values[0]), &config); err != nil || len(values) > 1 {
		t.Fatalf("received the headers %q: %v", values, err)
	}
	return config
}

func newProvider(t testing.TB, answer http.HandlerFunc) *provider {
	p := &provider{}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		p.received = append(p.received, received{r, body})
		p.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(p.server.Close)
	return p
}

func (p *provider) Address() string { return p.server.Listener.Addr().String() }

// Last gives the newest request.
func (p *provider) Last(t testing.TB) received {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.received) == 0 {
		t.Fatal("the provider has received nothing")
	}
	return p.received[len(p.received)-1]
}

// Count is how many requests there were.
func (p *provider) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.received)
}
