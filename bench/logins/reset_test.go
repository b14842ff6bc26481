package logins

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// attemptHeader names one attempt to send a request, at most once per attempt:
// what it names was received or it was not.
const attemptHeader = "Attempt"

// resets sends requests again whose connection was reset before a byte of an
// answer had come, and remembers them. That happens to connections that wait to
// be accepted while Caddy opens its listeners anew, with experiments and without;
// whether it was this can be told afterwards, since nobody has seen those.
type resets struct {
	mu   sync.Mutex
	lost []string // attempts

	reconnected atomic.Int64 // requests that net/http itself sent again on another connection
}

// over gives a transport whose resets are counted here.
func (r *resets) over(transport *http.Transport) http.RoundTripper { return &resending{transport, r} }

type resending struct {
	*http.Transport
	resets *resets
}

const maxAttempts = 5

func (s *resending) RoundTrip(request *http.Request) (*http.Response, error) {
	for attempts := 1; ; attempts++ {
		var connections int
		var answered atomic.Bool
		trace := &httptrace.ClientTrace{
			GotConn:              func(httptrace.GotConnInfo) { connections++ },
			GotFirstResponseByte: func() { answered.Store(true) },
		}
		again := request.Clone(httptrace.WithClientTrace(request.Context(), trace))
		if request.GetBody != nil {
			body, err := request.GetBody()
			if err != nil {
				return nil, err
			}
			again.Body = body
		}
		name := rand.Text()
		again.Header.Set(attemptHeader, name)
		response, err := s.Transport.RoundTrip(again)
		if connections > 1 {
			s.resets.reconnected.Add(1)
		}
		if err == nil || answered.Load() || !isReset(err) || attempts == maxAttempts {
			return response, err
		}
		s.resets.mu.Lock()
		s.resets.lost = append(s.resets.lost, name)
		s.resets.mu.Unlock()
	}
}

// isReset tells a connection that ended from one that was refused and from an
// answer that does not come. A connection that was kept open for the next request
// ends as well when its server is replaced; net/http has no error to compare with.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) ||
		strings.Contains(err.Error(), "server closed idle connection")
}

// seen gives those of the attempts that were lost which Caddy has logged or
// which have reached a provider, and those that have reached it twice. There
// must be none.
func (r *resets) seen(t testing.TB, fronts []*front) []string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	arrived := map[string]int{}
	var log strings.Builder
	for _, f := range fronts {
		for _, received := range f.upstream.since(0) {
			arrived[received.Header.Get(attemptHeader)]++
		}
		log.WriteString(readAll(t, filepath.Join(f.dir, "access.log")))
	}
	logged := log.String()
	var seen []string
	for name, times := range arrived {
		if name != "" && times > 1 {
			seen = append(seen, name)
		}
	}
	for _, name := range r.lost {
		if arrived[name] > 0 || strings.Contains(logged, name) {
			seen = append(seen, name)
		}
	}
	return seen
}

func (r *resets) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lost)
}
