package logins

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// atOnce is how many people log in at a time.
const atOnce = 8

// loginTime is more than a login takes on a busy machine.
const loginTime = time.Minute

// wantedLogins is how many logins there are at least. LOGINS=2000 makes it more.
func wantedLogins(t *testing.T) int64 {
	text := os.Getenv("LOGINS")
	if text == "" {
		return 100
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("LOGINS: %v", err)
	}
	return n
}

// application is a relying party behind a front, and the ways in which people
// log in to it.
type application struct {
	*front
	party *party
	flows []flow
}

// load has ever new people log in to applications in turn.
type load struct {
	applications []application
	resets       resets
	done         chan struct{}
	group        sync.WaitGroup

	begun, loggedIn, silent, failed atomic.Int64

	mu      sync.Mutex
	reasons []error
}

func startLoad(applications ...application) *load {
	l := &load{applications: applications, done: make(chan struct{})}
	for _, a := range applications {
		a.party.client.Transport = l.resets.over(&http.Transport{MaxIdleConnsPerHost: atOnce})
	}
	for range atOnce {
		l.group.Go(func() {
			for {
				select {
				case <-l.done:
					return
				default:
					l.visit(l.begun.Add(1))
				}
			}
		})
	}
	return l
}

// visit is a person who logs in, and is asked again without a page.
func (l *load) visit(n int64) {
	a := l.applications[n%int64(len(l.applications))]
	way := a.flows[n/int64(len(l.applications))%int64(len(a.flows))]
	// Every other browser opens a connection for each request.
	transport := &http.Transport{DisableKeepAlives: n/2%2 == 0}
	defer transport.CloseIdleConnections()
	v := newVisitor(a.port, l.resets.over(transport))
	ctx, cancel := context.WithTimeout(context.Background(), loginTime)
	defer cancel()
	for _, step := range []struct {
		flow
		counter *atomic.Int64
	}{
		{way, &l.loggedIn},
		{flow{name: "prompt=none", method: http.MethodGet, extra: url.Values{"prompt": {"none"}}}, &l.silent},
	} {
		o, err := a.party.login(ctx, v, step.flow)
		if err == nil && (o.Error != "" || o.Email != typed["login"]) {
			err = fmt.Errorf("it ends with %+v", o)
		}
		if err != nil {
			l.failed.Add(1)
			l.mu.Lock()
			l.reasons = append(l.reasons, fmt.Errorf("%s at %s: %w", step.name, a.party.config.Endpoint.AuthURL, err))
			l.mu.Unlock()
			return
		}
		step.counter.Add(1)
	}
}

// stop ends the load when all who have begun are in.
func (l *load) stop() {
	close(l.done)
	l.group.Wait()
}

// report says what became of the logins, and fails the test where one failed or
// where a request was sent again that somebody had seen.
func (l *load) report(t *testing.T, what string) {
	t.Helper()
	var requests int
	var fronts []*front
	for _, a := range l.applications {
		fronts = append(fronts, a.front)
		requests += a.upstream.count()
		if broken := a.upstream.unanswered(); len(broken) > 0 {
			t.Logf("%s: the provider itself did not answer: %v", a.origin(), broken)
		}
	}
	t.Logf("%s: %d logins and %d silent ones in %d requests; %d failed; %d requests were sent again after a reset that nobody had seen, %d by net/http",
		what, l.loggedIn.Load(), l.silent.Load(), requests, l.failed.Load(), l.resets.count(), l.resets.reconnected.Load())
	if l.failed.Load() > 0 {
		t.Errorf("%d logins failed, the first: %v", l.failed.Load(), l.reasons[0])
	}
	if seen := l.resets.seen(t, fronts); len(seen) > 0 {
		t.Errorf("%d requests that were reset had been seen: %q", len(seen), seen)
	}
}
