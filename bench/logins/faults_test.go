package logins

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// People log in while Redis is killed, hangs and is cut off, and while the edge
// is reloaded again and again: all get in, all with a variation, each device is
// given one once. The same reloads without experiments are for comparison.
func TestLoginsDuringFaults(t *testing.T) {
	needNode(t)
	server := redistest.Start(t, redistest.Persistent("always"))
	proxy := redistest.StartProxy(t, server.Address())
	store := func(prefix string) string {
		return fmt.Sprintf("store redis %s {\nprefix %s\nlast_known_good ./last-known-good\n}", proxy.URL(), prefix)
	}

	t.Run("edge", func(t *testing.T) {
		applications := startApplications(t, true, store)
		for _, a := range applications {
			if out, err := a.command("experiments", "import", a.document()); err != nil {
				t.Fatalf("importing: %v\n%s", err, out)
			}
		}
		l := startLoad(applications...)
		r := startReloads(t, applications)
		began := time.Now()
		var rounds int
		for ; rounds == 0 || l.loggedIn.Load() < wantedLogins(t) && l.failed.Load() == 0; rounds++ {
			disturb(server, proxy)
		}
		r.stop()
		l.stop()
		t.Logf("in %.0f seconds Redis was killed, hung and cut off %d times each, and there were %d reloads", time.Since(began).Seconds(), rounds, r.count.Load())
		l.report(t, "with experiments")
		for _, a := range applications {
			a.decidedForAll(t)
			a.recovers(t)
		}
	})
	t.Run("bare", func(t *testing.T) {
		applications := startApplications(t, false, store)
		l := startLoad(applications...)
		r := startReloads(t, applications)
		for l.loggedIn.Load() < wantedLogins(t) && l.failed.Load() == 0 {
			time.Sleep(50 * time.Millisecond)
		}
		r.stop()
		l.stop()
		t.Logf("there were %d reloads", r.count.Load())
		l.report(t, "without experiments")
	})
}

// startApplications starts both providers with an application each.
func startApplications(t *testing.T, experiments bool, store func(prefix string) string) []application {
	t.Helper()
	var p provided
	dex := startFront(t, setup{experiments: experiments, store: store("dex")}, startDex)
	op := startFront(t, setup{experiments: experiments, store: store("op")}, p.start)
	ways := []flow{{name: "GET", method: http.MethodGet}, {name: "POST", method: http.MethodPost}}
	return []application{
		{dex, discover(t, dex.origin()+"/dex", &http.Client{}), ways},
		{op, discover(t, op.origin(), &http.Client{}), append(ways[:2:2], flow{name: "PAR", method: http.MethodGet, pushed: true})},
	}
}

// disturb takes Redis away in every way there is, and gives it back.
func disturb(server *redistest.Server, proxy *redistest.Proxy) {
	const away, back = 1500 * time.Millisecond, 500 * time.Millisecond
	server.Kill()
	time.Sleep(away)
	server.Restart()
	time.Sleep(back)
	proxy.Blackhole()
	time.Sleep(2 * away) // it takes a second to be noticed
	proxy.Heal()
	time.Sleep(back)
	server.Pause()
	time.Sleep(away)
	server.Continue()
	time.Sleep(back)
}

// reloads are those of all fronts, one after the other, with another
// configuration each time.
type reloads struct {
	count atomic.Int64
	done  chan struct{}
	group sync.WaitGroup
}

func startReloads(t *testing.T, applications []application) *reloads {
	r := &reloads{done: make(chan struct{})}
	r.group.Go(func() {
		for {
			for _, a := range applications {
				select {
				case <-r.done:
					return
				case <-time.After(100 * time.Millisecond):
				}
				sticky := time.Hour + time.Duration(r.count.Add(1))*time.Second
				if err := a.reload(sticky); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	return r
}

func (r *reloads) stop() {
	close(r.done)
	r.group.Wait()
}

// decidedForAll wants a variation in every request of a browser, the same in
// all of a login, and one assignment for each device.
func (a application) decidedForAll(t *testing.T) {
	t.Helper()
	var without int
	seen := map[string]int{}
	for _, r := range a.upstream.since(0) {
		header := r.Header.Get(configHeader)
		switch {
		case !r.browsed():
			if header != "" {
				t.Errorf("on the back channel %s has the header", r.path())
			}
		case header == "":
			without++
			if without == 1 {
				t.Errorf("%s %s is without a variation", r.Method, r.URI)
			}
		default:
			seen[header]++
		}
	}
	if without > 0 || len(seen) != 2 {
		t.Errorf("%d requests are without a variation, the others have %v", without, seen)
	}
	devices := map[string]bool{}
	for _, r := range a.upstream.since(0) {
		for _, cookie := range (&http.Request{Header: r.Header}).Cookies() {
			if cookie.Name == "experiment_device" {
				devices[cookie.Value] = true
			}
		}
	}
	if n := a.assignments(); n != len(devices) {
		t.Errorf("%d devices were given a variation %d times", len(devices), n)
	}
	t.Logf("%d devices were given a variation once each", len(devices))
}

// recovers wants the edge to be well when all is over.
func (a application) recovers(t *testing.T) {
	t.Helper()
	var out []byte
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		var err error
		if out, err = a.command("experiments", "status"); err == nil && strings.Contains(string(out), "healthy") {
			return
		}
	}
	t.Errorf("the edge does not recover:\n%s", out)
}
