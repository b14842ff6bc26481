package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load sends logins of ever new devices at a fixed rate, whatever becomes of
// those before, and keeps every answer for the oracle.
type load struct {
	scene  *scene
	client http.Client
	edges  atomic.Pointer[[]*edge]
	done   chan struct{}
	once   sync.Once
	group  sync.WaitGroup

	mu      sync.Mutex
	sent    int
	failed  int
	none    int // answers without experiment
	reason  error
	lines   []string
	latency []latency
}

// latency is how long a login took, from when it should have been sent.
type latency struct{ at, took time.Duration }

// startLoad sends logins to edges, one after the other.
func (s *scene) startLoad(edges ...*edge) *load {
	l := &load{scene: s, done: make(chan struct{}), client: http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}}
	l.edges.Store(&edges)
	s.load = l
	begin := time.Now()
	l.group.Go(func() {
		// A ticker would leave out ticks that are late; these logins are sent late
		// then, and the time counts as theirs.
		for i := 0; ; i++ {
			due := begin.Add(time.Duration(i) * time.Second / time.Duration(s.rate))
			select {
			case <-l.done:
				return
			case <-time.After(time.Until(due)):
			}
			edges := *l.edges.Load()
			l.group.Go(func() { l.send(edges[i%len(edges)], fmt.Sprint("device", i), begin, due) })
		}
	})
	return l
}

func (l *load) send(e *edge, device string, begin, due time.Time) {
	d, err := e.ask(&l.client, "/authorize?client_id=torture", device)
	took := time.Since(due)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	l.latency = append(l.latency, latency{due.Sub(begin), took})
	switch {
	case err != nil:
		l.failed++
		if l.reason == nil {
			l.reason = err
		}
	case d.VariationID == "":
		l.none++
	default:
		l.lines = append(l.lines, fmt.Sprintf("%s\t%s\t%s\t%d", device, d.ExperimentID, d.VariationID, d.Config.Number.Value))
	}
}

// turnTo has the load go to these edges only, and waits for what is on its way
// to others.
func (l *load) turnTo(edges ...*edge) {
	l.edges.Store(&edges)
	time.Sleep(300 * time.Millisecond)
}

// end stops sending and waits for the last answer.
func (l *load) end() {
	l.once.Do(func() { close(l.done) })
	l.group.Wait()
}

// judge ends the load and enters what came of it: failures, and answers that the
// oracle says are wrong. Where there is a configuration all the time, an answer
// without experiment is wrong too.
func (l *load) judge(experiment bool) {
	l.end()
	s := l.scene
	s.result.sent, s.result.failed = l.sent, l.failed
	if l.failed > 0 {
		s.miss("%d of %d logins failed, the first: %v", l.failed, l.sent, l.reason)
	}
	if experiment {
		s.result.wrong = l.none
		if l.none > 0 {
			s.miss("%d logins got no experiment", l.none)
		}
	} else if len(l.lines) > 0 {
		s.miss("%d logins got an experiment that nobody has configured", len(l.lines))
	}
	if len(l.lines) == 0 {
		return
	}
	path := filepath.Join(s.TempDir(), "lines")
	if err := os.WriteFile(path, []byte(strings.Join(l.lines, "\n")+"\n"), 0o644); err != nil {
		s.Fatal(err)
	}
	out, err := exec.Command("python3", "bench/torture/oracle.py", path).Output()
	var wrong, total int
	if _, scanErr := fmt.Sscan(string(out), &wrong, &total); err != nil || scanErr != nil || total != len(l.lines) {
		s.Fatalf("the oracle says %q: %v", out, err)
	}
	s.result.wrong += wrong
	if wrong > 0 {
		s.miss("%d answers are wrong", wrong)
	}
}

// p99 is the latency that one in a hundred logins exceeded in a part of the time.
func (l *load) p99(from, to time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var took []time.Duration
	for _, one := range l.latency {
		if one.at >= from && one.at < to {
			took = append(took, one.took)
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}
