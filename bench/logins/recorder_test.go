package logins

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// configHeader is what a provider gets the decision in.
const configHeader = "X-Experiment-Config"

// recorder stands between Caddy and a provider, and writes down what the
// provider receives. It changes nothing.
type recorder struct {
	server *httptest.Server

	mu       sync.Mutex
	received []received
	broken   []error // where the provider gave no answer
}

// received is a request as the provider got it.
type received struct {
	Method, URI string
	Header      http.Header
}

// browsed tells a person's browser from the back channel of a client.
func (r received) browsed() bool { return strings.HasPrefix(r.Header.Get("User-Agent"), "Mozilla/") }

// path is the URI without its query.
func (r received) path() string {
	path, _, _ := strings.Cut(r.URI, "?")
	return path
}

func newRecorder(t testing.TB, provider string) *recorder {
	target, err := url.Parse(provider)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = target.Scheme, target.Host
			p.Out.URL.RawQuery = p.In.URL.RawQuery
			for name, values := range p.In.Header {
				if strings.HasPrefix(name, "X-Forwarded-") {
					p.Out.Header[name] = values
				}
			}
		},
		// Node closes a connection that has been idle for five seconds, and whoever
		// sends on it at that moment gets no answer.
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 2 * time.Second},
		ErrorHandler: func(w http.ResponseWriter, request *http.Request, err error) {
			r.mu.Lock()
			r.broken = append(r.broken, fmt.Errorf("%s %s: %w", request.Method, request.URL.Path, err))
			r.mu.Unlock()
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		r.received = append(r.received, received{request.Method, request.RequestURI, request.Header.Clone()})
		r.mu.Unlock()
		proxy.ServeHTTP(w, request)
	}))
	t.Cleanup(r.server.Close)
	return r
}

func (r *recorder) address() string { return r.server.Listener.Addr().String() }

// count is how many requests there were.
func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.received)
}

// unanswered are the requests that the provider gave no answer to.
func (r *recorder) unanswered() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.broken)
}

// since gives the requests after the first n.
func (r *recorder) since(n int) []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.received[n:])
}

// text writes down requests so that they can be compared with those of another
// login: without what is ours and what is random.
func text(all []received, port int) string {
	var b strings.Builder
	for _, r := range all {
		fmt.Fprintf(&b, "%s %s\n", r.Method, constant(r.URI, port))
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			switch values := r.Header[name]; {
			case strings.HasPrefix(name, "X-Experiment-"), name == "Content-Length":
			case name == "Cookie":
				if names := cookieNames(values); len(names) > 0 {
					fmt.Fprintf(&b, "  Cookie: %q\n", names)
				}
			default:
				fmt.Fprintf(&b, "  %s: %s\n", name, constant(fmt.Sprintf("%q", values), port))
			}
		}
	}
	return b.String()
}

// cookieNames are the cookies of a request that are not ours.
func cookieNames(lines []string) []string {
	var names []string
	for _, cookie := range (&http.Request{Header: http.Header{"Cookie": lines}}).Cookies() {
		if !strings.HasPrefix(cookie.Name, "experiment_") {
			names = append(names, cookie.Name)
		}
	}
	slices.Sort(names)
	return names
}
